package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// A stream table is altered, repaired or asked for again while it, what it reads or what reads it
/// is live, being built or being evaluated: what belongs to one of its lives does not get into the
/// next.
final class IncarnationsIT {
  private static final String ABOVE = "SELECT g, count(*) AS n, sum(v) AS s FROM below GROUP BY g";

  private final LiveDatabase database;
  private final Connection connection;

  IncarnationsIT() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    connection = database.connect();
    run(
        connection,
        "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
        "INSERT INTO src SELECT i, i % 5, i FROM generate_series(1, 1000) i");
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private void assertExact(String table, String query) throws SQLException {
    assertThat(differences(connection, table, query)).as(table).isEmpty();
  }

  private static String altered(String table, String query) {
    return "SELECT pgtrickle.alter_stream_table('" + table + "', query => $$" + query + "$$)";
  }

  // A build waits for its table's lock.
  private Connection locking(String table) throws SQLException {
    Connection locker = database.connect();
    locker.setAutoCommit(false);
    run(locker, "LOCK TABLE " + table + " IN SHARE MODE");
    return locker;
  }

  private void awaitsLock() {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(value(connection, "SELECT count(*) FROM pg_locks WHERE NOT granted"))
                    .isNotEqualTo("0"));
  }

  @Test
  void whatReadsAnAlteredStreamTableFollowsIt() throws SQLException {
    streamTable(connection, "below", "SELECT id, g, v FROM src WHERE v > 100", "DIFFERENTIAL");
    streamTable(connection, "above", ABOVE, "DIFFERENTIAL");
    streamTable(connection, "top", "SELECT n, count(*) AS c FROM above GROUP BY n", "DIFFERENTIAL");
    streamTable(connection, "whole", ABOVE, "FULL");
    sync(connection);
    run(
        connection,
        altered("below", "SELECT id, g, v FROM src WHERE v > 500"),
        "UPDATE src SET v = v + 1 WHERE id % 3 = 0");
    sync(connection);
    assertExact("below", "SELECT id, g, v FROM src WHERE v > 500");
    assertExact("above", ABOVE);
    assertExact("top", "SELECT n, count(*) AS c FROM above GROUP BY n");
    assertExact("whole", ABOVE);
    run(connection, "DELETE FROM src WHERE id % 7 = 0");
    sync(connection);
    assertExact("above", ABOVE);
    assertExact("whole", ABOVE);
  }

  @Test
  void nothingIsLostOnWhatReadsAStreamTableThatIsRepaired() throws SQLException {
    streamTable(connection, "below", "SELECT id, g, v FROM src", "DIFFERENTIAL");
    streamTable(connection, "above", ABOVE, "DIFFERENTIAL");
    sync(connection);
    for (int i = 0; i < 10; i++) {
      run(connection, "UPDATE src SET v = v + 1 WHERE id % 10 = " + i);
      if (i % 3 == 0) {
        run(connection, "SELECT pgtrickle.repair_stream_table('below')");
      }
    }
    sync(connection);
    assertExact("below", "SELECT id, g, v FROM src");
    assertExact("above", ABOVE);
  }

  @Test
  void aCallerAfterAnAlterationSeesTheNewQuery() throws SQLException {
    streamTable(connection, "st", "SELECT id, v FROM src WHERE g = 0", "DIFFERENTIAL");
    for (int g = 1; g < 5; g++) {
      run(connection, altered("st", "SELECT id, v FROM src WHERE g = " + g));
      run(connection, "SELECT pgtrickle.sync('st')");
      assertExact("st", "SELECT id, v FROM src WHERE g = " + g);
    }
    run(
        connection,
        "SELECT pgtrickle.alter_stream_table('st', status => 'PAUSED')",
        "SELECT pgtrickle.resume_stream_table('st')",
        "SELECT pgtrickle.sync('st')");
  }

  @Test
  void aTableThatIsAlteredWhileItIsBuiltShowsTheNewQuery() throws SQLException {
    create("st", "SELECT id, v FROM src WHERE g = 0");
    try (Connection locker = locking("st")) {
      refreshInTheBackground("st");
      awaitsLock();
      run(connection, altered("st", "SELECT id, v FROM src WHERE g = 1"));
      locker.rollback();
    }
    ready(connection, "st");
    run(connection, "UPDATE src SET v = v + 1 WHERE g < 2");
    run(connection, "SELECT pgtrickle.sync('st')");
    assertExact("st", "SELECT id, v FROM src WHERE g = 1");
    assertThat(status(connection, "st")).isEqualTo("ACTIVE");
  }

  @Test
  void aTableThatIsAskedForTwiceIsBuiltOnce() throws SQLException {
    create("st", "SELECT id, v FROM src");
    try (Connection locker = locking("st")) {
      refreshInTheBackground("st");
      awaitsLock();
      refreshInTheBackground("st");
      locker.rollback();
    }
    for (int i = 0; i < 10; i++) {
      run(connection, "UPDATE src SET v = v + 1 WHERE id % 10 = " + i);
      run(connection, "SELECT pgtrickle.sync('st')");
      assertExact("st", "SELECT id, v FROM src");
    }
  }

  @Test
  void aSourceThatIsReadAnewWhileATableIsBuiltOverItIsFollowed() throws SQLException {
    run(
        connection,
        "CREATE TABLE parts (id int, v int, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)",
        "INSERT INTO parts SELECT i, i FROM generate_series(1, 99) i");
    streamTable(connection, "first", "SELECT count(*) AS n FROM parts", "DIFFERENTIAL");
    create("st", "SELECT id, v FROM parts");
    try (Connection locker = locking("st")) {
      refreshInTheBackground("st");
      awaitsLock();
      run(
          connection,
          "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200)",
          "INSERT INTO parts VALUES (150, 150)");
      // The first one is built anew, over all partitions.
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(rows(connection, "SELECT n FROM first")).containsExactly("100"));
      locker.rollback();
    }
    ready(connection, "st");
    run(connection, "INSERT INTO parts VALUES (151, 151)", "UPDATE parts SET v = 0 WHERE id < 5");
    sync(connection);
    assertExact("st", "SELECT id, v FROM parts");
    assertExact("first", "SELECT count(*) AS n FROM parts");
  }

  @Test
  void whatAnEvaluationOfAnEarlierQueryFindsIsNotWritten() throws SQLException {
    run(
        connection,
        "CREATE FUNCTION slowly() RETURNS int LANGUAGE sql VOLATILE AS"
            + " 'SELECT 1 FROM pg_sleep(3)'");
    streamTable(connection, "st", "SELECT id, v FROM src, slowly() s WHERE g = 0 OR s = 2", "FULL");
    run(connection, "UPDATE src SET v = v + 1 WHERE id < 50");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(
                        value(
                            connection,
                            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                                + " AND query NOT LIKE '%wait_until%'"))
                    .isNotEqualTo("0"));
    run(
        connection,
        "SELECT pgtrickle.alter_stream_table('st', query => 'SELECT id, v FROM src WHERE g = 1',"
            + " refresh_mode => 'DIFFERENTIAL')");
    ready(connection, "st");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(
                        value(
                            connection,
                            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
                    .isEqualTo("0"));
    run(connection, "UPDATE src SET v = v + 1 WHERE id < 50");
    sync(connection);
    assertExact("st", "SELECT id, v FROM src WHERE g = 1");
  }

  @Test
  void aTableThatIsNotFilledByItselfIsThereAgainAfterARestart()
      throws SQLException, InterruptedException {
    create("st", "SELECT id, v FROM src");
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('whole', 'SELECT id, v FROM src',"
            + " refresh_mode => 'FULL', initialize => false)",
        "SELECT pgtrickle.create_stream_table('empty', 'SELECT id, v FROM src',"
            + " initialize => false)",
        "SELECT pgtrickle.refresh_stream_table('st')",
        "SELECT pgtrickle.refresh_stream_table('whole')");
    database.stopSidecar();
    run(connection, "UPDATE src SET v = v + 1 WHERE id < 50");
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    run(connection, "UPDATE src SET v = v + 1 WHERE id < 25");
    ready(connection, "st");
    ready(connection, "whole");
    sync(connection);
    assertExact("st", "SELECT id, v FROM src");
    assertExact("whole", "SELECT id, v FROM src");
    assertThat(rows(connection, "SELECT id FROM empty")).isEmpty();
  }

  private void create(String table, String query) throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('%s', $$%s$$, refresh_mode => 'DIFFERENTIAL',"
                .formatted(table, query)
            + " initialize => false)");
  }

  // The call would wait for the build.
  private void refreshInTheBackground(String table) throws SQLException {
    Connection caller = database.connect();
    Thread.ofVirtual()
        .start(
            () -> {
              try (caller) {
                run(caller, "SELECT pgtrickle.refresh_stream_table('" + table + "')");
              } catch (SQLException e) {
                // The table was altered meanwhile; what became of it is asked for below.
              }
            });
  }
}
