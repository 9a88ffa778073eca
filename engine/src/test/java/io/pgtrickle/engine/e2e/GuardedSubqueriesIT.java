package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Questions to subqueries that fail for some rows, behind conditions that turn these rows away:
/// the server asks for no such row, and so there is no error.
final class GuardedSubqueriesIT {
  private static final List<String> SCHEMA =
      List.of(
          "CREATE TABLE a (id int PRIMARY KEY, k int, n int)",
          "CREATE TABLE b (id int PRIMARY KEY, a_id int, v int)",
          "CREATE TABLE e (f int, g int)",
          "INSERT INTO a VALUES (0, 1, 0), (1, 1, 0), (2, 2, 1), (3, NULL, NULL), (4, 2, 5)",
          "INSERT INTO b VALUES (1, 1, 0), (2, 2, 10), (3, 2, 2), (4, 9, 0), (5, 4, NULL)",
          "INSERT INTO e VALUES (10, 1), (2, 2), (NULL, 3), (10, 1)");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO a SELECT (random()*8)::int, nullif((random()*4)::int, 0),"
              + " nullif((random()*3)::int, 3) ON CONFLICT (id) DO UPDATE SET (k, n) ="
              + " ROW(excluded.k, excluded.n)",
          "INSERT INTO b SELECT (random()*12)::int, (random()*8)::int, nullif((random()*4)::int,"
              + " 4) ON CONFLICT (id) DO UPDATE SET (a_id, v) = ROW(excluded.a_id, excluded.v)",
          "INSERT INTO e SELECT nullif((random()*10)::int, 3), (random()*6)::int WHERE (SELECT"
              + " count(*) FROM e) < 14",
          "DELETE FROM a WHERE id = (random()*8)::int",
          "DELETE FROM b WHERE id = (random()*12)::int",
          "DELETE FROM e WHERE ctid IN (SELECT ctid FROM e ORDER BY random() LIMIT 2)",
          "UPDATE a SET k = k + 1 WHERE id % 3 = (random()*2)::int");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "kept_in",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND a.n <> 0 AND 10 /"
                  + " a.n IN (SELECT f FROM e)"),
          new Shape(
              "kept_not_in",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND a.n <> 0 AND 10 /"
                  + " a.n NOT IN (SELECT f FROM e WHERE f IS NOT NULL)"),
          new Shape(
              "kept_all",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND 10 / a.n > ALL"
                  + " (SELECT g FROM e WHERE e.f = a.k) AND a.n <> 0"),
          new Shape(
              "kept_scalar",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND a.n <> 0 AND b.v <>"
                  + " (SELECT count(*) FROM e WHERE e.f = 10 / a.n)"),
          new Shape(
              "kept_exists",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND a.n > 0 AND NOT"
                  + " EXISTS (SELECT FROM e WHERE e.f = 10 / a.n)"),
          new Shape(
              "kept_row",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND a.n <> 0 AND (10 /"
                  + " a.n, a.k) <> (SELECT max(f), min(g) FROM e WHERE e.g = a.k)"),
          new Shape(
              "guard_of_both_sides",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND a.n > b.id % 1 AND"
                  + " 10 / a.n IN (SELECT f FROM e)"),
          new Shape(
              "right_kept",
              "SELECT a.id, b.id AS bid FROM a RIGHT JOIN b ON b.a_id = a.id AND b.v <> 0 AND 10 /"
                  + " b.v IN (SELECT f FROM e)"),
          new Shape(
              "both_kept",
              "SELECT a.id, b.id AS bid FROM a FULL JOIN b ON b.a_id = a.id AND b.v <> 0 AND 10 /"
                  + " b.v IN (SELECT f FROM e)"),
          new Shape(
              "not_kept",
              "SELECT a.id, b.id AS bid FROM a LEFT JOIN b ON b.a_id = a.id AND b.v <> 0 AND 10 /"
                  + " b.v IN (SELECT f FROM e)"),
          new Shape(
              "beside_a_harmless_one",
              "SELECT a.id, b.id AS bid, x.g FROM a LEFT JOIN b ON b.a_id = a.id AND b.v IN (SELECT"
                  + " f FROM e) LEFT JOIN e x ON x.g = a.id AND a.n <> 0 AND 10 / a.n = (SELECT"
                  + " max(f) FROM e WHERE e.g = a.k)"),
          new Shape(
              "where_row",
              "SELECT a.id FROM a WHERE a.n <> 0 AND (10 / a.n, a.k) <> (SELECT max(f), min(g) FROM"
                  + " e WHERE e.g = a.k)"),
          new Shape(
              "where_array",
              "SELECT a.id FROM a WHERE a.n <> 0 AND cardinality(ARRAY(SELECT g FROM e WHERE e.f ="
                  + " 10 / a.n)) > 0"),
          new Shape(
              "where_rows_twice",
              "SELECT a.id, b.id AS bid FROM a JOIN b ON b.a_id = a.id WHERE a.n <> 0 AND b.v > 0"
                  + " AND (10 / a.n, 10 / b.v) <> (SELECT max(f), min(g) FROM e WHERE e.g = a.k)"
                  + " AND (b.v, a.k) >= (SELECT min(f), 1 FROM e WHERE e.g = 4 / b.v)"),
          new Shape(
              "row_of_none",
              "SELECT a.id, (10 / (a.id - 1), a.k) = (SELECT f, g FROM e WHERE e.g = a.n AND a.id"
                  + " <> 1 ORDER BY f, g LIMIT 1) IS NULL AS x FROM a"),
          new Shape(
              "row_of_none_nested",
              "SELECT a.id, (10 / (a.id - 1), a.k) = (SELECT max(e.f), max(e.g) FROM e WHERE EXISTS"
                  + " (SELECT FROM b WHERE b.id = e.g AND b.a_id = a.id AND a.id <> 1) HAVING"
                  + " count(*) > 0) IS NULL AS x FROM a"),
          new Shape(
              "row_order_of_none",
              "SELECT a.id, (a.k, 10 / (a.id - 1)) < (SELECT f, g FROM e WHERE e.g = a.n AND a.id"
                  + " <> 1 ORDER BY f, g LIMIT 1) IS NULL AS x FROM a"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 4, 20_270_112).check(SHAPES);
  }

  /// Which of several subqueries the server asks first is a matter of its plan.
  @Test
  void severalSubqueriesOfWhichOneMayFailAreLeftToTheServer()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, SCHEMA.toArray(String[]::new));
      assertThat(
              value(
                  connection,
                  "SELECT detail FROM pgtrickle.validate_query($$SELECT a.id, b.id AS bid FROM a"
                      + " LEFT JOIN b ON b.a_id = a.id AND EXISTS (SELECT FROM e WHERE e.g = a.k)"
                      + " AND 10 / a.n IN (SELECT f FROM e)$$) WHERE detail LIKE '%subquery%'"))
          .contains("a subquery of what may fail");
    }
  }
}
