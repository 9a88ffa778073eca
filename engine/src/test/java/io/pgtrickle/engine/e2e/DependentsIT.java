package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Stream tables over stream tables of which one fails, and storage tables that their owners move.
final class DependentsIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void awaitStatus(Connection connection, String table, String status) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, table)).isEqualTo(status));
  }

  private static @Nullable String problem(Connection connection, String table) throws SQLException {
    return value(
        connection,
        "SELECT error_message FROM pgtrickle.pgt_state JOIN pgtrickle.pgt_definitions"
            + " USING (pgt_id) WHERE table_name = '%s'".formatted(table));
  }

  /// The reader has the upper one and comes for the lower one; a drop that had the lower one and
  /// came
  /// for the upper one would make one of them the victim of a deadlock.
  @Test
  void droppingWithAllReadersIsNoDeadlockForThoseWhoRead() throws Exception {
    try (Connection connection = database.connect();
        Connection reader = database.connect();
        Connection dropper = database.connect();
        ExecutorService thread = Executors.newSingleThreadExecutor()) {
      run(connection, "CREATE TABLE read (id int PRIMARY KEY)", "INSERT INTO read VALUES (1)");
      streamTable(connection, "lower_one", "SELECT id FROM read", "DIFFERENTIAL");
      streamTable(connection, "upper_one", "SELECT id FROM lower_one", "DIFFERENTIAL");
      reader.setAutoCommit(false);
      assertThat(rows(reader, "SELECT id FROM upper_one")).containsExactly("1");
      String pid = value(dropper, "SELECT pg_backend_pid()");
      Future<?> dropped =
          thread.submit(
              () -> {
                run(dropper, "SELECT pgtrickle.drop_stream_table('lower_one', cascade => true)");
                return null;
              });
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          value(
                              connection,
                              "SELECT wait_event FROM pg_stat_activity WHERE pid = " + pid))
                      .as("it tries")
                      .isIn("PgSleep", "relation"));
      assertThat(rows(reader, "SELECT id FROM lower_one")).containsExactly("1");
      reader.commit();
      dropped.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_stream_tables WHERE pgt_name LIKE '%er_one'"))
          .isEqualTo("0");
    }
  }

  @Test
  void dependentsOfAFailedTableNameItAndHealWithIt() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE src (id int PRIMARY KEY, v int)",
          "INSERT INTO src VALUES (1, 1), (2, 2)");
      streamTable(connection, "below", "SELECT id, v FROM src", "DIFFERENTIAL");
      streamTable(connection, "middle", "SELECT sum(v) AS s FROM below", "DIFFERENTIAL");
      streamTable(connection, "top", "SELECT s + 1 AS s FROM middle", "DIFFERENTIAL");
      streamTable(connection, "aside", "SELECT count(*) AS n FROM below", "FULL");
      run(connection, "DROP TABLE src");
      awaitStatus(connection, "below", "ERROR 42P01");
      awaitStatus(connection, "middle", "ERROR 55000");
      awaitStatus(connection, "top", "ERROR 55000");
      awaitStatus(connection, "aside", "ERROR 55000");
      assertThat(problem(connection, "middle")).contains("reads stream table public.below");
      assertThat(problem(connection, "top"))
          .contains("reads stream table public.middle")
          .contains("public.below");
      assertThat(
              value(
                  connection,
                  "SELECT reason_code FROM pgtrickle.pgt_stream_tables"
                      + " WHERE pgt_name = 'middle'"))
          .isEqualTo("upstream_failed");
      assertThat(refusal(connection, "SELECT pgtrickle.wait_until_ready('top')").getMessage())
          .contains("public.middle");
      assertThat(rows(connection, "SELECT s FROM top"))
          .as("the last contents")
          .containsExactly("4");

      run(
          connection,
          "CREATE TABLE src (id int PRIMARY KEY, v int)",
          "INSERT INTO src VALUES (5, 5)",
          "SELECT pgtrickle.repair_stream_table('below')");
      awaitStatus(connection, "top", "ACTIVE");
      awaitStatus(connection, "aside", "ACTIVE");
      run(connection, "INSERT INTO src VALUES (6, 6)");
      sync(connection);
      assertThat(rows(connection, "SELECT s FROM top")).containsExactly("12");
      assertThat(rows(connection, "SELECT n FROM aside")).containsExactly("2");
      run(connection, "SELECT pgtrickle.drop_stream_table('below', cascade => true)");
    }
  }

  @Test
  void syncOfAllWaitsForTheOthersAndThenNamesWhatFails() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE good (id int PRIMARY KEY)",
          "CREATE TABLE bad (id int PRIMARY KEY)",
          "CREATE TABLE worse (a int, b int)",
          "INSERT INTO worse VALUES (1, 1)");
      streamTable(connection, "good_st", "SELECT id FROM good", "DIFFERENTIAL");
      streamTable(connection, "bad_st", "SELECT id FROM bad", "DIFFERENTIAL");
      streamTable(connection, "worse_st", "SELECT a / b AS q FROM worse", "DIFFERENTIAL");
      streamTable(connection, "idle_st", "SELECT id FROM good", "DIFFERENTIAL");
      run(connection, "SELECT pgtrickle.alter_stream_table('idle_st', status => 'PAUSED')");
      run(connection, "DROP TABLE bad");
      awaitStatus(connection, "bad_st", "ERROR 42P01");
      run(connection, "INSERT INTO good SELECT generate_series(1, 50000)");
      var one = refusal(connection, "SELECT pgtrickle.sync()");
      assertThat(one.getSQLState()).isEqualTo("42P01");
      assertThat(one.getMessage()).contains("bad_st").doesNotContain("idle_st");
      assertThat(value(connection, "SELECT count(*) FROM good_st"))
          .as("the others were waited for")
          .isEqualTo("50000");

      run(connection, "UPDATE worse SET b = 0", "DELETE FROM good WHERE id > 10");
      assertThat(refusal(connection, "SELECT pgtrickle.sync()").getMessage())
          .contains("2 stream tables are in error")
          .contains("bad_st")
          .contains("worse_st");
      assertThat(value(connection, "SELECT count(*) FROM good_st")).isEqualTo("10");
      assertThat(refusal(connection, "SELECT pgtrickle.sync('bad_st')").getMessage())
          .as("a failed table is not waited for until the timeout")
          .contains("bad_st");

      run(
          connection,
          "UPDATE worse SET b = 1",
          "SELECT pgtrickle.drop_stream_table('bad_st')",
          "SELECT pgtrickle.create_stream_table('new_st', 'SELECT id FROM good')");
      sync(connection);
      assertThat(value(connection, "SELECT count(*) FROM new_st"))
          .as("a table that is being initialized is waited for")
          .isEqualTo("10");
      run(connection, "SELECT pgtrickle.drop_stream_table('worse_st')");
    }
  }

  @Test
  void aTableOverOneThatWasCreatedOverABadRowHealsWhenTheRowGoes() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE ratio (a int, b int)", "INSERT INTO ratio VALUES (1, 0)");
      run(
          connection,
          "SELECT pgtrickle.create_stream_table('quotient', 'SELECT a / b AS q FROM ratio')",
          "SELECT pgtrickle.create_stream_table('over_it', 'SELECT max(q) AS q FROM quotient')");
      awaitStatus(connection, "quotient", "ERROR 22012");
      awaitStatus(connection, "over_it", "ERROR 55000");
      assertThat(problem(connection, "over_it")).contains("public.quotient").contains("zero");
      run(connection, "UPDATE ratio SET b = 1");
      awaitStatus(connection, "over_it", "ACTIVE");
      assertThat(rows(connection, "SELECT q FROM over_it")).containsExactly("1");
      run(connection, "SELECT pgtrickle.drop_stream_table('quotient', cascade => true)");
    }
  }

  @Test
  void aSourceThatCannotBeCopiedFailsItsOwnTableOnly() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE fine (id int PRIMARY KEY)",
          "INSERT INTO fine VALUES (1)",
          "CREATE TABLE strict (id int PRIMARY KEY)");
      streamTable(connection, "limited", "SELECT id FROM strict", "DIFFERENTIAL");
      run(connection, "ALTER TABLE limited ADD CONSTRAINT small CHECK (id < 10) NOT VALID");
      database.stopSidecar();
      // Without its state it is filled again; with it, it would be held.
      database.deleteState();
      run(
          connection,
          "INSERT INTO strict VALUES (11)",
          "SELECT pgtrickle.create_stream_table('unlimited', 'SELECT id FROM fine')");
      database.startSidecar();
      awaitStatus(connection, "limited", "ERROR 23514");
      ready(connection, "unlimited");
      run(connection, "DELETE FROM strict");
      awaitStatus(connection, "limited", "ACTIVE");
    }
  }

  @Test
  void aRenamedStorageTableIsNamedAndHealsWhenItIsBack() throws SQLException {
    try (Connection connection = database.connect()) {
      base(connection, "ren");
      streamTable(connection, "ren_above", "SELECT sum(id) AS s FROM ren_st", "DIFFERENTIAL");
      run(connection, "ALTER TABLE ren_st RENAME TO moved", "INSERT INTO ren VALUES (2)");
      awaitStatus(connection, "ren_st", "ERROR 42P01");
      assertThat(problem(connection, "ren_st"))
          .contains("public.moved")
          .contains("repair_stream_table");
      awaitStatus(connection, "ren_above", "ERROR 55000");
      assertThat(rows(connection, "SELECT id FROM moved")).containsExactly("1");
      run(
          connection,
          "ALTER TABLE moved RENAME TO ren_st",
          "SELECT pgtrickle.repair_stream_table('ren_st')");
      awaitStatus(connection, "ren_above", "ACTIVE");
      run(connection, "INSERT INTO ren VALUES (3)");
      sync(connection);
      assertThat(differences(connection, "ren_st", "SELECT id FROM ren")).isEmpty();
      assertThat(rows(connection, "SELECT s FROM ren_above")).containsExactly("6");
    }
  }

  @Test
  void anotherTableUnderTheNameOfAStorageTableIsNeverTouched() throws SQLException {
    try (Connection connection = database.connect()) {
      base(connection, "swap");
      String tenure = "SELECT started_at FROM pgtrickle_internal.pgt_sidecar";
      String before = value(connection, tenure);
      connection.setAutoCommit(false);
      run(
          connection,
          "ALTER TABLE swap_st RENAME TO swap_old",
          "CREATE TABLE swap_st AS SELECT 77 AS id",
          "INSERT INTO swap VALUES (2)");
      connection.commit();
      connection.setAutoCommit(true);
      awaitStatus(connection, "swap_st", "ERROR 42P01");
      assertThat(problem(connection, "swap_st")).contains("public.swap_old");
      assertThat(value(connection, tenure)).as("nobody else was disturbed").isEqualTo(before);
      assertThat(rows(connection, "SELECT id FROM swap_st")).containsExactly("77");
      run(connection, "SELECT pgtrickle.drop_stream_table('swap_st')");
      assertThat(rows(connection, "SELECT id FROM swap_st")).containsExactly("77");
      assertThat(value(connection, "SELECT to_regclass('swap_old')"))
          .as("the storage table went")
          .isNull();
    }
  }

  @Test
  void aStorageTableInAnotherSchemaIsNamed() throws SQLException {
    try (Connection connection = database.connect()) {
      base(connection, "far");
      run(
          connection,
          "CREATE SCHEMA away",
          "ALTER TABLE far_st SET SCHEMA away",
          "INSERT INTO far VALUES (2)");
      awaitStatus(connection, "far_st", "ERROR 42P01");
      assertThat(problem(connection, "far_st")).contains("away.far_st");
      run(
          connection,
          "ALTER TABLE away.far_st SET SCHEMA public",
          "SELECT pgtrickle.repair_stream_table('far_st')");
      ready(connection, "far_st");
      assertThat(differences(connection, "far_st", "SELECT id FROM far")).isEmpty();
    }
  }

  @Test
  void aDroppedStorageTableIsNoticedAndMadeAgainByRepair() throws SQLException {
    try (Connection connection = database.connect()) {
      base(connection, "gone");
      run(connection, "DROP TABLE gone_st", "INSERT INTO gone VALUES (2)");
      awaitStatus(connection, "gone_st", "ERROR 42P01");
      assertThat(problem(connection, "gone_st")).contains("repair_stream_table");
      run(connection, "SELECT pgtrickle.repair_stream_table('gone_st')");
      ready(connection, "gone_st");
      assertThat(differences(connection, "gone_st", "SELECT id FROM gone")).isEmpty();
      assertThat(refusal(connection, "DELETE FROM gone_st").getSQLState()).isEqualTo("55000");
    }
  }

  private static void base(Connection connection, String name) throws SQLException {
    run(
        connection,
        "CREATE TABLE %s (id int PRIMARY KEY)".formatted(name),
        "INSERT INTO %s VALUES (1)".formatted(name));
    streamTable(connection, name + "_st", "SELECT id FROM " + name, "DIFFERENTIAL");
  }
}
