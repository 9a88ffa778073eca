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
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A server of its own goes away, and takes log with it that the slot needed.
final class ServerLossIT {
  private static final String QUERY = "SELECT g, count(*) AS n, sum(v) AS s FROM src GROUP BY g";

  @Test
  void anImmediateShutdownAndALostSlotAreSurvived(@TempDir Path folder) throws Exception {
    Path data = folder.resolve("data");
    EmbeddedServer server = start(data, 0);
    try (Sidecar sidecar = follow(server, folder)) {
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
      shutDownAtOnce(data);
      server.close();
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
      try (Sidecar sidecar = follow(server, folder)) {
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

  private static EmbeddedServer start(Path data, int port) {
    EmbeddedServer.Options usual = EmbeddedServer.Options.throwaway();
    return EmbeddedServer.start(
        new EmbeddedServer.Options(
            usual.major(),
            Optional.of(data),
            port,
            usual.cache(),
            Optional.empty(),
            Map.of(
                "max_slot_wal_keep_size", "16MB", "min_wal_size", "32MB", "max_wal_size", "32MB")));
  }

  private static Sidecar follow(EmbeddedServer server, Path folder) throws SQLException {
    try (Connection connection = server.connect()) {
      Installer.install(connection);
    }
    return Sidecar.start(new SidecarConfig(server.url(), "127.0.0.1", 0, folder.resolve("state")));
  }

  // What SIGQUIT does to a postmaster: every process ends where it is, recovery follows.
  private static void shutDownAtOnce(Path data) throws Exception {
    String pid = Files.readAllLines(data.resolve("postmaster.pid")).getFirst().strip();
    ProcessHandle postmaster = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
    assertThat(new ProcessBuilder("kill", "-QUIT", pid).start().waitFor()).isZero();
    await().atMost(PATIENCE).until(() -> !postmaster.isAlive());
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
