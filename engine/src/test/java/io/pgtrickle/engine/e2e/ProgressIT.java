package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.readiness;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What a stream table waits for before it is live, and what its refreshes were, can be seen in
/// SQL.
final class ProgressIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private void awaitBlocker(Connection connection, String table, Connection writer)
      throws SQLException {
    String pid = value(writer, "SELECT pg_backend_pid()");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(
                      value(
                          connection,
                          "SELECT phase FROM pgtrickle.operations('%s')".formatted(table)))
                  .contains("process " + pid + " ");
              assertThat(readiness(database.sidecar())).contains("process" + pid + "(");
            });
    assertThat(
            refusal(connection, "SELECT pgtrickle.wait_until_ready('%s', '1 ms')".formatted(table))
                .getDetail())
        .contains("process " + pid);
  }

  private void assertCompleted(Connection connection, String table) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(
                        rows(
                            connection,
                            "SELECT kind, state, attempt > 0, owner IS NOT NULL, error FROM"
                                + " pgtrickle.operations('%s')".formatted(table)))
                    .containsExactly("initialize|completed|t|t|null"));
  }

  @Test
  void aWriterOfTheSourceIsNamed() throws SQLException {
    try (Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, "CREATE TABLE written (id int PRIMARY KEY)");
      run(writer, "BEGIN", "INSERT INTO written VALUES (1)");
      run(
          connection,
          "SELECT pgtrickle.create_stream_table('written_st', 'SELECT * FROM written')");
      awaitBlocker(connection, "written_st", writer);
      run(writer, "COMMIT");
      ready(connection, "written_st");
      assertThat(rows(connection, "SELECT * FROM written_st")).containsExactly("1");
      assertCompleted(connection, "written_st");
    }
  }

  @Test
  void aWriterOfAnythingIsNamed() throws SQLException {
    try (Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(connection, "CREATE TABLE quiet (id int PRIMARY KEY)", "CREATE TABLE elsewhere (id int)");
      run(writer, "BEGIN", "INSERT INTO elsewhere VALUES (1)");
      run(connection, "SELECT pgtrickle.create_stream_table('quiet_st', 'SELECT * FROM quiet')");
      awaitBlocker(connection, "quiet_st", writer);
      run(writer, "ROLLBACK");
      ready(connection, "quiet_st");
      assertCompleted(connection, "quiet_st");
    }
  }

  @Test
  void whatFailsEndsFailedWithItsReason() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE gone (id int PRIMARY KEY)",
          "BEGIN",
          "SELECT pgtrickle.create_stream_table('gone_st', 'SELECT * FROM gone')",
          "DROP TABLE gone",
          "COMMIT");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          rows(
                              connection,
                              "SELECT state, left(error, 5) FROM pgtrickle.operations('gone_st')"))
                      .containsExactly("failed|42P01"));
      run(connection, "SELECT pgtrickle.drop_stream_table('gone_st')");
    }
  }

  @Test
  void singularRefreshesHaveRowsOfTheirOwn() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE base (id int PRIMARY KEY)",
          "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
              + " 'BEGIN PERFORM pg_catalog.pg_sleep(1.1); RETURN NULL; END'",
          "SELECT pgtrickle.create_stream_table('by_hand', 'SELECT * FROM base', 'manual')",
          "SELECT pgtrickle.create_stream_table('slow_st', 'SELECT * FROM base', '1s')");
      streamTable(connection, "full_st", "SELECT * FROM base", "FULL");
      ready(connection, "by_hand");
      ready(connection, "slow_st");
      run(
          connection,
          "CREATE TRIGGER slow AFTER INSERT ON slow_st FOR EACH STATEMENT EXECUTE FUNCTION slow()",
          "INSERT INTO base VALUES (1)",
          "SELECT pgtrickle.refresh_stream_table('by_hand')",
          "SELECT pgtrickle.sync('full_st')",
          "SELECT pgtrickle.sync('slow_st')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          rows(
                              connection,
                              "SELECT table_name, action, h.status, initiated_by, refreshes,"
                                  + " rows_inserted, duration_histogram IS NULL, frontier IS NOT"
                                  + " NULL, table_name <> 'slow_st' OR duration_ms > 1000 FROM"
                                  + " pgtrickle.pgt_refresh_history h JOIN"
                                  + " pgtrickle.pgt_definitions USING (pgt_id) WHERE rows_inserted"
                                  + " > 0 AND table_name IN ('by_hand', 'full_st', 'slow_st') ORDER"
                                  + " BY 1"))
                      .containsExactly(
                          "by_hand|DIFFERENTIAL|COMPLETED|MANUAL|1|1|t|t|t",
                          "full_st|FULL|COMPLETED|SCHEDULER|1|1|t|t|t",
                          "slow_st|DIFFERENTIAL|COMPLETED|SCHEDULER|1|1|t|t|t"));
    }
  }
}
