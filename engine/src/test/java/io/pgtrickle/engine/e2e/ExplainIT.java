package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// How a stream table is maintained, in the forms that people and tools read.
final class ExplainIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE a (id int PRIMARY KEY, v int)",
          "CREATE TABLE b (id int PRIMARY KEY, a int)",
          "INSERT INTO a VALUES (1, 1), (2, 2)",
          "INSERT INTO b VALUES (1, 1), (2, 1)");
      String joined = "SELECT b.id, a.v FROM a JOIN b ON b.a = a.id";
      streamTable(connection, "joined", joined, "DIFFERENTIAL");
      streamTable(connection, "\"quo\"\"ted\"", joined, "DIFFERENTIAL");
      streamTable(connection, "whole", "SELECT count(*) AS n FROM a", "FULL");
    }
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static String explain(Connection connection, String name, String format)
      throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT pgtrickle.explain_stream_table('%s', '%s')".formatted(name, format)));
  }

  @Test
  void textShowsOperatorsAndTheirState() throws SQLException {
    try (Connection connection = database.connect()) {
      assertThat(value(connection, "SELECT pgtrickle.explain_stream_table('joined')"))
          .contains("Join")
          .contains(" rows, ")
          .contains("shared with: public.");
      assertThat(explain(connection, "whole", "text")).contains("FULL refresh");
    }
  }

  @Test
  void jsonIsATreeOfOperators() throws SQLException {
    try (Connection connection = database.connect()) {
      JsonNode tree = new JsonMapper().readTree(explain(connection, "joined", "json"));
      assertThat(tree.path("tier").asString()).isEqualTo("native");
      long rows = 0;
      for (JsonNode node = tree; node != null; node = node.path("inputs").get(0)) {
        assertThat(node.path("label").asString()).isNotBlank();
        rows = Math.max(rows, node.path("state_rows").asLong());
      }
      assertThat(rows).isGreaterThan(0);
      JsonNode full = new JsonMapper().readTree(explain(connection, "whole", "json"));
      assertThat(full.path("tier").asString()).isEqualTo("full");
      assertThat(full.path("reason_code").asString()).isEqualTo("requested");
    }
  }

  @Test
  void dotIsAGraph() throws SQLException {
    try (Connection connection = database.connect()) {
      assertThat(explain(connection, "\"quo\"\"ted\"", "dot"))
          .startsWith("digraph \"public.\\\"quo\\\"\\\"ted\\\"\" {")
          .contains(" -> ")
          .endsWith("}\n");
      assertThat(explain(connection, "whole", "dot")).contains("FULL refresh");
    }
  }

  @Test
  void whatIsNotLiveOrNotAFormatIsRefused() throws SQLException {
    try (Connection connection = database.connect()) {
      assertThat(
              refusal(connection, "SELECT pgtrickle.explain_stream_table('whole', 'xml')")
                  .getSQLState())
          .isEqualTo("22023");
      run(
          connection,
          "SELECT pgtrickle.create_stream_table('later', 'SELECT 1 AS one', initialize => false)");
      assertThat(
              refusal(connection, "SELECT pgtrickle.explain_stream_table('later')").getSQLState())
          .isEqualTo("55000");
    }
  }
}
