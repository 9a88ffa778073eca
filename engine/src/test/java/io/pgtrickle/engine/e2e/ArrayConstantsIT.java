package io.pgtrickle.engine.e2e;

import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Constants of arrays with other lower bounds than 1, of several dimensions, and with NULLs.
final class ArrayConstantsIT {
  private static final List<String> SCHEMA =
      List.of("CREATE TABLE t (id int PRIMARY KEY, n int, arr int[], tags text[])");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO t SELECT (random()*10)::int, (random()*4)::int, CASE WHEN random() < 0.3"
              + " THEN NULL ELSE '[0:1]={5,6}'::int[] END, '{b,a,NULL}' ON CONFLICT (id) DO UPDATE"
              + " SET (n, arr) = ROW(excluded.n, excluded.arr)",
          "DELETE FROM t WHERE id = (random()*10)::int",
          "UPDATE t SET n = n - 1 WHERE id % 3 = (random()*2)::int");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "shown",
              "SELECT id, '[0:2]={1,2,3}'::int[] AS a, '{{1,2},{3,NULL}}'::int[] AS b,"
                  + " '[2:3]={\"a\",\"b,\\\"c\"}'::text[] AS c, '{}'::text[] AS d,"
                  + " '[-1:0][5:6]={{1.50,2},{3,4}}'::numeric[] AS e,"
                  + " '{NULL,2024-02-29}'::date[] AS f, '{{{t},{f}}}'::bool[] AS g FROM t"),
          new Shape(
              "elements",
              "SELECT id, ('[0:2]={1,2,3}'::int[])[n] AS a, ('{{1,2},{3,4}}'::int[])[n][2] AS b"
                  + " FROM t"),
          new Shape(
              "bounds",
              "SELECT id, array_lower(coalesce(arr, '[7:8]={1,2}'::int[]), 1) AS a,"
                  + " array_length('[0:1][2:4]={{1,2,3},{4,5,6}}'::int[], n) AS b,"
                  + " cardinality('[0:1][2:4]={{1,2,3},{4,5,6}}'::int[]) + n AS c FROM t"),
          new Shape(
              "joined",
              "SELECT id, '[2:3]={x,y}'::text[] || tags AS a, arr = '[0:1]={5,6}'::int[] AS b, arr"
                  + " = '{5,6}'::int[] AS c FROM t"),
          new Shape(
              "sets",
              "SELECT id, generate_subscripts('[5:7]={1,2,3}'::int[], 1) AS a,"
                  + " unnest('[0:1][0:1]={{9,8},{7,NULL}}'::int[]) AS b FROM t"),
          new Shape(
              "members",
              "SELECT id, n = ANY ('[0:2]={1,2,3}'::int[]) AS a, n <> ALL"
                  + " ('[3:4][0:1]={{1,2},{3,4}}'::int[]) AS b FROM t"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 4, 20_261_204).check(SHAPES);
  }
}
