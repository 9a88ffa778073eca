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

/// Aggregates that PostgreSQL computes for the sidecar, of all values of a group that changed:
/// every stream table equals its query, as a bag and as text, and follows by deltas.
final class ServerAggregatesIT {
  private static final int CYCLES = 6;
  private static final long SEED = 20_261_129;

  private static final String[] SCHEMA = {
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TABLE things (id int PRIMARY KEY, grp int, k text, j jsonb, mood mood, r int4range,"
        + " n numeric, len interval, at timestamptz, en text COLLATE \"en-x-icu\", tags text[])",
    "CREATE FUNCTION add_up(s bigint, a int, b numeric) RETURNS bigint LANGUAGE sql IMMUTABLE AS"
        + " 'SELECT s * 3 + coalesce(a, 7) - coalesce(b, 1)::bigint'",
    "CREATE AGGREGATE mix(int, numeric) (SFUNC = add_up, STYPE = bigint, INITCOND = '5')",
    "CREATE FUNCTION join_all(s text, t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        + " $$ BEGIN RETURN coalesce(s || '|', '') || coalesce(t, '-'); END $$",
    "CREATE AGGREGATE chained(text) (SFUNC = join_all, STYPE = text)",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "objects",
              "SELECT grp, json_object_agg(coalesce(k, '?'), n ORDER BY id)::text AS o,"
                  + " jsonb_object_agg(id, at) AS b FROM things GROUP BY grp"),
          new Shape(
              "documents",
              "SELECT grp, jsonb_agg(j ORDER BY id) AS a, json_agg(at ORDER BY id DESC)::text AS t,"
                  + " array_agg(mood ORDER BY id) AS m, jsonb_agg(DISTINCT j) AS d FROM things"
                  + " GROUP BY grp"),
          new Shape(
              "ranges",
              "SELECT grp, range_agg(r) AS all_of_them, range_intersect_agg(r) AS common"
                  + " FROM things GROUP BY grp"),
          new Shape(
              "hypothetical",
              "SELECT grp, rank(2.5) WITHIN GROUP (ORDER BY n DESC) AS r, dense_rank(1) WITHIN"
                  + " GROUP (ORDER BY n) AS d, cume_dist(1, 'b') WITHIN GROUP (ORDER BY n, k) AS c"
                  + " FROM things GROUP BY grp"),
          new Shape(
              "percentiles",
              "SELECT grp, percentile_disc(ARRAY[0.1::float8, 0.9::float8]) WITHIN GROUP (ORDER BY"
                  + " id) AS p, percentile_cont(0.5) WITHIN GROUP (ORDER BY len) AS l FROM things"
                  + " GROUP BY grp"),
          new Shape(
              "users",
              "SELECT grp, mix(id, n ORDER BY n NULLS FIRST, id) AS m, chained(k ORDER BY id)"
                  + " FILTER (WHERE n IS NOT NULL) AS c, chained(DISTINCT k) AS d, count(*) AS n"
                  + " FROM things GROUP BY grp HAVING mix(id, n ORDER BY id) <> 0"),
          new Shape(
              "without_groups",
              "SELECT mix(id, n ORDER BY id) AS m, jsonb_object_agg(id, k) AS o, chained(k ORDER BY"
                  + " en, id) AS c FROM things WHERE grp = 2"),
          new Shape(
              "sets",
              "SELECT grp, mood, chained(k ORDER BY id) AS c, count(*) AS n, grouping(grp) AS g"
                  + " FROM things GROUP BY CUBE (grp, mood)"),
          new Shape(
              "correlated",
              "SELECT t.id, (SELECT mix(o.id, o.n ORDER BY o.id) FROM things o WHERE o.grp = t.grp"
                  + " AND o.id < t.id) AS m FROM things t"),
          new Shape(
              "in_lateral",
              "SELECT t.id, x.o::text AS o FROM things t LEFT JOIN LATERAL (SELECT"
                  + " json_object_agg(o.id, o.k ORDER BY o.id) AS o FROM things o WHERE o.grp ="
                  + " t.grp) x ON true"),
          new Shape(
              "order_that_makes_no_difference",
              "SELECT grp, sum(n ORDER BY k DESC) AS s, count(DISTINCT n ORDER BY n DESC) AS c,"
                  + " max(id ORDER BY tags) AS m FROM things GROUP BY grp"),
          // The server's last digits depend on the order of rows.
          new Shape(
              "statistics",
              "SELECT grp, round(corr(id, n)::numeric, 9) AS c, round(regr_slope(n, id)::numeric,"
                  + " 9) AS m, round(regr_intercept(id, n)::numeric, 9) AS b, regr_count(n, id) AS"
                  + " k, round(stddev(n::float8)::numeric, 9) AS s, round(var_pop(id::float4)"
                  + " ::numeric, 9) AS v, round(covar_samp(n, id) FILTER (WHERE id % 2 ="
                  + " 0)::numeric, 9) AS f, corr(DISTINCT n, n) IS NULL AS d FROM things GROUP BY"
                  + " grp"),
          new Shape(
              "expressions",
              "SELECT grp % 2 AS g, jsonb_object_agg(lower(k) || id, j -> 'a') FILTER (WHERE k ~"
                  + " '[a-c]') AS o FROM things GROUP BY grp % 2"),
          new Shape(
              "over_objects", "SELECT b -> '1' AS x, count(*) AS n FROM st.objects GROUP BY 1"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA);
      Random random = new Random(SEED);
      for (int i = 0; i < 8; i++) {
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
      assertThat(database.sidecar().meters().scrape())
          .contains("pgtrickle_phd1_removed_rows_total 0.0");
    }
  }

