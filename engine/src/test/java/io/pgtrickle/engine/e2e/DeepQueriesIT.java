package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Queries that are long or deeply nested, of people and of their enemies.
final class DeepQueriesIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static String repeated(int times, String each, String between) {
    return IntStream.rangeClosed(1, times)
        .mapToObj(i -> each.formatted(i))
        .collect(Collectors.joining(between));
  }

  @Test
  void longChainsAreMaintainedIncrementally() throws SQLException, InterruptedException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE wide (id int PRIMARY KEY, n int, " + repeated(800, "c%d text", ", ") + ")",
          "INSERT INTO wide (id, n, c1, c700) SELECT i, i, 'x', 'y' FROM generate_series(1, 5) i");
      Map<String, String> queries = new LinkedHashMap<>();
      queries.put(
          "chained",
          "SELECT id, " + repeated(800, "coalesce(c%d, '-')", " || '|' || ") + " AS t FROM wide");
      queries.put(
          "listed",
          "SELECT id FROM wide WHERE " + repeated(2_000, "(n = %1$d AND id <> -%1$d)", " OR "));
      queries.put("added", "SELECT id, " + "n + ".repeat(900) + "n AS v FROM wide");
      queries.put(
          "cased",
          "SELECT id, "
              + "CASE WHEN n = 1 THEN 1 ELSE ".repeat(900)
              + "n"
              + " END".repeat(900)
              + " AS v FROM wide");
      for (Map.Entry<String, String> one : queries.entrySet()) {
        streamTable(connection, one.getKey(), one.getValue(), "DIFFERENTIAL");
      }
      run(
          connection,
          "UPDATE wide SET n = n + 1, c3 = 'z' WHERE id = 2",
          "DELETE FROM wide WHERE id = 5");
      sync(connection);
      for (Map.Entry<String, String> one : queries.entrySet()) {
        assertThat(differences(connection, one.getKey(), one.getValue()))
            .as(one.getKey())
            .isEmpty();
      }
      database.stopSidecar();
      run(connection, "UPDATE wide SET n = n + 1, c4 = 'w' WHERE id = 3");
      assertThat(database.startSidecar().awaitReady(PATIENCE.multipliedBy(2))).isTrue();
      sync(connection);
      for (Map.Entry<String, String> one : queries.entrySet()) {
        assertThat(differences(connection, one.getKey(), one.getValue()))
            .as(one.getKey())
            .isEmpty();
        run(connection, "SELECT pgtrickle.explain_stream_table('" + one.getKey() + "')");
      }
    }
  }

  @Test
  void aQueryThatIsTooDeepIsEvaluatedAsAWhole() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE shallow (id int PRIMARY KEY, n int)",
          "INSERT INTO shallow VALUES (1, 1)");
      String query = "SELECT id, " + "n + ".repeat(2_500) + "n AS v FROM shallow";
      streamTable(connection, "deep", query, "AUTO");
      assertThat(
              rows(
                  connection,
                  "SELECT effective_refresh_mode, reason_code FROM pgtrickle.pgt_state"
                      + " JOIN pgtrickle.pgt_definitions USING (pgt_id) WHERE table_name = 'deep'"))
          .containsExactly("FULL|query_too_deep");
      streamTable(connection, "beside", "SELECT id FROM shallow", "DIFFERENTIAL");
      run(connection, "INSERT INTO shallow VALUES (2, 2)");
      sync(connection);
      assertThat(differences(connection, "deep", query)).isEmpty();
      assertThat(rows(connection, "SELECT * FROM beside ORDER BY 1")).containsExactly("1", "2");
      var refused =
          LiveDatabase.refusal(
              connection,
              "SELECT pgtrickle.create_stream_table('deeper', '%s', refresh_mode => 'DIFFERENTIAL')"
                  .formatted(query));
      assertThat(refused.getMessage() + refused.getDetail()).contains("nested too deeply");
    }
  }

  @Test
  void whatAnybodyWritesIntoAMessageHarmsNobody() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE asked (id int PRIMARY KEY)");
      for (String tree : new String[] {"repeat('(', 1000000)", "repeat('({QUERY :a ', 100000)"}) {
        run(
            connection,
            """
            SELECT pg_logical_emit_message(false, 'pgtrickle', jsonb_build_object(
              'request', gen_random_uuid(), 'kind', 'validate', 'timeout_ms', 1000, 'document',
              jsonb_set(pgtrickle_internal.analyze_query('SELECT id FROM asked')::jsonb, '{tree}',
                to_jsonb(%s)))::text)
            """
                .formatted(tree));
      }
      assertThat(rows(connection, "SELECT * FROM pgtrickle.validate_query('SELECT id FROM asked')"))
          .isNotEmpty();
      streamTable(connection, "asked_st", "SELECT id FROM asked", "DIFFERENTIAL");
      ready(connection, "asked_st");
      assertThat(status(connection, "asked_st")).isEqualTo("ACTIVE");
    }
  }
}
