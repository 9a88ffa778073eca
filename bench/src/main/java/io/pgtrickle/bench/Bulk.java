package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/// How fast the engine works off what has piled up: rows per second from the log to the stream
/// table, for one large transaction and for many of one row.
///
/// The clock of the large one starts when its COMMIT is sent (the server hands a transaction out at
/// its end), that of the small ones with the first of them; both end when `sync` returns. The small
/// ones are committed in a loop inside the server and, in that session only, without waiting for
/// the disk: otherwise the figure would be the writer's. The apply side stays synchronous.
final class Bulk {
  private static final int ACCOUNTS = 1_000;

  private Bulk() {}

  private record Shape(String name, String description, String query) {}

  private static final Shape FILTERED =
      new Shape(
          "filtered",
          "filter + projection (90 % pass)",
          """
          SELECT id, account, amount * 2 AS twice, kind || '!' AS kind
          FROM events WHERE kind <> 'void'\
          """);

  private static final Shape TOTALS =
      new Shape(
          "totals",
          "join + aggregate (250 groups)",
          """
          SELECT a.region, e.kind, count(*) AS events, sum(e.amount) AS total
          FROM events e JOIN accounts a ON a.id = e.account
          GROUP BY a.region, e.kind\
          """);

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    Table table =
        new Table(
            "stream table",
            "one transaction of " + Table.count(scale.transactionRows()) + " rows, rows/s",
            Table.count(scale.smallTransactions()) + " transactions of one row, rows/s",
            "of these, the server's own time to commit them",
            "state, bytes per base row");
    for (Shape shape : new Shape[] {FILTERED, TOTALS}) {
      row(shape, scale, table);
    }
    table.print(out);
    ArrangedRow.measure(scale.baseRows(), out);
  }

  private static void row(Shape shape, Scale scale, Table table)
      throws SQLException, IOException, InterruptedException {
    try (Rig rig = Rig.start()) {
      rig.execute(
          """
          CREATE TABLE accounts (id int PRIMARY KEY, region text NOT NULL);
          CREATE TABLE events (
            id bigint PRIMARY KEY, account int NOT NULL, kind text NOT NULL,
            amount numeric(12,2) NOT NULL, note text, at timestamptz NOT NULL);
          INSERT INTO accounts SELECT i, 'region ' || i %% 50 FROM generate_series(1, %d) i;
          """
              .formatted(ACCOUNTS));
      rig.createStreamTable(shape.name(), shape.query());
      // The same path once before, so that its code is compiled.
      large(rig, shape, 1, scale.transactionRows() / 10);
      long nanos = large(rig, shape, scale.transactionRows(), scale.transactionRows());
      long[] small = small(rig, shape, 3 * scale.transactionRows(), scale.smallTransactions());
      rig.requireEqual(shape.name(), shape.query());
      double stateBytes = rig.metrics().sum("pgtrickle_state_bytes", "");
      table.row(
          shape.description(),
          Table.count(scale.transactionRows() / (nanos / 1e9)),
          Table.count(scale.smallTransactions() / (small[1] / 1e9)),
          Table.millis(small[0]) + " ms of " + Table.millis(small[1]),
          Table.ratio(stateBytes / rig.number("SELECT count(*) FROM events")));
    }
  }

  private static long large(Rig rig, Shape shape, int firstId, int rows) throws SQLException {
    try (Connection connection = rig.connect();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute(
          "INSERT INTO events "
              + generated("i", "generate_series(%d, %d) i".formatted(firstId, firstId + rows - 1)));
      long begin = System.nanoTime();
      connection.commit();
      rig.sync(shape.name());
      return System.nanoTime() - begin;
    }
  }

  /// Returns how long the server needed for the commits, and how long until all was visible.
  private static long[] small(Rig rig, Shape shape, int firstId, int transactions)
      throws SQLException {
    try (Connection connection = rig.connect();
        Statement statement = connection.createStatement()) {
      statement.execute("SET synchronous_commit = off");
      long begin = System.nanoTime();
      statement.execute(
          """
          DO $$
          BEGIN
            FOR i IN %d..%d LOOP
              INSERT INTO events %s;
              COMMIT;
            END LOOP;
          END
          $$
          """
              .formatted(firstId, firstId + transactions - 1, generated("i", "(SELECT 1) one")));
      long committed = System.nanoTime() - begin;
      rig.sync(shape.name());
      return new long[] {committed, System.nanoTime() - begin};
    }
  }

  private static String generated(String i, String from) {
    return """
    SELECT %1$s, 1 + %1$s %% %3$d,
           (ARRAY['buy','sell','give','take','keep','lend','rent','swap','hold','void'])[1 + (%1$s / 7) %% 10],
           (%1$s %% 100000) / 100.0, 'note ' || %1$s %% 1000, now()
    FROM %2$s\
    """
        .formatted(i, from, ACCOUNTS);
  }
}
