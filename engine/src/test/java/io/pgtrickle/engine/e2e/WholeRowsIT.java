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

/// Rows as values: documents of whole rows, rows that are NULL because an outer join found no
/// partner, and rows that are constructed. Every stream table equals its query, as a bag and as
/// text, and follows by deltas.
final class WholeRowsIT {
  private static final int CYCLES = 6;
  private static final long SEED = 20_261_130;

  private static final String[] SCHEMA = {
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TABLE owners (id int PRIMARY KEY, gone text, name varchar(20), \"Odd \"\"n\" numeric)",
    "ALTER TABLE owners DROP COLUMN gone",
    "CREATE TABLE things (id int PRIMARY KEY, owner int, dropped date, k text, n numeric(8,2),"
        + " at timestamptz, mood mood, j jsonb, tags text[], f float8, c char(4), day date)",
    "ALTER TABLE things DROP COLUMN dropped",
    // Without a key, so that nothing but the row itself tells whether it is there.
    "CREATE TABLE notes (thing int, body text)",
    "CREATE VIEW well_off AS SELECT o.id, o.name, count(t) AS n FROM owners o LEFT JOIN things t"
        + " ON t.owner = o.id AND t.n > 1 GROUP BY o.id, o.name",
    "CREATE FUNCTION first_word(t things) RETURNS text LANGUAGE sql IMMUTABLE AS"
        + " 'SELECT coalesce(t.k, ''?'') || t.id'",
    "CREATE SCHEMA st",
    "SET search_path = st, public"
  };

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "documents",
              "SELECT row_to_json(t)::text AS j, to_jsonb(t) AS b, t::text AS t, md5(t.*::text) AS"
                  + " m FROM things t"),
          new Shape(
              "outer_sides",
              "SELECT o.id, row_to_json(t)::text AS t, to_jsonb(n) AS n, t IS NULL AS tn, t IS NOT"
                  + " NULL AS tm, n IS NULL AS nn, n IS DISTINCT FROM NULL AS nd, to_jsonb(o) AS o"
                  + " FROM owners o LEFT JOIN things t ON t.owner = o.id LEFT JOIN notes n ON"
                  + " n.thing = t.id"),
          new Shape(
              "full_sides",
              "SELECT to_jsonb(t) AS t, to_jsonb(n) AS n, count(*) AS c FROM things t FULL JOIN"
                  + " notes n ON n.thing = t.id AND t.k IS NOT NULL GROUP BY 1, 2"),
          new Shape(
              "without_partner",
              "SELECT o.id, o.name FROM owners o LEFT JOIN things t ON t.owner = o.id WHERE t IS"
                  + " NULL"),
          new Shape(
              "counted",
              "SELECT o.id, count(t) AS t, count(n) AS n, count(DISTINCT n) AS d, count(t.k) AS k"
                  + " FROM owners o LEFT JOIN things t ON t.owner = o.id LEFT JOIN notes n ON"
                  + " n.thing = t.id GROUP BY o.id"),
          new Shape(
              "nested",
              "SELECT o.id, o.name, (SELECT json_agg(t ORDER BY t.id) FROM things t WHERE t.owner ="
                  + " o.id)::text AS things FROM owners o"),
          new Shape(
              "nested_twice",
              "SELECT o.id, (SELECT coalesce(jsonb_agg(x ORDER BY x.id), '[]') FROM (SELECT t.id,"
                  + " t.k, (SELECT jsonb_agg(n ORDER BY n.body, n) FROM notes n WHERE n.thing ="
                  + " t.id) AS notes FROM things t WHERE t.owner = o.id) x) AS things FROM owners"
                  + " o"),
          new Shape(
              "as_frameworks_write_it",
              "SELECT coalesce(json_agg(\"root\" ORDER BY \"id\"), '[]')::text AS root FROM (SELECT"
                  + " o.id, row_to_json((SELECT \"e\" FROM (SELECT o.id AS \"id\", o.name AS"
                  + " \"name\", x.list AS \"things\") AS \"e\")) AS \"root\" FROM owners o LEFT"
                  + " JOIN LATERAL (SELECT coalesce(json_agg(row_to_json(t) ORDER BY t.id), '[]')"
                  + " AS list FROM things t WHERE t.owner = o.id) x ON true) r"),
          new Shape(
              "aggregated",
              "SELECT owner, json_agg(t ORDER BY t.id DESC)::text AS a, jsonb_agg(DISTINCT (t.k,"
                  + " t.n)) AS d, array_agg(t ORDER BY t.id) AS r, jsonb_object_agg(t.id, t) FILTER"
                  + " (WHERE t.n > 0) AS o FROM things t GROUP BY owner"),
          new Shape(
              "with_missing_ones",
              "SELECT o.id % 2 AS g, json_agg(n ORDER BY n.body, o.id, t.id)::text AS a, count(*)"
                  + " AS c FROM owners o LEFT JOIN things t ON t.owner = o.id LEFT JOIN notes n ON"
                  + " n.thing = t.id GROUP BY 1"),
          new Shape(
              "of_subqueries",
              "SELECT to_jsonb(w) AS w, row_to_json(s)::text AS s FROM (SELECT owner AS \"Ow ner\","
                  + " sum(n) AS total FROM things GROUP BY owner) w LEFT JOIN (SELECT id AS a, name"
                  + " FROM owners WHERE id > 1 UNION ALL SELECT 99, 'x') s (a, b) ON s.a = w.\"Ow"
                  + " ner\""),
          new Shape(
              "of_views",
              "SELECT v.id, to_jsonb(v) AS v, v::text AS t, v IS NULL AS n FROM well_off" + " v"),
          new Shape(
              "of_laterals",
              "SELECT o.id, to_jsonb(x) AS x, x IS NULL AS n FROM owners o LEFT JOIN LATERAL"
                  + " (SELECT count(*) AS n, max(t.k) AS k FROM things t WHERE t.owner = o.id) x ON"
                  + " x.n <> 1"),
          new Shape(
              "of_functions",
              "SELECT t.id, to_jsonb(u) AS u, row_to_json(e)::text AS e FROM things t,"
                  + " unnest(t.tags) WITH ORDINALITY u (tag, place), jsonb_each(to_jsonb(t)) e"
                  + " WHERE e.key <> 'j'"),
          new Shape(
              "looked_up",
              "SELECT t.id, (SELECT to_jsonb(o) FROM owners o WHERE o.id = t.owner) AS o, (SELECT"
                  + " t2.tags FROM things t2 WHERE t2.id = t.id + 1) AS n, (SELECT"
                  + " to_jsonb(o) || to_jsonb(t) FROM owners o WHERE o.id = t.owner) AS b,"
                  + " (SELECT row_to_json(x) FROM (SELECT min(o.name) AS m FROM owners o) x)::text"
                  + " AS m, (SELECT jsonb_build_array(o) FROM owners o WHERE o.id = 1) AS f FROM"
                  + " things t"),
          new Shape(
              "compared",
              "SELECT a.id AS a, b.id AS b, a < b AS l, a IS NOT DISTINCT FROM b AS d FROM owners a"
                  + " JOIN owners b ON a <> b AND (a.id, a.name) < (b.id, b.name)"),
          new Shape(
              "constructed",
              "SELECT to_jsonb((id, k, n)) AS a, row_to_json(ROW(id, 'x', NULL, ROW(mood)))::text"
                  + " AS b, ROW(id, k, at)::text AS c, ROW(k, n) IS NULL AS n, ROW(k, n) IS NOT"
                  + " NULL AS m, jsonb_build_array((id, k), t) AS d FROM things t"),
          new Shape(
              "given_to_a_function",
              "SELECT first_word(t) AS w, count(*) AS n, concat(max(k), ':', min(t.id)) AS c FROM"
                  + " things t GROUP BY first_word(t)"),
          new Shape(
              "by_key",
              "SELECT o.id, to_jsonb(o) AS o, sum(t.n) AS s FROM owners o JOIN things t ON t.owner"
                  + " = o.id GROUP BY o.id HAVING o IS NOT NULL OR count(*) > 1"),
          new Shape(
              "carried",
              "SELECT x.o AS o, (x.o).name AS name, x.o IS NULL AS n FROM (SELECT o FROM owners o)"
                  + " x"),
          new Shape("chosen", "SELECT id, to_jsonb(t) AS t FROM things t ORDER BY n, id LIMIT 4"),
          new Shape(
              "in_a_with_query",
              "WITH w AS (SELECT owner, count(*) AS n FROM things GROUP BY owner) SELECT o.id,"
                  + " to_jsonb(w) AS w FROM owners o LEFT JOIN w ON w.owner = o.id"),
          new Shape(
              "over_a_stream_table",
              "SELECT o.id, (SELECT jsonb_agg(s ORDER BY s.id) FROM st.without_partner s WHERE s.id"
                  + " >= o.id) AS w FROM owners o"));

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
  void aColumnThatIsAddedOrRenamedIsInTheRows() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY, a text)",
          "INSERT INTO t VALUES (1, 'x')");
      streamTable(connection, "documents", "SELECT to_jsonb(t) AS j FROM t", "DIFFERENTIAL");
      run(connection, "ALTER TABLE t ADD COLUMN b int DEFAULT 7");
      awaitDocuments(connection, "{\"a\": \"x\", \"b\": 7, \"id\": 1}");
      run(connection, "ALTER TABLE t RENAME COLUMN a TO z");
      awaitDocuments(connection, "{\"b\": 7, \"z\": \"x\", \"id\": 1}");
      run(connection, "UPDATE t SET b = 8");
      awaitDocuments(connection, "{\"b\": 8, \"z\": \"x\", \"id\": 1}");
      run(connection, "ALTER TABLE t DROP COLUMN z");
      awaitDocuments(connection, "{\"b\": 8, \"id\": 1}");
    }
  }

  @Test
  void aSubqueryOfSeveralDocumentsIsAnErrorThatHeals() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY, a int)",
          "INSERT INTO t VALUES (1, 2), (2, 7)");
      streamTable(
          connection,
          "documents",
          "SELECT id, (SELECT to_jsonb(u) FROM t u WHERE u.a = t.id) AS j FROM t",
          "DIFFERENTIAL");
      run(connection, "INSERT INTO t VALUES (3, 2)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "documents")).isEqualTo("ERROR 21000"));
      run(connection, "DELETE FROM t WHERE id = 1");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "documents")).isEqualTo("ACTIVE"));
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM documents ORDER BY id"))
          .containsExactly("2|{\"a\": 2, \"id\": 3}", "3|null");
    }
  }

  @Test
  void whatIsCountedIsComputed() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY, a int)",
          "INSERT INTO t VALUES (1, 2), (2, NULL)");
      streamTable(connection, "made", "SELECT count((10 / a, id)) AS n FROM t", "DIFFERENTIAL");
      streamTable(
          connection,
          "joined",
          "SELECT o.id, count(x) AS n FROM t o LEFT JOIN (SELECT id, 10 / a AS q FROM t) x"
              + " ON x.id = o.id GROUP BY o.id",
          "DIFFERENTIAL");
      run(connection, "INSERT INTO t VALUES (3, 0)");
      for (String name : List.of("made", "joined")) {
        await()
            .atMost(PATIENCE)
            .untilAsserted(() -> assertThat(status(connection, name)).isEqualTo("ERROR 22012"));
      }
      run(connection, "UPDATE t SET a = 5 WHERE id = 3");
      for (String name : List.of("made", "joined")) {
        await()
            .atMost(PATIENCE)
            .untilAsserted(() -> assertThat(status(connection, name)).isEqualTo("ACTIVE"));
      }
      sync(connection);
      assertThat(rows(connection, "SELECT n FROM made")).containsExactly("3");
      assertThat(rows(connection, "SELECT * FROM joined ORDER BY id"))
          .containsExactly("1|1", "2|1", "3|1");
    }
  }

  private static void awaitDocuments(Connection connection, String... documents) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(rows(connection, "SELECT j FROM documents")).containsExactly(documents));
  }

  private static void transaction(Connection writer, Random random) throws SQLException {
    String[] statements = new String[1 + random.nextInt(5)];
    for (int i = 0; i < statements.length; i++) {
      int id = random.nextInt(9);
      statements[i] =
          switch (random.nextInt(12)) {
            case 0 -> "DELETE FROM things WHERE id = " + id;
            case 1 -> "DELETE FROM owners WHERE id = " + id % 5;
            case 2 -> "DELETE FROM notes WHERE thing = " + id;
            case 3 -> "UPDATE things SET owner = owner % 4 + 1 WHERE id % 3 = " + id % 3;
            case 4 ->
                random.nextInt(6) == 0 ? "TRUNCATE things" : "DELETE FROM notes WHERE body = ''";
            case 5, 6 ->
                "INSERT INTO owners VALUES (%d, %s, %s) ON CONFLICT (id) DO UPDATE SET (name, \"Odd \"\"n\") = ROW(excluded.name, excluded.\"Odd \"\"n\")"
                    .formatted(
                        id % 5,
                        one(random, "NULL", "'ada'", "'b\"b'", "''"),
                        one(random, "NULL", "1.0", "1.00", "-2.5"));
            case 7, 8 ->
                "INSERT INTO notes VALUES (%s, %s)"
                    .formatted(
                        one(random, "NULL", String.valueOf(id), String.valueOf(id)),
                        one(random, "NULL", "''", "'n\\n1'", "'n2'"));
            default ->
                "INSERT INTO things VALUES (%d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET (owner, k, n, j, tags) = ROW(excluded.owner, excluded.k, excluded.n, excluded.j, excluded.tags)"
                    .formatted(
                        id,
                        one(random, "NULL", "1", "2", "3"),
                        one(random, "NULL", "'a'", "'b, (c)'", "'Ä\"\\'"),
                        one(random, "NULL", "1", "2.50", "-3"),
                        one(random, "NULL", "'2026-03-29 01:30+00'"),
                        one(random, "NULL", "'sad'", "'happy'"),
                        one(random, "NULL", "'1'", "'{\"a\": [1, null]}'", "'null'"),
                        one(random, "NULL", "'{a,NULL,\"b c\"}'", "'{}'"),
                        one(random, "NULL", "0.1", "'NaN'", "-0.0"),
                        one(random, "NULL", "'ab'"),
                        one(random, "NULL", "'2024-02-29'"));
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
