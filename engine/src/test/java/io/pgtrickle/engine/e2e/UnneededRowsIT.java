package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Of rows that PostgreSQL does not evaluate an expression for, nothing fails here either.
final class UnneededRowsIT {
  private static final Map<String, String> TABLES = new LinkedHashMap<>();

  static {
    TABLES.put(
        "joined", "SELECT a.s, b.id FROM a JOIN b ON a.s::int = b.id WHERE a.s ~ '^[0-9]+$'");
    TABLES.put(
        "documented",
        "SELECT a.s, b.id FROM a JOIN b ON (a.j ->> 'id')::int = b.id"
            + " WHERE jsonb_typeof(a.j -> 'id') = 'number'");
    TABLES.put(
        "kept", "SELECT a.s, b.id FROM b LEFT JOIN a ON a.s::int = b.id AND a.s ~ '^[0-9]+$'");
    TABLES.put(
        "contained",
        "SELECT s FROM a WHERE s::int IN (SELECT id FROM b WHERE id > 0) AND s ~ '^[0-9]+$'");
    TABLES.put("compared", "SELECT s FROM a WHERE s::int > 5 AND s ~ '^[0-9]+$'");
    TABLES.put("viewed", "SELECT b.id, r.q FROM b JOIN r ON r.id = b.id");
    TABLES.put("padded", "SELECT b.id, r.q FROM b LEFT JOIN r ON r.id = b.id");
    TABLES.put("asked", "SELECT b.id, r.j FROM b JOIN documents r ON r.id = b.id");
    TABLES.put(
        "filtered",
        "SELECT k, avg(q) FILTER (WHERE d <> 0) AS q, sum(CASE WHEN d <> 0 THEN q END) AS s"
            + " FROM (SELECT id % 2 AS k, d, 10 / d AS q FROM a) s GROUP BY k");
    TABLES.put(
        "chosen",
        "SELECT id, CASE WHEN d <> 0 THEN q END AS q, CASE WHEN d <> 0 THEN q + 1 END AS r"
            + " FROM (SELECT id, d, 10 / d AS q FROM a) s");
  }

  @Test
  void whatIsNotNeededDoesNotFail() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE a (id int PRIMARY KEY, s text, j jsonb, d int)",
          "CREATE TABLE b (id int PRIMARY KEY)",
          "CREATE VIEW r AS SELECT id, 10 / d AS q FROM a",
          "CREATE VIEW documents AS SELECT id, s::json AS j FROM a",
          "INSERT INTO a VALUES (1, 'abc', '{\"id\": \"x\"}', 0), (7, '7', '{\"id\": 7}', 2)",
          "INSERT INTO b VALUES (7), (8)");
      for (Map.Entry<String, String> table : TABLES.entrySet()) {
        streamTable(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
      }
      compare(connection, "at first");
      run(
          connection,
          "INSERT INTO a VALUES (8, '8', '{\"id\": 8}', 5), (9, 'y', '{}', 0), (10, NULL, NULL, 1)",
          "UPDATE a SET s = '11', d = 3 WHERE id = 7",
          "INSERT INTO b VALUES (10), (11)");
      compare(connection, "after changes");
      run(connection, "DELETE FROM b WHERE id = 7", "UPDATE a SET d = 0, s = 'z' WHERE id = 7");
      compare(connection, "after a row lost its partner");
      // Now it is needed.
      run(connection, "INSERT INTO b VALUES (1)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(status(connection, "viewed")).isEqualTo("ERROR 22012");
                assertThat(status(connection, "asked")).isEqualTo("ERROR 22P02");
              });
      run(connection, "DELETE FROM b WHERE id = 1");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(status(connection, "viewed")).isEqualTo("ACTIVE");
                assertThat(status(connection, "padded")).isEqualTo("ACTIVE");
                assertThat(status(connection, "asked")).isEqualTo("ACTIVE");
              });
      compare(connection, "when it is not needed any more");
    }
  }

  private static void compare(Connection connection, String when) throws SQLException {
    sync(connection);
    for (Map.Entry<String, String> table : TABLES.entrySet()) {
      String name = table.getKey() + " " + when;
      assertThat(status(connection, table.getKey())).as(name).isEqualTo("ACTIVE");
      // Documents of type json cannot be compared.
      String query = "SELECT x::text FROM (" + table.getValue() + ") x";
      assertThat(rows(connection, "SELECT x::text FROM " + table.getKey() + " x"))
          .as(name)
          .containsExactlyInAnyOrderElementsOf(rows(connection, query));
    }
  }
}
