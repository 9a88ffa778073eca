package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
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

/// Functions in FROM and in SELECT lists that PostgreSQL evaluates for the sidecar: every stream
/// table equals its query, as a bag and as text, and follows by deltas.
final class ServerRowsIT {
  private static final int CYCLES = 6;
  private static final long SEED = 20_261_128;

  private static final String[] SCHEMA = {
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TYPE pair AS (name text, size int)",
    "CREATE TABLE docs (id int PRIMARY KEY, list jsonb, old json, fields jsonb, s text, low int,"
        + " moods mood[], from_ts timestamptz)",
    "CREATE FUNCTION upto(n int) RETURNS SETOF int LANGUAGE sql IMMUTABLE AS"
        + " 'SELECT generate_series(1, n)'",
    "CREATE FUNCTION letters(t text) RETURNS TABLE (letter text, place int) LANGUAGE plpgsql"
        + " IMMUTABLE STRICT AS $$ BEGIN FOR i IN 1 .. length(t) LOOP letter := substr(t, i, 1);"
        + " place := i; RETURN NEXT; END LOOP; END $$",
    "CREATE FUNCTION pairs(t text) RETURNS SETOF pair LANGUAGE sql IMMUTABLE AS"
        + " $$ SELECT w, length(w) FROM regexp_split_to_table(t, ' ') w $$",
    "CREATE FUNCTION parts(t text, OUT head text, OUT rest text) LANGUAGE sql IMMUTABLE AS"
        + " $$ SELECT left(t, 1), substr(t, 2) $$",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("elements", "SELECT d.id, e FROM docs d, jsonb_array_elements(d.list) e"),
          new Shape(
              "element_texts",
              "SELECT d.id, e.x, e.n FROM docs d, jsonb_array_elements_text(d.list) WITH ORDINALITY"
                  + " e (x, n)"),
          new Shape(
              "old_elements",
              "SELECT d.id, e #>> '{}' AS e, t FROM docs d, json_array_elements(d.old) e,"
                  + " json_array_elements_text(d.old) t"),
          new Shape("fields", "SELECT d.id, f.key, f.value FROM docs d, jsonb_each(d.fields) f"),
          new Shape(
              "field_texts",
              "SELECT f.key, count(*) AS n, min(f.value) AS least FROM docs d,"
                  + " jsonb_each_text(d.fields) f GROUP BY f.key HAVING count(*) > 1"),
          new Shape("keys", "SELECT d.id, k FROM docs d, jsonb_object_keys(d.fields) k"),
          new Shape(
              "words", "SELECT d.id, w FROM docs d, regexp_split_to_table(d.s, '[ ,]+') AS w"),
          new Shape(
              "matches",
              "SELECT d.id, m[1] AS a, m[2] AS b FROM docs d, regexp_matches(d.s, '(\\w)(\\w)',"
                  + " 'g') AS m"),
          new Shape("split", "SELECT d.id, w FROM docs d, string_to_table(d.s, ' ', 'b') AS w"),
          new Shape(
              "kept",
              "SELECT d.id, e.x, e.n FROM docs d LEFT JOIN LATERAL jsonb_array_elements(d.list)"
                  + " WITH ORDINALITY e (x, n) ON e.n > d.low"),
          new Shape(
              "kept_under_what_is_asked",
              "SELECT d.id, e.x, e.n FROM docs d LEFT JOIN LATERAL jsonb_array_elements(d.list)"
                  + " WITH ORDINALITY e (x, n) ON e.x @> '1' AND e.n > d.low AND d.s ~ 'a'"),
          new Shape(
              "native_kept_under_what_is_asked",
              "SELECT d.id, g FROM docs d LEFT JOIN LATERAL generate_series(1, d.low) g"
                  + " ON g::text ~ '[13]' AND d.s IS NOT NULL"),
          new Shape(
              "in_step",
              "SELECT d.id, z.* FROM docs d, ROWS FROM (jsonb_array_elements(d.list),"
                  + " generate_series(1, d.low), upper(d.s)) WITH ORDINALITY z (e, g, u, n)"),
          new Shape("users", "SELECT d.id, u, u * 2 AS v FROM docs d, upto(d.low) u"),
          new Shape(
              "users_table",
              "SELECT d.id, l.place, l.letter FROM docs d, letters(d.s) l WHERE l.place > 1"),
          new Shape(
              "users_type",
              "SELECT d.id, p.name, p.size FROM docs d, pairs(coalesce(d.s, 'x y')) p"),
          new Shape("users_row", "SELECT d.id, p.head, p.rest FROM docs d, parts(d.s) p"),
          new Shape(
              "argument_asked_for",
              "SELECT d.id, e FROM docs d, jsonb_array_elements(d.fields -> 'l') e"
                  + " WHERE jsonb_typeof(d.fields -> 'l') = 'array'"),
          new Shape(
              "defined",
              "SELECT d.id, r.a, r.b, r.c FROM docs d, jsonb_to_recordset(d.list) AS r (a int, b"
                  + " text, c numeric(6, 2)) WHERE d.list @> '[{}]' AND NOT d.list @> '[1]'"),
          new Shape(
              "defined_row",
              "SELECT d.id, r.a, r.m FROM docs d, jsonb_to_record(d.fields) AS r (a int, m mood)"),
          new Shape(
              "days",
              "SELECT d.id, g FROM docs d, generate_series(d.from_ts, d.from_ts + interval '2 d',"
                  + " interval '1 d') g"),
          new Shape("chosen", "SELECT id, jsonb_array_elements(list) AS e, low FROM docs"),
          new Shape(
              "chosen_in_step",
              "SELECT id, jsonb_array_elements(list) AS e, generate_series(1, low) AS g,"
                  + " regexp_split_to_table(s, ' ') AS w FROM docs"),
          new Shape(
              "chosen_nested",
              "SELECT id, jsonb_object_keys(jsonb_array_elements(list)) AS k FROM docs WHERE"
                  + " list @> '[{}]' AND NOT list @> '[1]'"),
          new Shape("chosen_field", "SELECT id, (jsonb_each(fields)).key AS k FROM docs"),
          new Shape(
              "grouped_by",
              "SELECT regexp_split_to_table(s, ' ') AS w, count(*) AS n FROM docs GROUP BY w"),
          new Shape(
              "existing",
              "SELECT d.id FROM docs d WHERE EXISTS (SELECT FROM jsonb_array_elements(d.list) e"
                  + " WHERE e = '1') AND d.low NOT IN (SELECT u FROM upto(3) u)"),
          new Shape(
              "totals",
              "SELECT d.id, (SELECT count(*) FROM jsonb_array_elements(d.list) e) AS n, (SELECT"
                  + " string_agg(w, '-' ORDER BY w COLLATE \"C\") FROM string_to_table(d.s, ' ') w)"
                  + " AS t FROM docs d"),
          new Shape(
              "first",
              "SELECT d.id, x.w FROM docs d LEFT JOIN LATERAL (SELECT w FROM string_to_table(d.s,"
                  + " ' ') w ORDER BY w COLLATE \"C\" DESC LIMIT 1) x ON true"),
          new Shape(
              "constant_rows",
              "SELECT e, d.id FROM jsonb_array_elements('[1, 2, {\"a\": 1}]') e LEFT JOIN docs d"
                  + " ON d.list @> e"),
          new Shape(
              "joined",
              "SELECT d.id, o.id AS other FROM docs d, jsonb_array_elements_text(d.list) e JOIN"
                  + " docs o ON o.id::text = e"),
          new Shape("over_elements", "SELECT e, count(*) AS n FROM st.elements GROUP BY e"));

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
      assertThat(
              value(
                  connection,
                  "SELECT min(pgtrickle.explain_stream_table(pgt_name)) FROM"
                      + " pgtrickle.pgt_stream_tables WHERE pgt_name = 'split'"))
          .contains("Ask server for rows");
      assertThat(database.sidecar().meters().scrape())
          .contains("pgtrickle_phd1_removed_rows_total 0.0");
    }
  }

  @Test
  void anErrorOfAFunctionHealsWithItsRow() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE docs (id int PRIMARY KEY, list jsonb, n int)",
          "CREATE FUNCTION many(n int) RETURNS SETOF int LANGUAGE sql IMMUTABLE AS"
              + " 'SELECT generate_series(1, n)'",
          "INSERT INTO docs VALUES (1, '[1, 2]', 1), (2, '[1]', 1)");
      streamTable(
          connection,
          "elements",
          "SELECT id, e FROM docs, jsonb_array_elements(list) e, many(n)",
          "DIFFERENTIAL");
      run(connection, "UPDATE docs SET list = '{}' WHERE id = 2");
      awaitStatus(connection, "ERROR 22023");
      run(connection, "UPDATE docs SET list = '[3]', n = 1000001 WHERE id = 2");
      awaitStatus(connection, "ERROR 54000");
      run(connection, "UPDATE docs SET n = 2 WHERE id = 2");
      awaitStatus(connection, "ACTIVE");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM elements ORDER BY id, e"))
          .containsExactly("1|1", "1|2", "2|3", "2|3");
    }
  }

  @Test
  void aReplacedFunctionIsEvaluatedAnew() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY)",
          "INSERT INTO t VALUES (1), (2)",
          "CREATE FUNCTION upto(n int) RETURNS SETOF int LANGUAGE sql IMMUTABLE AS"
              + " 'SELECT generate_series(1, n)'");
      streamTable(connection, "numbers", "SELECT id, u FROM t, upto(id) u", "DIFFERENTIAL");
      assertThat(rows(connection, "SELECT * FROM numbers ORDER BY id, u"))
          .containsExactly("1|1", "2|1", "2|2");
      run(
          connection,
          "CREATE OR REPLACE FUNCTION upto(n int) RETURNS SETOF int LANGUAGE sql IMMUTABLE AS"
              + " 'SELECT generate_series(0, n)'");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT * FROM numbers ORDER BY id, u"))
                      .containsExactly("1|0", "1|1", "2|0", "2|1", "2|2"));
    }
  }

  @Test
  void whatMayReadTheClockIsRefused() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE docs (id int PRIMARY KEY, list jsonb)",
          "CREATE FUNCTION later(n int) RETURNS SETOF timestamptz LANGUAGE sql STABLE AS"
              + " $$ SELECT now() + n * interval '1 s' $$");
      for (String query :
          List.of(
              "SELECT r.d FROM docs, jsonb_to_recordset(list) AS r (d date)",
              "SELECT r.d FROM docs, jsonb_to_recordset(list) AS r (d time)",
              "SELECT l FROM docs, later(id) l")) {
        assertThat(
                rows(
                    connection,
                    "SELECT result FROM pgtrickle.validate_query($q$"
                        + query
                        + "$q$) WHERE check_name = 'resolved_refresh_mode'"))
            .as(query)
            .containsExactly("FULL");
      }
    }
  }

  private static void awaitStatus(Connection connection, String status) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, "elements")).isEqualTo(status));
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(5)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(10);
      statements[i] =
          switch (random.nextInt(8)) {
            case 0 -> "DELETE FROM docs WHERE id = " + id;
            case 1 -> "UPDATE docs SET list = list || " + list(random) + " WHERE id % 3 = 1";
            case 2 -> "UPDATE docs SET s = NULL, low = low + 1 WHERE id = " + id;
            case 3 ->
                random.nextInt(8) == 0
                    ? "TRUNCATE docs"
                    : "UPDATE docs SET low = " + random.nextInt(4) + " WHERE id < 4";
            default ->
                "INSERT INTO docs VALUES (%d, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (list, old, fields, s, low) = ROW(excluded.list, excluded.old, excluded.fields, excluded.s, excluded.low)"
                    .formatted(
                        id,
                        list(random),
                        one(random, "NULL", "'[]'", "'[1, \"a\", null, 1]'", "'[1.0, [2,  3]]'"),
                        one(
                            random,
                            "NULL",
                            "'{}'",
                            "'{\"a\": 1, \"m\": \"ok\"}'",
                            "'{\"b\": [1], \"l\": [3, 3, \"x\"]}'"),
                        one(random, "NULL", "''", "'a b a'", "'abc, bcd'", "'b'"),
                        one(random, "NULL", "0", "1", "3"),
                        one(random, "NULL", "'{ok,sad}'"),
                        one(random, "NULL", "'2026-03-28 12:00+00'"));
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

  private static String list(Random random) {
    return one(
        random,
        "NULL::jsonb",
        "'[]'::jsonb",
        "'[1, 1, 2]'::jsonb",
        "'[{\"a\": 1, \"b\": \"x\"}, {\"c\": 2.5}]'::jsonb",
        "'[{}, {\"a\": 7, \"b\": null}]'::jsonb");
  }

  private static String one(Random random, String... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
