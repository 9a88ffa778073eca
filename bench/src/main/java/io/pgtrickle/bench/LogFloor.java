package io.pgtrickle.bench;

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.replication.PGReplicationStream;

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
      rig.execute(
          """
          CREATE TABLE written (id bigint PRIMARY KEY, amount numeric(12,2));
          CREATE TABLE progress (id int PRIMARY KEY, position bigint);
          INSERT INTO progress VALUES (1, 0);
          CREATE PUBLICATION pgtrickle_bench FOR TABLE written;
          """);
      rig.execute("SELECT pg_create_logical_replication_slot('" + SLOT + "', 'pgoutput')");
      int transactions = RATE * seconds;
      long[] sent = new long[transactions];
      long[] acknowledged = new long[transactions];
      long[] received = consume(rig, transactions, () -> write(rig, sent, acknowledged));
      Table table = new Table("floor, milliseconds", "p50 / p99");
      table.row("a client's own commit of one inserted row", spread(sent, acknowledged));
      table.row("until a bare consumer has received that commit", spread(sent, received));
      table.row("one row updated and committed, back to back", Table.percentiles(commits(rig)));
      table.print(out);
    }
  }

  @FunctionalInterface
  private interface Writer {
    void run() throws SQLException;
  }

  private static void write(Rig rig, long[] sent, long[] acknowledged) throws SQLException {
    try (PreparedStatement insert =
        rig.connection().prepareStatement("INSERT INTO written VALUES (?, 1.00)")) {
      long start = System.nanoTime();
      for (int i = 0; i < sent.length; i++) {
        long due = start + i * (TimeUnit.SECONDS.toNanos(1) / RATE);
        for (long rest = due - System.nanoTime(); rest > 0; rest = due - System.nanoTime()) {
          LockSupport.parkNanos(rest);
        }
        insert.setLong(1, i);
        sent[i] = System.nanoTime();
        insert.executeUpdate();
        acknowledged[i] = System.nanoTime();
      }
    }
  }

  /// Returns when each transaction was received, one per commit message.
  private static long[] consume(Rig rig, int transactions, Writer writer)
      throws SQLException, InterruptedException {
    long[] received = new long[transactions];
    AtomicReference<@Nullable SQLException> failure = new AtomicReference<>();
    CountDownLatch streaming = new CountDownLatch(1);
    Thread consumer =
        Thread.ofPlatform()
            .start(
                () -> {
                  try (Connection connection = replication(rig)) {
                    PGReplicationStream stream =
                        connection
                            .unwrap(PGConnection.class)
                            .getReplicationAPI()
                            .replicationStream()
                            .logical()
                            .withSlotName(SLOT)
                            .withSlotOption("proto_version", 1)
                            .withSlotOption("publication_names", "pgtrickle_bench")
                            .start();
                    streaming.countDown();
                    int commits = 0;
                    while (commits < received.length) {
                      ByteBuffer message = stream.readPending();
                      if (message != null && message.get(message.position()) == 'C') {
                        received[commits++] = System.nanoTime();
                      }
                    }
                  } catch (SQLException e) {
                    failure.set(e);
                    streaming.countDown();
                  }
                });
    streaming.await();
    writer.run();
    consumer.join();
    SQLException failed = failure.get();
    if (failed != null) {
      throw failed;
    }
    return received;
  }

  private static Connection replication(Rig rig) throws SQLException {
    Properties properties = rig.url().properties();
    properties.setProperty("replication", "database");
    properties.setProperty("preferQueryMode", "simple");
    properties.setProperty("assumeMinServerVersion", "14");
    return DriverManager.getConnection(rig.url().jdbcUrl(), properties);
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
  private static String spread(long[] from, long[] to) {
    Histogram histogram = new Histogram(3);
    for (int i = from.length / 5; i < from.length; i++) {
      histogram.recordValue(Math.max(0, to[i] - from[i]));
    }
    return Table.percentiles(histogram);
  }
}
