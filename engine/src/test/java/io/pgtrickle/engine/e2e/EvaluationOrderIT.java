package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What is evaluated for which rows: an expression fails, and a condition tells equal values apart,
/// exactly where the server's own plan comes to it.
final class EvaluationOrderIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void assertSame(Connection connection, String name, String query)
      throws SQLException {
    streamTable(connection, name, query, "DIFFERENTIAL");
    run(connection, "SELECT pgtrickle.sync('" + name + "')");
    assertThat(status(connection, name)).as(name).isEqualTo("ACTIVE");
    String text = "SELECT t::text FROM %s t ORDER BY 1";
    assertThat(rows(connection, text.formatted(name)))
        .as(name)
        .isEqualTo(rows(connection, text.formatted("(" + query + ")")));
  }

  @Test
  void aConditionAboveExceptTellsEqualValuesApartAfterIt() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE COLLATION any_letter (provider = icu, locale = 'und-u-ks-level2', deterministic ="
              + " false)",
          "CREATE TABLE kept (id int PRIMARY KEY, x numeric, s text COLLATE any_letter, i interval,"
              + " f float8)",
          "CREATE TABLE taken (LIKE kept)",
          "INSERT INTO kept VALUES (1, 1.0, 'a', '30 days', '-0'), (2, 3.0, 'b', '1 day', 1)",
          "INSERT INTO taken VALUES (1, 1.00, 'A', '1 mon', 0)");
      assertSame(
          connection,
          "except_numeric",
          "SELECT * FROM (SELECT x FROM kept EXCEPT SELECT x FROM taken) q WHERE x::text LIKE"
              + " '%.0'");
      assertSame(
          connection,
          "except_letters",
          "SELECT * FROM (SELECT s FROM kept EXCEPT ALL SELECT s FROM taken) q WHERE s COLLATE"
              + " \"C\" >= 'a'");
      assertSame(
          connection,
          "except_interval",
          "SELECT * FROM (SELECT i, id FROM kept EXCEPT SELECT i, id FROM taken) q WHERE i::text ="
              + " '30 days' AND id < 5");
      assertSame(
          connection,
          "except_float",
          "SELECT * FROM (SELECT f FROM kept EXCEPT SELECT f FROM taken) q WHERE f::text <> '0'");
    }
  }

  @Test
  void aConditionOfAJoinIsEvaluatedUntilOneIsNotTrue() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE t (id int PRIMARY KEY, lo int, n int)",
          "CREATE TABLE u (id int PRIMARY KEY, hi int, d int)",
          "INSERT INTO t VALUES (1, NULL, 10), (2, 1, 9)",
          "INSERT INTO u VALUES (1, 5, 0), (2, 3, 3)");
      assertSame(
          connection,
          "left_joined",
          "SELECT t.id, u.hi FROM t LEFT JOIN u ON t.id = u.id AND t.lo < u.hi AND t.n / u.d > 1");
      assertSame(
          connection,
          "left_joined_backwards",
          "SELECT t.id, u.hi FROM t LEFT JOIN u ON t.id = u.id AND t.n / u.d > 1 AND t.lo < u.hi");
      assertSame(
          connection,
          "full_joined",
          "SELECT t.id, u.hi FROM t FULL JOIN u ON t.id = u.id AND t.lo < u.hi AND t.n / u.d > 1");
      assertSame(
          connection,
          "not_exists",
          "SELECT t.id FROM t WHERE NOT EXISTS (SELECT FROM u WHERE t.id = u.id AND t.n / u.d > 1"
              + " AND t.lo < u.hi)");
      assertSame(
          connection,
          "lateral_rows",
          "SELECT t.id, x.hi FROM t LEFT JOIN LATERAL (SELECT u.hi FROM u WHERE u.id = t.id AND"
              + " t.n / u.d > 1 AND t.lo < u.hi) x ON true");
      assertSame(
          connection,
          "unfolded",
          "SELECT t.id, g FROM t LEFT JOIN LATERAL generate_series(0, 2) g ON 10 / g > 1 AND t.lo <"
              + " g AND g > 0");
      assertSame(
          connection,
          "asked_with_conditions",
          "SELECT t.id, u.hi FROM t LEFT JOIN u ON t.id = u.id AND t.n / u.d > 1 AND t.lo < u.hi"
              + " AND sin(u.hi) < 2");
    }
  }

  @Test
  void theFilterOfAnAggregateComesBeforeItsArgument() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE parts (id int PRIMARY KEY, status text, num int, den int)",
          "INSERT INTO parts VALUES (1, NULL, 7, 0), (2, 'ok', 9, 3), (3, 'ok', 8, 4)");
      String filter = " FILTER (WHERE status = 'ok')";
      assertSame(
          connection,
          "filtered_extremes",
          "SELECT max(num / den)" + filter + " AS m, min(num / den)" + filter + " AS l FROM parts");
      assertSame(
          connection,
          "filtered_distinct",
          "SELECT sum(DISTINCT num / den)"
              + filter
              + " AS s, count(DISTINCT num / den)"
              + filter
              + " AS c FROM parts");
      assertSame(
          connection,
          "filtered_strings",
          "SELECT string_agg((num / den)::text, ',' ORDER BY num / den)"
              + filter
              + " AS s FROM parts");
      assertSame(
          connection,
          "filtered_places",
          "SELECT mode() WITHIN GROUP (ORDER BY num / den)"
              + filter
              + " AS m, percentile_disc(0.5) WITHIN GROUP (ORDER BY num / den)"
              + filter
              + " AS p FROM parts");
    }
  }

  @Test
  void aScalarSubqueryFailsForNoGroupThatNobodyAsksFor() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE asking (id int PRIMARY KEY, k int)",
          "CREATE TABLE asked (k int, v int, z int)",
          "INSERT INTO asking VALUES (1, 1)",
          "INSERT INTO asked VALUES (1, 5, 2), (99, 1, 0)");
      assertSame(
          connection,
          "sum_of_some",
          "SELECT a.id, (SELECT sum(b.v) FROM asked b WHERE b.k = a.k AND 10 / b.z > 1) AS s FROM"
              + " asking a");
      assertSame(
          connection,
          "array_of_some",
          "SELECT a.id, ARRAY(SELECT b.v FROM asked b WHERE b.k = a.k AND 10 / b.z > 1) AS s"
              + " FROM asking a");
    }
  }

  @Test
  void anAverageOfFloatsOverflowsWithItsSquares() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE far (id int PRIMARY KEY, x float8)",
          "INSERT INTO far VALUES (1, 1e160)");
      streamTable(connection, "mean", "SELECT avg(x) AS a FROM far", "DIFFERENTIAL");
      assertThat(rows(connection, "SELECT * FROM mean")).containsExactly("1e+160");
      run(connection, "INSERT INTO far VALUES (2, 0)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "mean")).isEqualTo("ERROR 22003"));
      assertThat(refusal(connection, "SELECT avg(x) FROM far").getMessage())
          .isEqualTo(message(connection, "mean"));
      run(connection, "UPDATE far SET x = 3 WHERE id = 1");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "mean")).isEqualTo("ACTIVE"));
      run(connection, "SELECT pgtrickle.sync('mean')");
      assertThat(rows(connection, "SELECT * FROM mean")).containsExactly("1.5");
    }
  }

  @Test
  void anImpossiblePercentileIsNamedAsTheServerDoes() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE few (id int PRIMARY KEY)", "INSERT INTO few VALUES (1)");
      String[] fractions = {"2", "1234567", "-0.1234567891", "'NaN'", "1e20"};
      for (int i = 0; i < fractions.length; i++) {
        String name = "impossible" + i;
        String wrong =
            "SELECT percentile_disc(" + fractions[i] + ") WITHIN GROUP (ORDER BY id) AS p FROM few";
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('%s', $q$%s$q$)".formatted(name, wrong));
        await()
            .atMost(PATIENCE)
            .untilAsserted(() -> assertThat(status(connection, name)).isEqualTo("ERROR 22003"));
        assertThat(message(connection, name)).isEqualTo(refusal(connection, wrong).getMessage());
      }
    }
  }

  private static String message(Connection connection, String table) throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT error_message FROM pgtrickle.pgt_state JOIN pgtrickle.pgt_definitions USING"
                + " (pgt_id) WHERE table_name = '"
                + table
                + "'"));
  }
}
