package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.Transaction.Part;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.pgoutput.Decoder;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Begin;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Changed;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Commit;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Described;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Emitted;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Named;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Origin;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamAbort;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamCommit;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamStart;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.StreamStop;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Puts the messages of one connection together to transactions, and delivers them in the order of
/// their commits.
///
/// A transaction is delivered iff its commit record starts at or after the start position. The
/// server applies the same rule, but to the position the *slot* remembers, and after a crash that
/// may
/// have moved back; this is where a repeated transaction is recognized. Neither the positions of
/// single changes nor transaction ids could do it.
///
/// There are two ways for a transaction to come. Most come whole, at their commit, and are decoded
/// as they come. Large ones come in pieces while they are open, among other transactions, and are
/// decoded when they commit ([OpenTransactions]). In both cases no more than the given memory is
/// occupied: what is more goes to disk, and is delivered in parts.
///
/// A transaction without changes (which PostgreSQL 14 sends for everything that happens in tables
/// we
/// do not read) is no event, only progress.
final class TransactionAssembler implements AutoCloseable {
  /// Objects and references around a message's bytes, roughly.
  private static final int OVERHEAD_PER_CHANGE = 120;

  /// Small enough for the consumer to work on one part while the next is decoded.
  private static final long PART_BYTES = 512L << 10;

  private final Decoder decoder = new Decoder();
  private final Lsn start;
  private final Path folder;
  private final long memory;
  private final Delivery delivery;
  private final OpenTransactions pieces;
  private Lsn end;
  private Lsn place;

  // The transaction that is coming as a whole.
  private @Nullable Begin open;
  private @Nullable Spool rest;

  // Of which open transaction a piece is coming.
  private @Nullable StreamStart piece;

  // Changes to be delivered next, whichever way they came.
  private List<Change> changes = new ArrayList<>();
  private long bytes;
  private boolean partial;

  // Of the description that came last, if no more than names of types came since.
  private @Nullable Relation described;

  /// Takes what is complete.
  @FunctionalInterface
  interface Delivery {
    /// Takes the next event, and says whether anybody wants more.
    boolean deliver(WalEvent event) throws InterruptedException;
  }

  /// @param start delivers transactions that committed here or later
  /// @param folder where what does not fit into memory is kept
  /// @param memory how many bytes the transactions that came whole may occupy, and again those that
  ///     came in pieces
  TransactionAssembler(Lsn start, Path folder, long memory, Delivery delivery) {
    this.start = start;
    this.end = start;
    this.place = start;
    this.folder = folder;
    this.memory = memory;
    this.delivery = delivery;
    this.pieces = new OpenTransactions(folder, memory);
  }

  /// Whether the last message was in the middle of something. If it was not, everything that
  /// committed before the server's last reported position has been seen.
  boolean inTransaction() {
    return open != null || piece != null;
  }

  /// The end of the last transaction seen, with or without changes.
  Lsn end() {
    return end;
  }

  /// Which transaction is being read, by the position of its commit, which is the same whenever it
  /// is read; between two of them the end of the former one.
  Lsn place() {
    return place;
  }

  /// Takes the next message and delivers what it completes.
  void accept(ByteBuffer message) throws InterruptedException {
    StreamStart current = piece;
    if (current != null && !endsPiece(message)) {
      addToPiece(current, message);
      return;
    }
    if (rest != null && Decoder.kind(message) != 'C') {
      rest.add(message);
      if (rest.heapBytes() > PART_BYTES) {
        rest.toDisk();
      }
      return;
    }
    int length = message.remaining();
    PgOutputMessage decoded = decoder.decode(message);
    Optional<Change.InPartition> partition = partition(decoded);
    switch (decoded) {
      case Begin begin -> begin(begin);
      case Commit commit -> commit(commit);
      case Changed(Change change) -> change(change, length);
      case Emitted(LogicalMessage emitted) when emitted.transactional() -> change(emitted, length);
      // Not guarded by the start position: the server has done that by the message's own position.
      case Emitted(LogicalMessage emitted) -> deliver(emitted);
      // The decoder remembers what these say. An origin says that the transaction was replayed here
      // from elsewhere, which makes no difference to what it did.
      case Described _, Named _, Origin _ -> {
        if (partition.isPresent()) {
          change(partition.get(), length);
        }
      }
      case StreamStart begun -> streamStart(begun);
      case StreamStop _ -> streamStop();
      case StreamCommit commit -> streamCommit(commit);
      case StreamAbort abort -> pieces.abort(abort.xid(), abort.subxid());
    }
  }

  // ---- transactions that come whole -------------------------------------------------------------

  private void begin(Begin begin) {
    if (inTransaction()) {
      throw violation("a transaction begins within another");
    }
    open = begin;
    place = begin.finalLsn();
  }

  private void change(Change change, int length) {
    if (open == null) {
      throw violation("a change outside any transaction");
    }
    if (isDelivered(open.finalLsn())) {
      keep(change, length);
      if (bytes > memory) {
        rest = new Spool(folder);
      }
    }
  }

