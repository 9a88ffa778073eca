package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Sessions that have nothing to do for a long time, as those of a sidecar that nobody asks, and
/// what servers and their keepers do to such.
final class IdleSessionsIT {
  private LiveDatabase database;
  private Connection connection;

  @BeforeEach
  void start() throws SQLException {
    database = LiveDatabase.create();
    connection = database.connect();
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private void endIdleSessions() throws SQLException {
    assertThat(
            value(
                connection,
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                    + " WHERE datname = current_database()"
                    + " AND application_name = 'pgtrickle control'"))
        .isNotEqualTo("0");
  }

  private String explain() throws SQLException {
    return String.valueOf(value(connection, "SELECT pgtrickle.explain_stream_table('st')"));
  }

  @Test
  void sessionsThatSomebodyEndsAreOpenedAgain() throws SQLException, InterruptedException {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    run(connection, "CREATE TABLE src (id int PRIMARY KEY)", "INSERT INTO src VALUES (1)");
    streamTable(connection, "st", "SELECT count(*) AS n FROM src", "DIFFERENTIAL");
    String token = value(connection, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress");
    for (int i = 0; i < 2; i++) {
      endIdleSessions();
      assertThat(explain()).isNotBlank();
    }
    endIdleSessions();
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('failing', 'SELECT 1 / (id - 1) AS v FROM src',"
            + " refresh_mode => 'FULL')");
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, "failing")).isEqualTo("ERROR 22012"));
    assertThat(value(connection, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress"))
        .as("the sidecar has not started over")
        .isEqualTo(token);
  }

  @Test
  void aTimeOutForIdleSessionsIsNoneOfOurs() throws SQLException, InterruptedException {
    run(
        connection,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = %L',"
            + " current_database(), '200ms'); END $$");
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    run(connection, "CREATE TABLE src (id int PRIMARY KEY)", "INSERT INTO src VALUES (1)");
    streamTable(connection, "st", "SELECT count(*) AS n FROM src", "DIFFERENTIAL");
    String sessions =
        "SELECT string_agg(pid || ' ' || application_name, ',' ORDER BY pid)"
            + " FROM pg_stat_activity WHERE datname = current_database()"
            + " AND application_name IN ('pgtrickle control', 'pgtrickle apply')";
    String before = value(connection, sessions);
    run(connection, "SELECT pg_sleep(1)");
    assertThat(value(connection, sessions)).isEqualTo(before).contains("control", "apply");
    assertThat(explain()).isNotBlank();
  }
}
