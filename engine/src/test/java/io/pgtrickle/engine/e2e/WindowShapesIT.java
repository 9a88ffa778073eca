package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Window functions under random transactions: after each cycle every stream table equals its
/// query, as a bag and as text.
///
/// Where a function depends on the order of peers, the query sorts by something unique, or by
/// something whose peers are alike in all that is shown: then PostgreSQL has no choice.
final class WindowShapesIT {
  private static final int CYCLES = 20;
  private static final long SEED = 20_261_121;

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "numbered",
              "SELECT id, row_number() OVER (ORDER BY id DESC) AS n, row_number() OVER (PARTITION"
                  + " BY status ORDER BY amount DESC NULLS LAST, id) AS of_status FROM orders"),
          new Shape(
              "ranked",
              "SELECT id, rank() OVER w AS r, dense_rank() OVER w AS d, percent_rank() OVER w AS p,"
                  + " cume_dist() OVER w AS c FROM orders"
                  + " WINDOW w AS (PARTITION BY status ORDER BY amount NULLS FIRST)"),
          new Shape(
              "in_parts",
              "SELECT id, ntile(4) OVER (ORDER BY amount, id) AS quarter, ntile(3) OVER (PARTITION"
                  + " BY region ORDER BY id) AS third FROM (SELECT o.id, o.amount, c.region FROM"
                  + " orders o LEFT JOIN customers c ON c.id = o.customer_id) x"),
          new Shape(
              "neighbours",
              "SELECT id, lag(amount) OVER w AS before, lead(status, 2, 'none') OVER w AS after,"
                  + " amount - lag(amount, 1, 0.0) OVER w AS change FROM orders WINDOW w AS"
                  + " (PARTITION BY customer_id ORDER BY placed DESC NULLS LAST, id)"),
          new Shape(
              "ends_of_frames",
              "SELECT order_id, line, first_value(qty) OVER w AS f, last_value(qty) OVER w AS l,"
                  + " nth_value(qty, 2) OVER w AS n FROM lines WINDOW w AS (PARTITION BY product_id"
                  + " ORDER BY order_id, line ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING EXCLUDE"
                  + " CURRENT ROW)"),
          new Shape(
              "running_totals",
              "SELECT id, sum(amount) OVER (ORDER BY id) AS total, count(*) OVER (PARTITION BY"
                  + " status ORDER BY id) AS n, avg(amount) OVER (PARTITION BY customer_id ORDER BY"
                  + " id) AS mean, max(placed) OVER (ORDER BY id) AS latest FROM orders"),
          new Shape(
              "peers_together",
              "SELECT id, sum(customer_id) OVER (ORDER BY amount) AS s, count(*) OVER (PARTITION BY"
                  + " status ORDER BY customer_id DESC) AS n FROM orders"),
          new Shape(
              "share_of_partition",
              "SELECT id, amount, sum(amount) OVER (PARTITION BY customer_id) AS of_customer,"
                  + " count(*) OVER () AS orders, min(placed) OVER (PARTITION BY status) AS first"
                  + " FROM orders"),
          new Shape(
              "sliding",
              "SELECT order_id, line, sum(qty) OVER (ORDER BY order_id, line ROWS BETWEEN 3"
                  + " PRECEDING AND 1 PRECEDING) AS s, min(price) OVER (ORDER BY order_id, line"
                  + " ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING) AS lo, max(price) OVER (ORDER BY"
                  + " order_id, line ROWS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS hi, variance(qty)"
                  + " OVER (ORDER BY order_id, line ROWS 2 PRECEDING) AS v FROM lines"),
          new Shape(
              "by_distance",
              "SELECT id, count(*) OVER (ORDER BY amount RANGE BETWEEN 5 PRECEDING AND 2.5"
                  + " FOLLOWING) AS near, sum(id) OVER (ORDER BY customer_id DESC NULLS LAST RANGE"
                  + " BETWEEN 2 PRECEDING AND CURRENT ROW) AS s FROM orders"),
          new Shape(
              "by_distance_of_floats",
              "SELECT order_id, line, count(*) OVER (PARTITION BY product_id ORDER BY price RANGE"
                  + " BETWEEN 1.25 PRECEDING AND 1.25 FOLLOWING) AS near FROM lines"),
          new Shape(
              "by_distance_of_times",
              "SELECT id, count(*) OVER (PARTITION BY status ORDER BY placed RANGE BETWEEN '36"
                  + " hours' PRECEDING AND '1 mon' FOLLOWING) AS near, sum(id) OVER (ORDER BY"
                  + " placed DESC NULLS LAST RANGE '10 days' PRECEDING) AS s FROM orders"),
          new Shape(
              "by_groups",
              "SELECT id, sum(id) OVER (ORDER BY customer_id GROUPS BETWEEN 1 PRECEDING AND 1"
                  + " FOLLOWING EXCLUDE TIES) AS s, count(*) OVER (ORDER BY customer_id NULLS FIRST"
                  + " GROUPS BETWEEN 2 FOLLOWING AND UNBOUNDED FOLLOWING) AS rest, max(id) OVER"
                  + " (ORDER BY customer_id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED"
                  + " FOLLOWING EXCLUDE GROUP) AS other FROM orders"),
          new Shape(
              "duplicates",
              "SELECT kind, val, row_number() OVER (PARTITION BY kind, val) AS copy, count(*) OVER"
                  + " (PARTITION BY kind) AS n, rank() OVER (ORDER BY val) AS r FROM events"),
          new Shape(
              "latest_of_each",
              "SELECT id, customer_id, amount FROM (SELECT o.*, row_number() OVER (PARTITION BY"
                  + " customer_id ORDER BY placed DESC NULLS LAST, id) AS n FROM orders o) x"
                  + " WHERE n <= 2 AND status <> 'void'"),
          new Shape(
              "top_ranks",
              "SELECT id, r, amount FROM (SELECT id, amount, rank() OVER (ORDER BY amount DESC"
                  + " NULLS LAST) AS r FROM orders) x WHERE r < 4"),
          new Shape(
              "over_groups",
              "SELECT customer_id, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS r,"
                  + " sum(sum(amount)) OVER (ORDER BY customer_id) AS running,"
                  + " sum(amount) * 100 / sum(sum(amount)) OVER () AS percent FROM orders"
                  + " GROUP BY customer_id HAVING sum(amount) > 0"),
          new Shape(
              "in_expressions",
              "SELECT id, CASE WHEN rank() OVER (ORDER BY credit) = 1 THEN 'least' ELSE"
                  + " coalesce(lag(name) OVER (ORDER BY id), '-') END AS label, upper(region) ||"
                  + " count(*) OVER (PARTITION BY region)::text AS t FROM customers WHERE id > 2"),
          new Shape(
              "joined_with_ranks",
              "SELECT c.name, t.id, t.r FROM customers c JOIN (SELECT id, customer_id, rank() OVER"
                  + " (PARTITION BY customer_id ORDER BY amount DESC) AS r FROM orders) t ON"
                  + " t.customer_id = c.id AND t.r <= 3"),
          new Shape(
              "in_a_correlated_subquery",
              "SELECT c.id, (SELECT max(x.r) FROM (SELECT dense_rank() OVER (ORDER BY o.amount) AS"
                  + " r FROM orders o WHERE o.customer_id = c.id) x) AS levels FROM customers c"),
          new Shape(
              "distinct_totals",
              "SELECT DISTINCT status, count(*) OVER (PARTITION BY status) AS n, bool_or(amount >"
                  + " 5) OVER (PARTITION BY status) AS big FROM orders"),
          new Shape(
              "over_windows", "SELECT of_status, count(*) AS n FROM numbered GROUP BY of_status"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, Shop.SCHEMA, "CREATE SCHEMA st", "SET search_path = st, public");
      Shop before = new Shop(SEED + 1);
      for (int i = 0; i < 40; i++) {
        before.transaction(writer);
      }
      for (Shape shape : SHAPES) {
        streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
      }
      Shop shop = new Shop(SEED);
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 4; i++) {
          shop.transaction(writer);
        }
        sync(connection);
        for (Shape shape : SHAPES) {
          assertThat(rows(connection, shape.differences()))
              .as("%s, cycle %s", shape.name(), cycle)
              .isEmpty();
        }
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
          .isEmpty();
      assertThat(
              rows(
                  connection,
                  "SELECT action FROM pgtrickle.pgt_refresh_history WHERE action = 'FULL'"))
          .isEmpty();
    }
  }
}
