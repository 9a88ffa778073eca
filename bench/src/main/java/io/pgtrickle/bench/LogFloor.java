package io.pgtrickle.bench;

import java.io.PrintStream;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/// What nobody can be faster than on this machine: a client's own commit, a consumer of the log
/// that
/// does nothing but see the commit go by, and a commit of one changed row.
///
/// There is no sidecar. The writer and the consumer share this process and its clock; the consumer
/// waits as the driver does, in its socket.
final class LogFloor {
  private static final int RATE = 100;
  private static final String SLOT = "pgtrickle_bench";

  private LogFloor() {}

  static void measure(int seconds, PrintStream out) throws SQLException, InterruptedException {
    try (Rig rig = Rig.withoutSidecar()) {
      prepare(rig);
      Times times = times(rig, SLOT, RATE, RATE * seconds, BareConsumer::stamp);
      Table table = new Table("floor, milliseconds", "p50 / p99");
      table.row(
          "a client's own commit of one inserted row", spread(times.sent, times.acknowledged));
      table.row(
          "until a bare consumer has received that commit", spread(times.sent, times.received));
      table.row("one row updated and committed, back to back", Table.percentiles(commits(rig)));
      table.print(out);
    }
  }

  static void prepare(Rig rig) throws SQLException {
    rig.execute(
        """
        CREATE TABLE written (id bigint PRIMARY KEY, amount numeric(12,2));
        CREATE TABLE progress (id int PRIMARY KEY, position bigint);
        INSERT INTO progress VALUES (1, 0);
        CREATE PUBLICATION %s FOR TABLE written;
        """
            .formatted(Backlog.PUBLICATION));
  }

  /// Notes when each transaction was received, one after the other.
  @FunctionalInterface
  interface Stamping {
    void run(Rig rig, String slot, long[] received, CountDownLatch streaming)
        throws SQLException, InterruptedException;
  }

  /// Of each transaction when its INSERT was sent, when it was answered, and when a consumer of the
  /// log had it.
  static final class Times {
    final long[] sent;
    final long[] acknowledged;
    final long[] received;

    private Times(int transactions) {
      sent = new long[transactions];
      acknowledged = new long[transactions];
      received = new long[transactions];
    }
  }

  /// Writes by the clock, so many transactions a second, while a new slot is read.
  static Times times(Rig rig, String slot, int rate, int transactions, Stamping consumer)
      throws SQLException, InterruptedException {
    rig.execute("TRUNCATE written");
    rig.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
    Times times = new Times(transactions);
    AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    CountDownLatch streaming = new CountDownLatch(1);
    Thread reader =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    consumer.run(rig, slot, times.received, streaming);
                  } catch (SQLException | InterruptedException | RuntimeException e) {
                    failure.set(e);
                    streaming.countDown();
                  }
                });
    streaming.await();
    write(rig, rate, times);
    reader.join();
    Backlog.drop(rig, slot);
    Exception failed = failure.get();
    if (failed != null) {
      throw new IllegalStateException("the log was not read", failed);
    }
    return times;
  }

  private static void write(Rig rig, int rate, Times times) throws SQLException {
    try (PreparedStatement insert =
        rig.connection().prepareStatement("INSERT INTO written VALUES (?, 1.00)")) {
      long start = System.nanoTime();
      for (int i = 0; i < times.sent.length; i++) {
        long due = start + i * (TimeUnit.SECONDS.toNanos(1) / rate);
        for (long rest = due - System.nanoTime(); rest > 0; rest = due - System.nanoTime()) {
          LockSupport.parkNanos(rest);
        }
        insert.setLong(1, i);
        times.sent[i] = System.nanoTime();
        insert.executeUpdate();
        times.acknowledged[i] = System.nanoTime();
      }
    }
  }

  private static Histogram commits(Rig rig) throws SQLException {
    Histogram histogram = new Histogram(3);
    try (PreparedStatement update =
        rig.connection().prepareStatement("UPDATE progress SET position = ? WHERE id = 1")) {
      for (int i = 0; i < 1_000; i++) {
        update.setLong(1, i);
        long begin = System.nanoTime();
        update.executeUpdate();
        histogram.recordValue(System.nanoTime() - begin);
      }
    }
    return histogram;
  }

  // The first fifth warms up.
  static String spread(long[] from, long[] to) {
    Histogram histogram = new Histogram(3);
    for (int i = from.length / 5; i < from.length; i++) {
      histogram.recordValue(Math.max(0, to[i] - from[i]));
    }
    return Table.percentiles(histogram);
  }
}
