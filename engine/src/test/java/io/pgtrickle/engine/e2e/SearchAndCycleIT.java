package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
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
import org.junit.jupiter.api.Test;

/// SEARCH and CYCLE of recursive queries, over graphs with cycles that come and go.
final class SearchAndCycleIT {
  private static final List<String> SCHEMA =
      List.of(
          "CREATE TABLE edges (id int PRIMARY KEY, a int, b int, w numeric)",
          "CREATE TABLE nodes (n int PRIMARY KEY, name text COLLATE \"C\", label text, f float8)",
          "CREATE TABLE blocked (n int)",
          "INSERT INTO nodes SELECT i, nullif(chr(97 + i % 3), 'b'), 'N' || i, nullif(i % 3, 2)"
              + " FROM generate_series(1, 5) i",
          "INSERT INTO edges VALUES (1, 1, 2, 1.0), (2, 2, 3, 1.00), (3, 3, 1, NULL), (4, 3, 4, 2),"
              + " (5, 1, 2, 1)");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO edges SELECT (random()*9)::int, 1 + (random()*4)::int, 1 +"
              + " (random()*4)::int, (array[1.0, 1.00, 2, NULL])[1 + (random()*3)::int] ON CONFLICT"
              + " (id) DO UPDATE SET (a, b, w) = ROW(excluded.a, excluded.b, excluded.w)",
          "INSERT INTO edges SELECT (random()*9)::int, nullif(1 + (random()*4)::int, 3), NULL, 1 ON"
              + " CONFLICT (id) DO UPDATE SET b = excluded.b",
          "DELETE FROM edges WHERE id = (random()*9)::int",
          "DELETE FROM edges WHERE id = (random()*9)::int",
          "UPDATE edges SET (a, b) = (b, a) WHERE id = (random()*9)::int",
          "UPDATE nodes SET name = nullif(chr(97 + (random()*3)::int), 'b') WHERE n ="
              + " 1 + (random()*4)::int",
          "INSERT INTO blocked VALUES (1 + (random()*4)::int)",
          "DELETE FROM blocked WHERE n = 1 + (random()*4)::int");

  /// Walks from node 1, which end on a cycle.
  private static final String WALKS =
      "WITH RECURSIVE t(a, b, len) AS (SELECT a, b, 1 FROM edges WHERE a < 3 UNION ALL SELECT e.a,"
          + " e.b, t.len + 1 FROM t JOIN edges e ON e.a = t.b WHERE t.len < 4)";

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "cut",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges WHERE a = 1 UNION ALL SELECT e.a, e.b"
                  + " FROM t JOIN edges e ON e.a = t.b) CYCLE b SET is_cycle USING path SELECT a, b"
                  + " FROM t WHERE NOT is_cycle"),
          new Shape(
              "marked",
              "WITH RECURSIVE t(a, b) AS (SELECT a, b FROM edges WHERE a < 3 UNION SELECT e.a, e.b"
                  + " FROM edges e, t WHERE e.a = t.b) CYCLE a, b SET is_cycle USING path SELECT a,"
                  + " b, is_cycle FROM t"),
          new Shape(
              "marked_by_text",
              "WITH RECURSIVE t(n, d) AS (SELECT 1, 0 UNION ALL SELECT e.b, t.d + 1 FROM t LEFT"
                  + " JOIN blocked x ON x.n = t.n JOIN edges e ON e.a = t.n WHERE x.n IS NULL)"
                  + " CYCLE n SET mark TO 'yes' DEFAULT 'no' USING path SELECT * FROM (SELECT n, d,"
                  + " mark FROM t) x"),
          new Shape(
              "marked_by_number",
              "WITH RECURSIVE t(n) AS (SELECT n FROM nodes UNION ALL SELECT e.b FROM t JOIN edges e"
                  + " ON e.a = t.n WHERE EXISTS (SELECT FROM nodes WHERE nodes.n = e.b AND nodes.n"
                  + " <> t.n + 3)) CYCLE n SET mark TO 1 DEFAULT 0 USING path SELECT n, sum(mark)"
                  + " AS cycles, count(*) AS c FROM t GROUP BY n"),
          new Shape(
              "nulls_on_the_path",
              "WITH RECURSIVE t(n) AS (SELECT a FROM edges WHERE id < 4 UNION ALL SELECT e.b FROM"
                  + " edges e JOIN t ON e.a IS NOT DISTINCT FROM t.n) CYCLE n SET c USING p SELECT"
                  + " n, c, count(*) AS k FROM t GROUP BY n, c"),
          new Shape(
              "numbers_that_look_different",
              "WITH RECURSIVE t(n, w) AS (SELECT b, w FROM edges WHERE a = 1 UNION SELECT e.b, e.w"
                  + " FROM t JOIN edges e ON e.a = t.n) CYCLE n, w SET c USING p SELECT n, c,"
                  + " count(*) AS k FROM t GROUP BY n, c"),
          new Shape(
              "names_and_floats",
              "WITH RECURSIVE t(n, label, f) AS (SELECT n, label, f FROM nodes WHERE n = 1 UNION"
                  + " ALL SELECT x.n, x.label, x.f FROM t JOIN edges e ON e.a = t.n JOIN nodes x ON"
                  + " x.n = e.b) CYCLE label, f SET c USING p SELECT n, label, f, c FROM t"),
          new Shape("depth_unused", WALKS + " SEARCH DEPTH FIRST BY a, b SET o SELECT a, b FROM t"),
          new Shape(
              "depth_sorted",
              WALKS + " SEARCH DEPTH FIRST BY a, b SET o SELECT a, b, len FROM t ORDER BY o"),
          new Shape(
              "depth_first_ones",
              WALKS
                  + " SEARCH DEPTH FIRST BY b, a SET o SELECT a, b, len FROM t ORDER BY o LIMIT 6"),
          new Shape(
              "depth_numbered",
              WALKS
                  + " SEARCH DEPTH FIRST BY b SET o SELECT a, b, len, rank() OVER (ORDER BY o) AS"
                  + " r, dense_rank() OVER (PARTITION BY a ORDER BY o DESC) AS d FROM t"),
          new Shape(
              "breadth_first_ones",
              WALKS
                  + " SEARCH BREADTH FIRST BY a, b SET o SELECT a, b, len FROM t ORDER BY o DESC"
                  + " LIMIT 5"),
          new Shape(
              "breadth_numbered",
              "WITH RECURSIVE t(n, name) AS (SELECT n, name FROM nodes WHERE n < 3 UNION SELECT"
                  + " x.n, x.name FROM t JOIN edges e ON e.a = t.n AND e.b > t.n JOIN nodes x ON"
                  + " x.n = e.b) SEARCH BREADTH FIRST BY name SET o SELECT n, name, rank() OVER"
                  + " (ORDER BY o) AS r FROM t"),
          new Shape(
              "depth_of_trees",
              "WITH RECURSIVE t(n, name, w) AS (SELECT n, name, 0.0 FROM nodes WHERE n < 3 UNION"
                  + " ALL SELECT x.n, x.name, t.w + e.w FROM t JOIN edges e ON e.a = t.n AND e.b >"
                  + " t.n JOIN nodes x ON x.n = e.b) SEARCH DEPTH FIRST BY name, n, w SET o SELECT"
                  + " n, name, w, rank() OVER (ORDER BY o) AS r, count(*) OVER (ORDER BY o) AS c"
                  + " FROM t"),
          new Shape(
              "both",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges WHERE a = 1 UNION ALL SELECT e.a, e.b"
                  + " FROM t JOIN edges e ON e.a = t.b) SEARCH DEPTH FIRST BY a, b SET o CYCLE b"
                  + " SET c USING p SELECT a, b, c, rank() OVER (ORDER BY o) AS r FROM t"),
          new Shape(
              "both_distinct",
              "WITH RECURSIVE t AS (SELECT a, b FROM edges WHERE a = 1 UNION SELECT e.a, e.b FROM t"
                  + " JOIN edges e ON e.a = t.b) SEARCH BREADTH FIRST BY b SET o CYCLE a SET c TO"
                  + " true DEFAULT false USING p SELECT a, b, c, rank() OVER (ORDER BY o, p) AS r"
                  + " FROM t"),
          new Shape(
              "sorted_by_the_path",
              "WITH RECURSIVE t(n) AS (SELECT n FROM nodes WHERE n = 1 UNION ALL SELECT e.b FROM t"
                  + " JOIN edges e ON e.a = t.n) CYCLE n SET c USING p SELECT n, c, rank() OVER"
                  + " (ORDER BY p) AS r FROM t WHERE NOT c"),
          new Shape(
              "grouped_by_the_path",
              "WITH RECURSIVE t(n) AS (SELECT n FROM nodes WHERE n = 1 UNION ALL SELECT e.b FROM t"
                  + " JOIN edges e ON e.a = t.n) CYCLE n SET c USING p SELECT min(n) AS n, count(*)"
                  + " AS k FROM t GROUP BY p"),
          new Shape(
              "counted_paths",
              "WITH RECURSIVE t(n) AS (SELECT n FROM nodes WHERE n < 3 UNION ALL SELECT e.b FROM t"
                  + " JOIN edges e ON e.a = t.n) SEARCH BREADTH FIRST BY n SET o CYCLE n SET c"
                  + " USING p SELECT n, count(DISTINCT p) AS k, count(DISTINCT o) AS m, count(p) AS"
                  + " a FROM t GROUP BY n"),
          new Shape(
              "collected_in_order",
              WALKS
                  + " SEARCH DEPTH FIRST BY a, b SET o SELECT len, string_agg(b::text, ',' ORDER BY"
                  + " o, b) AS bs, array_agg(a ORDER BY o DESC, a) AS xs, ARRAY(SELECT s.b FROM t s"
                  + " ORDER BY s.o, s.b LIMIT 5) AS firsts FROM t GROUP BY len"),
          new Shape(
              "distinct_paths",
              WALKS
                  + " SEARCH BREADTH FIRST BY a, b SET o SELECT count(*) AS n FROM (SELECT DISTINCT"
                  + " o, b FROM t) x"),
          new Shape(
              "unfolded_in_the_step",
              "WITH RECURSIVE t(n, k) AS (SELECT 1, 0 UNION ALL SELECT e.b, g FROM t JOIN edges e"
                  + " ON e.a = t.n, generate_series(1, 2) g WHERE t.k < 2) CYCLE n, k SET c USING p"
                  + " SELECT n, k, c, count(*) AS x FROM t GROUP BY n, k, c"),
          new Shape(
              "inside_of_a_query",
              "SELECT nodes.n, (WITH RECURSIVE t(n) AS (SELECT a FROM edges WHERE a = 1 UNION"
                  + " ALL SELECT e.b FROM t JOIN edges e ON e.a = t.n) CYCLE n SET c USING p SELECT"
                  + " count(*) FROM t WHERE c) AS cycles FROM nodes"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 8, 20_261_130).check(SHAPES);
  }

  /// A path has no text here, and its parts no fields.
  @Test
  void whatIsMadeOfThePathIsLeftToTheServer() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      String walk =
          "WITH RECURSIVE t(n) AS (SELECT n FROM nodes WHERE n = 1 UNION ALL SELECT e.b FROM t JOIN"
              + " edges e ON e.a = t.n) SEARCH BREADTH FIRST BY n SET o CYCLE n SET c USING p ";
      List<String> queries =
          List.of(
              walk + "SELECT n, p::text AS x FROM t",
              walk + "SELECT n, array_length(p, 1) AS x FROM t",
              walk + "SELECT n, o::text AS x FROM t",
              walk + "SELECT json_agg(p)::text AS x FROM t",
              walk + "SELECT min(p)::text AS x FROM t",
              walk + "SELECT array_length(lag(p) OVER (ORDER BY n), 1) AS x FROM t",
              walk + "SELECT x.n FROM t x JOIN t y ON x.p = y.p",
              walk + "SELECT n, row_to_json(t)::text AS x FROM t",
              walk + "SELECT n, (SELECT array_length(t.p, 1)) AS x FROM t",
              walk + "SELECT t.n, e.m FROM t, unnest(t.p) e (m int)",
              walk + "SELECT n, to_json(p)::text AS x FROM t",
              walk + "SELECT n, o IS NOT NULL AS x FROM t",
              walk + "SELECT n, ROW(n) = ANY (p) AS x FROM t",
              walk + "SELECT n, p[1]::text AS x FROM t",
              walk + "SELECT n, p = ARRAY[ROW(1)] AS x FROM t",
              "WITH RECURSIVE t(n, label) AS (SELECT n, label COLLATE \"en-x-icu\" FROM nodes UNION"
                  + " ALL SELECT e.b, t.label FROM t JOIN edges e ON e.a = t.n AND e.b > t.n)"
                  + " SEARCH DEPTH FIRST BY label SET o SELECT n, rank() OVER (ORDER BY o) AS r"
                  + " FROM t",
              "WITH RECURSIVE t(n) AS (SELECT 1::bigint UNION ALL SELECT e.b FROM t JOIN edges e ON"
                  + " e.a = t.n AND e.b > t.n) SEARCH DEPTH FIRST BY n SET o SELECT n FROM t",
              "WITH RECURSIVE t(n) AS (SELECT ARRAY[1] UNION ALL SELECT ARRAY[e.b] FROM t JOIN"
                  + " edges e ON e.a = t.n[1] AND e.b > e.a) SEARCH DEPTH FIRST BY n SET o SELECT n"
                  + " FROM t",
              "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT DISTINCT e.b FROM t JOIN edges e"
                  + " ON e.a = t.n AND e.b > t.n) SEARCH DEPTH FIRST BY n SET o SELECT n FROM t");
      for (String query : queries) {
        assertThat(mode(connection, query)).as(query).isEqualTo("FULL");
      }
      assertThat(mode(connection, walk + "SELECT n FROM t ORDER BY o, p"))
          .isEqualTo("DIFFERENTIAL");
    }
  }

  private static String mode(Connection connection, String query) throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT result FROM pgtrickle.validate_query($q$"
                + query
                + "$q$) WHERE check_name = 'resolved_refresh_mode'"));
  }

  @Test
  void aSearchWithoutAnEndIsAnErrorUntilItHasOne() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      run(connection, "DELETE FROM edges WHERE id IN (3, 5)");
      String query =
          "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT e.b FROM t JOIN edges e ON e.a = t.n)"
              + " SEARCH DEPTH FIRST BY n SET o SELECT n, rank() OVER (ORDER BY o) AS r FROM t";
      streamTable(connection, "walk", query, "DIFFERENTIAL");
      assertThat(differences(connection, "walk", query)).isEmpty();
      run(connection, "INSERT INTO edges VALUES (3, 3, 1, 1)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "walk")).isEqualTo("ERROR 54000"));
      run(connection, "DELETE FROM edges WHERE id = 3");
      sync(connection);
      assertThat(status(connection, "walk")).isEqualTo("ACTIVE");
      assertThat(differences(connection, "walk", query)).isEmpty();
    }
  }
}
