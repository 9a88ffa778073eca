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
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The primary is lost and a standby takes its place, at the same address.
///
/// From 17 on the slot is there too: the sidecar goes on with its state, and nothing is initialized
/// again. Before, and where the standby lacks what was read already, the loss is noticed and
/// everything is.
final class FailoverIT {
  private static final String QUERY = "SELECT g, count(*) AS n, sum(v) AS s FROM src GROUP BY g";
  private static final int SLOTS_ARE_SYNCED_SINCE = 17;

  @TempDir private Path folder;

  @Test
  void aPromotedStandbyIsFollowedOn() throws Exception {
    try (OwnServer primary = primary();
        OwnServer standby = standby(primary);
        FaultProxy address = new FaultProxy(primary.port())) {
      boolean synced = major(primary) >= SLOTS_ARE_SYNCED_SINCE;
      try (Sidecar sidecar =
          primary.follow(OwnServer.urlAt(address.port()), folder.resolve("state"))) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        String slot;
        try (Connection connection = primary.connect()) {
          prepare(connection);
          slot = value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress");
          if (synced) {
            awaitSlot(standby);
          }
          run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
          sync(connection);
          awaitCaughtUp(connection);
        }
        primary.crash();
        try (Connection connection = standby.connect()) {
          run(connection, "SELECT pg_promote()");
          address.redirect(standby.port());
          run(connection, "DELETE FROM src WHERE id % 3 = 0");
          assertExact(connection);
          run(connection, "INSERT INTO src VALUES (100000, 1, 1)");
          assertExact(connection);
          assertThat(value(connection, "SELECT timeline FROM pgtrickle_internal.pgt_progress"))
              .isEqualTo("2");
          String now = value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress");
          if (synced) {
            assertThat(now).isEqualTo(slot);
            assertThat(events(connection, "slot_lost")).isEmpty();
            assertThat(events(connection, "server_promoted"))
                .singleElement()
                .asString()
                .contains("from timeline 1 on timeline 2");
          } else {
            assertThat(now).isNotEqualTo(slot);
            assertThat(events(connection, "slot_lost"))
                .anyMatch(event -> event.contains("\"" + slot + "\": it is gone"));
          }
        }
      }
    }
  }

  /// The sidecar has read, checkpointed and applied what the standby never received.
  @Test
  void whatAPromotedStandbyLacksIsNotTrusted() throws Exception {
    try (OwnServer primary = primary();
        OwnServer standby = standby(primary);
        FaultProxy address = new FaultProxy(primary.port())) {
      try (Sidecar sidecar =
          primary.follow(OwnServer.urlAt(address.port()), folder.resolve("state"))) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        try (Connection connection = primary.connect()) {
          prepare(connection);
          if (major(primary) >= SLOTS_ARE_SYNCED_SINCE) {
            awaitSlot(standby);
          }
          awaitCaughtUp(connection);
        }
        try (Connection connection = standby.connect()) {
          run(connection, "SELECT pg_promote()");
        }
        // Nobody has told the primary; what it commits from here on is lost.
        try (Connection connection = primary.connect()) {
          run(connection, "UPDATE src SET v = -1", "DELETE FROM src WHERE id % 2 = 0");
          sync(connection);
          assertThat(differences(connection, "st", QUERY)).isEmpty();
        }
        primary.crash();
        try (Connection connection = standby.connect()) {
          // The other history gets further than the first had come.
          run(
              connection,
              "INSERT INTO src SELECT i, i % 7, i FROM generate_series(2001, 9000) i",
              "UPDATE src SET v = v + 1");
          address.redirect(standby.port());
          assertExact(connection);
          assertThat(value(connection, "SELECT count(*) FROM src")).isEqualTo("8000");
        }
      }
    }
  }

  /// Waiting calls refuse a standby by name, and the sidecar follows it once it is the primary.
  @Test
  void aStandbyIsWaitedForUntilItIsPromoted() throws Exception {
    try (OwnServer primary = primary()) {
      try (Connection connection = primary.connect()) {
        Installer.install(connection);
        run(
            connection,
            "CREATE TABLE src (id int PRIMARY KEY)",
            "INSERT INTO src VALUES (1), (2)",
            "SELECT pgtrickle.create_stream_table('st', 'SELECT id FROM src')");
      }
      try (OwnServer standby = standby(primary);
          Connection connection = standby.connect()) {
        for (String call :
            List.of(
                "SELECT pgtrickle.sync()",
                "SELECT pgtrickle.refresh_stream_table('st')",
                "SELECT pgtrickle.wait_until_ready('st')",
                "SELECT pgtrickle.create_stream_table('st2', 'SELECT id FROM src')",
                "SELECT pgtrickle.drop_stream_table('st')")) {
          assertThatThrownBy(() -> run(connection, call))
              .as(call)
              .isInstanceOfSatisfying(
                  SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("25006"));
        }
        assertThat(rows(connection, "SELECT name FROM pgtrickle.pgt_status()"))
            .containsExactly("public.st");
        // It may be promoted any moment, so that is waited for.
        try (Sidecar sidecar =
            Sidecar.start(
                new SidecarConfig(standby.url(), "127.0.0.1", 0, folder.resolve("state")))) {
          assertThat(sidecar.readiness().ready()).isFalse();
          assertThat(sidecar.readiness().capture()).get().asString().contains("primary");
          run(connection, "SELECT pg_promote()");
          assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
          assertThat(sidecar.readiness().capture()).isEmpty();
          assertThat(differences(connection, "st", "SELECT id FROM src")).isEmpty();
        }
      }
    }
  }

  private OwnServer primary() throws IOException, SQLException {
    OwnServer server =
        OwnServer.start(folder.resolve("primary"), 0, Map.of("wal_keep_size", "256MB"));
    try (Connection connection = server.connect()) {
      run(connection, "SELECT pg_create_physical_replication_slot('standby', true)");
    }
    return server;
  }

  private OwnServer standby(OwnServer primary) throws IOException, SQLException {
    Path copy = folder.resolve("standby");
    primary.backUp(copy);
    Files.createFile(copy.resolve("standby.signal"));
    // In the file: values with blanks do not survive the command line.
    Files.writeString(
        copy.resolve("postgresql.auto.conf"),
        """
        hot_standby_feedback = on
        primary_slot_name = 'standby'
        primary_conninfo = 'host=127.0.0.1 port=%d user=postgres dbname=postgres'
        %s
        """
            .formatted(
                primary.port(),
                major(primary) >= SLOTS_ARE_SYNCED_SINCE ? "sync_replication_slots = on" : ""));
    return OwnServer.start(copy, 0, Map.of());
  }

  private static int major(OwnServer server) throws SQLException {
    try (Connection connection = server.connect()) {
      return connection.getMetaData().getDatabaseMajorVersion();
    }
  }

  private static void prepare(Connection connection) throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.set_config('checkpoint_interval', '1s')",
        "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
        "INSERT INTO src SELECT i, i % 7, i FROM generate_series(1, 1000) i");
    streamTable(connection, "st", QUERY, "DIFFERENTIAL");
  }

  // A slot is taken over once it has moved beyond what the standby has.
  private static void awaitSlot(OwnServer standby) throws SQLException {
    try (Connection connection = standby.connect()) {
      await()
          .atMost(Duration.ofMinutes(2))
          .until(
              () ->
                  !rows(
                          connection,
                          "SELECT slot_name FROM pg_replication_slots WHERE synced"
                              + " AND NOT temporary AND invalidation_reason IS NULL")
                      .isEmpty());
    }
  }

  private static void awaitCaughtUp(Connection primary) throws SQLException {
    String end = value(primary, "SELECT pg_current_wal_lsn()");
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                "t"
                    .equals(
                        value(
                            primary,
                            "SELECT replay_lsn >= '%s' FROM pg_stat_replication WHERE replay_lsn IS NOT NULL AND application_name LIKE '%%walreceiver%%'"
                                .formatted(end))));
  }

  private static List<String> events(Connection connection, String kind) throws SQLException {
    return rows(
        connection,
        "SELECT detail FROM pgtrickle.health_check() WHERE check_name = '%s'".formatted(kind));
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
