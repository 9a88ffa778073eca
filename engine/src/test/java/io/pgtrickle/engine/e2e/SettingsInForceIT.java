package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Settings do what they say while they are on, and nothing any more afterwards.
final class SettingsInForceIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void set(Connection connection, String name, String value) throws SQLException {
    run(connection, "SELECT pgtrickle.set_config('%s', '%s')".formatted(name, value));
  }

  private static void awaitModes(Connection connection, String expected) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(
                        rows(
                            connection,
                            "SELECT DISTINCT status, effective_refresh_mode, reason_code FROM"
                                + " pgtrickle.pgt_stream_tables WHERE pgt_name LIKE 'forced%'"))
                    .containsExactly(expected));
  }

  @Test
  void aForcedFullRefreshOverridesEveryModeWhileItIsOn() throws SQLException {
    String sums = "SELECT g, sum(v) AS s FROM pairs GROUP BY g";
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE pairs (id int PRIMARY KEY, g int, v int)",
          "INSERT INTO pairs SELECT i, i % 3, i FROM generate_series(1, 30) i");
      streamTable(connection, "forced", sums, "DIFFERENTIAL");
      streamTable(connection, "forced_2", "SELECT max(s) AS m FROM forced", "AUTO");
      awaitModes(connection, "ACTIVE|DIFFERENTIAL|null");
      set(connection, "force_full_refresh", "on");
      try {
        awaitModes(connection, "ACTIVE|FULL|force_full_refresh");
        run(connection, "UPDATE pairs SET v = v + 1 WHERE g = 1");
        sync(connection);
        assertThat(differences(connection, "forced", sums)).isEmpty();
        assertThat(differences(connection, "forced_2", "SELECT max(s) AS m FROM (" + sums + ") x"))
            .isEmpty();
        database.stopSidecar();
        run(connection, "DELETE FROM pairs WHERE g = 0");
        database.startSidecar().awaitReady(PATIENCE);
        awaitModes(connection, "ACTIVE|FULL|force_full_refresh");
        sync(connection);
        assertThat(differences(connection, "forced", sums)).isEmpty();
      } finally {
        set(connection, "force_full_refresh", "off");
      }
      awaitModes(connection, "ACTIVE|DIFFERENTIAL|null");
      run(connection, "INSERT INTO pairs VALUES (99, 1, 1)");
      sync(connection);
      assertThat(differences(connection, "forced", sums)).isEmpty();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatFailsTooOftenIsSuspendedUntilItIsResumed() throws SQLException {
    try (Connection connection = database.connect()) {
      set(connection, "max_consecutive_errors", "2");
      run(
          connection,
          "CREATE TABLE switch (broken boolean)",
          "INSERT INTO switch VALUES (false)",
          "CREATE FUNCTION fragile() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN"
              + " IF (SELECT broken FROM public.switch) THEN RAISE EXCEPTION 'broken'; END IF;"
              + " RETURN 7; END $$");
      streamTable(connection, "fragile_st", "SELECT fragile() AS v", "FULL");
      run(connection, "UPDATE switch SET broken = true");
      String state =
          "SELECT status, consecutive_errors FROM pgtrickle.pgt_status()"
              + " WHERE name = 'public.fragile_st'";
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(rows(connection, state)).containsExactly("SUSPENDED|2"));
      assertThat(value(connection, "SELECT v FROM fragile_st")).isEqualTo("7");
      run(
          connection,
          "UPDATE switch SET broken = false",
          "SELECT pgtrickle.resume_stream_table('fragile_st')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(rows(connection, state)).containsExactly("ACTIVE|0"));
      ready(connection, "fragile_st");
    }
  }

  @Test
  void oldHistoryGoesAtTheIntervalThatIsSet() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE past (id int PRIMARY KEY)");
      streamTable(connection, "past_st", "SELECT * FROM past", "DIFFERENTIAL");
      set(connection, "history_prune_interval_seconds", "1");
      set(connection, "history_retention_days", "1");
      String count =
          "SELECT count(*) FROM pgtrickle.pgt_refresh_history WHERE start_time < now() - interval"
              + " '1 day'";
      for (int round = 0; round < 2; round++) {
        run(
            connection,
            "UPDATE pgtrickle.pgt_refresh_history SET start_time = start_time - interval '2 days'");
        await()
            .atMost(PATIENCE)
            .untilAsserted(() -> assertThat(value(connection, count)).isEqualTo("0"));
        run(connection, "SELECT pgtrickle.repair_stream_table('past_st')");
        ready(connection, "past_st");
      }
    }
  }
}
