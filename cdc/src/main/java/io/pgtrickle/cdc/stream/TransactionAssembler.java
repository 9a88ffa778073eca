package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.pgoutput.Decoder;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Begin;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Changed;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Commit;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Described;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Emitted;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Named;
import io.pgtrickle.cdc.pgoutput.PgOutputMessage.Origin;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Puts the messages of one connection together to whole transactions.
///
/// A transaction is delivered iff its commit record starts at or after the start position. The
/// server applies the same rule, but to the position the *slot* remembers, and after a crash that
/// may
/// have moved back; this is where a repeated transaction is recognized. Neither the positions of
/// single changes nor transaction ids could do it.
///
/// A transaction without changes (which PostgreSQL 14 sends for everything that happens in tables
/// we
/// do not read) is no event, only progress.
final class TransactionAssembler {
  /// Objects and references around a message's bytes, roughly.
  private static final int OVERHEAD_PER_CHANGE = 120;

  private final Decoder decoder = new Decoder();
  private final Lsn start;
  private @Nullable Begin open;
  private List<Change> changes = new ArrayList<>();
  private long bytes;
  private Lsn end;

  /// @param start delivers transactions that committed here or later
  TransactionAssembler(Lsn start) {
    this.start = start;
    this.end = start;
  }

  /// Whether the last message was in the middle of a transaction. If it was not, everything that
  /// committed before the server's last reported position has been seen.
  boolean inTransaction() {
    return open != null;
  }

  /// The end of the last transaction seen, with or without changes.
  Lsn end() {
    return end;
  }

  /// Takes the next message and returns the event that it completes, if it does.
  @Nullable WalEvent accept(ByteBuffer message) {
    int length = message.remaining();
    return switch (decoder.decode(message)) {
      case Begin begin -> begin(begin);
      case Commit commit -> commit(commit);
      case Changed(Change change) -> change(change, length);
      case Emitted(LogicalMessage emitted) when emitted.transactional() -> change(emitted, length);
      // Not guarded by the start position: the server has done that by the message's own position.
      case Emitted(LogicalMessage emitted) -> emitted;
      // The decoder remembers what these say. An origin says that the transaction was replayed here
      // from elsewhere, which makes no difference to what it did.
      case Described _, Named _, Origin _ -> null;
    };
  }

  private @Nullable WalEvent begin(Begin begin) {
    if (open != null) {
      throw violation("a transaction begins within another");
    }
    open = begin;
    return null;
  }

  private @Nullable WalEvent change(Change change, int length) {
    if (open == null) {
      throw violation("a change outside any transaction");
    }
    if (isDelivered(open)) {
      changes.add(change);
      bytes += length + OVERHEAD_PER_CHANGE;
    }
    return null;
  }

  private @Nullable WalEvent commit(Commit commit) {
    Begin begin = open;
    if (begin == null || !begin.finalLsn().equals(commit.commitLsn())) {
      throw violation("a commit at " + commit.commitLsn() + " of " + begin);
    }
    open = null;
    if (!isDelivered(begin)) {
      return null;
    }
    end = commit.endLsn();
    if (changes.isEmpty()) {
      return null;
    }
    Transaction whole =
        new Transaction(
            begin.xid(), begin.finalLsn(), commit.endLsn(), begin.committedAt(), changes, bytes);
    changes = new ArrayList<>();
    bytes = 0;
    return whole;
  }

  private boolean isDelivered(Begin begin) {
    return !begin.finalLsn().isBefore(start);
  }

  private static CaptureException violation(String seen) {
    return new CaptureException.Retry(
        CaptureException.PROTOCOL_VIOLATION,
        "the stream does not follow pgoutput protocol 1: "
            + seen
            + "; it has to be started again from the stored position");
  }
}
