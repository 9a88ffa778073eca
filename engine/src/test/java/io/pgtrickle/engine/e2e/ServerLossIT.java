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

import io.pgtrickle.engine.Sidecar;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A server of its own goes away, and takes log with it that the slot needed.
final class ServerLossIT {
  private static final String QUERY = "SELECT g, count(*) AS n, sum(v) AS s FROM src GROUP BY g";

  private static final String ABOVE = "SELECT g, n FROM st WHERE n > 100";
  private static final String SLOT = "SELECT slot_name FROM pgtrickle_internal.pgt_progress";

  @Test
  void anImmediateShutdownAndALostSlotAreSurvived(@TempDir Path folder) throws Exception {
    Path data = folder.resolve("data");
    OwnServer server = start(data, 0);
    try (Sidecar sidecar = server.follow(server.url(), folder.resolve("state"))) {
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      try (Connection connection = server.connect()) {
        run(
            connection,
            "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
            "INSERT INTO src SELECT i, i % 7, i FROM generate_series(1, 1000) i");
        streamTable(connection, "st", QUERY, "DIFFERENTIAL");
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
      }
      int port = server.port();
      server.crash();
      await().atMost(PATIENCE).until(() -> !sidecar.awaitReady(Duration.ZERO));
      server = start(data, port);
      try (Connection connection = server.connect()) {
        run(connection, "DELETE FROM src WHERE id % 3 = 0");
        assertExact(connection);
      }
    }
    try (Connection connection = server.connect()) {
      loseTheSlot(connection);
      assertThat(
              value(
                  connection,
                  "SELECT severity || ' ' || (detail LIKE '%wal_removed%')"
                      + " FROM pgtrickle.health_check() WHERE check_name = 'slot'"))
          .isEqualTo("ERROR true");
      assertThat(value(connection, "SELECT alert FROM pgtrickle.check_cdc_health()"))
          .isEqualTo("replication_slot_lost: wal_removed");
      try (Sidecar sidecar = server.follow(server.url(), folder.resolve("state"))) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        assertExact(connection);
        assertThat(
                rows(
                    connection,
                    "SELECT count(*) > 0 FROM pgtrickle.health_check() WHERE check_name ="
                        + " 'slot_lost' AND detail LIKE '%(wal_removed)%'"))
            .containsExactly("t");
        assertThat(rows(connection, "SELECT wal_status FROM pgtrickle.slot_health()"))
            .containsExactly("reserved");
      }
    } finally {
      server.close();
    }
  }

  /// The sidecar is there all the time, and cannot keep the log from being removed.
  @Test
  void aSlotThatIsInvalidatedWhileItIsReadIsReplaced(@TempDir Path folder) throws Exception {
    OwnServer server = start(folder.resolve("data"), 0);
    try (Sidecar sidecar = server.follow(server.url(), folder.resolve("state"))) {
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      try (Connection connection = server.connect()) {
        run(
            connection,
            "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
            "INSERT INTO src SELECT i, i % 7, i FROM generate_series(1, 1000) i");
        streamTable(connection, "st", QUERY, "DIFFERENTIAL");
        streamTable(connection, "above", ABOVE, "AUTO");
        String slot = value(connection, SLOT);
        // A paused stream keeps its slot where it is.
        run(connection, "SELECT pgtrickle.set_config('cdc_paused', 'on')");
        await()
            .atMost(PATIENCE)
            .until(
                () ->
                    "PAUSED"
                        .equals(
                            value(connection, "SELECT phase FROM pgtrickle_internal.pgt_capture")));
        loseTheSlot(connection);
        await()
            .atMost(PATIENCE)
            .untilAsserted(
                () ->
                    assertThat(
                            value(
                                connection,
                                "SELECT coalesce((SELECT wal_status FROM pg_replication_slots"
                                    + " WHERE slot_name = '"
                                    + slot
                                    + "'), 'lost')"))
                        .isEqualTo("lost"));
        run(
            connection,
            "SELECT pgtrickle.set_config('cdc_paused', 'off')",
            "DELETE FROM src WHERE id % 3 = 0");
        await().atMost(PATIENCE).until(() -> !Objects.equals(slot, value(connection, SLOT)));
        assertExact(connection);
        assertThat(differences(connection, "above", ABOVE)).isEmpty();
        assertThat(
                rows(
                    connection,
                    "SELECT detail FROM pgtrickle.health_check() WHERE check_name = 'slot_lost'"))
            .singleElement()
            .asString()
            .contains(String.valueOf(slot), "wal_removed");
        assertThat(rows(connection, "SELECT wal_status FROM pgtrickle.slot_health()"))
            .containsExactly("reserved");
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 100");
        assertExact(connection);
      }
    } finally {
      server.close();
    }
  }

  /// The server waits for who reads its log.
  @Test
  void aFastShutdownDoesNotWaitForTheSidecar(@TempDir Path folder) throws Exception {
    Path data = folder.resolve("data");
    OwnServer server = start(data, 0);
    try (Sidecar sidecar = server.follow(server.url(), folder.resolve("state"))) {
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      try (Connection connection = server.connect()) {
        run(
            connection,
            "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
            "INSERT INTO src SELECT i, i % 7, i FROM generate_series(1, 1000) i");
        streamTable(connection, "st", QUERY, "DIFFERENTIAL");
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
      }
      int port = server.port();
      assertThat(server.stop(Duration.ofSeconds(30))).as("stopped in time").isTrue();
      await().atMost(PATIENCE).until(() -> !sidecar.awaitReady(Duration.ZERO));
      server = start(data, port);
      try (Connection connection = server.connect()) {
        run(connection, "DELETE FROM src WHERE id % 3 = 0");
        assertExact(connection);
      }
    } finally {
      server.close();
    }
  }

  private static OwnServer start(Path data, int port) throws IOException {
    return OwnServer.start(
        data,
        port,
        Map.of("max_slot_wal_keep_size", "16MB", "min_wal_size", "32MB", "max_wal_size", "32MB"));
  }

  private static void loseTheSlot(Connection connection) throws SQLException {
    for (int i = 0; i < 4; i++) {
      run(
          connection,
          "INSERT INTO src SELECT i, i %% 7, i FROM generate_series(%d, %d) i"
              .formatted(10_000 * (i + 1), 10_000 * (i + 1) + 500),
          "SELECT pg_switch_wal()");
    }
    run(connection, "CHECKPOINT");
  }

  private static void assertExact(Connection connection) {
    await()
        .atMost(PATIENCE)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              ready(connection, "st");
              sync(connection);
              assertThat(differences(connection, "st", QUERY)).isEmpty();
            });
  }
}