  @Test
  void anErrorOfAnAggregateHealsWithItsGroup() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE pairs (id int PRIMARY KEY, k text)",
          "INSERT INTO pairs VALUES (1, 'a'), (2, 'b')");
      streamTable(
          connection,
          "objects",
          "SELECT id % 2 AS g, json_object_agg(k, id) AS o FROM pairs GROUP BY id % 2",
          "DIFFERENTIAL");
      // It is another one since PostgreSQL 16.
      String nullKey = refusal(connection, "SELECT json_object_agg(NULL::text, 1)").getSQLState();
      run(connection, "INSERT INTO pairs VALUES (3, NULL)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "objects")).isEqualTo("ERROR " + nullKey));
      run(connection, "DELETE FROM pairs WHERE id = 3");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "objects")).isEqualTo("ACTIVE"));
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM objects ORDER BY g"))
          .containsExactly("0|{ \"b\" : 2 }", "1|{ \"a\" : 1 }");
    }
  }

  @Test
  void aReplacedFunctionOfAnAggregateIsEvaluatedAnew() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY)",
          "INSERT INTO t VALUES (1), (2)",
          "CREATE FUNCTION step(s int, i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT s + i'",
          "CREATE AGGREGATE total(int) (SFUNC = step, STYPE = int, INITCOND = '0')");
      streamTable(connection, "totals", "SELECT total(id) AS n FROM t", "DIFFERENTIAL");
      assertThat(rows(connection, "SELECT * FROM totals")).containsExactly("3");
      run(
          connection,
          "CREATE OR REPLACE FUNCTION step(s int, i int) RETURNS int LANGUAGE sql IMMUTABLE AS"
              + " 'SELECT s + 10 * i'");
      awaitTotal(connection, "30");
      run(
          connection,
          "CREATE OR REPLACE AGGREGATE total(int) (SFUNC = step, STYPE = int, INITCOND = '1')");
      awaitTotal(connection, "31");
    }
  }

  private static void awaitTotal(Connection connection, String total) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(rows(connection, "SELECT * FROM totals")).containsExactly(total));
  }

  @Test
  void anAggregateOfAFunctionThatIsNotImmutableIsRefused()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY)",
          "CREATE FUNCTION step(s int, i int) RETURNS int LANGUAGE sql STABLE AS 'SELECT s + i'",
          "CREATE AGGREGATE total(int) (SFUNC = step, STYPE = int, INITCOND = '0')");
      assertThat(
              rows(
                  connection,
                  "SELECT result || ' ' || reason_code FROM pgtrickle.validate_query("
                      + "'SELECT total(id) AS n FROM t') WHERE check_name ="
                      + " 'resolved_refresh_mode'"))
          .containsExactly("FULL stable_expression");
    }
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(5)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(14);
      statements[i] =
          switch (random.nextInt(8)) {
            case 0 -> "DELETE FROM things WHERE id = " + id;
            case 1 -> "UPDATE things SET grp = grp % 3 + 1 WHERE id % 4 = 1";
            case 2 -> "UPDATE things SET k = NULL, n = n + 1 WHERE id = " + id;
            case 3 ->
                random.nextInt(8) == 0
                    ? "TRUNCATE things"
                    : "UPDATE things SET mood = 'ok' WHERE id < 4";
            default ->
                "INSERT INTO things VALUES (%d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (grp, k, j, mood, r, n, len) = ROW(excluded.grp, excluded.k, excluded.j, excluded.mood, excluded.r, excluded.n, excluded.len)"
                    .formatted(
                        id,
                        one(random, "NULL", "1", "2", "3"),
                        one(random, "NULL", "'a'", "'b'", "'Ä'", "'c\"d'"),
                        one(random, "NULL", "'1'", "'{\"a\": [1, null]}'", "'null'"),
                        one(random, "NULL", "'sad'", "'happy'"),
                        one(random, "NULL", "'[1,4)'", "'[3,9)'", "'empty'"),
                        one(random, "NULL", "1", "1.0", "2.50", "-3"),
                        one(random, "NULL", "'1 day'", "'36 hours'", "'1 mon'"),
                        one(random, "NULL", "'2026-03-29 01:30+00'"),
                        one(random, "NULL", "'z'", "'Z'", "'ä'"),
                        one(random, "NULL", "'{a,b}'"));
          };
    }
    writer.setAutoCommit(false);
    run(writer, statements);
    if (random.nextInt(10) == 0) {
      writer.rollback();
    } else {
      writer.commit();
    }
    writer.setAutoCommit(true);
  }

  private static String one(Random random, String... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
