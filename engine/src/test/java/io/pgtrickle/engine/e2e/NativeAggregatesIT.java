package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// `sum` and `avg` of intervals, and `any_value`: every stream table equals its query, as a bag and
/// as text, follows by deltas, and asks the server nothing.
final class NativeAggregatesIT {
  private static final int CYCLES = 6;
  private static final int ANY_VALUE_SINCE = 16;
  private static final int INFINITE_INTERVALS_SINCE = 17;

  private static final List<Shape> INTERVALS =
      List.of(
          new Shape(
              "totals",
              "SELECT grp, sum(len) AS s, avg(len) AS a, count(*) AS n FROM stays GROUP BY grp"),
          new Shape(
              "total", "SELECT sum(len) AS s, avg(len) FILTER (WHERE grp > 1) AS a FROM stays"),
          new Shape(
              "distinct_ones",
              "SELECT grp, sum(DISTINCT len) AS s, avg(DISTINCT len) AS a FROM stays GROUP BY grp"),
          new Shape(
              "sorted",
              "SELECT grp, sum(len ORDER BY id DESC) AS s FROM stays GROUP BY ROLLUP (grp)"),
          new Shape(
              "running",
              "SELECT id, sum(len) OVER (PARTITION BY grp ORDER BY id) AS s, avg(len) OVER"
                  + " (PARTITION BY grp ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS a"
                  + " FROM stays"),
          new Shape(
              "correlated",
              "SELECT DISTINCT grp, (SELECT avg(o.len) FROM stays o WHERE o.grp = s.grp) AS a FROM"
                  + " stays s"),
          new Shape(
              "having", "SELECT grp FROM stays GROUP BY grp HAVING avg(len) > interval '1 day'"));

  private static final List<Shape> ANY =
      List.of(
          new Shape(
              "first_of_all",
              "SELECT grp, any_value(k ORDER BY id) AS f, any_value(k ORDER BY id DESC) FILTER"
                  + " (WHERE id > 5) AS l, any_value(j ORDER BY id) AS j FROM stays GROUP BY grp"),
          new Shape(
              "the_only_one",
              "SELECT k, any_value(k) AS v, any_value(k || 'x') AS x FROM stays GROUP BY k"),
          new Shape("of_nothing", "SELECT any_value(k) AS v FROM stays WHERE id < 0"),
          new Shape(
              "distinct_one", "SELECT grp, any_value(DISTINCT k) AS v FROM stays GROUP BY grp"),
          new Shape(
              "of_a_sorted_subquery",
              "SELECT grp, any_value(k) AS v FROM (SELECT * FROM stays ORDER BY id DESC) s GROUP BY"
                  + " grp"));