  private void commit(Commit commit) throws InterruptedException {
    Begin begin = open;
    if (begin == null || !begin.finalLsn().equals(commit.commitLsn())) {
      throw violation("a commit at " + commit.commitLsn() + " of " + begin);
    }
    open = null;
    if (!isDelivered(begin.finalLsn())) {
      place = commit.endLsn();
      return;
    }
    Committed committed =
        new Committed(begin.xid(), begin.finalLsn(), commit.endLsn(), begin.committedAt());
    try (Spool more = rest) {
      rest = null;
      if (more != null) {
        deliver(committed.part(takeChanges(), takeBytes(), Part.MORE_FOLLOWS));
        more.replay(message -> decode(message, decoder.decode(message), committed));
      }
      finish(committed);
    }
    place = commit.endLsn();
  }

  // ---- transactions that come in pieces ---------------------------------------------------------

  private void streamStart(StreamStart begun) {
    if (inTransaction()) {
      throw violation("a piece of a transaction begins within another");
    }
    piece = begun;
  }

  private void streamStop() {
    if (piece == null) {
      throw violation("the end of a piece that has not begun");
    }
    piece = null;
  }

  private static boolean endsPiece(ByteBuffer message) {
    return switch (Decoder.kind(message)) {
      case 'R', 'Y', 'I', 'U', 'D', 'T', 'M', 'O' -> false;
      default -> true;
    };
  }

  private void addToPiece(StreamStart current, ByteBuffer message) {
    // An origin has no id before it, and says nothing that matters.
    if (Decoder.kind(message) != 'O') {
      pieces.add(current.xid(), Decoder.streamedXid(message), message);
    }
  }

  private void streamCommit(StreamCommit commit) throws InterruptedException {
    if (inTransaction()) {
      throw violation("a commit within a piece of a transaction");
    }
    place = commit.commitLsn();
    Committed committed =
        new Committed(commit.xid(), commit.commitLsn(), commit.endLsn(), commit.committedAt());
    try (Spool messages = pieces.commit(commit.xid())) {
      // What it says of relations holds from here on, also if its changes are known already.
      messages.replay(message -> decode(message, decoder.decodeStreamed(message), committed));
      if (isDelivered(commit.commitLsn())) {
        finish(committed);
      }
    }
    place = commit.endLsn();
  }

  // ---- delivery ---------------------------------------------------------------------------------

  /// What is known of a committed transaction apart from its changes.
  private record Committed(int xid, Lsn finalLsn, Lsn endLsn, Instant at) {
    Transaction part(List<Change> changes, long bytes, Part part) {
      return new Transaction(xid, finalLsn, endLsn, at, changes, bytes, part);
    }
  }

  // Delivers a part whenever one is full.
  private boolean decode(ByteBuffer message, PgOutputMessage decoded, Committed committed)
      throws InterruptedException {
    Optional<Change.InPartition> partition = partition(decoded);
    if (!isDelivered(committed.finalLsn)) {
      return true;
    }
    int length = message.limit();
    switch (decoded) {
      case Changed(Change change) -> keep(change, length);
      case Emitted(LogicalMessage emitted) -> keep(emitted, length);
      case Described _, Named _, Origin _ -> partition.ifPresent(change -> keep(change, length));
      case Begin _, Commit _, StreamStart _, StreamStop _, StreamCommit _, StreamAbort _ ->
          throw violation("the " + decoded + " of another transaction within one");
    }
    return bytes <= PART_BYTES
        || deliver(committed.part(takeChanges(), takeBytes(), Part.MORE_FOLLOWS));
  }

  // A partition is described right behind the root it is published through, with the same columns.
  // So are two tables that are truncated together, which does no harm.
  private Optional<Change.InPartition> partition(PgOutputMessage decoded) {
    Relation before = described;
    return switch (decoded) {
      case Named _, Origin _ -> Optional.empty();
      case Described(Relation relation) -> {
        described = relation;
        yield before != null
                && !before.oid().equals(relation.oid())
                && names(before).equals(names(relation))
            ? Optional.of(new Change.InPartition(before, relation.oid()))
            : Optional.empty();
      }
      default -> {
        described = null;
        yield Optional.empty();
      }
    };
  }

  // In whatever order: that of a partition may be its own.
  private static Set<String> names(Relation relation) {
    return relation.columns().stream().map(Relation.Column::name).collect(Collectors.toSet());
  }

  private void finish(Committed committed) throws InterruptedException {
    end = committed.endLsn;
    // A transaction of which parts were delivered needs its last, even an empty one.
    if (!changes.isEmpty() || partial) {
      deliver(committed.part(takeChanges(), takeBytes(), Part.LAST));
    }
  }

  private void keep(Change change, int length) {
    changes.add(change);
    bytes += length + OVERHEAD_PER_CHANGE;
  }

  private List<Change> takeChanges() {
    List<Change> taken = changes;
    changes = new ArrayList<>();
    return taken;
  }

  private long takeBytes() {
    long taken = bytes;
    bytes = 0;
    return taken;
  }

  private boolean deliver(WalEvent event) throws InterruptedException {
    partial = event instanceof Transaction transaction && !transaction.isComplete();
    return delivery.deliver(event);
  }

  private boolean isDelivered(Lsn finalLsn) {
    return !finalLsn.isBefore(start);
  }

  private static CaptureException violation(String seen) {
    return new CaptureException.Retry(
        CaptureException.PROTOCOL_VIOLATION,
        "the stream does not follow the protocol of pgoutput: "
            + seen
            + "; it has to be started again from the stored position");
  }

  /// Gives up what is incomplete, on disk too.
  @Override
  public void close() {
    Spool more = rest;
    rest = null;
    try {
      pieces.close();
    } finally {
      if (more != null) {
        more.close();
      }
    }
  }
}
