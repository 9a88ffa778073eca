package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.ServerIdentity;
import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.cdc.stream.StreamOptions.OwnChanges;
import io.pgtrickle.cdc.stream.StreamOptions.Streaming;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.replication.LogSequenceNumber;
import org.postgresql.replication.PGReplicationStream;
import org.postgresql.replication.fluent.logical.ChainedLogicalStreamBuilder;

/// Reads a slot and hands over what it says, until it is closed or fails.
///
/// # Exactly once
///
/// The consumer stores the `endLsn` of the last transaction together with that transaction's
/// effects, atomically, then [confirms][#confirm] it; after any crash it starts a new reader at the
/// stored position. Every transaction is then delivered exactly once to the stored state: none is
/// confirmed before it is stored, and one that was stored is recognized by its commit position. The
/// same goes for idle positions: what is confirmed was stored before.
///
/// # What each step guards against
///
/// - A start position the server has not reached is refused. The server would accept it and deliver
///   nothing until its log has passed it.
/// - A start position before what the slot has confirmed is refused. The server would skip what is
///   between them without a word; none of it was confirmed by a consumer that keeps to the above.
/// - The driver's automatic confirmation is off: it would confirm positions that were only
///   received.
/// - Waiting for the next message takes at most a millisecond at a time (the driver's
///   `readPending`).
///   Its blocking `read` sends no status while the server is silent, holds the connection's lock,
///   and
///   cannot be interrupted.
/// - While the queue is full the reader goes on reporting the same confirmed position every status
///   interval. Without, the server would end the connection after `wal_sender_timeout`, and a
///   consumer that waits for a lock for that long is nothing unusual.
/// - A stream that the server ends in an orderly way shows as silence to the driver's caller; it is
///   made a failure here.
/// - Whatever ends the reader's thread becomes the [#failure], so nobody waits for a dead reader.
///
/// A connection that is cut without a trace on the network shows as silence too, for as long as TCP
/// keeps trying. Whoever writes to the log now and then can tell it from a quiet database: see
/// [LogStream#silence].
///
/// May be used from any thread.
public final class WalReader implements AutoCloseable {
  private static final long CONFIRM_INTERVAL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final Duration ORDERLY_END = Duration.ofSeconds(2);
  private static final Duration ABORTED_END = Duration.ofSeconds(2);
  private static final int VERSION_14 = 140_000;
  private static final int VERSION_16 = 160_000;
  private static final int VERSION_17 = 170_000;

  private final StreamOptions options;
  private final Connection connection;
  private final PGReplicationStream stream;
  private final TransactionAssembler assembler;
  private final EventQueue queue;
  private final Thread thread;
  private final Protocol protocol;
  private final ServerIdentity server;

  /// Written by the consumer, read by the reader's thread.
  private final AtomicLong confirmed;

  private volatile boolean closing;
  private volatile long heardAt = System.nanoTime();
  private volatile boolean handingOver;
  private volatile Lsn failedAt;
  private final int backendPid;

  // The rest belongs to the reader's thread.
  private @Nullable SQLException lost;
  private long reported;
  private long reportedAt;
  private Lsn told;
  private long toldAt;

  private WalReader(
      StreamOptions options,
      Connection connection,
      PGReplicationStream stream,
      Protocol protocol,
      ServerIdentity server,
      Lsn durable,
      int backendPid) {
    this.options = options;
    this.connection = connection;
    this.stream = stream;
    this.protocol = protocol;
    this.server = server;
    this.assembler =
        new TransactionAssembler(
            options.start(),
            options.transactionFolder(),
            options.transactionBytes(),
            this::handOver);
    this.queue = new EventQueue(options.queuedBytes(), options.queuedEvents(), options.start());
    this.confirmed = new AtomicLong(durable.value());
    this.backendPid = backendPid;
    this.failedAt = options.start();
    this.told = options.start();
    this.reportedAt = System.nanoTime() - CONFIRM_INTERVAL_NANOS;
    this.toldAt = System.nanoTime() - options.idleInterval().toNanos();
    this.thread = Thread.ofPlatform().name("wal-reader").daemon().unstarted(this::run);
  }