  private static void change(Connection connection, Random random) throws SQLException {
    connection.setAutoCommit(false);
    for (int i = 0; i < 5; i++) {
      int id = random.nextInt(30);
      run(connection, "DELETE FROM stays WHERE id = " + id);
      if (random.nextInt(4) > 0) {
        String length =
            "'%d mon %d days %d.%06d secs'"
                .formatted(
                    random.nextInt(-3, 9),
                    random.nextInt(-40, 40),
                    random.nextInt(-99_999, 99_999),
                    random.nextInt(1_000_000));
        run(
            connection,
            "INSERT INTO stays VALUES (%d, %d, %s, %s, %s)"
                .formatted(
                    id,
                    random.nextInt(4),
                    random.nextInt(5) == 0 ? "NULL" : length,
                    random.nextInt(5) == 0 ? "NULL" : "'k" + random.nextInt(6) + "'",
                    random.nextInt(5) == 0 ? "NULL" : "'{\"a\": " + random.nextInt(6) + "}'"));
      }
    }
    if (random.nextInt(3) == 0) {
      run(connection, "UPDATE stays SET grp = 3 - grp WHERE grp = " + random.nextInt(4));
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  @Test
  void streamTablesEqualTheirQueriesWithoutAskingTheServer()
      throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(
          connection,
          "CREATE TABLE stays (id int PRIMARY KEY, grp int, len interval, k text, j jsonb)",
          "CREATE SCHEMA st");
      Random random = new Random(20_261_130);
      for (int i = 0; i < 6; i++) {
        change(writer, random);
      }
      List<Shape> shapes = new ArrayList<>(INTERVALS);
      if (connection.getMetaData().getDatabaseMajorVersion() >= ANY_VALUE_SINCE) {
        shapes.addAll(ANY);
      }
      for (Shape shape : shapes) {
        streamTable(connection, "st." + shape.name(), shape.query(), "DIFFERENTIAL");
        assertThat(
                value(
                    connection, "SELECT pgtrickle.explain_stream_table('st." + shape.name() + "')"))
            .as(shape.name())
            .doesNotContain("Ask server");
      }
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        change(writer, random);
        sync(connection);
        for (Shape shape : shapes) {
          assertThat(differences(connection, "st." + shape.name(), shape.query()))
              .as("%s, cycle %s", shape.name(), cycle)
              .isEmpty();
        }
      }
      assertThat(
              rows(
                  connection,
                  "SELECT pgt_name, status, effective_refresh_mode FROM pgtrickle.pgt_stream_tables"
                      + " WHERE effective_refresh_mode <> 'DIFFERENTIAL' OR status <> 'ACTIVE'"))
          .isEmpty();
    }
  }

  @Test
  void anyValueIsOneOfItsGroup() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      assumeThat(connection.getMetaData().getDatabaseMajorVersion())
          .isGreaterThanOrEqualTo(ANY_VALUE_SINCE);
      run(connection, "CREATE TABLE t (id int PRIMARY KEY, grp int, n numeric)");
      run(connection, "INSERT INTO t VALUES (1, 1, 2.0), (2, 1, 1.5), (3, 1, NULL), (4, 2, NULL)");
      streamTable(
          connection, "one", "SELECT grp, any_value(n) AS n FROM t GROUP BY grp", "DIFFERENTIAL");
      // A row is the server's.
      String row = "SELECT grp, to_json(any_value(t ORDER BY id))::text AS r FROM t GROUP BY grp";
      streamTable(connection, "first_row", row, "DIFFERENTIAL");
      for (String change :
          List.of(
              "DELETE FROM t WHERE n = (SELECT n FROM one WHERE grp = 1)",
              "INSERT INTO t VALUES (5, 2, 2.50)",
              "DELETE FROM t WHERE n = (SELECT n FROM one WHERE grp = 1)",
              "UPDATE t SET n = id WHERE grp = 1")) {
        run(connection, change);
        sync(connection);
        assertThat(
                value(
                    connection,
                    "SELECT count(*) FROM one o WHERE EXISTS (SELECT FROM t WHERE t.grp = o.grp AND"
                        + " t.n::text = o.n::text) OR (o.n IS NULL AND NOT EXISTS (SELECT FROM t"
                        + " WHERE t.grp = o.grp AND t.n IS NOT NULL))"))
            .as(change)
            .isEqualTo("2");
        assertThat(differences(connection, "first_row", row)).as(change).isEmpty();
      }
    }
  }

  @Test
  void aSumOutOfRangeIsAnErrorThatHeals() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, "CREATE TABLE t (id int PRIMARY KEY, len interval)");
      run(connection, "INSERT INTO t VALUES (1, '178000000 years'), (2, '1 day')");
      streamTable(connection, "total", "SELECT sum(len) AS s FROM t", "DIFFERENTIAL");
      run(connection, "INSERT INTO t VALUES (3, '178000000 years')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "total")).isEqualTo("ERROR 22008"));
      run(connection, "DELETE FROM t WHERE id = 1");
      sync(connection);
      assertThat(rows(connection, "SELECT s FROM total")).containsExactly("178000000 years 1 day");
    }
  }

  /// The infinity of version 17 and later is the greatest finite interval before.
  @Test
  void theGreatestIntervalIsWhatItIsOnTheServer() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      String greatest =
          connection.getMetaData().getDatabaseMajorVersion() >= INFINITE_INTERVALS_SINCE
              ? "interval 'infinity'"
              : "interval '2147483647 mons 2147483647 days 1281023894:00:27.387903'"
                  + " + interval '1281023894:00:27.387904'";
      run(connection, "CREATE TABLE spans (id int PRIMARY KEY, len interval)");
      run(
          connection,
          "INSERT INTO spans VALUES (2, '-2147483000 mons -2147483000 days -1281023894 h'), (3, "
              + greatest
              + ")");
      String sums = "SELECT sum(len) AS s FROM spans";
      String means = "SELECT avg(len) AS a FROM spans";
      String running = "SELECT id, sum(len) OVER (ORDER BY id) AS s FROM spans";
      streamTable(connection, "sums", sums, "DIFFERENTIAL");
      streamTable(connection, "means", means, "DIFFERENTIAL");
      streamTable(connection, "running", running, "DIFFERENTIAL");
      assertThat(differences(connection, "sums", sums)).isEmpty();
      run(
          connection,
          "INSERT INTO spans VALUES (1, '-1 mon'), (5, " + greatest + ")",
          "DELETE FROM spans WHERE id = 3");
      sync(connection);
      assertThat(differences(connection, "sums", sums)).isEmpty();
      assertThat(differences(connection, "means", means)).isEmpty();
      assertThat(differences(connection, "running", running)).isEmpty();
    }
  }
}
