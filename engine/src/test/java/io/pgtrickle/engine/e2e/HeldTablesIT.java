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
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// One stream table that cannot be written, or was written by others, does not harm the rest.
final class HeldTablesIT {
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
        .untilAsserted(() -> assertThat(status(connection, table)).startsWith(status));
  }

  @Test
  void aLockedTableWaitsWhileTheOthersGoOn() throws SQLException {
    try (Connection connection = database.connect();
        Connection locker = database.connect()) {
      run(connection, "CREATE TABLE l (id int PRIMARY KEY, v int)", "INSERT INTO l VALUES (1, 1)");
      streamTable(connection, "locked", "SELECT id, v FROM l", "DIFFERENTIAL");
      streamTable(connection, "above_locked", "SELECT sum(v) AS s FROM locked", "DIFFERENTIAL");
      streamTable(connection, "unlocked", "SELECT id FROM l", "DIFFERENTIAL");
      locker.setAutoCommit(false);
      run(locker, "LOCK TABLE locked");
      run(connection, "INSERT INTO l VALUES (2, 2)");
      awaitStatus(connection, "locked", "HELD");
      run(connection, "UPDATE l SET v = 7 WHERE id = 1", "INSERT INTO l VALUES (3, 3)");
      run(connection, "SELECT pgtrickle.sync('unlocked', '60 s')");
      assertThat(rows(connection, "SELECT * FROM unlocked ORDER BY 1"))
          .containsExactly("1", "2", "3");
      assertThat(rows(connection, "SELECT * FROM above_locked"))
          .as("nothing overtakes the table it reads")
          .containsExactly("1");
      locker.rollback();
      awaitStatus(connection, "locked", "ACTIVE");
      sync(connection);
      assertThat(differences(connection, "locked", "SELECT id, v FROM l")).isEmpty();
      assertThat(rows(connection, "SELECT * FROM above_locked")).containsExactly("12");
    }
  }

  @Test
  void aUsersConstraintHoldsItsTableUntilTheRowsFit() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE k (id int PRIMARY KEY, v int)", "INSERT INTO k VALUES (1, 1)");
      streamTable(connection, "constrained", "SELECT id, v FROM k", "DIFFERENTIAL");
      streamTable(connection, "unconstrained", "SELECT id, v FROM k", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE constrained ADD CONSTRAINT once UNIQUE (v) DEFERRABLE INITIALLY DEFERRED");
      run(connection, "INSERT INTO k VALUES (2, 1)");
      awaitStatus(connection, "constrained", "HELD 23505");
      run(connection, "SELECT pgtrickle.sync('unconstrained')");
      assertThat(rows(connection, "SELECT * FROM unconstrained ORDER BY 1"))
          .containsExactly("1|1", "2|1");
      run(connection, "UPDATE k SET v = 2 WHERE id = 2");
      awaitStatus(connection, "constrained", "ACTIVE");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM constrained ORDER BY 1"))
          .containsExactly("1|1", "2|2");
    }
  }

  @Test
  void aUsersFailingTriggerHoldsItsTable() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE tr (id int PRIMARY KEY)",
          "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id > 5 THEN"
              + " RAISE EXCEPTION 'too much' USING ERRCODE = 'P0001'; END IF; RETURN NEW; END $$");
      streamTable(connection, "triggered", "SELECT id FROM tr", "DIFFERENTIAL");
      run(
          connection,
          "CREATE TRIGGER refuse BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION"
              + " refuse()");
      run(connection, "INSERT INTO tr VALUES (1)");
      sync(connection);
      run(connection, "INSERT INTO tr VALUES (6)");
      awaitStatus(connection, "triggered", "HELD P0001");
      assertThat(rows(connection, "SELECT * FROM triggered")).containsExactly("1");
      run(connection, "DROP TRIGGER refuse ON triggered");
      awaitStatus(connection, "triggered", "ACTIVE");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM triggered ORDER BY 1")).containsExactly("1", "6");
    }
  }

  @Test
  void nobodyWaitsForTheAttemptsToWriteAHeldTable() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE sl (id int PRIMARY KEY)",
          "CREATE FUNCTION refuse_slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              + " PERFORM pg_sleep(2); RAISE EXCEPTION 'no' USING ERRCODE = 'P0001'; END $$");
      streamTable(connection, "slow", "SELECT id FROM sl", "DIFFERENTIAL");
      streamTable(connection, "quick", "SELECT id FROM sl", "DIFFERENTIAL");
      run(
          connection,
          "CREATE TRIGGER refuse BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION"
              + " refuse_slowly()",
          "INSERT INTO sl VALUES (0)");
      awaitStatus(connection, "slow", "HELD P0001");
      Instant until = Instant.now().plusSeconds(10);
      Duration longest = Duration.ZERO;
      for (int i = 1; Instant.now().isBefore(until); i++) {
        Instant began = Instant.now();
        run(
            connection,
            "INSERT INTO sl VALUES (" + i + ")",
            "SELECT pgtrickle.sync('quick', '60 s')");
        Duration took = Duration.between(began, Instant.now());
        longest = took.compareTo(longest) > 0 ? took : longest;
      }
      assertThat(longest).isLessThan(Duration.ofMillis(1_900));
      run(connection, "DROP TRIGGER refuse ON slow");
      awaitStatus(connection, "slow", "ACTIVE");
      sync(connection);
      assertThat(differences(connection, "slow", "SELECT id FROM sl")).isEmpty();
    }
  }

  @Test
  void whatAHeldTableLacksStaysInTheDataflowAndItsReadersAreAsItWasLastReleased()
      throws SQLException {
    try (Connection connection = database.connect();
        Connection locker = database.connect()) {
      run(
          connection,
          "CREATE TABLE kp (id int PRIMARY KEY, v int)",
          "INSERT INTO kp VALUES (1, 1)");
      streamTable(connection, "kept", "SELECT id, v FROM kp", "DIFFERENTIAL");
      streamTable(
          connection, "over_kept", "SELECT k.id, p.v FROM kept k JOIN kp p USING (id)", "AUTO");
      streamTable(connection, "beside_kept", "SELECT id FROM kp", "DIFFERENTIAL");
      locker.setAutoCommit(false);
      run(locker, "LOCK TABLE kept IN SHARE MODE");
      run(connection, "INSERT INTO kp VALUES (2, 2)");
      awaitStatus(connection, "kept", "HELD");
      run(
          connection,
          "INSERT INTO kp SELECT i, i FROM generate_series(3, 5000) i",
          "UPDATE kp SET v = 7 WHERE id = 1",
          "SELECT pgtrickle.sync('beside_kept', '60 s')");
      for (String table : new String[] {"kept", "over_kept"}) {
        assertThat(rows(connection, "SELECT * FROM " + table)).as(table).containsExactly("1|1");
      }
      String plan =
          String.join(
              "\n", rows(connection, "SELECT pgtrickle.explain_stream_table('kept', 'text')"));
      assertThat(plan).containsPattern("View \\S*kept  state: [45]\\d{3} rows");
      assertThat(
              LiveDatabase.refusal(connection, "SELECT pgtrickle.sync('over_kept', '2 s')")
                  .getSQLState())
          .as("it does not show yet what was asked for")
          .isEqualTo("57014");
      locker.rollback();
      awaitStatus(connection, "kept", "ACTIVE");
      sync(connection);
      assertThat(differences(connection, "kept", "SELECT id, v FROM kp")).isEmpty();
      assertThat(differences(connection, "over_kept", "SELECT id, v FROM kp")).isEmpty();
    }
  }

  @Test
  void aRowThatIsTakenBackReleasesItsTable() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE tb (id int PRIMARY KEY)", "INSERT INTO tb VALUES (1)");
      streamTable(connection, "taken_back", "SELECT id FROM tb", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE taken_back ADD CONSTRAINT small CHECK (id < 5)",
          "INSERT INTO tb VALUES (9)");
      awaitStatus(connection, "taken_back", "HELD 23514");
      run(connection, "DELETE FROM tb WHERE id = 9");
      awaitStatus(connection, "taken_back", "ACTIVE");
      run(connection, "INSERT INTO tb VALUES (2)");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM taken_back ORDER BY 1")).containsExactly("1", "2");
    }
  }

  @Test
  void aFullTableIsEvaluatedAgainWhenWhatItReadsIsWrittenLate() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE tardy (id int PRIMARY KEY)",
          "CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
              + " 'not now' USING ERRCODE = 'P0001'; END $$");
      streamTable(connection, "tardy_st", "SELECT id FROM tardy", "DIFFERENTIAL");
      streamTable(connection, "over_tardy", "SELECT id FROM tardy_st", "DIFFERENTIAL");
      streamTable(connection, "direct", "SELECT count(*) AS n FROM tardy_st", "FULL");
      streamTable(connection, "indirect", "SELECT count(*) AS n FROM over_tardy", "FULL");
      run(
          connection,
          "CREATE TRIGGER delay BEFORE INSERT ON tardy_st FOR EACH ROW EXECUTE FUNCTION delay()",
          "INSERT INTO tardy VALUES (1)");
      awaitStatus(connection, "tardy_st", "HELD P0001");
      assertThat(rows(connection, "SELECT * FROM direct")).containsExactly("0");
      run(connection, "DROP TRIGGER delay ON tardy_st");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(rows(connection, "SELECT * FROM direct")).containsExactly("1");
                assertThat(rows(connection, "SELECT * FROM indirect")).containsExactly("1");
              });
    }
  }

  /// Its readers' state has the difference that it could not write, and is saved with it.
  @Test
  void readersOfAHeldFullTableAreNotToldTwiceAfterARestart()
      throws SQLException, InterruptedException {
    String evaluated = "SELECT id FROM bounded";
    String counted = "SELECT count(*) AS n FROM bounded_full";
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE bounded (id int PRIMARY KEY)",
          "INSERT INTO bounded VALUES (1)");
      streamTable(connection, "bounded_full", evaluated, "FULL");
      streamTable(connection, "bounded_count", counted, "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE bounded_full ADD CONSTRAINT small CHECK (id < 100)",
          "INSERT INTO bounded VALUES (100)");
      awaitStatus(connection, "bounded_full", "HELD 23514");
      database.stopSidecar();
      run(connection, "ALTER TABLE bounded_full DROP CONSTRAINT small");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(differences(connection, "bounded_full", evaluated)).isEmpty());
      sync(connection);
      assertThat(differences(connection, "bounded_count", counted)).isEmpty();
      run(connection, "DELETE FROM bounded WHERE id = 1");
      sync(connection);
      assertThat(differences(connection, "bounded_count", counted)).isEmpty();
    }
  }

  @Test
  void indexesAndGrantsOfUsersSurviveARestart() throws SQLException, InterruptedException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE ix (id int PRIMARY KEY, v int)",
          "INSERT INTO ix VALUES (1, 1)");
      streamTable(connection, "indexed", "SELECT id, v FROM ix", "DIFFERENTIAL");
      run(connection, "CREATE INDEX mine ON indexed (v)", "GRANT SELECT ON indexed TO PUBLIC");
      database.stopSidecar();
      run(connection, "INSERT INTO ix VALUES (2, 2)");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      sync(connection);
      assertThat(value(connection, "SELECT to_regclass('mine')")).isEqualTo("mine");
      assertThat(value(connection, "SELECT has_table_privilege('public', 'indexed', 'SELECT')"))
          .isEqualTo("t");
      assertThat(differences(connection, "indexed", "SELECT id, v FROM ix")).isEmpty();
    }
  }

  @Test
  void usersCannotWrite() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE gd (id int PRIMARY KEY)", "INSERT INTO gd VALUES (1)");
      streamTable(connection, "guarded", "SELECT id FROM gd", "DIFFERENTIAL");
      for (String write :
          new String[] {
            "INSERT INTO guarded VALUES (9)",
            "UPDATE guarded SET id = 9",
            "DELETE FROM guarded",
            "TRUNCATE guarded",
            "COPY guarded FROM PROGRAM 'echo 9'"
          }) {
        var refused = LiveDatabase.refusal(connection, write);
        assertThat(refused.getSQLState()).as(write).isEqualTo("55000");
        assertThat(refused.getHint()).as(write).isNotBlank();
      }
      assertThat(rows(connection, "SELECT * FROM guarded")).containsExactly("1");
    }
  }

  @Test
  void aPlantedSurplusRowIsRemovedWhenItIsTouchedAndCounted() throws SQLException {
    try (Connection connection = database.connect()) {
      joined(connection, "ph");
      plant(connection, "INSERT INTO ph_st SELECT id, t FROM ph_st WHERE id = 1");
      run(connection, "DELETE FROM ph_a WHERE id = 1");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          differences(
                              connection,
                              "ph_st",
                              "SELECT a.id, b.t FROM ph_a a JOIN ph_b b ON b.a = a.id"))
                      .isEmpty());
      assertThat(database.sidecar().meters().scrape())
          .contains("pgtrickle_phd1_removed_rows_total 1.0");
      assertThat(status(connection, "ph_st")).isEqualTo("ACTIVE");
    }
  }

  @Test
  void aRowThatIsMissingRebuildsItsTable() throws SQLException {
    try (Connection connection = database.connect()) {
      joined(connection, "lost");
      plant(connection, "DELETE FROM lost_st WHERE id = 1");
      run(connection, "DELETE FROM lost_a WHERE id = 1", "DELETE FROM lost_a WHERE id = 2");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(
                        differences(
                            connection,
                            "lost_st",
                            "SELECT a.id, b.t FROM lost_a a JOIN lost_b b ON b.a = a.id"))
                    .isEmpty();
                assertThat(status(connection, "lost_st")).isEqualTo("ACTIVE");
              });
    }
  }

  @Test
  void aTableThatIsWrittenLateKeepsTheRowsThatItsScheduleHasNotTakenAwayYet() throws SQLException {
    try (Connection connection = database.connect();
        Connection locker = database.connect()) {
      joined(connection, "late");
      streamTable(connection, "late_other", "SELECT n FROM late_b", "DIFFERENTIAL");
      run(connection, "SELECT pgtrickle.alter_stream_table('late_st', schedule => '15s')");
      double removed = removedRows();
      locker.setAutoCommit(false);
      run(locker, "LOCK TABLE late_st");
      run(connection, "INSERT INTO late_b VALUES (4, 1, 'w')");
      awaitStatus(connection, "late_st", "HELD");
      run(connection, "SELECT pgtrickle.alter_stream_table('late_st', schedule => '1h')");
      run(connection, "DELETE FROM late_b WHERE n = 4");
      run(connection, "SELECT pgtrickle.sync('late_other')");
      assertThat(status(connection, "late_st")).startsWith("HELD");
      locker.rollback();
      awaitStatus(connection, "late_st", "ACTIVE");
      assertThat(rows(connection, "SELECT * FROM late_st ORDER BY 1, 2"))
          .as("as of the release that was held")
          .containsExactly("1|w", "1|x", "2|y", "3|z");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM late_st ORDER BY 1, 2"))
          .containsExactly("1|x", "2|y", "3|z");
      assertThat(removedRows()).isEqualTo(removed);
      assertThat(status(connection, "late_st")).isEqualTo("ACTIVE");
    }
  }

  private static double removedRows() {
    return database
        .sidecar()
        .meters()
        .scrape()
        .lines()
        .filter(line -> line.startsWith("pgtrickle_phd1_removed_rows_total "))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(' ') + 1)))
        .sum();
  }

  // No key is selected, so that the table is a bag in which a surplus row has its place.
  private static void joined(Connection connection, String p) throws SQLException {
    run(
        connection,
        "CREATE TABLE " + p + "_a (id int PRIMARY KEY)",
        "CREATE TABLE " + p + "_b (n int PRIMARY KEY, a int, t text)",
        "INSERT INTO " + p + "_a VALUES (1), (2), (3)",
        "INSERT INTO " + p + "_b VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 3, 'z')");
    streamTable(
        connection,
        p + "_st",
        "SELECT a.id, b.t FROM %1$s_a a JOIN %1$s_b b ON b.a = a.id".formatted(p),
        "DIFFERENTIAL");
  }

  private static void plant(Connection connection, String sql) throws SQLException {
    run(
        connection,
        "SET session_replication_role = replica",
        sql,
        "SET session_replication_role = origin");
  }
}
