package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Recursive queries under random transactions: after each cycle every stream table equals its
/// query, as a bag and as text.
final class RecursionIT {
  private static final int CYCLES = 10;
  private static final long SEED = 20_261_128;

  private static final String COPIES =
      "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE action = 'REINITIALIZE'";

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "closure",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges UNION SELECT t.a, e.b FROM t JOIN edges"
                  + " e ON e.a = t.b) SELECT a, b FROM t"),
          new Shape(
              "reachable",
              "WITH RECURSIVE t(n) AS (VALUES (1) UNION SELECT e.b FROM edges e, t WHERE e.a = t.n"
                  + " AND e.cost > 0) SELECT n FROM t"),
          new Shape(
              "closure_by_doubling",
              "WITH RECURSIVE t(a, b) AS (SELECT a, b FROM edges UNION (WITH w AS (SELECT a, b FROM"
                  + " t) SELECT x.a, y.b FROM w x JOIN w y ON y.a = x.b UNION ALL SELECT w.a, e.b"
                  + " FROM w JOIN edges e ON e.a = w.b)) SELECT * FROM t"),
          new Shape(
              "walks",
              "WITH RECURSIVE t(a, b, len, cost) AS (SELECT a, b, 1, cost FROM edges UNION ALL"
                  + " SELECT t.a, e.b, t.len + 1, t.cost + e.cost FROM t, edges e WHERE e.a = t.b"
                  + " AND t.len < 4) SELECT * FROM t"),
          new Shape(
              "shortest",
              "WITH RECURSIVE t(a, b, cost, len) AS (SELECT a, b, cost, 1 FROM edges WHERE cost"
                  + " IS NOT NULL UNION SELECT t.a, e.b, t.cost + e.cost, t.len + 1 FROM t JOIN"
                  + " edges e ON e.a = t.b WHERE e.cost IS NOT NULL AND t.len < 4) SELECT a, b,"
                  + " min(cost) AS cost, count(*) AS n FROM t GROUP BY a, b"),
          new Shape(
              "paths",
              "WITH RECURSIVE t(n, path) AS (SELECT DISTINCT a, ARRAY[a] FROM edges WHERE a = 1"
                  + " UNION ALL SELECT e.b, t.path || e.b FROM t, edges e WHERE e.a = t.n AND NOT"
                  + " e.b = ANY (t.path)) SELECT n, path FROM t"),
          new Shape(
              "different_paths",
              "WITH RECURSIVE t(n, path) AS (SELECT a, array_append(NULL::int[], a) FROM edges"
                  + " WHERE a < 3 UNION SELECT e.b, array_append(t.path, e.b) FROM t, edges e WHERE"
                  + " e.a = t.n AND array_length(t.path, 1) < 4) SELECT n, path FROM t"),
          new Shape(
              "materials",
              "WITH RECURSIVE t(part, sub, qty) AS (SELECT part, sub, qty FROM parts UNION ALL"
                  + " SELECT t.part, p.sub, t.qty * p.qty FROM t JOIN parts p ON p.part = t.sub)"
                  + " SELECT part, sub, sum(qty) AS qty, count(*) AS ways FROM t GROUP BY part,"
                  + " sub"),
          new Shape(
              "chart",
              "WITH RECURSIVE t(id, name, level, path) AS (SELECT id, name, 0, name FROM staff"
                  + " WHERE boss IS NULL UNION ALL SELECT s.id, s.name, t.level + 1, t.path || '/'"
                  + " || s.name FROM staff s JOIN t ON s.boss = t.id) SELECT * FROM t"),
          new Shape(
              "budgets",
              "WITH RECURSIVE t AS (SELECT id AS top, id, pay FROM staff UNION ALL SELECT t.top,"
                  + " s.id, s.pay FROM t JOIN staff s ON s.boss = t.id) SELECT m.name, x.n, x.pay"
                  + " FROM staff m LEFT JOIN (SELECT top, count(*) AS n, sum(pay) AS pay FROM t"
                  + " GROUP BY top) x ON x.top = m.id"),
          new Shape(
              "counting",
              "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 40) SELECT"
                  + " t.n, e.b FROM t LEFT JOIN edges e ON e.a = t.n"),
          new Shape(
              "counting_per_row",
              "WITH RECURSIVE t(id, n) AS (SELECT id, least(pay, 12) FROM staff UNION ALL SELECT"
                  + " id, n - 1 FROM t WHERE n > 0) SELECT id, count(*) AS n FROM t GROUP BY id"),
          new Shape(
              "allowed",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges WHERE a = 1 UNION SELECT t.a, e.b FROM t"
                  + " JOIN edges e ON e.a = t.b WHERE NOT EXISTS (SELECT FROM blocked x WHERE x.n ="
                  + " e.b) AND e.b IN (SELECT id FROM staff)) SELECT a, b FROM t"),
          new Shape(
              "with_optional_rows",
              "WITH RECURSIVE t(a, b, why) AS (SELECT a, b, NULL::text FROM edges UNION SELECT t.a,"
                  + " e.b, x.why FROM t JOIN edges e ON e.a = t.b LEFT JOIN blocked x ON x.n = e.b"
                  + " AND x.why <> 'new') SELECT * FROM t"),
          new Shape(
              "grouped_in_the_step",
              "WITH RECURSIVE t(n, cost, len) AS (SELECT a, 0::bigint, 0 FROM edges WHERE a = 1"
                  + " UNION ALL SELECT x.b, min(x.cost), max(x.len) FROM (SELECT e.b, t.cost +"
                  + " e.cost AS cost, t.len + 1 AS len FROM t JOIN edges e ON e.a = t.n WHERE t.len"
                  + " < 4) x GROUP BY x.b) SELECT * FROM t"),
          new Shape(
              "exact_numbers",
              "WITH RECURSIVE t(n, x, k) AS (SELECT id, pay::numeric / 4, 1 FROM staff UNION SELECT"
                  + " n, x * 1.10, k + 1 FROM t WHERE k < 3) SELECT n, x, k FROM t"),
          new Shape(
              "asked_in_the_step",
              "WITH RECURSIVE t(id, label) AS (SELECT id, format('<%s>', name) FROM staff WHERE"
                  + " boss IS NULL UNION SELECT s.id, format('%s of %s', s.name, t.label) FROM"
                  + " staff s JOIN t ON s.boss = t.id WHERE s.name ~ '[1-7]$') SELECT * FROM t"),
          new Shape(
              "another_branch_over_an_empty_base",
              "WITH RECURSIVE t(a, b) AS (SELECT a, b FROM edges WHERE a = -1 UNION (SELECT t.a,"
                  + " e.b FROM t JOIN edges e ON e.a = t.b UNION ALL SELECT n, n FROM blocked))"
                  + " SELECT * FROM t"),
          new Shape(
              "counted_in_the_step",
              "WITH RECURSIVE t(n, k) AS (SELECT n, 0 FROM blocked WHERE n < 3 UNION ALL SELECT"
                  + " s.n, s.k FROM (SELECT count(*)::int AS n, coalesce(max(k), 0) + 1 AS k FROM"
                  + " (SELECT k FROM t) w) s WHERE s.k < 3) SELECT * FROM t"),
          new Shape(
              "two_of_them",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges UNION SELECT t.a, e.b FROM t JOIN edges"
                  + " e ON e.a = t.b), s AS (SELECT id, boss FROM staff UNION SELECT s.id, m.boss"
                  + " FROM s JOIN staff m ON m.id = s.boss), u AS (SELECT count(*) AS n FROM t)"
                  + " SELECT t.a, t.b, s.boss, u.n FROM t JOIN s ON s.id = t.b CROSS JOIN u"),
          new Shape(
              "one_over_the_other",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges UNION SELECT t.a, e.b FROM t JOIN edges"
                  + " e ON e.a = t.b), s(n, k) AS (SELECT 1, 0 UNION ALL SELECT t.b, s.k + 1 FROM s"
                  + " JOIN t ON t.a = s.n WHERE s.k < 2) SELECT * FROM s"),
          new Shape(
              "in_a_subquery",
              "SELECT s.id, s.id IN (WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT e.b FROM edges e"
                  + " JOIN t ON e.a = t.n) SELECT n FROM t) AS reached FROM staff s"),
          new Shape("from_a_view", "SELECT id, above FROM superiors WHERE above > 2"),
          new Shape(
              "over_stream_tables",
              "WITH RECURSIVE t AS (SELECT a, b FROM st.closure WHERE a < 3 UNION SELECT t.a, s.id"
                  + " FROM t JOIN st.chart s ON s.id = t.b + 1) SELECT a, b FROM t"),
          new Shape(
              "over_a_recursion",
              "SELECT b, count(*) AS n, min(a) AS least FROM st.closure GROUP BY b"));

  private static void schema(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE edges (a int, b int, cost int)",
        "ALTER TABLE edges REPLICA IDENTITY FULL",
        "CREATE TABLE parts (part int, sub int, qty int, PRIMARY KEY (part, sub))",
        "CREATE TABLE staff (id int PRIMARY KEY, boss int, name text, pay int)",
        "CREATE TABLE blocked (n int PRIMARY KEY, why text)",
        "CREATE VIEW superiors AS WITH RECURSIVE t(id, above) AS (SELECT id, boss FROM staff UNION"
            + " SELECT t.id, s.boss FROM t JOIN staff s ON s.id = t.above) SELECT id, above FROM t",
        "CREATE SCHEMA st",
        "SET search_path = st, public");
  }

  /// Some changes of all tables; parts are made of greater numbers and bosses have lesser ones, so
  /// that those have no cycles.
  private static void transaction(Connection writer, Random random) throws SQLException {
    writer.setAutoCommit(false);
    for (int i = 1 + random.nextInt(5); i > 0; i--) {
      int n = 1 + random.nextInt(9);
      int m = 1 + random.nextInt(9);
      int id = 1 + random.nextInt(12);
      String boss = random.nextInt(5) == 0 ? "NULL" : String.valueOf(random.nextInt(id));
      run(
          writer,
          switch (random.nextInt(10)) {
            case 0, 1 ->
                "INSERT INTO edges VALUES (%d, %d, %s)"
                    .formatted(n, m, random.nextInt(6) == 0 ? "NULL" : random.nextInt(5));
            case 2 -> "DELETE FROM edges WHERE a = %d AND b >= %d".formatted(n, m);
            case 3 -> "UPDATE edges SET b = %d WHERE a = %d".formatted(m, n);
            case 4 ->
                "INSERT INTO parts VALUES (%d, %d, %d) ON CONFLICT (part, sub) DO UPDATE SET qty ="
                        .formatted(Math.min(n, m), Math.max(n, m) + 1, 1 + random.nextInt(3))
                    + " EXCLUDED.qty";
            case 5 -> "DELETE FROM parts WHERE sub = " + n;
            case 6, 7 ->
                "INSERT INTO staff VALUES (%d, %s, 'n%d', %d) ON CONFLICT (id) DO UPDATE SET boss ="
                        .formatted(id, boss, m, random.nextInt(20))
                    + " EXCLUDED.boss, name = EXCLUDED.name, pay = EXCLUDED.pay";
            case 8 -> "DELETE FROM staff WHERE id = " + id;
            default ->
                "INSERT INTO blocked VALUES (%d, 'new') ON CONFLICT (n) DO UPDATE SET why ="
                        .formatted(n)
                    + " CASE blocked.why WHEN 'new' THEN 'old' ELSE NULL END";
          });
      if (random.nextInt(4) == 0) {
        run(writer, "DELETE FROM blocked WHERE n = " + m);
      }
    }
    writer.commit();
    writer.setAutoCommit(true);
  }

  private static void requireAgreement(Connection connection, String when) throws SQLException {
    for (Shape shape : SHAPES) {
      assertThat(rows(connection, shape.differences())).as("%s, %s", shape.name(), when).isEmpty();
    }
  }

  private static void requireIncremental(Connection connection) throws SQLException {
    assertThat(
            rows(
                connection,
                "SELECT pgt_name, effective_refresh_mode, status FROM pgtrickle.pgt_stream_tables"
                    + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
        .isEmpty();
  }

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycleAndARestart()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      schema(connection);
      Random random = new Random(SEED);
      for (int i = 0; i < 15; i++) {
        transaction(writer, random);
      }
      for (Shape shape : SHAPES) {
        streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
      }
      requireAgreement(connection, "at first");
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 3; i++) {
          transaction(writer, random);
        }
        sync(connection);
        requireAgreement(connection, "cycle " + cycle);
        if (cycle == CYCLES / 2) {
          database.stopSidecar();
          transaction(writer, random);
          String copied = value(connection, COPIES);
          assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
          sync(connection);
          assertThat(value(connection, COPIES)).as("the state was kept").isEqualTo(copied);
          requireAgreement(connection, "after the restart");
        }
      }
      requireIncremental(connection);
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE action = 'FULL'"))
          .isEqualTo("0");
    }
  }

  @Test
  void anEdgeOfACycleTakesAwayWhatItAloneLedTo() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      schema(connection);
      run(connection, "INSERT INTO edges VALUES (1, 2, 1), (2, 3, 1), (3, 4, 1), (4, 2, 1)");
      streamTable(connection, "reached", SHAPES.get(1).query(), "DIFFERENTIAL");
      Shape reached = new Shape("reached", SHAPES.get(1).query());
      for (String change :
          List.of(
              "DELETE FROM edges WHERE a = 1",
              "INSERT INTO edges VALUES (1, 4, 1)",
              "UPDATE edges SET b = 3 WHERE a = 1",
              "UPDATE edges SET a = b, b = a",
              "DELETE FROM edges WHERE b = 1; INSERT INTO edges VALUES (1, 3, 1)",
              "TRUNCATE edges")) {
        run(connection, change);
        sync(connection);
        assertThat(rows(connection, reached.differences())).as(change).isEmpty();
      }
      requireIncremental(connection);
    }
  }

  @Test
  void aThousandLevelsComeAndGo() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      schema(connection);
      run(connection, "INSERT INTO edges SELECT n, n + 1, 1 FROM generate_series(1, 1000) n");
      Shape reached = new Shape("reached", SHAPES.get(1).query());
      streamTable(connection, "reached", reached.query(), "DIFFERENTIAL");
      assertThat(value(connection, "SELECT count(*) FROM st.reached")).isEqualTo("1001");
      for (String change :
          List.of(
              "INSERT INTO edges VALUES (1001, 1, 1)",
              "UPDATE edges SET cost = 0 WHERE a = 500",
              "UPDATE edges SET cost = 1 WHERE a = 500",
              "INSERT INTO edges VALUES (1, 900, 1); DELETE FROM edges WHERE a = 2",
              "DELETE FROM edges WHERE a = 950")) {
        run(connection, change);
        sync(connection);
        assertThat(rows(connection, reached.differences())).as(change).isEmpty();
      }
      requireIncremental(connection);
    }
  }

  @Test
  void aRecursionWithoutEndIsAnErrorUntilItHasOne() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      schema(connection);
      run(connection, "INSERT INTO parts VALUES (1, 2, 1), (2, 3, 2), (3, 4, 1)");
      Shape materials =
          new Shape(
              "materials",
              "WITH RECURSIVE t(part, sub) AS (SELECT part, sub FROM parts UNION ALL SELECT t.part,"
                  + " p.sub FROM t JOIN parts p ON p.part = t.sub) SELECT part, sub FROM t");
      streamTable(connection, materials.name(), materials.query(), "DIFFERENTIAL");
      run(connection, "INSERT INTO parts VALUES (4, 1, 1), (4, 2, 1), (3, 2, 1)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "materials")).isEqualTo("ERROR 54000"));
      assertThat(refusal(connection, "SELECT pgtrickle.sync('materials')").getSQLState())
          .isEqualTo("54000");
      run(connection, "DELETE FROM parts WHERE sub IN (1, 2) AND part > 1");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "materials")).isEqualTo("ACTIVE"));
      sync(connection);
      assertThat(rows(connection, materials.differences())).isEmpty();
      requireIncremental(connection);
    }
  }

  @Test
  void anErrorOfARowInTheStepHealsWithIt() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      schema(connection);
      run(connection, "INSERT INTO edges VALUES (1, 2, 4), (2, 3, 2)");
      Shape shares =
          new Shape(
              "shares",
              "WITH RECURSIVE t(n, x) AS (SELECT 1, 1000 UNION SELECT e.b, t.x / e.cost FROM t JOIN"
                  + " edges e ON e.a = t.n) SELECT n, x FROM t");
      streamTable(connection, shares.name(), shares.query(), "DIFFERENTIAL");
      run(connection, "INSERT INTO edges VALUES (3, 4, 0), (9, 9, 0)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "shares")).isEqualTo("ERROR 22012"));
      run(connection, "UPDATE edges SET cost = 5 WHERE a = 3");
      sync(connection);
      assertThat(rows(connection, shares.differences())).isEmpty();
      assertThat(rows(connection, "SELECT * FROM st.shares ORDER BY n"))
          .containsExactly("1|1000", "2|250", "3|125", "4|25");
      requireIncremental(connection);
    }
  }
}
