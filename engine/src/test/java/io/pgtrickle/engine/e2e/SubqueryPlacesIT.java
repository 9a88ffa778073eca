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

/// Subqueries where few expect them: beside rows that are compared, in GROUP BY, VALUES, arguments
/// of functions in FROM, and conditions of outer joins.
final class SubqueryPlacesIT {
  private static final List<String> SCHEMA =
      List.of(
          "CREATE TABLE a (id int PRIMARY KEY, k int, n numeric, t text COLLATE \"C\")",
          "CREATE TABLE b (id int PRIMARY KEY, a_id int, v int, t text COLLATE \"C\")",
          "CREATE TABLE e (f int, g int)");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO a SELECT (random()*8)::int, nullif((random()*4)::int, 0), (random()*3)::int,"
              + " chr(97 + (random()*3)::int) ON CONFLICT (id) DO UPDATE SET (k, n) ="
              + " ROW(excluded.k, excluded.n)",
          "INSERT INTO b SELECT (random()*12)::int, (random()*8)::int, nullif((random()*4)::int,"
              + " 2), chr(97 + (random()*3)::int) ON CONFLICT (id) DO UPDATE SET (a_id, v) ="
              + " ROW(excluded.a_id, excluded.v)",
          "INSERT INTO e SELECT nullif((random()*6)::int, 3), (random()*6)::int WHERE (SELECT"
              + " count(*) FROM e) < 14",
          "DELETE FROM a WHERE id = (random()*8)::int",
          "DELETE FROM b WHERE id = (random()*12)::int",
          "DELETE FROM e WHERE ctid IN (SELECT ctid FROM e ORDER BY random() LIMIT 2)",
          "UPDATE a SET k = k + 1 WHERE id % 3 = (random()*2)::int");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "row_equal",
              "SELECT a.id, (a.k, a.n) = (SELECT b.v, b.a_id FROM b WHERE b.id = 3) AS x FROM"
                  + " a"),
          new Shape(
              "row_less",
              "SELECT a.id, (a.k, a.id) < (SELECT b.v, b.id FROM b WHERE b.id = 3) AS x FROM"
                  + " a"),
          new Shape(
              "row_of_aggregates",
              "SELECT a.id, (a.k, a.id) <> (SELECT max(b.v), min(b.id) FROM b WHERE b.a_id ="
                  + " a.id) AS x FROM a"),
          new Shape(
              "row_of_first",
              "SELECT a.id FROM a WHERE (a.k, a.id) <> (SELECT b.v, b.a_id FROM b WHERE"
                  + " b.a_id = a.id ORDER BY b.v DESC NULLS LAST, b.id LIMIT 1)"),
          new Shape(
              "rows_any",
              "SELECT a.id FROM a WHERE (a.k, a.id) < ANY (SELECT b.v + 2, b.id FROM b)"),
          new Shape(
              "rows_all",
              "SELECT a.id, (a.t, a.id) >= ALL (SELECT b.t, b.a_id FROM b WHERE b.a_id ="
                  + " a.id) AS x FROM a"),
          new Shape(
              "rows_any_unknown",
              "SELECT a.id, (a.k, a.t) > ANY (SELECT b.v, b.t FROM b) AS x FROM a"),
          new Shape(
              "by_value",
              "SELECT (SELECT b.t FROM b WHERE b.id = a.id) AS g, count(*) AS n FROM a GROUP"
                  + " BY (SELECT b.t FROM b WHERE b.id = a.id)"),
          new Shape(
              "by_hidden",
              "SELECT count(*) AS n FROM a GROUP BY (SELECT b.t FROM b WHERE b.id = a.id)"),
          new Shape(
              "by_value_in_expression",
              "SELECT upper((SELECT b.t FROM b WHERE b.id = a.id)) AS g, count(*) AS n FROM a"
                  + " GROUP BY (SELECT b.t FROM b WHERE b.id = a.id)"),
          new Shape(
              "by_existence",
              "SELECT EXISTS (SELECT FROM b WHERE b.a_id = a.id) AS g, k, count(*) AS n,"
                  + " sum((SELECT count(*) FROM b WHERE b.a_id = a.id)) AS m FROM a GROUP BY 1, 2"
                  + " HAVING sum((SELECT count(*) FROM b WHERE b.a_id = a.id)) >= 0"),
          new Shape(
              "by_membership",
              "SELECT CASE WHEN a.k IN (SELECT v FROM b) THEN 'in' ELSE 'out' END AS g,"
                  + " count(*) AS n FROM a GROUP BY 1"),
          new Shape(
              "rolled_up",
              "SELECT CASE WHEN a.k IN (SELECT v FROM b) THEN 'in' ELSE 'out' END AS g, k,"
                  + " count(*) AS n, GROUPING(a.k) AS q FROM a GROUP BY ROLLUP (1, k)"),
          new Shape(
              "histogram",
              "SELECT (SELECT count(*) FROM b WHERE b.a_id = a.id) AS orders, count(*) AS"
                  + " customers, string_agg(t, ',' ORDER BY id) AS ts, rank() OVER (ORDER BY"
                  + " count(*) DESC) AS r FROM a GROUP BY 1"),
          new Shape(
              "selected_and_sorted_by",
              "SELECT k, (SELECT count(*) FROM b WHERE b.v = a.k) AS c, count(*) AS n, rank() OVER"
                  + " (ORDER BY (SELECT count(*) FROM b WHERE b.v = a.k)) AS r, sum(count(*)) OVER"
                  + " w AS s FROM a GROUP BY k WINDOW w AS (ORDER BY (SELECT count(*) FROM b WHERE"
                  + " b.v = a.k) DESC)"),
          new Shape(
              "selected_and_partitioned_by",
              "SELECT k, EXISTS (SELECT FROM e WHERE e.f = a.k) AS x, max(n) AS m, row_number()"
                  + " OVER (PARTITION BY EXISTS (SELECT FROM e WHERE e.f = a.k) ORDER BY k) AS r"
                  + " FROM a GROUP BY k HAVING count(*) < 9 AND (SELECT count(*) FROM b WHERE"
                  + " b.a_id = a.k) >= 0"),
          new Shape(
              "by_value_and_another",
              "SELECT (SELECT b.t FROM b WHERE b.id = a.id) AS g, (SELECT count(*) FROM b"
                  + " WHERE b.t = 'a') + count(*) AS c FROM a GROUP BY 1"),
          new Shape(
              "figures",
              "SELECT k.name, k.val FROM (VALUES ('rows', (SELECT count(*)::numeric FROM a)),"
                  + " ('total', (SELECT sum(n) FROM a)), ('orphans', (SELECT count(*) FROM b WHERE"
                  + " NOT EXISTS (SELECT FROM a WHERE a.id = b.a_id))), ('none', NULL)) k (name,"
                  + " val)"),
          new Shape(
              "figures_of_each",
              "SELECT a.id, v.x FROM a, LATERAL (VALUES (a.k), ((SELECT max(b.v) FROM b WHERE"
                  + " b.a_id = a.id))) v (x)"),
          new Shape(
              "greatest_of_each",
              "SELECT a.id, (SELECT max(x) FROM (VALUES (a.k), ((SELECT max(b.v) FROM b WHERE"
                  + " b.a_id = a.id)), (2)) v (x)) AS m FROM a"),
          new Shape(
              "spine",
              "SELECT d::date AS day, count(b.id) AS n FROM generate_series((SELECT date"
                  + " '2024-01-01' + min(v) FROM b), (SELECT date '2024-01-01' + max(v) FROM b),"
                  + " interval '1 day') d LEFT JOIN b ON date '2024-01-01' + b.v = d::date GROUP BY"
                  + " d"),
          new Shape(
              "series_of_each",
              "SELECT a.id, g FROM a LEFT JOIN LATERAL generate_series(1, (SELECT count(*)"
                  + " FROM b WHERE b.a_id = a.id)) g ON g > 1"),
          new Shape(
              "array_of_each",
              "SELECT a.id, x, o FROM a CROSS JOIN LATERAL unnest(ARRAY(SELECT b.id FROM b"
                  + " WHERE b.a_id = a.id ORDER BY b.id)) WITH ORDINALITY u (x, o) WHERE o <= 2"),
          new Shape(
              "selected_array",
              "SELECT a.id, unnest(ARRAY(SELECT b.id FROM b WHERE b.a_id = a.id ORDER BY"
                  + " b.id)) AS x FROM a"),
          new Shape(
              "counted_series",
              "SELECT a.id, (SELECT count(*) FROM generate_series(a.id, (SELECT max(b.v) FROM"
                  + " b WHERE b.a_id = a.id)) g) AS n FROM a"),
          new Shape(
              "latest_match",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND b.id ="
                  + " (SELECT max(b2.id) FROM b b2 WHERE b2.a_id = a.id)"),
          new Shape(
              "latest_match_of_inner",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND b.v = (SELECT"
                  + " max(b2.v) FROM b b2 WHERE b2.a_id = b.a_id)"),
          new Shape(
              "matched_if_exists",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND NOT EXISTS"
                  + " (SELECT FROM e WHERE e.f = a.k) AND EXISTS (SELECT FROM e WHERE e.f = b.v)"),
          new Shape(
              "full_of_members",
              "SELECT a.id, b.id AS bid FROM a FULL JOIN b ON b.a_id = a.id AND b.v IN"
                  + " (SELECT f FROM e) AND a.k NOT IN (SELECT g FROM e)"),
          new Shape(
              "right_above_average",
              "SELECT a.id, b.id AS bid FROM a RIGHT JOIN b ON b.a_id = a.id AND b.v >"
                  + " (SELECT avg(v) FROM b b2 WHERE b2.a_id = a.id)"),
          new Shape(
              "chained",
              "SELECT a.id, b.id AS bid, e.g FROM a LEFT JOIN b ON b.a_id = a.id AND b.v ="
                  + " (SELECT max(v) FROM b b2 WHERE b2.a_id = a.id) LEFT JOIN e ON e.f = b.v AND"
                  + " EXISTS (SELECT FROM a a2 WHERE a2.id = b.a_id AND a2.k > 1)"),
          new Shape(
              "bushy",
              "SELECT a.id, j.id AS jid, j.g FROM a LEFT JOIN (b JOIN e ON e.f = b.v) j ON"
                  + " j.a_id = a.id AND j.id IN (SELECT max(id) FROM b GROUP BY a_id)"),
          new Shape(
              "merged",
              "SELECT id, a.k, b.v FROM a FULL JOIN b USING (id) LEFT JOIN e ON e.f = id AND"
                  + " EXISTS (SELECT FROM b x WHERE x.id = a.id)"),
          new Shape(
              "in_a_subquery",
              "SELECT a.id, (SELECT count(x.id) FROM e LEFT JOIN b x ON x.v = e.g AND x.a_id"
                  + " = a.id AND x.id > (SELECT min(id) FROM b y WHERE y.a_id = x.a_id) WHERE e.f ="
                  + " a.k) AS n FROM a"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 4, 20_261_205).check(SHAPES);
  }

  @Test
  void aRowThatIsComparedWithSeveralIsAnErrorUntilTheyGo()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      run(connection, "INSERT INTO a VALUES (1, 1, 1, 'a'), (2, NULL, 2, 'b')");
      run(connection, "INSERT INTO b VALUES (1, 1, 1, 'a'), (2, 2, 5, 'b')");
      String query =
          "SELECT a.id, (a.k, a.t) = (SELECT b.v, b.t FROM b WHERE b.a_id = a.id) AS x FROM a";
      streamTable(connection, "compared", query, "DIFFERENTIAL");
      assertThat(differences(connection, "compared", query)).isEmpty();
      run(connection, "INSERT INTO b VALUES (3, 1, 1, 'a')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "compared")).isEqualTo("ERROR 21000"));
      assertThat(value(connection, "SELECT count(*) FROM compared")).isEqualTo("2");
      run(connection, "DELETE FROM b WHERE id = 1", "DELETE FROM b WHERE id = 2");
      sync(connection);
      assertThat(status(connection, "compared")).isEqualTo("ACTIVE");
      assertThat(differences(connection, "compared", query)).isEmpty();
    }
  }

  /// Where the group is NULL, the server may show the value of the repeated one.
  @Test
  void repeatedSubqueriesWithGroupingSetsAreLeftToTheServer()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      run(connection, "INSERT INTO a VALUES (1, 1, 1, 'a'), (2, NULL, 2, 'b')");
      run(connection, "INSERT INTO b VALUES (1, 1, 1, 'a'), (2, 2, 5, 'b')");
      List<String> queries =
          List.of(
              "SELECT (SELECT max(v) FROM b) AS m, (SELECT max(v) FROM b) + 1 AS m1, count(*) AS n"
                  + " FROM a GROUP BY ROLLUP (1)",
              "SELECT count(*) AS n FROM a GROUP BY ROLLUP ((SELECT max(v) FROM b)) HAVING (SELECT"
                  + " max(v) FROM b) IS NOT NULL",
              "SELECT (SELECT max(v) FROM b) AS m, (SELECT max(v) FROM b) AS m1, count(*) AS n FROM"
                  + " a GROUP BY CUBE (1)");
      for (int i = 0; i < queries.size(); i++) {
        streamTable(connection, "repeated" + i, queries.get(i), "AUTO");
      }
      run(connection, "UPDATE b SET v = 7 WHERE id = 1");
      sync(connection);
      for (int i = 0; i < queries.size(); i++) {
        assertThat(differences(connection, "repeated" + i, queries.get(i)))
            .as(queries.get(i))
            .isEmpty();
        assertThat(
                value(
                    connection,
                    "SELECT effective_refresh_mode FROM pgtrickle.pgt_stream_tables WHERE pgt_name"
                        + " = 'repeated"
                        + i
                        + "'"))
            .as(queries.get(i))
            .isEqualTo("FULL");
      }
    }
  }
}
