package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// A row whose expression fails freezes the last good contents of what reads it, until it is gone.
final class RowErrorsIT {
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

  @Test
  void aDivisionByZeroFreezesAndHeals() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE q (id int PRIMARY KEY, a int, b int)",
          "INSERT INTO q VALUES (1, 10, 2)");
      streamTable(connection, "quotients", "SELECT id, a / b AS r FROM q", "DIFFERENTIAL");
      streamTable(connection, "quotient_sum", "SELECT sum(r) AS s FROM quotients", "DIFFERENTIAL");
      streamTable(connection, "bystander", "SELECT id FROM q", "DIFFERENTIAL");
      run(connection, "INSERT INTO q VALUES (2, 1, 0)");
      awaitStatus(connection, "quotients", "ERROR 22012");
      assertThat(refusal(connection, "SELECT pgtrickle.sync('quotients')").getSQLState())
          .isEqualTo("22012");
      // Later good changes wait behind the bad row.
      run(connection, "INSERT INTO q VALUES (3, 9, 3)");
      run(connection, "SELECT pgtrickle.sync('bystander')");
      assertThat(rows(connection, "SELECT * FROM quotients")).containsExactly("1|5");
      assertThat(rows(connection, "SELECT * FROM bystander ORDER BY 1"))
          .containsExactly("1", "2", "3");
      run(connection, "DELETE FROM q WHERE id = 2");
      awaitStatus(connection, "quotients", "ACTIVE");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM quotients ORDER BY 1"))
          .containsExactly("1|5", "3|3");
      assertThat(rows(connection, "SELECT * FROM quotient_sum")).containsExactly("8");
    }
  }

  @Test
  void whatIsComputedAnewBesideABadRowHealsToExactlyItsRows() throws Exception {
    try (LiveDatabase own = LiveDatabase.start();
        Connection connection = own.connect()) {
      run(
          connection,
          "CREATE TABLE q (id int PRIMARY KEY, a int, b int)",
          "INSERT INTO q SELECT i, 10 * i, 2 FROM generate_series(1, 3) i");
      streamTable(connection, "by_image", "SELECT a / b AS r FROM q", "DIFFERENTIAL");
      streamTable(connection, "by_key", "SELECT id, a / b AS r FROM q", "DIFFERENTIAL");
      run(connection, "INSERT INTO q VALUES (4, 1, 0)");
      awaitStatus(connection, "by_image", "ERROR 22012");
      own.stopSidecar();
      deleteState(own);
      run(connection, "UPDATE q SET a = 70 WHERE id = 1", "DELETE FROM q WHERE id = 2");
      own.startSidecar();
      for (String table : List.of("by_image", "by_key")) {
        // Which only a table refuses that follows its sources again.
        await()
            .atMost(PATIENCE)
            .untilAsserted(
                () ->
                    assertThat(
                            refusal(connection, "SELECT pgtrickle.sync('" + table + "')")
                                .getSQLState())
                        .isEqualTo("22012"));
      }
      assertThat(rows(connection, "SELECT r FROM by_image ORDER BY 1"))
          .as("the last good contents")
          .containsExactly("5", "10", "15");
      run(connection, "UPDATE q SET b = 1 WHERE id = 4", "UPDATE q SET a = 80 WHERE id = 1");
      for (String table : List.of("by_image", "by_key")) {
        awaitStatus(connection, table, "ACTIVE");
      }
      sync(connection);
      assertThat(rows(connection, "SELECT r FROM by_image ORDER BY 1"))
          .containsExactly("1", "15", "40");
      assertThat(rows(connection, "SELECT * FROM by_key ORDER BY 1"))
          .containsExactly("1|40", "3|15", "4|1");
    }
  }

  private static void deleteState(LiveDatabase database) throws IOException {
    try (Stream<Path> files = Files.walk(database.stateDirectory())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void aBadRowThatComesAndGoesInOneTransactionIsNeverSeen() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE g (id int PRIMARY KEY, b int)", "INSERT INTO g VALUES (1, 2)");
      streamTable(connection, "ghosts", "SELECT id, 10 / b AS r FROM g", "DIFFERENTIAL");
      connection.setAutoCommit(false);
      run(connection, "INSERT INTO g VALUES (2, 0)", "UPDATE g SET b = 5 WHERE id = 2");
      connection.commit();
      connection.setAutoCommit(true);
      run(connection, "SELECT pgtrickle.sync('ghosts')");
      assertThat(rows(connection, "SELECT * FROM ghosts ORDER BY 1")).containsExactly("1|5", "2|2");
      assertThat(status(connection, "ghosts")).isEqualTo("ACTIVE");
    }
  }

  @Test
  void anOverflowHealsToo() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE o (id int PRIMARY KEY, g int, v int)",
          "INSERT INTO o VALUES (1, 1, 7)");
      streamTable(
          connection, "doubled", "SELECT g, sum(v * 2) AS s FROM o GROUP BY g", "DIFFERENTIAL");
      run(connection, "INSERT INTO o VALUES (2, 1, 2000000000)");
      awaitStatus(connection, "doubled", "ERROR 22003");
      run(connection, "INSERT INTO o VALUES (3, 2, 5)");
      assertThat(rows(connection, "SELECT * FROM doubled")).containsExactly("1|14");
      run(connection, "UPDATE o SET v = 3 WHERE id = 2");
      awaitStatus(connection, "doubled", "ACTIVE");
      run(connection, "SELECT pgtrickle.sync('doubled')");
      assertThat(rows(connection, "SELECT * FROM doubled ORDER BY 1"))
          .containsExactly("1|20", "2|10");
    }
  }

  @Test
  void anOverflowOfTheAggregateItselfHealsToo() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE big (id int PRIMARY KEY, v int)",
          "INSERT INTO big SELECT i, 2000000000 FROM generate_series(1, 2) i");
      // int8 sum, cast to int4: fits or not as rows come and go.
      streamTable(
          connection,
          "narrow",
          "SELECT (sum(v) / 2)::int AS h, count(*) AS n FROM big",
          "DIFFERENTIAL");
      assertThat(rows(connection, "SELECT * FROM narrow")).containsExactly("2000000000|2");
      run(connection, "INSERT INTO big VALUES (3, 2000000000)");
      awaitStatus(connection, "narrow", "ERROR 22003");
      assertThat(rows(connection, "SELECT * FROM narrow")).containsExactly("2000000000|2");
      run(connection, "DELETE FROM big WHERE id = 1");
      awaitStatus(connection, "narrow", "ACTIVE");
      run(connection, "SELECT pgtrickle.sync('narrow')");
      assertThat(rows(connection, "SELECT * FROM narrow")).containsExactly("2000000000|2");
    }
  }

  @Test
  void aTableCreatedOverABadRowHealsWhenItGoes() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE late (id int PRIMARY KEY, b int)",
          "INSERT INTO late VALUES (1, 1), (2, 0)",
          "SELECT pgtrickle.create_stream_table('late_st', 'SELECT id, 6 / b AS r FROM late')");
      awaitStatus(connection, "late_st", "ERROR 22012");
      run(connection, "UPDATE late SET b = 3 WHERE id = 2");
      awaitStatus(connection, "late_st", "ACTIVE");
      run(connection, "SELECT pgtrickle.sync('late_st')");
      assertThat(rows(connection, "SELECT * FROM late_st ORDER BY 1"))
          .containsExactly("1|6", "2|2");
    }
  }

  @Test
  void aFailingFullQueryKeepsItsContentsAndHeals() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE ff (id int PRIMARY KEY, b int)",
          "INSERT INTO ff VALUES (1, 1)");
      streamTable(connection, "ff_st", "SELECT id, 6 / b AS r FROM ff ORDER BY id LIMIT 9", "FULL");
      run(connection, "INSERT INTO ff VALUES (2, 0)");
      awaitStatus(connection, "ff_st", "ERROR 22012");
      assertThat(rows(connection, "SELECT * FROM ff_st")).containsExactly("1|6");
      run(connection, "DELETE FROM ff WHERE id = 2", "INSERT INTO ff VALUES (3, 3)");
      awaitStatus(connection, "ff_st", "ACTIVE");
      run(connection, "SELECT pgtrickle.sync('ff_st')");
      assertThat(rows(connection, "SELECT * FROM ff_st ORDER BY 1")).containsExactly("1|6", "3|2");
    }
  }
}
