package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.DatabaseUrl;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// A client like any other: it places, ships, cancels and forgets orders, one transaction each, at
/// a
/// steady rate, and knows nothing of stream tables.
///
/// The count may be read by other threads.
final class DemoWriter implements AutoCloseable {
  private static final int KEPT_ORDERS = 5_000;

  private final DatabaseUrl database;
  private final long intervalNanos;
  private final RandomGenerator random = RandomGenerator.of("L64X128MixRandom");
  private final AtomicLong transactions = new AtomicLong();
  private final Thread thread;
  private volatile boolean running = true;
  private volatile @Nullable SQLException failure;

  private DemoWriter(DatabaseUrl database, int perSecond) {
    this.database = database;
    this.intervalNanos = TimeUnit.SECONDS.toNanos(1) / perSecond;
    this.thread = Thread.ofVirtual().name("demo-writer").unstarted(this::write);
  }

  static DemoWriter start(DatabaseUrl database, int perSecond) {
    DemoWriter writer = new DemoWriter(database, perSecond);
    writer.thread.start();
    return writer;
  }

  long transactions() {
    return transactions.get();
  }

  /// What ended it before it was asked to.
  Optional<SQLException> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void close() {
    running = false;
    LockSupport.unpark(thread);
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void write() {
    try (Connection connection =
            DriverManager.getConnection(database.jdbcUrl(), database.properties());
        PreparedStatement place =
            connection.prepareStatement(
                """
                INSERT INTO orders (customer_id, product_id, quantity, amount)
                SELECT ?, p.id, q.n, q.n * p.price
                FROM products p, (VALUES (?::int)) AS q (n) WHERE p.id = ?\
                """);
        PreparedStatement move =
            connection.prepareStatement(
                """
                UPDATE orders SET status = ? WHERE id = (
                  SELECT id FROM orders WHERE status = 'placed' ORDER BY id LIMIT 1)\
                """);
        PreparedStatement forget =
            connection.prepareStatement(
                "DELETE FROM orders WHERE id <= (SELECT max(id) FROM orders) - ?")) {
      long next = System.nanoTime();
      while (running) {
        step(place, move, forget);
        transactions.incrementAndGet();
        next += intervalNanos;
        for (long rest = next - System.nanoTime();
            rest > 0 && running;
            rest = next - System.nanoTime()) {
          LockSupport.parkNanos(rest);
        }
      }
    } catch (SQLException e) {
      failure = e;
    }
  }

  private void step(PreparedStatement place, PreparedStatement move, PreparedStatement forget)
      throws SQLException {
    int dice = random.nextInt(100);
    if (dice < 60) {
      place.setInt(1, 1 + random.nextInt(DemoSchema.CUSTOMERS));
      place.setInt(2, 1 + random.nextInt(5));
      place.setInt(3, 1 + random.nextInt(DemoSchema.PRODUCTS));
      place.executeUpdate();
    } else if (dice < 99) {
      move.setString(1, dice < 90 ? "shipped" : "cancelled");
      move.executeUpdate();
    } else {
      forget.setInt(1, KEPT_ORDERS);
      forget.executeUpdate();
    }
  }
}
