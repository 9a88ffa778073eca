package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What is done to a single partition is not in the log, and is noticed all the same.
final class PartitionsIT {
  private static final String QUERY = "SELECT k / 10 AS part, count(*) AS n FROM parts GROUP BY 1";
  private static final String TRUNCATE = "TRUNCATE parts_2";
  private static final String CHANGE_DETACHED =
      """
      BEGIN;
      ALTER TABLE parts DETACH PARTITION parts_2;
      DELETE FROM parts_2 WHERE k < 15;
      ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20);
      COMMIT
      """;
  private static final String ATTACH_WRITTEN =
      """
      CREATE TABLE parts_3 (id int, k int, PRIMARY KEY (id, k));
      INSERT INTO parts_3 VALUES (60, 25);
      UPDATE parts_3 SET k = 26;
      ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (20) TO (30);
      INSERT INTO parts VALUES (61, 27)
      """;

  private LiveDatabase database;

  @BeforeEach
  void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE parts (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k)",
          "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
          "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)",
          "INSERT INTO parts SELECT i, i FROM generate_series(0, 19) i");
      streamTable(connection, "steady", QUERY, "DIFFERENTIAL");
      streamTable(connection, "whole", QUERY, "FULL");
      streamTable(connection, "above", "SELECT sum(n) AS s FROM steady", "DIFFERENTIAL");
      sync(connection);
    }
  }

  @AfterEach
  void stop() throws SQLException {
    database.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {TRUNCATE, CHANGE_DETACHED, ATTACH_WRITTEN})
  void whatTheLogDoesNotTellIsNoticed(String change) throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, change.split(";"));
      awaitExact(connection);
      assertThat(
              value(
                  connection,
                  "SELECT count(*) > 0 FROM pgtrickle_internal.pgt_capture_events"
                      + " WHERE kind = 'source_altered'"))
          .isEqualTo("t");
      assertFollows(connection);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {TRUNCATE, CHANGE_DETACHED})
  void whatHappensWhileNoSidecarRunsIsNoticed(String change)
      throws SQLException, InterruptedException {
    database.stopSidecar();
    try (Connection connection = database.connect()) {
      run(connection, change.split(";"));
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      awaitExact(connection);
      assertFollows(connection);
    }
  }

  @Test
  void whatIsNoPartitionAnyMoreIsNotFollowed() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "UPDATE parts SET id = id + 100 WHERE k = 12",
          "ALTER TABLE parts DETACH PARTITION parts_2");
      awaitExact(connection);
      run(connection, "INSERT INTO parts_2 VALUES (70, 12)", "DELETE FROM parts_2 WHERE k = 15");
      streamTable(connection, "alone", "SELECT k, count(*) AS n FROM parts_2 GROUP BY 1", "AUTO");
      run(connection, "INSERT INTO parts_2 VALUES (71, 13)", "INSERT INTO parts VALUES (72, 3)");
      awaitExact(connection);
      assertThat(
              differences(connection, "alone", "SELECT k, count(*) AS n FROM parts_2 GROUP BY 1"))
          .isEmpty();
    }
  }

  @Test
  void truncatingAndRewritingThemAllIsExact() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "VACUUM FULL parts", "INSERT INTO parts VALUES (30, 7)");
      awaitExact(connection);
      run(connection, "TRUNCATE parts", "INSERT INTO parts VALUES (31, 8)");
      awaitExact(connection);
      assertFollows(connection);
    }
  }

  private static void assertFollows(Connection connection) throws SQLException {
    run(connection, "INSERT INTO parts VALUES (40, 11), (41, 1)", "DELETE FROM parts WHERE k = 3");
    awaitExact(connection);
    run(connection, "UPDATE parts SET id = id + 1000 WHERE k > 15");
    awaitExact(connection);
  }

  private static void awaitExact(Connection connection) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(differences(connection, "steady", QUERY)).isEmpty();
              assertThat(differences(connection, "whole", QUERY)).isEmpty();
              assertThat(differences(connection, "above", "SELECT sum(n) AS s FROM steady"))
                  .isEmpty();
            });
  }
}