  /// Connects and starts reading.
  ///
  /// @throws CaptureException.Retry among others while the slot is still held by a former reader
  /// @throws CaptureException.SlotLost if the slot or the log it needs is gone, the server has not
  ///     reached the start position, or the slot was moved beyond it by somebody else
  public static WalReader start(SourceDatabase database, StreamOptions options) {
    return start(database, options, options.start(), any -> {});
  }

  /// Starts after what a consumer has taken, while less may be durable.
  ///
  /// @param durable what is reported to the server until the consumer confirms more
  /// @param admission is shown the server first: positions of one mean nothing on another
  static WalReader start(
      SourceDatabase database,
      StreamOptions options,
      Lsn durable,
      Consumer<ServerIdentity> admission) {
    Connection connection = database.connectForReplication("pgtrickle stream");
    try {
      ServerIdentity server = ServerIdentity.of(connection);
      admission.accept(server);
      refuseTheFuture(server, options);
      Protocol protocol = protocol(connection, options);
      if (protocol.streaming()) {
        sendEarly(connection);
      }
      PGReplicationStream stream = startReplication(connection, options, protocol);
      refuseGaps(database, options);
      WalReader reader =
          new WalReader(
              options,
              connection,
              stream,
              protocol,
              server,
              durable,
              connection.unwrap(PGConnection.class).getBackendPID());
      reader.thread.start();
      return reader;
    } catch (SQLException e) {
      abort(connection, e);
      throw CaptureException.whileReading(e, options.slot());
    } catch (RuntimeException e) {
      abort(connection, e);
      throw e;
    }
  }

  private static void refuseTheFuture(ServerIdentity server, StreamOptions options) {
    if (options.start().isAfter(server.flushed())) {
      throw new CaptureException.SlotLost(
          "55000",
          options.slot(),
          "the stored position "
              + options.start()
              + " is after the end of the server's log at "
              + server.flushed()
              + ": the server lost what followed (fail-over or restore). Reading on would silently"
              + " skip changes; create a new slot and take a new snapshot of every table");
    }
  }

  // The server starts at what the slot has confirmed if that is after the position asked for, and
  // says so in its own log only. While a reader has the slot nobody else can move it on, so what is
  // seen from another session now was so before anything was sent.
  private static void refuseGaps(SourceDatabase database, StreamOptions options)
      throws SQLException {
    try (Connection observer = database.connect("pgtrickle slot observer")) {
      Lsn confirmed =
          Slots.inspect(observer, options.slot())
              .flatMap(SlotState::confirmedFlush)
              .orElse(Lsn.ZERO);
      if (confirmed.isAfter(options.start())) {
        throw new CaptureException.SlotLost(
            "55000",
            options.slot(),
            "reading goes on from "
                + options.start()
                + ", but replication slot \""
                + options.slot()
                + "\" starts at "
                + confirmed
                + ": somebody else read it or moved it on, and the changes between are not sent any"
                + " more; create a new slot and take a new snapshot of every table");
      }
    }
  }

  private static Protocol protocol(Connection connection, StreamOptions options)
      throws SQLException {
    boolean streaming =
        options.streaming() == Streaming.WHERE_OFFERED && serverVersion(connection) >= VERSION_14;
    return streaming ? new Protocol(2, true) : new Protocol(1, false);
  }

