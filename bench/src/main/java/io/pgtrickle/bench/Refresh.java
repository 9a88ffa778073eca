package io.pgtrickle.bench;

import io.pgtrickle.bench.EndToEnd.Scale;
import java.io.IOException;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/// A stream table against a materialized view of the same query, on the same data, in turns.
///
/// In each round a share of the base rows is updated. The stream table's time is from before the
/// COMMIT is sent until `sync` returns; then the materialized view is refreshed, and its time is
/// that of the statement. In the end both must hold the same rows.
final class Refresh {
  private Refresh() {}

  private record Shape(String name, String description, String query) {}

  private static final Shape AGGREGATE =
      new Shape(
          "by_region",
          "join + aggregate, 100 groups",
          """
          SELECT c.region, count(*) AS orders, sum(o.amount) AS revenue, avg(o.quantity) AS quantity
          FROM orders o JOIN customers c ON c.id = o.customer_id
          GROUP BY c.region\
          """);

  private static final Shape JOIN =
      new Shape(
          "details",
          "top-level join, as many rows as the base table",
          """
          SELECT o.id, o.quantity, o.amount, o.status, c.name, c.region
          FROM orders o JOIN customers c ON c.id = o.customer_id\
          """);

  static void measure(Scale scale, PrintStream out)
      throws SQLException, IOException, InterruptedException {
    Table table =
        new Table(
            "query, " + Table.count(scale.baseRows()) + " base rows",
            "rows updated",
            "the UPDATE itself, ms",
            "commit → visible, ms: median (range)",
            "REFRESH, ms: median (range)",
            "ratio");
    for (Shape shape : List.of(AGGREGATE, JOIN)) {
      try (Rig rig = Rig.start()) {
        createBase(rig, scale.baseRows());
        rig.createStreamTable(shape.name(), shape.query());
        rig.execute("CREATE MATERIALIZED VIEW rival AS " + shape.query());
        round(rig, shape, scale, 100, 99);
        for (int share : new int[] {1_000, 100}) {
          row(rig, shape, scale, share, table);
        }
        rig.execute("REFRESH MATERIALIZED VIEW rival");
        rig.requireEqual(shape.name(), "TABLE rival");
      }
    }
    table.print(out);
  }

  /// A million orders of ten thousand customers, or less.
  static void createBase(Rig rig, int rows) throws SQLException {
    rig.execute(
        """
        CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, region text NOT NULL);
        CREATE TABLE orders (
          id bigint PRIMARY KEY, customer_id int NOT NULL, quantity int NOT NULL,
          amount numeric(12,2) NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL);
        INSERT INTO customers
          SELECT i, 'customer ' || i, 'region ' || i %% 100 FROM generate_series(1, %1$d) i;
        INSERT INTO orders
          SELECT i, 1 + i * 7919 %% %1$d, 1 + i %% 5, (i %% 100000) / 100.0,
                 (ARRAY['placed','paid','shipped'])[1 + i %% 3], now()
          FROM generate_series(1, %2$d::bigint) i;
        """
            .formatted(rows / 100, rows));
    rig.execute("VACUUM ANALYZE orders");
    rig.execute("VACUUM ANALYZE customers");
  }

  private record Round(long update, long visible, long refresh) {}

  private static void row(Rig rig, Shape shape, Scale scale, int share, Table table)
      throws SQLException {
    List<Long> updates = new ArrayList<>();
    List<Long> visible = new ArrayList<>();
    List<Long> refreshes = new ArrayList<>();
    for (int i = 0; i < scale.rounds(); i++) {
      Round round = round(rig, shape, scale, share, i);
      updates.add(round.update());
      visible.add(round.visible());
      refreshes.add(round.refresh());
    }
    table.row(
        shape.description(),
        "%s (%s %%)"
            .formatted(Table.count(scale.baseRows() / (double) share), Table.ratio(100.0 / share)),
        Table.millis(Table.median(updates)),
        Table.millis(Table.median(visible)) + " (" + Table.range(visible) + ")",
        Table.millis(Table.median(refreshes)) + " (" + Table.range(refreshes) + ")",
        Table.ratio(Table.median(refreshes) / Table.median(visible)));
  }

  private static Round round(Rig rig, Shape shape, Scale scale, int share, int round)
      throws SQLException {
    try (Connection connection = rig.connect();
        Statement statement = connection.createStatement()) {
      // The log of the REFRESH before has to be read too, and is nobody's business here.
      rig.sync(shape.name());
      connection.setAutoCommit(false);
      long begin = System.nanoTime();
      int updated =
          statement.executeUpdate(
              "UPDATE orders SET amount = amount + 1 WHERE id %% %d = %d".formatted(share, round));
      long updateNanos = System.nanoTime() - begin;
      if (updated != scale.baseRows() / share) {
        throw new IllegalStateException(updated + " rows were updated");
      }
      begin = System.nanoTime();
      connection.commit();
      rig.sync(shape.name());
      long visibleNanos = System.nanoTime() - begin;
      begin = System.nanoTime();
      rig.execute("REFRESH MATERIALIZED VIEW rival");
      return new Round(updateNanos, visibleNanos, System.nanoTime() - begin);
    }
  }
}
