package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.readiness;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.Sidecar;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What users, and those who look after the server, do to one table or to the sidecar's rights, and
/// what becomes of the others.
final class HousekeepingIT {
  private static final String SLOTS =
      "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()";

  private LiveDatabase database;
  private Connection connection;

  @BeforeEach
  void start() throws SQLException {
    database = LiveDatabase.create();
    connection = database.connect();
    run(
        connection,
        "CREATE TABLE a (id int PRIMARY KEY, v int)",
        "CREATE TABLE p (id int PRIMARY KEY, v int) PARTITION BY LIST (id)",
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)",
        "CREATE TABLE b (id int PRIMARY KEY, v int)",
        "INSERT INTO a VALUES (1, 1)",
        "INSERT INTO p VALUES (1, 1)",
        "INSERT INTO b VALUES (1, 1)");
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private String token() throws SQLException {
    return String.valueOf(
        value(connection, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress"));
  }

  private void follow() throws SQLException {
    streamTable(connection, "a_st", "SELECT id, v FROM a", "DIFFERENTIAL");
    streamTable(connection, "p_st", "SELECT id, v FROM p", "DIFFERENTIAL");
    streamTable(connection, "b_st", "SELECT id, v FROM b", "DIFFERENTIAL");
  }

  private void assertExact(String streamTable, String query) {
    await()
        .atMost(PATIENCE)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              ready(connection, streamTable);
              sync(connection);
              assertThat(differences(connection, streamTable, query)).isEmpty();
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "p"})
  void aTableThatSomebodyLocksHoldsUpNothingElse(String locked) throws Exception {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    follow();
    String token = token();
    try (Connection user = database.connect()) {
      run(user, "BEGIN", "TRUNCATE " + locked, "INSERT INTO %s VALUES (1, 10)".formatted(locked));
      run(connection, "UPDATE b SET v = v + 1");
      sync(connection);
      assertThat(differences(connection, "b_st", "SELECT id, v FROM b")).isEmpty();
      // Whoever waited for the lock would not see this definition. A table that is not followed yet
      // would have to be copied, which waits for every open write transaction.
      String query = "SELECT v, count(*) AS n FROM b GROUP BY v";
      streamTable(connection, "counted", query, "DIFFERENTIAL");
      run(connection, "UPDATE b SET v = v + 1");
      sync(connection);
      assertThat(differences(connection, "counted", query)).isEmpty();
      run(user, "COMMIT");
    }
    assertExact(locked + "_st", "SELECT id, v FROM " + locked);
    assertThat(token()).as("the sidecar has not started over").isEqualTo(token);
  }

  @Test
  void aStartWaitsForNoLock() throws Exception {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    follow();
    database.stopSidecar();
    try (Connection user = database.connect()) {
      run(user, "BEGIN", "LOCK TABLE a, p IN ACCESS EXCLUSIVE MODE");
      database.startSidecar();
      run(connection, "UPDATE b SET v = v + 1");
      // Not sync(), which waits for those that wait for the lock, too.
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(differences(connection, "b_st", "SELECT id, v FROM b")).isEmpty());
      run(user, "COMMIT");
    }
    assertExact("a_st", "SELECT id, v FROM a");
    assertExact("p_st", "SELECT id, v FROM p");
  }

  @Test
  void aSchemaThatTheSidecarMayNotUseHoldsUpNothingElse() throws Exception {
    try (LiveDatabase ordinary = LiveDatabase.create("tricky");
        Connection admin = ordinary.connect();
        Connection user = ordinary.connectAs("tricky")) {
      run(admin, "CREATE SCHEMA s", "GRANT USAGE, CREATE ON SCHEMA s, public TO tricky");
      run(
          user,
          "CREATE TABLE s.c (id int PRIMARY KEY, v int)",
          "CREATE TABLE public.b (id int PRIMARY KEY, v int)");
      assertThat(ordinary.startSidecar().awaitReady(PATIENCE)).isTrue();
      streamTable(user, "c_st", "SELECT id, v FROM s.c", "DIFFERENTIAL");
      streamTable(user, "s.st", "SELECT id, v FROM s.c", "DIFFERENTIAL");
      streamTable(user, "b_st", "SELECT id, v FROM public.b", "DIFFERENTIAL");
      run(admin, "REVOKE ALL ON SCHEMA s FROM tricky");
      String token = value(admin, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress");
      run(user, "INSERT INTO public.b VALUES (1, 1)");
      sync(user);
      // A look at everything, at least.
      streamTable(user, "late", "SELECT v FROM public.b", "DIFFERENTIAL");
      run(user, "INSERT INTO public.b VALUES (2, 2)");
      await()
          .atMost(PATIENCE)
          .until(() -> differences(user, "late", "SELECT v FROM public.b").isEmpty());
      assertThat(value(admin, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress"))
          .as("the sidecar has not started over")
          .isEqualTo(token);
    }
  }

  @Test
  void whatKeepsHousekeepingFromItsWorkIsToldAndTriedEverMoreSeldom() throws Exception {
    try (LiveDatabase ordinary = LiveDatabase.create("trickier");
        Connection admin = ordinary.connect()) {
      String emit =
          "FUNCTION pg_logical_emit_message(boolean, text, text%s)"
              .formatted(admin.getMetaData().getDatabaseMajorVersion() >= 17 ? ", boolean" : "");
      Sidecar sidecar = ordinary.startSidecar();
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      run(admin, "REVOKE EXECUTE ON " + emit + " FROM PUBLIC");
      await()
          .atMost(PATIENCE)
          .until(() -> readiness(sidecar).contains("permissiondeniedforfunction"));
      assertThat(sidecar.awaitReady(Duration.ZERO)).isFalse();
      run(admin, "GRANT EXECUTE ON " + emit + " TO PUBLIC");
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          rows(
                              admin,
                              "SELECT DISTINCT sqlstate FROM pgtrickle_internal.pgt_capture_events"
                                  + " WHERE kind = 'started_over'"))
                      .containsExactly("42501"));
      assertThat(
              Integer.parseInt(
                  String.valueOf(
                      value(
                          admin,
                          "SELECT count(*) FROM pgtrickle_internal.pgt_capture_events"
                              + " WHERE kind = 'started_over'"))))
          .as("told once")
          .isLessThan(3);
    }
  }

  @Test
  void aSlotThatKeepsTooMuchIsDroppedThoughTheRefreshThreadIsBusy() throws Exception {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    follow();
    String slot = value(connection, SLOTS);
    run(
        connection,
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
            + " 'BEGIN PERFORM pg_sleep(120); RETURN NEW; END'",
        "CREATE TRIGGER dawdle AFTER INSERT OR UPDATE ON b_st FOR EACH STATEMENT EXECUTE FUNCTION"
            + " dawdle()",
        "UPDATE b SET v = v + 1");
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                "1"
                    .equals(
                        value(
                            connection,
                            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                                + " AND datname = current_database()")));
    run(
        connection,
        "SELECT pgtrickle.set_config('max_slot_lag', '2')",
        "INSERT INTO a SELECT i, i FROM generate_series(2, 60000) i");
    await().atMost(PATIENCE).until(() -> !rows(connection, SLOTS).contains(slot));
    run(
        connection,
        "SELECT pgtrickle.set_config('max_slot_lag', '0')",
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            + " AND datname = current_database()",
        "DROP TRIGGER dawdle ON b_st");
    assertExact("b_st", "SELECT id, v FROM b");
    assertExact("a_st", "SELECT id, v FROM a");
  }
}
