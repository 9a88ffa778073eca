package io.pgtrickle.bench;

import io.pgtrickle.bench.DemoTables.Watched;
import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/// Commit→visible of the demo's stream tables, as a client sees it.
///
/// One connection writes single-row transactions by the clock, whether or not the last one is
/// visible yet (three inserts of an order to two updates of an order's status). Another asks a
/// stream table, as long as something is outstanding, how many orders it shows; an order is visible
/// when the first answer that counts it has arrived. All three stream tables are maintained all the
/// time, one is watched.
///
/// The clock starts before the statement is sent, and the transaction is that one statement: so the
/// INSERT itself, the client's own commit and up to one polling interval are in the figure.
final class Latency {
  private static final int[] RATES = {100, 1_000};
  private static final int WARM_UP_SHARE = 2;
  private static final int INSERTS_OF_FIVE = 3;
  private static final long IDLE_PARK_NANOS = 30_000;
  private static final long POLL_PARK_NANOS = 100_000;
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final Rig rig;
  private final Watched watched;
  private final int rate;
  private final int inserts;

  // By the ordinal of an insert; written by the writer, read after both threads have ended.
  private final long[] intended;
  private final long[] sent;
  private final long[] acknowledged;
  // Written by the observer.
  private final long[] visible;

  private volatile int outstandingUpTo;
  private volatile boolean written;
  private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

  private Latency(Rig rig, Watched watched, int rate, int seconds) {
    this.rig = rig;
    this.watched = watched;
    this.rate = rate;
    inserts = rate * (seconds + seconds / WARM_UP_SHARE) / 5 * INSERTS_OF_FIVE;
    intended = new long[inserts];
    sent = new long[inserts];
    acknowledged = new long[inserts];
    visible = new long[inserts];
  }

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    LogFloor.measure(scale.seconds(), out);
    Table table =
        new Table(
            "stream table, p50 / p99 in milliseconds",
            "transactions/s",
            "achieved",
            "commit sent → row seen",
            "intended → row seen",
            "the client's own commit",
            "the sidecar's metric");
    try (Rig rig = Rig.start()) {
      DemoTables.create(rig);
      // A first round warms the JVM of the sidecar and is not shown.
      new Latency(rig, DemoTables.ALL.getFirst(), 500, Math.max(4, scale.seconds() / 2)).run();
      for (int rate : RATES) {
        for (Watched watched : DemoTables.ALL) {
          new Latency(rig, watched, rate, scale.seconds()).report(table);
        }
      }
      for (Watched watched : DemoTables.ALL) {
        rig.sync(watched.name());
        rig.requireEqual(watched.name(), watched.query());
      }
    }
    table.print(out);
  }

  private void report(Table table) throws SQLException, IOException, InterruptedException {
    Metrics before = rig.metrics();
    run();
    Metrics after = rig.metrics();
    String label = "stream_table=\"public." + watched.name() + "\"";
    String metric = "pgtrickle_commit_to_visible_seconds";
    double seconds = (acknowledged[inserts - 1] - intended[0]) / 1e9;
    table.row(
        watched.name() + " (" + watched.shape() + ")",
        Table.count(rate),
        Table.count(inserts * 5.0 / INSERTS_OF_FIVE / seconds),
        spread(sent, visible),
        spread(intended, visible),
        spread(sent, acknowledged),
        Table.millis(after.percentileNanos(before, metric, label, 50))
            + " / "
            + Table.millis(after.percentileNanos(before, metric, label, 99)));
  }

  private void run() throws SQLException, InterruptedException {
    rig.sync(watched.name());
    long base = rig.number(watched.shown());
    Thread observer = Thread.ofPlatform().name("observer").start(() -> guarded(() -> watch(base)));
    Thread writer = Thread.ofPlatform().name("writer").start(() -> guarded(this::write));
    writer.join();
    observer.join();
    Exception failed = failure.get();
    if (failed != null) {
      throw new IllegalStateException("the latency of " + watched.name() + " is unknown", failed);
    }
  }

  @FunctionalInterface
  private interface Task {
    void run() throws SQLException;
  }

  private void guarded(Task task) {
    try {
      task.run();
    } catch (SQLException | IllegalStateException e) {
      failure.compareAndSet(null, e);
    }
  }

  private void write() throws SQLException {
    try (Connection connection = rig.connect();
        PreparedStatement insert =
            connection.prepareStatement(
                "INSERT INTO orders (customer_id, product_id, quantity, amount)"
                    + " VALUES (?, ?, ?, ?::numeric)");
        PreparedStatement ship =
            connection.prepareStatement("UPDATE orders SET status = 'shipped' WHERE id = ?")) {
      long first = rig.number("SELECT coalesce(max(id), 0) + 1 FROM orders");
      long start = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(10);
      int next = 0;
      for (int i = 0; next < inserts && failure.get() == null; i++) {
        long due = start + i * TimeUnit.SECONDS.toNanos(1) / rate;
        for (long rest = due - System.nanoTime(); rest > 0; rest = due - System.nanoTime()) {
          LockSupport.parkNanos(rest);
        }
        if (i % 5 < INSERTS_OF_FIVE) {
          insert.setInt(1, 1 + i % DemoTables.CUSTOMERS);
          insert.setInt(2, 1 + i % DemoTables.PRODUCTS);
          insert.setInt(3, 1 + i % 5);
          insert.setString(4, (i % 9_000) + ".25");
          intended[next] = due;
          outstandingUpTo = next + 1;
          sent[next] = System.nanoTime();
          insert.executeUpdate();
          acknowledged[next++] = System.nanoTime();
        } else {
          ship.setLong(1, first + Math.max(0, next - 3 + i % 5));
          ship.executeUpdate();
        }
      }
    } finally {
      written = true;
    }
  }

  private void watch(long base) throws SQLException {
    try (Connection connection = rig.connect();
        PreparedStatement ask = connection.prepareStatement(watched.shown())) {
      int seen = 0;
      long progressAt = System.nanoTime();
      while (seen < inserts && failure.get() == null) {
        if (seen == outstandingUpTo) {
          progressAt = System.nanoTime();
          LockSupport.parkNanos(IDLE_PARK_NANOS);
          continue;
        }
        int shown = shown(ask, base);
        long now = System.nanoTime();
        if (shown > seen) {
          progressAt = now;
        } else if (now - progressAt > PATIENCE_NANOS) {
          throw new IllegalStateException(
              "order %d of %d does not become visible%s"
                  .formatted(seen + 1, inserts, written ? "" : ", and more are written"));
        }
        while (seen < Math.min(shown, inserts)) {
          visible[seen++] = now;
        }
        LockSupport.parkNanos(POLL_PARK_NANOS);
      }
    }
  }

  private static int shown(PreparedStatement ask, long base) throws SQLException {
    try (ResultSet row = ask.executeQuery()) {
      row.next();
      return Math.toIntExact(row.getLong(1) - base);
    }
  }

  private String spread(long[] from, long[] to) {
    Histogram histogram = new Histogram(3);
    for (int i = inserts / (WARM_UP_SHARE + 1); i < inserts; i++) {
      histogram.recordValue(Math.max(0, to[i] - from[i]));
    }
    return Table.percentiles(histogram);
  }
}
