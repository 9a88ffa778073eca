package io.pgtrickle.bench;

import io.pgtrickle.cdc.slot.Slots;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;

/// Rows that were inserted while nobody read, and a slot that stands before them.
///
/// The slot itself is never read: each reader gets a copy of it, so all of them read the same log.
final class Backlog implements AutoCloseable {
  static final String TABLE = "public.orders";
  static final String PUBLICATION = "bench_orders";
  private static final String SLOT = "bench_unread";
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Rig rig;
  private final long rows;
  private int copies;

  private Backlog(Rig rig, long rows) {
    this.rig = rig;
    this.rows = rows;
  }

  static void prepare(Rig rig) throws SQLException {
    rig.execute(
        """
        CREATE TABLE orders (
          id bigint PRIMARY KEY, customer int NOT NULL, product int NOT NULL,
          amount numeric(12,2) NOT NULL, status text NOT NULL, placed timestamptz NOT NULL);
        CREATE PUBLICATION bench_orders FOR TABLE orders;
        """);
  }

  /// Rows of one transaction.
  static Backlog oneTransaction(Rig rig, long rows) throws SQLException {
    begin(rig);
    rig.execute("INSERT INTO orders " + rowsOf("i", "generate_series(1, " + rows + ") i"));
    return new Backlog(rig, rows);
  }

  /// Rows of a transaction each.
  static Backlog smallTransactions(Rig rig, long rows) throws SQLException {
    begin(rig);
    try (Connection connection = rig.connect();
        Statement statement = connection.createStatement()) {
      statement.execute("SET synchronous_commit = off");
      statement.execute(
          """
          DO $$
          BEGIN
            FOR i IN 1..%d LOOP
              INSERT INTO orders %s;
              COMMIT;
            END LOOP;
          END
          $$
          """
              .formatted(rows, rowsOf("i", "(SELECT 1) one")));
      statement.execute("RESET synchronous_commit");
      // Flushes what was not.
      statement.execute("CREATE TABLE flushed (); DROP TABLE flushed");
    }
    return new Backlog(rig, rows);
  }

  private static void begin(Rig rig) throws SQLException {
    rig.execute("TRUNCATE orders");
    rig.execute("SELECT pg_create_logical_replication_slot('" + SLOT + "', 'pgoutput')");
  }

  private static String rowsOf(String i, String from) {
    return """
    SELECT %1$s, 1 + %1$s %% 10000, %1$s %% 1000, (%1$s %% 100000) / 100.0,
           (ARRAY['placed','paid','shipped','cancelled'])[1 + %1$s %% 4], now()
    FROM %2$s\
    """
        .formatted(i, from);
  }

  long rows() {
    return rows;
  }

  Consumer.Reading readBy(Consumer consumer)
      throws SQLException, IOException, InterruptedException {
    String slot = "bench_copy_" + ++copies;
    rig.execute("SELECT pg_copy_logical_replication_slot('" + SLOT + "', '" + slot + "')");
    try {
      return consumer.read(rig, slot, rows);
    } finally {
      drop(rig, slot);
    }
  }

  /// Drops a slot whose reader may still be about to end.
  static void drop(Rig rig, String slot) throws SQLException {
    try (Connection connection = rig.connect()) {
      Slots.terminateReader(connection, slot, PATIENCE);
      Slots.drop(connection, slot);
    }
  }

  @Override
  public void close() throws SQLException {
    drop(rig, SLOT);
  }
}
