package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Expressions that PostgreSQL evaluates for the sidecar: every stream table equals its query, as a
/// bag and as text, and follows by deltas.
final class ServerTierIT {
  private static final int CYCLES = 5;

  private static final String[] SCHEMA = {
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TABLE things (id int PRIMARY KEY, grp int, j jsonb, doc json, s text,"
        + " en text COLLATE \"en-x-icu\", d text, mood mood, arr int[], tags text[], r int4range,"
        + " n numeric, f float8, at timestamptz)",
    "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE TABLE others (id int, thing int, s text, j jsonb)",
    "CREATE FUNCTION slug(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN"
        + " RETURN regexp_replace(lower($1), '[^a-z]+', '-', 'g'); END $$",
    "CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * i'",
    "CREATE FUNCTION close_to(a text, b text) RETURNS bool LANGUAGE sql IMMUTABLE AS"
        + " $$ SELECT left(a, 1) = left(b, 1) OR a IS NULL $$",
    "CREATE FUNCTION fussy(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN"
        + " IF i = 13 THEN RAISE EXCEPTION 'no %', i USING ERRCODE = 'P0013'; END IF;"
        + " RETURN i + 1; END $$",
    "CREATE FUNCTION jsonb_has(j jsonb, k text) RETURNS bool LANGUAGE sql IMMUTABLE AS"
        + " 'SELECT j ? k'",
    "CREATE OPERATOR ?#? (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = jsonb_has)"
  };

  private static final Map<String, String> QUERIES = new LinkedHashMap<>();

  static {
    query(
        "json_paths",
        "SELECT id, j ->> 'a' AS a, j -> 'b' AS b, j #>> '{b,x}' AS bx, (j ->> 'a')::int * 2 AS"
            + " twice, doc ->> 'k' AS k, jsonb_typeof(j -> 'b') AS t, j || '{\"z\": 1}' AS more"
            + " FROM things");
    query(
        "json_conditions",
        "SELECT id, j FROM things WHERE j @> '{\"a\": 1}' OR j ? 'c' OR"
            + " jsonb_path_exists(j, (('$.b.' || 'x')::jsonpath))");
    query(
        "patterns", "SELECT id, s ~ '(.)\\1' AS m, regexp_replace(s, 'a+', '_') AS r FROM things");
    query(
        "functions",
        "SELECT id, slug(s) AS slug, twice(grp) + twice(grp + 1) AS t, cbrt(f) AS root, sin(f) AS"
            + " sine, to_char(n, 'FM9990.00') AS printed, format('%s/%s', s, id) AS f FROM things");
    query(
        "casts",
        "SELECT id, d::date AS day, d::timestamp AS ts, d::date + grp AS later FROM things");
    query("zones", "SELECT id, to_char(at, 'YYYY-MM-DD HH24:MI TZ') AS at FROM things");
    query("moods", "SELECT id, mood FROM things WHERE mood >= 'ok' AND mood::text <> 'x'");
    query(
        "arrays",
        "SELECT id, arr[1:2] AS first, array_replace(arr, 3, 7) AS more, array_dims(tags) AS d,"
            + " array_positions(tags, s) AS p, ARRAY[mood] AS moods FROM things");
    query("ranges", "SELECT id, lower(r) AS low, r @> grp AS has FROM things");
    query("collated", "SELECT id, en FROM things WHERE en < 'm' AND en LIKE '%a%'");
    query(
        "collated_constants",
        "SELECT id, s, s < ('m' COLLATE \"en-x-icu\") AS before, s = ('APPLE' COLLATE any_case) AS"
            + " apple, s ~* ('B' COLLATE \"C\") AS b, s LIKE ('a' || '%') AS a,"
            + " s IN ('Kiwi' COLLATE any_case, 'bEta') AS either FROM things"
            + " WHERE s < ('zz' || 'z') COLLATE \"en-x-icu\"");
    query(
        "own_case",
        "SELECT id FROM things WHERE NOT CASE WHEN sin(grp) > 0 THEN true WHEN f > 0 THEN NULL"
            + " ELSE false END");
    query("greatest", "SELECT id, greatest(en, 'Mm') AS g FROM things");
    query("rows_compared", "SELECT id FROM things WHERE (grp, en) > (2, 'k')");
    query("own_operator", "SELECT id FROM things WHERE j ?#? 'c'");
    query(
        "protected",
        "SELECT id, CASE WHEN grp = 3 THEN -1 ELSE fussy(grp + 10) END AS f, coalesce(n,"
            + " sin(grp)::numeric) AS c FROM things");
    query(
        "grouped",
        "SELECT slug(s) AS slug, count(*) AS n, sum((j ->> 'a')::int) FILTER (WHERE j ? 'c') AS a,"
            + " max(twice(grp)) AS m FROM things GROUP BY slug(s) HAVING sin(count(*)) > -2");
    query(
        "joined",
        "SELECT t.id, o.id AS other FROM things t JOIN others o ON slug(t.s) = slug(o.s) AND"
            + " t.id <> o.thing");
    query(
        "joined_by_condition",
        "SELECT t.id, o.id AS other FROM things t JOIN others o ON t.grp = o.id % 5 AND"
            + " close_to(t.s, o.s)");
    query(
        "left_joined",
        "SELECT t.id, o.id AS other, o.s FROM things t LEFT JOIN others o ON t.grp = o.id % 5 AND"
            + " close_to(t.s, o.s)");
    query(
        "exists_with_condition",
        "SELECT t.id FROM things t WHERE EXISTS (SELECT FROM others o WHERE o.thing = t.id AND"
            + " close_to(o.s, t.s)) OR NOT (t.j ? 'a')");
    query(
        "in_subquery",
        "SELECT id FROM things WHERE slug(s) IN (SELECT slug(s) FROM others WHERE s IS NOT NULL)");
    query(
        "windowed",
        "SELECT id, sum(twice(grp)) OVER (PARTITION BY slug(s) ORDER BY id) AS running FROM"
            + " things");
    query("first_ones", "SELECT id, s FROM things ORDER BY sin(f) DESC NULLS LAST, id LIMIT 5");
    query("united", "SELECT slug(s) AS x FROM things UNION SELECT j ->> 'a' FROM others");
    query("constant", "SELECT sin(2.0::float8) AS sine, j ->> 'a' AS a FROM others");
  }

  private static void query(String name, String text) {
    QUERIES.put(name, text);
  }

  private static final class Changes {
    private static final String[] TEXTS = {
      "ada", "Bob", "Mars a", "zebra", "a b c", "", "Ääb", "mood", "k"
    };
    private final Random random;

    Changes(long seed) {
      random = new Random(seed);
    }

    private String text() {
      return random.nextInt(6) == 0 ? "NULL" : "'" + TEXTS[random.nextInt(TEXTS.length)] + "'";
    }

    private String maybe(String sql) {
      return random.nextInt(6) == 0 ? "NULL" : sql;
    }

    private String jsonb() {
      int n = random.nextInt(4);
      return maybe(
          switch (random.nextInt(4)) {
            case 0 -> "'{\"a\": " + n + ", \"c\": null}'";
            case 1 -> "'{\"b\": {\"x\": [1, " + n + ".50, \"ü\\\"\"]}, \"a\": " + n + "}'";
            case 2 -> "'{\"b\": true}'";
            default -> "'[1, 2]'";
          });
    }

    private String thing(int id) {
      int n = random.nextInt(5);
      return "(%d, %d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
          .formatted(
              id,
              n,
              jsonb(),
              maybe("'{\"k\":  " + n + "}'"),
              text(),
              text(),
              maybe(
                  "'2024-0"
                      + (1 + n)
                      + "-1"
                      + n
                      + (random.nextBoolean() ? "'" : " 10:0" + n + "'")),
              maybe(n == 0 ? "'sad'" : n == 1 ? "'ok'" : "'happy'"),
              maybe("'{" + n + ",3,NULL}'"),
              maybe(n == 0 ? "'{}'" : "'{a,\"x,y\",NULL}'"),
              maybe("'[" + n + "," + (n + 3) + ")'"),
              maybe(n + "." + n + "0"),
              maybe(n % 2 == 0 ? "-0.0" : "'" + n + ".1e5'"),
              maybe("'2024-07-0" + (1 + n) + " 12:00+02'"));
    }

    void transaction(Connection connection) throws SQLException {
      connection.setAutoCommit(false);
      for (int i = 0; i < 4; i++) {
        int id = random.nextInt(25);
        run(connection, "DELETE FROM things WHERE id = " + id);
        if (random.nextInt(4) > 0) {
          run(connection, "INSERT INTO things VALUES " + thing(id));
        }
        if (random.nextBoolean()) {
          run(
              connection,
              "INSERT INTO others VALUES (%d, %d, %s, %s)"
                  .formatted(random.nextInt(9), id, text(), jsonb()));
        }
        if (random.nextInt(3) == 0) {
          run(connection, "DELETE FROM others WHERE id = " + random.nextInt(9));
        }
        if (random.nextInt(3) == 0) {
          run(connection, "UPDATE things SET s = " + text() + " WHERE grp = " + random.nextInt(5));
        }
      }
      connection.commit();
      connection.setAutoCommit(true);
    }
  }

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, SCHEMA);
      run(connection, "CREATE SCHEMA st", "SET TimeZone = 'Europe/Berlin'");
      Changes changes = new Changes(20_261_121);
      for (int i = 0; i < 12; i++) {
        changes.transaction(writer);
      }
      for (Map.Entry<String, String> query : QUERIES.entrySet()) {
        streamTable(connection, "st." + query.getKey(), query.getValue(), "DIFFERENTIAL");
        assertThat(
                value(
                    connection,
                    "SELECT pgtrickle.explain_stream_table('st." + query.getKey() + "')"))
            .as(query.getKey())
            .contains("Ask server");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        for (int i = 0; i < 2; i++) {
          changes.transaction(writer);
        }
        sync(connection);
        for (Map.Entry<String, String> query : QUERIES.entrySet()) {
          assertThat(differences(connection, "st." + query.getKey(), query.getValue()))
              .as("%s, cycle %s", query.getKey(), cycle)
              .isEmpty();
        }
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name, status, effective_refresh_mode FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
          .isEmpty();
    }
  }

  @Test
  void anErrorOfAFunctionFreezesTheTableWhileTheRowIsThere()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA);
      run(connection, "INSERT INTO others VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')");
      streamTable(connection, "checked", "SELECT id, fussy(id) AS f FROM others", "DIFFERENTIAL");
      run(connection, "INSERT INTO others SELECT i FROM generate_series(10, 40) i");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "checked")).isEqualTo("ERROR P0013"));
      assertThat(value(connection, "SELECT count(*) FROM checked")).isEqualTo("3");
      run(connection, "DELETE FROM others WHERE id = 13");
      sync(connection);
      assertThat(status(connection, "checked")).isEqualTo("ACTIVE");
      assertThat(differences(connection, "checked", "SELECT id, fussy(id) AS f FROM others"))
          .isEmpty();
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE action = 'FULL'"))
          .isEqualTo("0");
    }
  }

  @Test
  void aTextThatNamesTheClockIsAnErrorOfItsRow() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, "CREATE TABLE notes (id int, d text)");
      run(connection, "INSERT INTO notes VALUES (1, '2024-02-29')");
      streamTable(connection, "dated", "SELECT id, d::date AS d FROM notes", "DIFFERENTIAL");
      run(connection, "INSERT INTO notes VALUES (2, ' ToDay ')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "dated")).isEqualTo("ERROR 0A000"));
      run(connection, "UPDATE notes SET d = 'epoch' WHERE id = 2");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM dated ORDER BY 1"))
          .containsExactly("1|2024-02-29", "2|1970-01-01");
    }
  }

  @Test
  void aReplacedFunctionIsNoticedWhileRunningAndAfterARestart()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      String function = "CREATE OR REPLACE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS";
      run(connection, function + " 'SELECT i + 1'", "CREATE TABLE t (id int)");
      run(connection, "INSERT INTO t VALUES (1), (2)");
      streamTable(connection, "mapped", "SELECT f(id) AS f FROM t", "DIFFERENTIAL");
      assertThat(rows(connection, "SELECT f FROM mapped ORDER BY 1")).containsExactly("2", "3");
      run(connection, function + " 'SELECT i + 100'");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT f FROM mapped ORDER BY 1"))
                      .containsExactly("101", "102"));
      database.stopSidecar();
      run(connection, function + " 'SELECT i + 200'");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT f FROM mapped ORDER BY 1"))
                      .containsExactly("201", "202"));
    }
  }

  @Test
  void aLostSessionOfTheTierIsOpenedAgain() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA);
      streamTable(connection, "slugs", "SELECT id, slug(s) AS slug FROM others", "DIFFERENTIAL");
      for (int round = 0; round < 3; round++) {
        run(connection, "INSERT INTO others VALUES (" + round + ", 1, 'A " + round + "x')");
        sync(connection);
        assertThat(
                rows(
                    connection,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                        + " application_name = 'pgtrickle evaluate' AND datname ="
                        + " current_database()"))
            .contains("t");
      }
      run(connection, "DELETE FROM others WHERE id = 0");
      sync(connection);
      assertThat(differences(connection, "slugs", "SELECT id, slug(s) AS slug FROM others"))
          .isEmpty();
      assertThat(status(connection, "slugs")).isEqualTo("ACTIVE");
    }
  }

  @Test
  void functionsRunAsTheOwnerOfTheStreamTable() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection admin = database.connect()) {
      run(admin, "CREATE ROLE scribe LOGIN", "CREATE SCHEMA desk AUTHORIZATION scribe");
      try (Connection scribe = database.connectAs("scribe")) {
        run(
            scribe,
            "CREATE TABLE desk.notes (id int PRIMARY KEY, s text, j jsonb, f float8[])",
            "CREATE FUNCTION desk.me(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
                + " $$ BEGIN RETURN current_user || ' ' || t; END $$",
            "INSERT INTO desk.notes VALUES (1, 'a \"b\\', '{\"k\": [1.50]}', '{0.1,NULL}')");
        String query =
            "SELECT id, desk.me(s) AS me, j -> 'k' AS k, f[1] AS f1, sin(id) AS sine"
                + " FROM desk.notes";
        streamTable(scribe, "desk.mine", query, "DIFFERENTIAL");
        run(scribe, "INSERT INTO desk.notes VALUES (2, NULL, NULL, NULL), (3, 'c', '{}', '{}')");
        sync(scribe);
        assertThat(differences(scribe, "desk.mine", query)).isEmpty();
        assertThat(value(scribe, "SELECT me FROM desk.mine WHERE id = 3")).isEqualTo("scribe c");
      } finally {
        database.stopSidecar();
        run(admin, "DROP OWNED BY scribe CASCADE", "DROP ROLE scribe");
      }
    }
  }
}
