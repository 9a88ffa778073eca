package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.readiness;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.Sidecar;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The server refuses connections or slots for a time.
final class AccessIT {
  private static final String QUERY = "SELECT g, count(*) AS n, sum(v) AS s FROM src GROUP BY g";

  @TempDir private Path folder;

  @Test
  void aPasswordMayBeReplacedWhileTheSidecarRuns() throws Exception {
    Path file = folder.resolve("password");
    Files.writeString(file, "first\n");
    try (OwnServer server = OwnServer.start(folder.resolve("data"), 0, Map.of());
        Connection connection = server.connect()) {
      run(connection, "CREATE ROLE follower SUPERUSER LOGIN PASSWORD 'first'");
      askFollowerForItsPassword(server, connection);
      DatabaseUrl url =
          DatabaseUrl.parse("postgresql://follower@127.0.0.1:%d/postgres".formatted(server.port()));
      assertThatThrownBy(() -> DriverManager.getConnection(url.jdbcUrl(), url.properties()).close())
          .as("the server asks")
          .isInstanceOf(SQLException.class);
      try (Sidecar sidecar = server.follow(url.withPasswordFile(file), folder.resolve("state"))) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        prepare(connection);
        run(connection, "ALTER ROLE follower PASSWORD 'second'");
        // The sessions there are go on, a new one is refused.
        run(connection, "INSERT INTO src VALUES (5000, 1, 1)");
        assertExact(connection);
        endSessions(connection);
        await()
            .atMost(PATIENCE)
            .untilAsserted(
                () -> assertThat(readiness(sidecar)).contains("starting").contains("28P01"));
        run(connection, "UPDATE src SET v = v + 1");
        Files.writeString(file, "second\n");
        assertExact(connection);
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      }
    }
  }

  @Test
  void whatFindsNoFreeSlotIsInErrorUntilThereIsOne() throws Exception {
    try (OwnServer server =
            OwnServer.start(folder.resolve("data"), 0, Map.of("max_replication_slots", "2"));
        Connection connection = server.connect()) {
      try (Sidecar sidecar = server.follow(server.url(), folder.resolve("state"))) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        run(
            connection,
            "SELECT pg_create_physical_replication_slot('taken')",
            "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
            "SELECT pgtrickle.create_stream_table('st', '%s')".formatted(QUERY));
        await().atMost(PATIENCE).until(() -> status(connection, "st").equals("ERROR 53400"));
        assertThat(value(connection, "SELECT error_message FROM pgtrickle.pgt_state"))
            .contains("raise max_replication_slots");
        run(
            connection,
            "SELECT pg_drop_replication_slot('taken')",
            "INSERT INTO src VALUES (1, 1, 1)");
        assertExact(connection);
      }
    }
  }

  @Test
  void whatFindsNoFreeWalsenderIsInErrorUntilThereIsOne() throws Exception {
    try (OwnServer server =
            OwnServer.start(folder.resolve("data"), 0, Map.of("max_wal_senders", "2"));
        Connection connection = server.connect()) {
      try (Sidecar sidecar = server.follow(server.url(), folder.resolve("state"))) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        var taken = server.url().properties();
        taken.setProperty("replication", "database");
        taken.setProperty("preferQueryMode", "simple");
        taken.setProperty("assumeMinServerVersion", "14");
        try (Connection other = DriverManager.getConnection(server.url().jdbcUrl(), taken)) {
          assertThat(other.isValid(5)).isTrue();
          run(
              connection,
              "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
              "SELECT pgtrickle.create_stream_table('st', '%s')".formatted(QUERY));
          await().atMost(PATIENCE).until(() -> status(connection, "st").equals("ERROR 53300"));
        }
        run(connection, "INSERT INTO src VALUES (1, 1, 1)");
        assertExact(connection);
      }
    }
  }

  private static void prepare(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
        "INSERT INTO src SELECT i, i % 7, i FROM generate_series(1, 1000) i");
    streamTable(connection, "st", QUERY, "DIFFERENTIAL");
  }

  private static void askFollowerForItsPassword(OwnServer server, Connection connection)
      throws Exception {
    Path rules = server.data().resolve("pg_hba.conf");
    String trust = Files.readString(rules);
    Files.writeString(
        rules,
        """
        host all follower all scram-sha-256
        host replication follower all scram-sha-256
        """
            + trust,
        StandardOpenOption.TRUNCATE_EXISTING);
    run(connection, "SELECT pg_reload_conf()");
    await()
        .until(
            () ->
                "2"
                    .equals(
                        value(
                            connection,
                            "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method ="
                                + " 'scram-sha-256'")));
  }

  private static void endSessions(Connection connection) throws SQLException {
    run(
        connection,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'follower'");
  }

  private static void assertExact(Connection connection) {
    await()
        .atMost(Duration.ofMinutes(2))
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              ready(connection, "st");
              sync(connection);
              assertThat(differences(connection, "st", QUERY)).isEmpty();
            });
  }
}
