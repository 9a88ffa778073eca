package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// DDL takes away what told a published table's rows apart. Its users can write again within
/// moments, and the contents are exact.
final class IdentityWatchIT {
  /// For how long a user's UPDATE may fail.
  private static final Duration MOMENTS = Duration.ofSeconds(10);

  private static LiveDatabase database;
  private static int number;

  private String table;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  @BeforeEach
  void aKeyedTable() throws SQLException {
    number++;
    table = "told" + number;
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE %s (id int CONSTRAINT %s_key PRIMARY KEY, v int)".formatted(table, table),
          "INSERT INTO %s SELECT i, i FROM generate_series(1, 5) i".formatted(table));
      streamTable(connection, table + "_st", query(), "DIFFERENTIAL");
    }
  }

  @Test
  void usersCanUpdateAfterTheyDroppedThePrimaryKey() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "ALTER TABLE %1$s DROP CONSTRAINT %1$s_key".formatted(table));
      awaitUpdate(connection, "UPDATE %s SET v = v + 1 WHERE id = 1".formatted(table));
      run(connection, "INSERT INTO %s VALUES (2, 2), (2, 20)".formatted(table));
      awaitExact(connection);
      assertThat(identity(connection)).isEqualTo("f");
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  "t"
                      .equals(
                          value(
                              connection,
                              "SELECT count(*) > 0 FROM pgtrickle.health_check()"
                                  + " WHERE check_name = 'source_altered' AND detail LIKE '%\""
                                  + table
                                  + "\": it has no primary key%'")));
      // And from now on like any other table.
      run(
          connection,
          "UPDATE %s SET v = 7 WHERE id = 2".formatted(table),
          "DELETE FROM %s WHERE id = 3".formatted(table));
      awaitExact(connection);
    }
  }

  @Test
  void usersCanUpdateAfterTheyAskedToLogNothing() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "ALTER TABLE %s REPLICA IDENTITY NOTHING".formatted(table));
      awaitUpdate(connection, "DELETE FROM %s WHERE id = 1".formatted(table));
      awaitExact(connection);
      assertThat(identity(connection)).isEqualTo("f");
    }
  }

  /// From the first statement on the log carries whole rows, and keys mean nothing any more.
  @Test
  void rowsMayHaveOneKeyInTheTransactionThatGivesTheKeyUp() throws SQLException {
    try (Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      run(
          connection,
          "ALTER TABLE %1$s DROP CONSTRAINT %1$s_key".formatted(table),
          "ALTER TABLE %s REPLICA IDENTITY FULL".formatted(table),
          "INSERT INTO %s VALUES (2, 2), (2, 2), (9, 9), (9, 90)".formatted(table),
          "DELETE FROM %s WHERE v = 90".formatted(table));
      connection.commit();
      connection.setAutoCommit(true);
      awaitExact(connection);
    }
  }

  @Test
  void aWiderKeyIsAnotherKey() throws SQLException {
    try (Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      run(
          connection,
          "ALTER TABLE %1$s DROP CONSTRAINT %1$s_key".formatted(table),
          "ALTER TABLE %s ADD PRIMARY KEY (id, v)".formatted(table),
          "INSERT INTO %s VALUES (2, 20), (9, 9), (9, 90)".formatted(table),
          "DELETE FROM %s WHERE v = 90".formatted(table));
      connection.commit();
      connection.setAutoCommit(true);
      awaitExact(connection);
      run(connection, "UPDATE %s SET v = v + 100 WHERE id = 2".formatted(table));
      awaitExact(connection);
    }
  }

  @Test
  void usersCanUpdateAPartitionThatCameWithoutAKey() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE %1$s_p (id int, v int) PARTITION BY LIST (id)".formatted(table),
          "CREATE TABLE %1$s_p1 PARTITION OF %1$s_p FOR VALUES IN (1)".formatted(table),
          "INSERT INTO %s_p VALUES (1, 1)".formatted(table));
      String query = "SELECT id, v FROM %s_p".formatted(table);
      streamTable(connection, table + "_p_st", query, "DIFFERENTIAL");
      run(
          connection,
          "CREATE TABLE %1$s_p2 PARTITION OF %1$s_p FOR VALUES IN (2)".formatted(table),
          "INSERT INTO %s_p VALUES (2, 2)".formatted(table));
      awaitUpdate(connection, "UPDATE %s_p SET v = 3 WHERE id = 2".formatted(table));
      awaitExact(connection, table + "_p_st", query);
    }
  }

  private static void awaitUpdate(Connection connection, String statement) {
    await()
        .atMost(MOMENTS)
        .pollInterval(Duration.ofMillis(50))
        .ignoreExceptions()
        .until(
            () -> {
              run(connection, statement);
              return true;
            });
  }

  private void awaitExact(Connection connection) {
    awaitExact(connection, table + "_st", query());
  }

  private static void awaitExact(Connection connection, String streamTable, String query) {
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

  private String identity(Connection connection) throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT relreplident FROM pg_class WHERE oid = '%s'::regclass".formatted(table)));
  }

  private String query() {
    return "SELECT id, v FROM " + table;
  }
}