  /// Lets the server send transactions from one megabyte on while they are open, unless the
  /// connection's own options say from what size on. By its default, 64 MB, all of a smaller
  /// transaction would be decoded once it has committed, while everything that committed after it
  /// waits. Before version 17 the server looks through all open transactions for the largest each
  /// time the size is reached, so it is eight there.
  private static void sendEarly(Connection connection) throws SQLException {
    String size = serverVersion(connection) < VERSION_17 ? "8MB" : "1MB";
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "SELECT set_config(name, '"
              + size
              + "', false) FROM pg_settings"
              + " WHERE name = 'logical_decoding_work_mem' AND source <> 'client'"
              + " AND pg_size_bytes(current_setting('logical_decoding_work_mem'))"
              + " > pg_size_bytes('"
              + size
              + "')");
    }
  }

  private static PGReplicationStream startReplication(
      Connection connection, StreamOptions options, Protocol protocol) throws SQLException {
    // The driver puts the slot's name into the command as it is, and option values between single
    // quotes as they are; the server takes the publications as a list of identifiers.
    ChainedLogicalStreamBuilder builder =
        connection
            .unwrap(PGConnection.class)
            .getReplicationAPI()
            .replicationStream()
            .logical()
            .withSlotName(TableName.quoted(options.slot()))
            .withStartPosition(LogSequenceNumber.valueOf(options.start().value()))
            .withSlotOption("proto_version", protocol.version())
            .withSlotOption(
                "publication_names", TableName.quoted(options.publication()).replace("'", "''"))
            .withSlotOption("binary", "true")
            .withSlotOption("messages", "true")
            .withStatusInterval((int) options.statusInterval().toMillis(), TimeUnit.MILLISECONDS)
            .withAutomaticFlush(false);
    if (protocol.streaming()) {
      builder = builder.withSlotOption("streaming", "on");
    }
    if (options.ownChanges() == OwnChanges.LEFT_OUT) {
      int version = serverVersion(connection);
      if (version < VERSION_16) {
        throw new CaptureException.Misconfigured(
            "0A000",
            "the server is of version "
                + version
                + "; leaving out changes with a replication origin needs PostgreSQL 16");
      }
      builder = builder.withSlotOption("origin", "none");
    }
    return builder.start();
  }

  private static int serverVersion(Connection connection) throws SQLException {
    return connection.getMetaData().getDatabaseMajorVersion() * 10_000;
  }

  /// The server as it was when this reader started.
  public ServerIdentity server() {
    return server;
  }

  /// Takes the next event, waiting for it; empty if none came in time.
  ///
  /// @throws CaptureException the failure, once everything read before it has been taken
  /// @throws java.util.concurrent.CancellationException if the reader is closed
  public Optional<WalEvent> poll(Duration patience) throws InterruptedException {
    return queue.poll(patience);
  }

  /// Waits for an event like [#poll] and takes with it those that are already there.
  ///
  /// @param atMostBytes estimated size at which to stop; the first event is taken whatever its size
  public List<WalEvent> drain(long atMostBytes, Duration patience) throws InterruptedException {
    return queue.drain(atMostBytes, patience);
  }

  /// Ends a wait for an event, or the next one, from any thread: there is something else to do.
  void wake() {
    queue.wake();
  }

  /// Tells the server that everything up to `position` is durable and need not be sent again.
  ///
  /// A position before an earlier one has no effect. It reaches the server within two tenths of a
  /// second, or never if the connection is lost: after a restart the stored position counts.
  ///
  /// @param position of an event taken from this reader. Any later one would make the server forget
  ///     changes nobody has seen (it believes even positions beyond its log), and is refused
  public void confirm(Lsn position) {
    if (position.isAfter(queue.delivered())) {
      throw new IllegalArgumentException(
          "cannot confirm " + position + ", only up to " + queue.delivered() + " was delivered");
    }
    confirmed.accumulateAndGet(
        position.value(), (known, next) -> Long.compareUnsigned(known, next) < 0 ? next : known);
  }

  /// For how long nothing was heard of the server, by a reader that was ready to listen: one that
  /// waits for its consumer hears nothing because it does not listen.
  Duration silence() {
    return handingOver ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - heardAt);
  }

  /// What was agreed on.
  Protocol protocol() {
    return protocol;
  }

  /// Where it failed; see [TransactionAssembler#place].
  Lsn failedAt() {
    return failedAt;
  }

  /// The server process at the other end.
  int backendPid() {
    return backendPid;
  }

  /// What has been confirmed.
  public Lsn confirmed() {
    return new Lsn(confirmed.get());
  }

  /// Why the reader stopped, if it did so by itself; visible before the last events are taken.
  public Optional<CaptureException> failure() {
    return queue.failure();
  }

  private void run() {
    try {
      while (!closing) {
        step();
      }
    } catch (SQLException e) {
      fail(CaptureException.whileReading(e, options.slot()));
    } catch (CaptureException e) {
      fail(e);
    } catch (InterruptedException e) {
      fail(
          new CaptureException.Retry(
              "57014", "the reader's thread was interrupted; restart it", e));
    } catch (RuntimeException | Error e) {
      // A bug, or memory that a huge transaction used up: the consumer must not wait for us.
      fail(
          new CaptureException.Retry(
              "XX000", "the reader's thread died of " + e + "; restart it", e));
    } finally {
      end();
    }
  }

  private void fail(CaptureException failure) {
    failedAt = assembler.place();
    queue.fail(failure);
  }

  private void step() throws SQLException, InterruptedException {
    SQLException before = lost;
    if (before != null) {
      throw before;
    }
    ByteBuffer message = stream.readPending();
    if (message == null) {
      if (stream.isClosed()) {
        throw new CaptureException.Retry(
            "57P01",
            "the server ended the stream of slot \""
                + options.slot()
                + "\", as it does when it shuts down; connect again");
      }
      tellIdle();
    } else {
      heardAt = System.nanoTime();
      assembler.accept(message);
      // Under a steady load of transactions that do not concern us there is no quiet moment.
      tellIdle();
    }
    reportIfDue();
  }

  private boolean handOver(WalEvent event) throws InterruptedException {
    handingOver = true;
    try {
      while (!queue.offer(event, options.statusInterval()) && !closing) {
        report();
      }
      // The parts of a large transaction may take long, even if there is always room.
      if (System.nanoTime() - reportedAt > options.statusInterval().toNanos()) {
        report();
      }
    } catch (SQLException e) {
      // The rest of the transaction is here: it is handed over before the connection is missed.
      lost = e;
    } finally {
      heardAt = System.nanoTime();
      handingOver = false;
    }
    told = told.max(event.position());
    return !closing;
  }

  /// Offers the server's position as an idle one, when it is progress and nothing is half read.
  ///
  /// The driver's last received position is that of the last message or keepalive. Keepalives name
  /// the position up to which the server has decoded *and sent*, so outside a transaction all that
  /// committed before is in the queue already, ahead of what is appended here. Within a transaction
  /// the position is meaningless.
  private void tellIdle() {
    if (assembler.inTransaction()) {
      return;
    }
    Lsn position = new Lsn(stream.getLastReceiveLSN().asLong()).max(assembler.end());
    if (!position.isAfter(told) || System.nanoTime() - toldAt < options.idleInterval().toNanos()) {
      return;
    }
    if (queue.offerIdle(new WalEvent.Idle(position))) {
      told = position;
      toldAt = System.nanoTime();
    }
  }

  private void reportIfDue() throws SQLException {
    if (confirmed.get() != reported && System.nanoTime() - reportedAt >= CONFIRM_INTERVAL_NANOS) {
      report();
    }
  }

  /// Sends the confirmed position, as flushed and as applied: a synchronous standby's client would
  /// wait for either. The same position again is a sign of life.
  private void report() throws SQLException {
    long position = confirmed.get();
    LogSequenceNumber flushed = LogSequenceNumber.valueOf(position);
    stream.setFlushedLSN(flushed);
    stream.setAppliedLSN(flushed);
    stream.forceUpdateStatus();
    reported = position;
    reportedAt = System.nanoTime();
  }

  /// Ends on the reader's own thread. The stream itself is not closed: that would wait until the
  /// server has sent the transaction it is at. Ending the connection does not.
  private void end() {
    try {
      assembler.close();
    } catch (CaptureException e) {
      queue.fail(e);
    }
    try {
      if (closing && queue.failure().isEmpty()) {
        report();
      }
    } catch (SQLException e) {
      queue.fail(CaptureException.whileReading(e, options.slot()));
    }
    try {
      connection.close();
    } catch (SQLException e) {
      queue.fail(CaptureException.whileReading(e, options.slot()));
    }
  }

  /// Stops reading, reports the confirmed position a last time, and disconnects, within a few
  /// seconds whatever the server and the network do. Events not yet taken are dropped; they come
  /// again.
  @Override
  public void close() {
    closing = true;
    queue.close();
    if (ended(ORDERLY_END)) {
      return;
    }
    try {
      // Closes the socket under the thread that is stuck in it.
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      throw CaptureException.of(e, "abort a replication connection");
    }
    if (!ended(ABORTED_END)) {
      throw new IllegalStateException("the reader's thread survives its connection");
    }
  }

  private boolean ended(Duration patience) {
    boolean interrupted = Thread.interrupted();
    try {
      long deadline = System.nanoTime() + patience.toNanos();
      while (thread.isAlive()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          thread.join(Duration.ofNanos(left));
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      return true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Drops the connection without a word to the server and without waiting: there is reason to
  /// believe that nobody is there.
  void abort() {
    closing = true;
    queue.close();
    try {
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      throw CaptureException.of(e, "abort a replication connection");
    }
  }

  private static void abort(Connection connection, Exception cause) {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }
}
