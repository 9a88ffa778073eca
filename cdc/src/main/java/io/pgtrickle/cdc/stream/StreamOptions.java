package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.Lsn;
import java.nio.file.Path;
import java.time.Duration;

/// What to read, from where, and how much of it to hold.
///
/// @param slot the slot's name
/// @param publication the publication's name
/// @param start the stored end of the last transaction whose effects are durable, or the slot's
///     consistent point if there is none yet. Earlier transactions are not delivered, whatever the
///     server sends
/// @param ownChanges whether changes by sessions with a replication origin are delivered; leaving
///     them out needs PostgreSQL 16
/// @param statusInterval how often to report to the server at least; well below its
///     `wal_sender_timeout`
/// @param idleInterval how often to tell that nothing happened, at most
/// @param queuedBytes how much memory waiting transactions may occupy; one larger than this is
///     queued alone, and is held whole while it is read
/// @param queuedEvents how many events may wait
/// @param streaming whether the server may send large transactions before they end
/// @param transactionBytes how much memory a transaction may occupy while it comes, and again all
///     those together that come before they end; what is more goes to disk
/// @param transactionFolder where on disk
public record StreamOptions(
    String slot,
    String publication,
    Lsn start,
    OwnChanges ownChanges,
    Duration statusInterval,
    Duration idleInterval,
    long queuedBytes,
    int queuedEvents,
    Streaming streaming,
    long transactionBytes,
    Path transactionFolder) {

  public StreamOptions {
    if (statusInterval.toMillis() < 1
        || queuedBytes < 1
        || queuedEvents < 1
        || transactionBytes < 1) {
      throw new IllegalArgumentException(
          "status interval and queue bounds have to be positive, seen "
              + statusInterval
              + ", "
              + queuedBytes
              + " bytes, "
              + queuedEvents
              + " events");
    }
  }

  // Of the heap, for each of what waits, what is handed over, and what comes.
  private static final long HEAP_SHARE = 16;

  /// Everything, with status and idle intervals of a second, 64 MiB or 65,536 events of queue, 64
  /// MiB of transaction, less of both in a small heap, and the rest where the system keeps
  /// temporary files.
  public static StreamOptions of(String slot, String publication, Lsn start) {
    return new StreamOptions(
        slot,
        publication,
        start,
        OwnChanges.DELIVERED,
        Duration.ofSeconds(1),
        Duration.ofSeconds(1),
        withinHeap(64L << 20),
        1 << 16,
        Streaming.WHERE_OFFERED,
        withinHeap(64L << 20),
        Path.of(System.getProperty("java.io.tmpdir")));
  }

  private static long withinHeap(long bytes) {
    return Math.min(bytes, Runtime.getRuntime().maxMemory() / HEAP_SHARE);
  }

  StreamOptions withStart(Lsn position) {
    return new StreamOptions(
        slot,
        publication,
        position,
        ownChanges,
        statusInterval,
        idleInterval,
        queuedBytes,
        queuedEvents,
        streaming,
        transactionBytes,
        transactionFolder);
  }

  public StreamOptions withOwnChanges(OwnChanges changes) {
    return new StreamOptions(
        slot,
        publication,
        start,
        changes,
        statusInterval,
        idleInterval,
        queuedBytes,
        queuedEvents,
        streaming,
        transactionBytes,
        transactionFolder);
  }

  public StreamOptions withIdleInterval(Duration interval) {
    return new StreamOptions(
        slot,
        publication,
        start,
        ownChanges,
        statusInterval,
        interval,
        queuedBytes,
        queuedEvents,
        streaming,
        transactionBytes,
        transactionFolder);
  }

  public StreamOptions withQueue(long bytes, int events) {
    return new StreamOptions(
        slot,
        publication,
        start,
        ownChanges,
        statusInterval,
        idleInterval,
        bytes,
        events,
        streaming,
        transactionBytes,
        transactionFolder);
  }

  public StreamOptions withTransactions(Streaming wanted, long bytes, Path folder) {
    return new StreamOptions(
        slot,
        publication,
        start,
        ownChanges,
        statusInterval,
        idleInterval,
        queuedBytes,
        queuedEvents,
        wanted,
        withinHeap(bytes),
        folder);
  }

  /// Whether large transactions are sent before they end, so that small ones need not wait for
  /// them.
  public enum Streaming {
    /// From PostgreSQL 14 on.
    WHERE_OFFERED,
    OFF
  }

  /// What to do with changes that were made under a replication origin, as an apply process marks
  /// its own.
  public enum OwnChanges {
    DELIVERED,
    /// The server drops them early, which saves it most of the work of decoding.
    LEFT_OUT
  }
}
