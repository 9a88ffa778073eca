package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.TestServer;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class PublicationsIT {
  private static final TableName T = new TableName("public", "t");
  private static final TableName ODD = new TableName("s\"x", "Odd \"name\"");
  private static final LockPolicy BRIEF =
      new LockPolicy(Duration.ofMillis(50), 2, Duration.ofMillis(10));

  private final SourceDatabase database = TestServer.createDatabase();
  private final Connection connection = database.connect("tests");

  @BeforeEach
  void createTables() {
    TestServer.execute(
        connection,
        "CREATE TABLE t (id int8 PRIMARY KEY, v text)",
        "CREATE TABLE child () INHERITS (t)",
        "CREATE SCHEMA \"s\"\"x\"",
        "CREATE TABLE " + ODD.sql() + " (id int8 PRIMARY KEY)");
    assertThat(Publications.create(connection, "p\"x")).isTrue();
  }

  @AfterEach
  void disconnect() throws SQLException {
    connection.close();
  }

  private PublicationCheck verify(TableName... expected) {
    return Publications.verify(connection, "p\"x", List.of(expected));
  }

  private List<TableName> add(TableName... tables) {
    return Publications.add(connection, "p\"x", List.of(tables), LockPolicy.POLITE);
  }

  @Test
  void publishesEverythingAboutTheTablesNamedAndNothingElse() {
    assertThat(Publications.create(connection, "p\"x")).isFalse();
    assertThat(add(T, ODD, T)).containsExactlyInAnyOrder(T, ODD);
    assertThat(Publications.inspect(connection, "p\"x"))
        .contains(
            new Publication(
                "p\"x", true, true, true, false, new TreeSet<>(List.of(T, ODD)), new TreeSet<>()));
    assertThat(verify(T, ODD)).isInstanceOf(PublicationCheck.Intact.class);
  }

  @Test
  void addsAndRemovesOnlyWhatIsNotSoAlready() throws SQLException {
    assertThat(add(T)).containsExactly(T);
    // Nothing to do means nothing to lock.
    try (Connection writer = database.connect("writer")) {
      TestServer.execute(writer, "BEGIN", "INSERT INTO t VALUES (1)");
      assertThat(Publications.add(connection, "p\"x", List.of(T), BRIEF)).isEmpty();
    }
    assertThat(Publications.remove(connection, "p\"x", List.of(ODD), BRIEF)).isEmpty();
    assertThat(Publications.remove(connection, "p\"x", List.of(T, ODD), BRIEF)).containsExactly(T);
    assertThat(Publications.inspect(connection, "p\"x").orElseThrow().tables()).isEmpty();
  }

  @Test
  void givesUpWhenAWriterHoldsTheTable() throws SQLException {
    try (Connection writer = database.connect("writer")) {
      TestServer.execute(writer, "BEGIN", "INSERT INTO t VALUES (1)");
      assertThatThrownBy(() -> Publications.add(connection, "p\"x", List.of(T, ODD), BRIEF))
          .isInstanceOf(CaptureException.Retry.class)
          .hasMessageContaining("a lock was not free in 2 attempts of 50 ms");
    }
    assertThat(Publications.inspect(connection, "p\"x").orElseThrow().tables()).isEmpty();
    assertThat(connection.getAutoCommit()).isTrue();
  }

  @Test
  void hasAutovacuumGiveWay() {
    TestServer.execute(connection, "ALTER SYSTEM SET autovacuum_naptime = '1s'");
    try {
      TestServer.execute(
          connection,
          "SELECT pg_reload_conf()",
          "ALTER TABLE t SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
              + " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)",
          "INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 8000) i",
          "DELETE FROM t WHERE id % 2 = 0");
      await()
          .atMost(Duration.ofMinutes(2))
          .until(
              () -> {
                // What was counted of the statements above may have been lost, or come late.
                TestServer.execute(connection, "DELETE FROM t WHERE id = (SELECT min(id) FROM t)");
                return TestServer.query(
                        database,
                        "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass"
                            + " AND mode = 'ShareUpdateExclusiveLock' AND granted")
                    .equals("1");
              });
      assertThat(Publications.add(connection, "p\"x", List.of(T), BRIEF)).containsExactly(T);
    } finally {
      TestServer.execute(
          connection, "ALTER SYSTEM RESET autovacuum_naptime", "SELECT pg_reload_conf()");
    }
  }

  @Test
  void waitsItsTurnForATableThatIsBeingWritten() throws Exception {
    try (Connection writer = database.connect("writer")) {
      TestServer.execute(writer, "BEGIN", "INSERT INTO t VALUES (1)");
      FutureTask<List<TableName>> added = new FutureTask<>(() -> add(T));
      Thread.ofPlatform().start(added);
      await()
          .until(
              () ->
                  TestServer.query(database, "SELECT count(*) FROM pg_locks WHERE NOT granted")
                      .equals("1"));
      TestServer.execute(writer, "COMMIT");
      assertThat(added.get(20, TimeUnit.SECONDS)).containsExactly(T);
    }
  }

  @Test
  void waitsForNoLockOfAPublishedTableToLookAtIt() throws SQLException {
    TestServer.execute(
        connection,
        "CREATE TABLE parts (id int8 PRIMARY KEY) PARTITION BY LIST (id)",
        "CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)",
        "CREATE TABLE leaving PARTITION OF parts FOR VALUES IN (2)");
    TableName parts = new TableName("public", "parts");
    add(T, parts);
    Publication before = Publications.inspect(connection, "p\"x").orElseThrow();
    try (Connection locker = database.connect("locker")) {
      TestServer.execute(
          locker, "BEGIN", "LOCK TABLE t, parts IN ACCESS EXCLUSIVE MODE", "DROP TABLE leaving");
      TestServer.execute(connection, "SET lock_timeout = '10ms'");
      assertThat(Publications.inspect(connection, "p\"x")).contains(before);
      assertThat(before.wider()).isFalse();
      assertThat(ReplicaIdentities.unusable(connection, before)).isEmpty();
      assertThat(ReplicaIdentities.inspect(connection, parts, before)).hasSize(2);
    }
  }

  @Test
  void noticesThatThePublicationIsGone() {
    add(T);
    TestServer.execute(connection, "DROP PUBLICATION \"p\"\"x\"");
    assertThat(verify(T)).isEqualTo(new PublicationCheck.Missing());
    assertThatThrownBy(() -> add(T))
        .isInstanceOf(CaptureException.Misconfigured.class)
        .hasMessageContaining("must never be dropped");
  }

  @Test
  void noticesWhatIsNotPublished() {
    add(T);
    assertThat(verify(T, ODD))
        .isEqualTo(new PublicationCheck.Damaged(new TreeSet<>(List.of(ODD)), List.of()));
  }

  @Test
  void noticesWhatIsPublishedOtherwiseThanNeeded() {
    assumeThat(TestServer.version()).as("filters and schemas").isGreaterThanOrEqualTo(15);
    add(T, ODD);
    TestServer.execute(
        connection,
        "ALTER PUBLICATION \"p\"\"x\" SET (publish = 'insert, update, delete',"
            + " publish_via_partition_root = false)",
        "ALTER PUBLICATION \"p\"\"x\" SET TABLE ONLY t WHERE (id > 5), " + ODD.sql(),
        "ALTER PUBLICATION \"p\"\"x\" ADD TABLES IN SCHEMA public");
    assertThat(verify(T, ODD))
        .isInstanceOfSatisfying(
            PublicationCheck.Damaged.class,
            damaged -> {
              assertThat(damaged.missing()).isEmpty();
              assertThat(damaged.problems())
                  .hasSize(4)
                  .anyMatch(problem -> problem.contains("leaves out some operations"))
                  .anyMatch(problem -> problem.contains("publish_via_partition_root"))
                  .anyMatch(problem -> problem.contains("by schema"))
                  .anyMatch(problem -> problem.contains(T + " is published with a row filter"));
            });
  }

  @Test
  void aRoleThatDoesNotOwnTheTableIsToldSo() throws SQLException {
    String role = "nobody_" + TestServer.query(database, "SELECT current_database()");
    TestServer.execute(connection, "CREATE ROLE " + role + " LOGIN");
    TestServer.execute(connection, "ALTER PUBLICATION \"p\"\"x\" OWNER TO postgres");
    try (Connection other = database.with("user", role).connect("tests")) {
      assertThatThrownBy(() -> Publications.add(other, "p\"x", List.of(T), BRIEF))
          .isInstanceOf(CaptureException.Misconfigured.class)
          .extracting(e -> ((CaptureException) e).sqlState())
          .isEqualTo("42501");
    }
  }
}
