package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// `JSON_TABLE` in FROM, which PostgreSQL has since version 17.
final class JsonTableIT {
  private static final List<String> SCHEMA =
      List.of(
          "CREATE TABLE docs (id int PRIMARY KEY, j jsonb, t text, x int)",
          "CREATE TABLE other (k int, label text)",
          "INSERT INTO other VALUES (1, 'a'), (2, 'b'), (2, 'c'), (NULL, 'd')",
          "INSERT INTO docs SELECT i, jsonb_build_object('name', 'n' || i, 'items',"
              + " jsonb_build_array(jsonb_build_object('n', i, 'tags', '[1, 2,"
              + " \"it''s\\\"\"]'::jsonb), jsonb_build_object('n', i::text || 'x', 'p', '[{\"q\":"
              + " 5}, {\"q\": null}]'::jsonb), '{}'::jsonb, '7'::jsonb)), '[1, [2, 3], {\"a\":"
              + " \"b\"}]', i % 3 FROM generate_series(1, 3) i");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO docs SELECT (random()*8)::int, (array['{\"items\": [{\"n\": 1, \"tags\": [3,"
              + " 3, null]}, {\"n\": 2.5}, {\"n\": 1}], \"name\": \"x\"}', '{\"items\": {\"n\": 2,"
              + " \"p\": [{\"q\": 1}, {\"q\": 2}]}}', '[]', 'null', NULL, '{\"items\": [{\"n\":"
              + " null, \"e\": 1, \"tags\": [], \"p\": {\"q\": \"long text\"}}]}'])[1 +"
              + " (random()*5)::int]::jsonb, (array['[]', '[1]', NULL, '[{\"a\": 1}, 2, 2]'])[1 +"
              + " (random()*3)::int], nullif((random()*3)::int, 2) ON CONFLICT (id) DO UPDATE SET"
              + " (j, t, x) = ROW(excluded.j, excluded.t, excluded.x)",
          "UPDATE docs SET x = x + 1 WHERE id = (random()*8)::int",
          "DELETE FROM docs WHERE id = (random()*8)::int",
          "INSERT INTO other VALUES ((random()*4)::int, chr(97 + (random()*4)::int))",
          "DELETE FROM other WHERE k = (random()*4)::int");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "items",
              "SELECT d.id, t.* FROM docs d, JSON_TABLE(d.j, '$.items[*]' COLUMNS (o FOR"
                  + " ORDINALITY, n text PATH '$.n', e boolean EXISTS PATH '$.e', tags jsonb PATH"
                  + " '$.tags')) t"),
          new Shape(
              "numbers",
              "SELECT d.id, t.n, t.w FROM docs d CROSS JOIN JSON_TABLE(d.j, 'lax $.items[*]'"
                  + " COLUMNS (n int PATH '$.n' DEFAULT -1 ON EMPTY DEFAULT -2 ON ERROR, w"
                  + " numeric(6,2) PATH '$.n' NULL ON EMPTY NULL ON ERROR)) t WHERE t.n <> 2"),
          new Shape(
              "kept",
              "SELECT d.id, t.o, t.n FROM docs d LEFT JOIN JSON_TABLE(d.j, '$.items[*] ? (@.n >"
                  + " $x)' PASSING d.x AS x COLUMNS (o FOR ORDINALITY, n text PATH '$.n')) t ON t.o"
                  + " < 3"),
          new Shape(
              "nested",
              "SELECT d.id, t.name, t.n, t.tag, t.q, t.r FROM docs d, JSON_TABLE(d.j, '$' AS top"
                  + " PASSING d.id + 1 AS id, d.t AS \"T\" COLUMNS (name varchar(3) PATH '$.name',"
                  + " NESTED PATH '$.items[*]' AS items COLUMNS (n text PATH '$.n', NESTED"
                  + " '$.tags[*]' COLUMNS (tag text PATH '$'), NESTED '$.p[*]' COLUMNS (q int PATH"
                  + " '$.q' NULL ON ERROR)), NESTED '$.items' COLUMNS (r int PATH '$.size()'))) t"),
          new Shape(
              "wrapped",
              "SELECT d.id, t.a, t.b, t.c, t.d, t.e, t.f::text AS f, t.g FROM docs d,"
                  + " JSON_TABLE(d.j, '$.items[*]' COLUMNS (a jsonb FORMAT JSON PATH '$.tags[*]'"
                  + " WITH CONDITIONAL WRAPPER, b text FORMAT JSON PATH '$.tags[*]' WITH"
                  + " UNCONDITIONAL ARRAY WRAPPER EMPTY ARRAY ON EMPTY, c jsonb PATH '$.n' EMPTY"
                  + " OBJECT ON EMPTY, d text FORMAT JSON PATH '$.n' OMIT QUOTES, e int EXISTS PATH"
                  + " '$.n', f json PATH '$.p', g int[] PATH '$.tags' NULL ON ERROR)) t"),
          new Shape(
              "of_text",
              "SELECT d.id, t.v, t.o FROM docs d, JSON_TABLE(d.t FORMAT JSON, '$[*]' COLUMNS (v"
                  + " text FORMAT JSON PATH '$', o FOR ORDINALITY)) t"),
          new Shape(
              "grouped",
              "SELECT t.n, count(*) AS c, array_agg(d.id ORDER BY d.id) AS ids, count(DISTINCT"
                  + " o.label) AS l FROM docs d CROSS JOIN LATERAL JSON_TABLE(d.j, '$.items[*].n'"
                  + " COLUMNS (n text PATH '$')) t LEFT JOIN other o ON o.k::text = t.n GROUP BY"
                  + " t.n"),
          new Shape(
              "in_a_subquery",
              "SELECT d.id, (SELECT sum(t.n) FROM JSON_TABLE(d.j, '$.items[*]' COLUMNS (n numeric"
                  + " PATH '$.n' NULL ON ERROR)) t) AS s, EXISTS (SELECT FROM JSON_TABLE(d.j,"
                  + " '$.items[*].tags[*]' COLUMNS (v text PATH '$')) t WHERE t.v = '3') AS x FROM"
                  + " docs d"),
          new Shape(
              "of_a_constant",
              "SELECT o.label, t.a FROM other o JOIN JSON_TABLE('[{\"a\": 1}, {\"a\": 2}]'::jsonb,"
                  + " '$[*]' COLUMNS (a int)) t ON t.a = o.k"),
          new Shape(
              "of_a_subquery",
              "SELECT s.id, t.n FROM (SELECT id, jsonb_build_object('v', jsonb_agg(x)) AS j FROM"
                  + " docs GROUP BY id) s, JSON_TABLE(s.j, '$.v[*]' COLUMNS (n int PATH '$')) t"),
          new Shape(
              "collected_in_order",
              "SELECT d.id, array_agg(t.n) AS ns, string_agg(t.o::text, ',') AS os, ARRAY(SELECT"
                  + " u.v FROM JSON_TABLE(d.j, '$.items[*].tags[*]' COLUMNS (v text PATH '$')) u)"
                  + " AS vs FROM docs d, JSON_TABLE(d.j, '$.items[*]' COLUMNS (o FOR ORDINALITY, n"
                  + " text PATH '$.n')) t GROUP BY d.id, d.j"),
          new Shape(
              "the_first",
              "SELECT d.id, t.n FROM docs d, JSON_TABLE(d.j, '$.items[*]' COLUMNS (n text PATH"
                  + " '$.n')) t ORDER BY d.id LIMIT 5"),
          new Shape(
              "numbered",
              "SELECT d.id, s.n, s.r FROM docs d, LATERAL (SELECT t.n, row_number() OVER () AS r"
                  + " FROM JSON_TABLE(d.j, '$.items[*]' COLUMNS (n text PATH '$.n')) t WHERE t.n"
                  + " <> '1') s"),
          new Shape(
              "defaults",
              "SELECT d.id, t.n, t.xs FROM docs d, JSON_TABLE(d.j, '$.items[*]' COLUMNS (n int"
                  + " PATH '$.none' DEFAULT 1 + 1 ON EMPTY, xs int[] PATH '$.none' DEFAULT"
                  + " array_append('{}'::int[], 1) ON EMPTY)) t"),
          new Shape(
              "one_of_another",
              "SELECT d.id, u.v FROM docs d, JSON_TABLE(d.j, '$.items[*]' COLUMNS (p jsonb PATH"
                  + " '$.p')) t, JSON_TABLE(t.p, '$[*]' COLUMNS (v jsonb PATH '$.q')) u"));

  @BeforeEach
  void itIsThere() throws SQLException {
    try (Connection connection = LiveDatabase.server().connect()) {
      assumeThat(connection.getMetaData().getDatabaseMajorVersion()).isGreaterThanOrEqualTo(17);
    }
  }

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 6, 20_270_115).check(SHAPES);
  }

  @Test
  void anErrorOfARowHealsWithIt() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      run(connection, "DELETE FROM docs", "INSERT INTO docs VALUES (1, '{\"a\": 1}')");
      String query =
          "SELECT d.id, t.n FROM docs d, JSON_TABLE(d.j, 'strict $.a' COLUMNS (n int PATH '$'"
              + " ERROR ON ERROR) ERROR ON ERROR) t";
      streamTable(connection, "strict_table", query, "DIFFERENTIAL");
      assertThat(differences(connection, "strict_table", query)).isEmpty();
      run(connection, "INSERT INTO docs VALUES (2, '{\"a\": \"x\"}')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "strict_table")).isEqualTo("ERROR 22P02"));
      run(connection, "UPDATE docs SET j = '{}' WHERE id = 2");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "strict_table")).isEqualTo("ERROR 2203A"));
      run(connection, "DELETE FROM docs WHERE id = 2");
      sync(connection);
      assertThat(status(connection, "strict_table")).isEqualTo("ACTIVE");
      assertThat(differences(connection, "strict_table", query)).isEmpty();
    }
  }

  @Test
  void whatTheServerWouldNotNoticeIsAnErrorAllTheSame() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      run(connection, "DELETE FROM docs", "INSERT INTO docs VALUES (1, '[1, 2, 3]', '2026-01-01')");
      streamTable(
          connection,
          "above",
          "SELECT d.id, t.n FROM docs d, XMLTABLE('/r' PASSING (SELECT '<r>1</r>'::xml FROM other o"
              + " WHERE o.k = d.id) COLUMNS n int PATH '.') t",
          "DIFFERENTIAL");
      streamTable(
          connection,
          "of_a_day",
          "SELECT d.id, t.c FROM docs d, JSON_TABLE(d.j, '$' PASSING d.t::date AS c COLUMNS (c text"
              + " PATH '$.size()')) t",
          "DIFFERENTIAL");
      run(connection, "INSERT INTO other VALUES (1, 'twice')", "UPDATE docs SET t = 'today'");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(status(connection, "above")).isEqualTo("ERROR 21000");
                assertThat(status(connection, "of_a_day")).isEqualTo("ERROR 0A000");
              });
    }
  }

  @Test
  void timesAreLeftToTheServer() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      assertThat(
              value(
                  connection,
                  "SELECT reason_code FROM pgtrickle.validate_query($q$SELECT t.* FROM docs d,"
                      + " JSON_TABLE(d.j, '$' COLUMNS (d date PATH '$.d')) t$q$) WHERE check_name ="
                      + " 'resolved_refresh_mode'"))
          .isEqualTo("stable_expression");
    }
  }
}
