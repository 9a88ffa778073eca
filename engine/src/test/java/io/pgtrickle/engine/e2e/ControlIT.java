package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

/// What people may ask of capture: to pause, to hold back, to protect the disk.
final class ControlIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void source(Connection connection, String name) throws SQLException {
    run(connection, "CREATE TABLE %s (id int PRIMARY KEY, v int)".formatted(name));
    streamTable(connection, name + "_st", "SELECT count(*) AS n FROM " + name, "DIFFERENTIAL");
  }

  private static void set(Connection connection, String name, String value) throws SQLException {
    run(connection, "SELECT pgtrickle.set_config('%s', '%s')".formatted(name, value));
  }

  @Test
  void aPauseOutlivesTheSidecarAndLosesNothing() throws SQLException {
    try (Connection connection = database.connect()) {
      source(connection, "paused");
      set(connection, "cdc_paused", "on");
      awaitPhase(connection, "PAUSED");
      run(connection, "INSERT INTO paused VALUES (1, 1)");
      assertThat(refusal(connection, "SELECT pgtrickle.sync()").getMessage())
          .contains("cdc_paused");
      assertThat(
              value(
                  connection,
                  "SELECT alert FROM pgtrickle.check_cdc_health() WHERE source_table"
                      + " = 'public.paused'"))
          .isEqualTo("paused");
      assertThat(value(connection, "SELECT n FROM paused_st")).isEqualTo("0");
      database.stopSidecar();
      run(connection, "UPDATE pgtrickle_internal.pgt_capture SET phase = NULL");
      database.startSidecar();
      awaitPhase(connection, "PAUSED");
      run(connection, "INSERT INTO paused VALUES (2, 2)");
      set(connection, "cdc_paused", "off");
      awaitPhase(connection, "READING");
      ready(connection, "paused_st");
      sync(connection);
      assertThat(value(connection, "SELECT n FROM paused_st")).isEqualTo("2");
    }
  }

  @Test
  void whatHappensWhileRefreshingIsOffIsShownOnceItIsOn()
      throws SQLException, InterruptedException {
    try (Connection connection = database.connect()) {
      source(connection, "switched");
      run(connection, "INSERT INTO switched VALUES (1, 1), (2, 2)");
      sync(connection);
      streamTable(connection, "switched_full", "SELECT sum(v) AS s FROM switched", "FULL");
      streamTable(connection, "switched_above", "SELECT n + 1 AS n FROM switched_st", "AUTO");
      // Settings are read all at once: who has paused knows of the other one, too.
      run(
          connection,
          "SELECT pgtrickle.set_config(s, v) FROM (VALUES ('enabled', 'off'), ('cdc_paused', 'on'))"
              + " x (s, v)");
      awaitPhase(connection, "PAUSED");
      set(connection, "cdc_paused", "off");
      awaitPhase(connection, "READING");
      assertThat(
              rows(
                  connection,
                  "SELECT severity FROM pgtrickle.health_check() WHERE check_name = 'enabled'"))
          .containsExactly("WARNING");
      run(
          connection,
          "INSERT INTO switched VALUES (3, 3)",
          "UPDATE switched SET v = 10 WHERE id = 1");
      // It goes on from an epoch after these.
      source(connection, "beacon");
      assertThat(value(connection, "SELECT n FROM switched_st")).isEqualTo("2");
      assertThat(value(connection, "SELECT s FROM switched_full")).isEqualTo("3");
      database.stopSidecar();
      run(connection, "INSERT INTO switched VALUES (4, 4), (5, 5)");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      set(connection, "enabled", "on");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(value(connection, "SELECT n FROM switched_st")).isEqualTo("5");
                assertThat(value(connection, "SELECT n FROM switched_above")).isEqualTo("6");
                assertThat(value(connection, "SELECT s FROM switched_full")).isEqualTo("24");
              });
    }
  }

  @Test
  void whatSomebodyElseReadDuringAPauseIsNotMissing() throws SQLException {
    try (Connection connection = database.connect()) {
      source(connection, "overtaken");
      String slot = value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress");
      set(connection, "cdc_paused", "on");
      awaitPhase(connection, "PAUSED");
      run(connection, "INSERT INTO overtaken VALUES (1, 1)");
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(
              () ->
                  run(
                      connection,
                      "SELECT pg_replication_slot_advance('%s', pg_current_wal_lsn())"
                          .formatted(slot)));
      run(connection, "INSERT INTO overtaken VALUES (2, 2)");
      set(connection, "cdc_paused", "off");
      // A call that waits would go with the log of the slot that is given up.
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(value(connection, "SELECT n FROM overtaken_st")).isEqualTo("2"));
      ready(connection, "overtaken_st");
      assertThat(value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress"))
          .isNotEqualTo(slot);
      assertThat(
              rows(
                  connection,
                  "SELECT detail FROM pgtrickle.health_check() WHERE check_name = 'slot_lost'"))
          .filteredOn(loss -> loss.contains(String.valueOf(slot)))
          .singleElement()
          .asString()
          .contains("somebody else");
    }
  }

  @Test
  void whatReadsAGatedSourceIsHeldBackAndReleasedTogether() throws SQLException {
    try (Connection connection = database.connect()) {
      source(connection, "loaded");
      source(connection, "unloaded");
      run(connection, "SELECT pgtrickle.gate_source('loaded')");
      assertThat(
              rows(
                  connection, "SELECT source_table, gated, gated_by FROM pgtrickle.source_gates()"))
          .containsExactly("loaded|t|postgres");
      // Probes until the sidecar has seen the gate.
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                run(
                    connection,
                    "INSERT INTO loaded SELECT coalesce(max(id), 0) + 1, 1 FROM loaded",
                    "INSERT INTO unloaded SELECT coalesce(max(id), 0) + 1, 1 FROM unloaded");
                sync(connection);
                return !Objects.equals(
                    value(connection, "SELECT n FROM loaded_st"),
                    value(connection, "SELECT n FROM unloaded_st"));
              });
      String before = value(connection, "SELECT n FROM loaded_st");
      run(connection, "INSERT INTO loaded SELECT i, 1 FROM generate_series(1000, 1999) i");
      assertThat(value(connection, "SELECT pgtrickle.drain(30)")).isEqualTo("t");
      assertThat(value(connection, "SELECT n FROM loaded_st")).isEqualTo(before);
      run(connection, "SELECT pgtrickle.ungate_source('public.loaded')");
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  Objects.equals(
                      value(connection, "SELECT n FROM loaded_st"),
                      value(connection, "SELECT count(*) FROM loaded")));
      assertThat(
              rows(
                  connection, "SELECT gated, ungated_at IS NOT NULL FROM pgtrickle.source_gates()"))
          .containsExactly("f|t");
    }
  }

  @Test
  void onlyTheOwnerOfASourceMayGateIt() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE guarded (id int)", "CREATE ROLE gatecrasher LOGIN");
      try (Connection stranger = database.connectAs("gatecrasher")) {
        assertThat(refusal(stranger, "SELECT pgtrickle.gate_source('guarded')").getSQLState())
            .isEqualTo("42501");
        assertThat(
                refusal(
                        stranger,
                        "INSERT INTO pgtrickle.pgt_source_gates (source_relid) VALUES"
                            + " ('guarded'::regclass)")
                    .getSQLState())
            .isEqualTo("42501");
      } finally {
        run(connection, "DROP ROLE gatecrasher");
      }
    }
  }

  @Test
  void aSlotThatKeepsBackTooMuchIsToldOfAndThenGivenUp() throws SQLException {
    try (Connection connection = database.connect();
        Connection listener = database.connect()) {
      source(connection, "heavy");
      sync(connection);
      run(listener, "LISTEN pg_trickle_alert");
      String slot = value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress");
      set(connection, "slot_lag_warning_threshold_mb", "5");
      set(connection, "cdc_paused", "on");
      awaitPhase(connection, "PAUSED");
      run(connection, "INSERT INTO heavy SELECT i, 1 FROM generate_series(1, 150000) i");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          rows(
                              connection,
                              "SELECT severity FROM pgtrickle.health_check() WHERE check_name ="
                                  + " 'slot_lag' AND detail LIKE '%keeps back%'"))
                      .isNotEmpty());
      var notifications = listener.unwrap(PGConnection.class).getNotifications(5_000);
      assertThat(notifications).isNotEmpty();
      assertThat(notifications[0].getParameter())
          .contains("slot_lag_warning", Objects.requireNonNull(slot));
      set(connection, "max_slot_lag", "8");
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  !Objects.equals(
                      slot,
                      value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress")));
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + slot + "'"))
          .isEqualTo("0");
      set(connection, "max_slot_lag", "0");
      set(connection, "cdc_paused", "off");
      awaitPhase(connection, "READING");
      ready(connection, "heavy_st");
      sync(connection);
      assertThat(value(connection, "SELECT n FROM heavy_st")).isEqualTo("150000");
      assertThat(
              rows(
                  connection,
                  "SELECT 1 FROM pgtrickle.health_check() WHERE check_name = 'slot_lost'"
                      + " AND detail LIKE '%more than max_slot_lag%'"))
          .isNotEmpty();
    }
  }

  private static void awaitPhase(Connection connection, String phase) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                phase.equals(
                    value(connection, "SELECT phase FROM pgtrickle_internal.pgt_capture")));
  }
}
