package io.pgtrickle.engine.e2e;

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
              "page", "SELECT id, unnest(arr) + 1 AS x FROM t ORDER BY n, id OFFSET 2 LIMIT 5"),
          new Shape(
              "in_step",
              "SELECT id, unnest(arr) AS x, unnest(tags) AS y FROM t ORDER BY id DESC LIMIT 4"),
          new Shape(
              "documents", "SELECT id, jsonb_array_elements(doc) AS x FROM t ORDER BY id LIMIT 5"),
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
              "SELECT t.id, l.u FROM t, LATERAL (SELECT unnest(b.arr || t.arr) AS u FROM bag b"
                  + " WHERE b.n = t.n AND b.arr = '{7,6}' ORDER BY b.n LIMIT 3) l"),
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
          new Shape("distinct_unsorted", "SELECT DISTINCT ON (id) id, unnest(arr) AS x FROM t"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 6, 20_261_203).check(SHAPES);
  }
}
