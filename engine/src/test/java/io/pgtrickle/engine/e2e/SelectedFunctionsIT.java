package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Set-returning functions in a SELECT list, with LIMIT and DISTINCT ON: the server sorts and
/// chooses first and calls them then, so that rows of one call come as it returns them.
final class SelectedFunctionsIT {
  private static final List<String> SCHEMA =
      List.of(
          "CREATE TABLE t (id int PRIMARY KEY, n int, arr int[], tags text[], doc jsonb)",
          "CREATE TABLE bag (n int, arr int[])");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO t SELECT (random()*10)::int, (random()*4)::int, CASE WHEN random() < 0.2"
              + " THEN NULL ELSE ARRAY(SELECT (random()*9)::int FROM generate_series(1,"
              + " (random()*4)::int)) END, CASE WHEN random() < 0.5 THEN '{b,a,NULL,c}' ELSE"
              + " '{z,y}'::text[] END, '[3,1,{\"a\":1},2]' ON CONFLICT (id) DO UPDATE SET (n, arr,"
              + " tags) = ROW(excluded.n, excluded.arr, excluded.tags)",
          "INSERT INTO t SELECT (random()*10)::int, (random()*4)::int, '{5,1,5,3}', '{b,a,NULL,c}',"
              + " '[\"x\",1,{\"a\":1},2]' ON CONFLICT (id) DO UPDATE SET (n, arr, doc) ="
              + " ROW(excluded.n, excluded.arr, excluded.doc)",
          "DELETE FROM t WHERE id = (random()*10)::int",
          "UPDATE t SET n = n + 1 WHERE id % 3 = (random()*2)::int",
          "INSERT INTO bag SELECT (random()*3)::int, '{3,1,2}' FROM generate_series(1, 2)",
          "INSERT INTO bag SELECT (random()*3)::int, '{7,6}'",
          "DELETE FROM bag WHERE ctid IN (SELECT ctid FROM bag LIMIT 2)");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("first", "SELECT id, unnest(arr) AS x FROM t ORDER BY id LIMIT 3"),
          new Shape(
              "page", "SELECT id, unnest(arr) > 2 AS x FROM t ORDER BY n, id OFFSET 2 LIMIT 5"),
          new Shape(
              "in_step",
              "SELECT id, unnest(arr) AS x, unnest(tags) AS y FROM t ORDER BY id DESC LIMIT 4"),
          new Shape(
              "documents",
              "SELECT DISTINCT ON (id) id, jsonb_array_elements(doc) AS x FROM t ORDER BY id"),
          new Shape(
              "with_ties",
              "SELECT id, unnest(arr) AS x FROM t ORDER BY id FETCH FIRST 3 ROWS WITH TIES"),
          new Shape(
              "of_groups",
              "SELECT n, unnest(array_agg(id ORDER BY id DESC)) AS x FROM t GROUP BY n ORDER BY n"
                  + " LIMIT 5"),
          new Shape(
              "nested",
              "SELECT n, generate_series(unnest(arr), 4) AS x FROM (SELECT id, n, arr FROM t) s"
                  + " ORDER BY id LIMIT 9"),
          new Shape(
              "below",
              "SELECT s.id, s.x, b.arr FROM (SELECT id, n, unnest(arr) AS x FROM t ORDER BY id"
                  + " LIMIT 4) s, bag b WHERE b.n = s.n"),
          new Shape(
              "alike",
              "SELECT n, unnest(arr) AS x FROM bag WHERE n = 1 AND cardinality(arr) = 3 ORDER BY n"
                  + " LIMIT 4"),
          new Shape(
              "correlated",
              "SELECT t.id, l.u FROM t, LATERAL (SELECT unnest(coalesce(t.arr, b.arr)) AS u FROM"
                  + " bag b WHERE b.n = t.n AND b.arr = '{7,6}' ORDER BY b.n LIMIT 3) l"),
          new Shape(
              "collected",
              "SELECT json_agg(s)::text AS j FROM (SELECT id, unnest(arr) AS x FROM t ORDER BY id"
                  + " DESC) s"),
          new Shape(
              "collected_first",
              "SELECT array_agg(x) AS a FROM (SELECT id, unnest(arr) AS x FROM t ORDER BY id LIMIT"
                  + " 4) s"),
          new Shape(
              "first_of_sorted",
              "SELECT x FROM (SELECT id, unnest(arr) AS x FROM t ORDER BY id) s LIMIT 3"),
          new Shape(
              "calls_alike",
              "SELECT n, array_agg(x) AS a FROM (SELECT n, unnest(arr) AS x FROM bag WHERE"
                  + " cardinality(arr) = 3) s GROUP BY n"),
          new Shape(
              "distinct_calls",
              "SELECT DISTINCT ON (n) n, unnest(arr) AS x FROM t ORDER BY n, id DESC"),
          new Shape(
              "some_distinct_calls",
              "SELECT DISTINCT ON (n) n, id, unnest(arr) AS x, unnest(tags) AS y FROM t ORDER BY n,"
                  + " id LIMIT 5"),
          new Shape(
              "distinct_rows",
              "SELECT DISTINCT ON (n) n, unnest(arr) AS x FROM t ORDER BY n, 2 DESC"),
          new Shape(
              "distinct_beside_function",
              "SELECT DISTINCT ON (t.id) t.id, unnest(t.arr) AS x FROM t, unnest(t.tags) g ORDER BY"
                  + " t.id"),
          new Shape(
              "distinct_beside_kept",
              "SELECT DISTINCT ON (t.id) t.id, unnest(t.tags) AS x FROM t LEFT JOIN LATERAL"
                  + " unnest(t.arr) g ON true ORDER BY t.id"),
          new Shape(
              "distinct_by_function",
              "SELECT DISTINCT ON (g) g, unnest(t.tags) AS x FROM t CROSS JOIN unnest(t.arr) g"
                  + " ORDER BY g, t.id"),
          new Shape(
              "distinct_sorted_by_function",
              "SELECT DISTINCT ON (t.id) t.id, g, unnest(t.tags) AS x FROM t, unnest(t.arr) g"
                  + " ORDER BY t.id, g DESC"),
          new Shape(
              "distinct_by_one_of_two",
              "SELECT DISTINCT ON (t.n) t.n, g, generate_series(unnest(t.arr), 4) AS x FROM t LEFT"
                  + " JOIN LATERAL unnest(t.arr) g ON g > 1, unnest(t.tags) h ORDER BY t.n, g, t.id"
                  + " DESC"),
          new Shape(
              "distinct_groups",
              "SELECT DISTINCT ON (n) n, unnest(arr) AS u, unnest('{4,4}'::int[]) AS g FROM t GROUP"
                  + " BY n, unnest(arr) ORDER BY n, 2"),
          new Shape("distinct_unsorted", "SELECT DISTINCT ON (id) id, unnest(arr) AS x FROM t"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 6, 20_261_203).check(SHAPES);
  }

  @Test
  void callsThatMayFailBeyondTheLimitAreLeftToTheServer()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE q (id int PRIMARY KEY, x int, arr int[], doc jsonb)",
          "INSERT INTO q SELECT i, 5, '{1,2}', '[1,2]' FROM generate_series(1, 20) i",
          "INSERT INTO q VALUES (100, 0, '{0}', '{}')");
      List<String> queries =
          List.of(
              "SELECT id, generate_series(1, 10 / x) AS g FROM q ORDER BY id LIMIT 3",
              "SELECT id, 10 / unnest(arr) AS g FROM q ORDER BY id LIMIT 3",
              "SELECT id, jsonb_array_elements(doc) AS g FROM q ORDER BY id LIMIT 3",
              "SELECT id, generate_series(1, 2, x) AS g FROM q ORDER BY id LIMIT 3",
              "SELECT g FROM (SELECT id, generate_series(1, 10 / x) AS g FROM q ORDER BY id LIMIT"
                  + " 3) s",
              "SELECT id, generate_series(1, 10 / x) AS g FROM (SELECT * FROM q ORDER BY id) s"
                  + " LIMIT 3");
      for (int i = 0; i < queries.size(); i++) {
        streamTable(connection, "limited" + i, queries.get(i), "AUTO");
      }
      run(connection, "UPDATE q SET x = 4 WHERE id = 1");
      sync(connection);
      for (int i = 0; i < queries.size(); i++) {
        assertThat(status(connection, "limited" + i)).as(queries.get(i)).isEqualTo("ACTIVE");
        assertThat(differences(connection, "limited" + i, queries.get(i)))
            .as(queries.get(i))
            .isEmpty();
      }
    }
  }
}
