package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Equalities that are written as something else, and comparisons of rows, with NULLs on both sides
/// and rows that come and go.
final class HiddenKeysIT {
  private static final int CYCLES = 8;
  private static final long SEED = 20_261_202;

  private static final String[] SCHEMA = {
    "CREATE TABLE l (id int PRIMARY KEY, a int, b bigint, n numeric, t text, d date, f float8, c"
        + " char(3))",
    "CREATE TABLE r (id int PRIMARY KEY, a bigint, b int, n numeric, t text, at timestamp, f"
        + " float4, c char(3))",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("none_of", "SELECT id FROM l WHERE a <> ALL (SELECT r.a FROM r)"),
          new Shape(
              "none_of_as_a_value",
              "SELECT id, n <> ALL (SELECT r.n FROM r WHERE r.b > 1) AS x FROM l"),
          new Shape(
              "none_of_correlated",
              "SELECT id FROM l WHERE t <> ALL (SELECT r.t FROM r WHERE r.b = l.a)"),
          new Shape("neither_of", "SELECT id, (a, t) <> ALL (SELECT r.b, r.t FROM r) AS x FROM l"),
          new Shape("negated", "SELECT l.id, r.id AS rid FROM l JOIN r ON NOT (l.a <> r.a)"),
          new Shape(
              "same_numbers",
              "SELECT l.id, r.id AS rid FROM l JOIN r ON l.a IS NOT DISTINCT FROM r.a"),
          new Shape(
              "same_or_missing",
              "SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON l.n IS NOT DISTINCT FROM r.n AND l.t"
                  + " IS NOT DISTINCT FROM r.t"),
          new Shape(
              "all_alike",
              "SELECT l.id, r.id AS rid FROM l JOIN r ON l.a IS NOT DISTINCT FROM r.a AND l.f IS"
                  + " NOT DISTINCT FROM r.f AND l.c IS NOT DISTINCT FROM r.c"),
          new Shape(
              "exists_alike",
              "SELECT id FROM l WHERE EXISTS (SELECT FROM r WHERE r.t IS NOT DISTINCT FROM l.t AND"
                  + " r.n IS NOT DISTINCT FROM l.n)"),
          new Shape("on_that_day", "SELECT l.id, r.id AS rid FROM l, r WHERE l.d = r.at"),
          new Shape("day_or_none", "SELECT l.id, r.id AS rid FROM l LEFT JOIN r ON r.at = l.d"),
          new Shape(
              "row_order",
              "SELECT l.id, (l.a, l.n) < (l.b, 2.0) AS lt, (l.n, l.a) >= (1.00, l.id) AS ge, (l.a,"
                  + " l.b, l.id) <= (2, 1, 5) AS le, (l.t COLLATE \"C\", l.id) > ('b', 3) AS gt,"
                  + " (l.d, l.a) > ('2024-01-02', 1) AS da FROM l"),
          new Shape("next_page", "SELECT id FROM l WHERE (b, id) > (1, 5) AND (a, f) <= (3, 1.5)"),
          new Shape(
              "computed_limit", "SELECT id FROM l ORDER BY a, id LIMIT 2 * 3 OFFSET 1 + 1::int2"),
          new Shape(
              "slices",
              "SELECT id, (ARRAY[a, b, id])[2:] AS x, (ARRAY[a, b, id])[:2] AS y, (ARRAY[a, b])[:]"
                  + " AS z FROM l"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA);
      Random random = new Random(SEED);
      for (int i = 0; i < 12; i++) {
        transaction(writer, random);
      }
      for (Shape shape : SHAPES) {
        streamTable(connection, shape.name(), shape.query(), "DIFFERENTIAL");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 3; i++) {
          transaction(writer, random);
        }
        sync(connection);
        for (Shape shape : SHAPES) {
          assertThat(rows(connection, shape.differences()))
              .as("%s, cycle %s, seed %s", shape.name(), cycle, SEED)
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
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE action = 'FULL'"))
          .isEqualTo("0");
    }
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(4)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(10);
      String table = random.nextBoolean() ? "l" : "r";
      statements[i] =
          random.nextInt(3) == 0
              ? "DELETE FROM %s WHERE id = %d".formatted(table, id)
              : "INSERT INTO %s VALUES (%d, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING"
                  .formatted(
                      table,
                      id,
                      one(random, "NULL", "1", "2", "3"),
                      one(random, "NULL", "1", "2", "0"),
                      one(random, "NULL", "1.0", "1.00", "0", "2"),
                      one(random, "NULL", "''", "'a'", "'b'"),
                      one(random, "NULL", "'2024-01-02'", "'2000-01-01'", "'infinity'"),
                      one(random, "NULL", "0", "-0.0", "1.5", "'NaN'"),
                      one(random, "NULL", "''", "'x'", "'x  '"));
    }
    run(writer, statements);
  }

  private static String one(Random random, String... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
