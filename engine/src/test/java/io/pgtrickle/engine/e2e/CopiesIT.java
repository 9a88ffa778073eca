package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.readiness;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.Sidecar;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster is copied, or set back to a copy: two histories by the name of one, with the same
/// system identifier on the same timeline. Or a database is copied within its cluster. Nobody takes
/// the state of one for that of the other.
final class CopiesIT {
  private static final String QUERY = "SELECT g, count(*) AS n, sum(v) AS s FROM src GROUP BY g";

  @TempDir private Path folder;
  private Path data;
  private Path copy;
  private Path state;

  @BeforeEach
  void name() {
    data = folder.resolve("data");
    copy = folder.resolve("copy");
    state = folder.resolve("state");
  }

  @Test
  void eachOfTwoSidecarsFollowsItsOwnCluster() throws Exception {
    try (OwnServer original = OwnServer.start(data, 0, Map.of());
        Sidecar sidecar = follow(original, state);
        Connection connection = original.connect()) {
      prepare(connection);
      String slot = slot(connection);
      String token = token(connection);
      original.backUp(copy);
      original.copyLog(copy);
      try (OwnServer clone = OwnServer.start(copy, 0, Map.of());
          Sidecar other = follow(clone, folder.resolve("other state"));
          Connection elsewhere = clone.connect()) {
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
        run(elsewhere, "DELETE FROM src WHERE id % 3 = 0", "INSERT INTO src VALUES (5000, 1, 1)");
        assertExact(connection);
        assertExact(elsewhere);
        assertThat(value(connection, "SELECT sum(s) FROM st"))
            .isNotEqualTo(value(elsewhere, "SELECT sum(s) FROM st"));
        assertThat(slot(elsewhere)).as("the copy has no slot").isNotEqualTo(slot);
        assertThat(losses(elsewhere))
            .singleElement()
            .asString()
            .contains("\"" + slot + "\": it is gone");
        assertThat(losses(connection)).isEmpty();
        assertThat(slot(connection)).isEqualTo(slot);
        assertThat(token(connection)).as("the first has not started over").isEqualTo(token);
        assertThat(other.awaitReady(PATIENCE)).isTrue();
      }
      run(connection, "DELETE FROM src WHERE id % 2 = 0");
      assertExact(connection);
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
    }
  }

  @Test
  void aCopyWithinTheClusterLeavesTheSlotOfTheOriginalAlone() throws Exception {
    try (OwnServer server = OwnServer.start(data, 0, Map.of())) {
      try (Sidecar _ = follow(server, state);
          Connection connection = server.connect()) {
        prepare(connection);
        assertExact(connection);
      }
      try (Connection admin = connect(server, "template1")) {
        run(admin, "CREATE DATABASE copied TEMPLATE postgres");
      }
      try (Sidecar sidecar = follow(server, state);
          Connection connection = server.connect();
          Connection elsewhere = connect(server, "copied")) {
        assertExact(connection);
        String slot = slot(connection);
        String token = token(connection);
        String reader = reader(connection, slot);
        assertThat(slot(elsewhere)).isEqualTo(slot);
        assertThat(value(elsewhere, "SELECT slot_exists FROM pgtrickle_internal.capture_status()"))
            .as("what the copy says of it")
            .isEqualTo("f");
        assertThat(value(elsewhere, "SELECT pgtrickle_internal.slot_lag_bytes()")).isNull();
        try (Sidecar other = server.follow(url(server, "copied"), folder.resolve("other state"))) {
          assertThat(other.awaitReady(PATIENCE)).isTrue();
          run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
          run(elsewhere, "DELETE FROM src WHERE id % 3 = 0", "INSERT INTO src VALUES (5000, 1, 1)");
          assertExact(connection);
          assertExact(elsewhere);
          assertThat(slot(elsewhere)).isNotEqualTo(slot);
          assertThat(losses(elsewhere))
              .singleElement()
              .asString()
              .contains("\"" + slot + "\": it is gone");
        }
        assertThat(slot(connection)).isEqualTo(slot);
        assertThat(reader(connection, slot)).as("nobody has ended it").isEqualTo(reader);
        assertThat(token(connection)).isEqualTo(token);
        assertThat(losses(connection)).isEmpty();
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      }
    }
  }

  private static DatabaseUrl url(OwnServer server, String database) {
    return DatabaseUrl.parse("postgresql://postgres@127.0.0.1:" + server.port() + "/" + database);
  }

  private static Connection connect(OwnServer server, String database) throws SQLException {
    DatabaseUrl url = url(server, database);
    return DriverManager.getConnection(url.jdbcUrl(), url.properties());
  }

  private static @Nullable String reader(Connection connection, String slot) throws SQLException {
    return value(
        connection,
        "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '%s'".formatted(slot));
  }

  @Test
  void oneStateDirectoryIsNotSharedByTwo() throws Exception {
    copyOfAStoppedServer();
    try (OwnServer original = OwnServer.start(data, 0, Map.of());
        OwnServer clone = OwnServer.start(copy, 0, Map.of());
        Connection connection = original.connect();
        Connection elsewhere = clone.connect()) {
      try (Sidecar owner = follow(original, state);
          Sidecar refused = clone.follow(clone.url(), state)) {
        await()
            .atMost(PATIENCE)
            .until(() -> readiness(refused).contains("isinusebyanotherprocess"));
        run(elsewhere, "DELETE FROM src WHERE id % 3 = 0");
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
        assertExact(connection);
        assertThat(owner.awaitReady(PATIENCE)).isTrue();
      }
      // One after the other: the first goes further, then the second, and neither is believed.
      try (Sidecar _ = follow(clone, state)) {
        assertExact(elsewhere);
        run(elsewhere, "UPDATE src SET v = v - 7");
        assertExact(elsewhere);
      }
      writeElsewhere(connection);
      try (Sidecar _ = follow(original, state)) {
        assertExact(connection);
        run(connection, "DELETE FROM src WHERE id % 5 = 0");
        assertExact(connection);
      }
    }
  }

  /// It names the slot of the original, which is on the same server.
  @Test
  void copyOfADatabaseLeavesTheSlotOfTheOriginalAlone() throws Exception {
    try (LiveDatabase original = LiveDatabase.start()) {
      try (Connection connection = original.connect()) {
        prepare(connection);
      }
      original.stopSidecar();
      try (LiveDatabase clone = original.copy();
          Connection connection = original.connect();
          Connection elsewhere = clone.connect()) {
        String slot = slot(connection);
        assertThat(original.startSidecar().awaitReady(PATIENCE)).isTrue();
        String reader = "SELECT active_pid FROM pg_replication_slots WHERE slot_name = '%s'";
        String pid = value(connection, reader.formatted(slot));
        assertThat(clone.startSidecar().awaitReady(PATIENCE)).isTrue();
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
        run(elsewhere, "DELETE FROM src WHERE id % 3 = 0", "INSERT INTO src VALUES (5000, 1, 1)");
        assertExact(connection);
        assertExact(elsewhere);
        assertThat(slot(connection)).isEqualTo(slot);
        assertThat(slot(elsewhere)).isNotEqualTo(slot);
        assertThat(value(connection, reader.formatted(slot))).isEqualTo(pid);
      }
    }
  }

  /// A dump that is restored knows the storage tables by OIDs that are others' by now.
  @Test
  void storageTablesOfARestoredDumpAreFoundByTheirNames() throws Exception {
    try (LiveDatabase original = LiveDatabase.start()) {
      try (Connection connection = original.connect()) {
        prepare(connection);
        streamTable(connection, "over", "SELECT n, s FROM st WHERE g > 2", "DIFFERENTIAL");
      }
      original.stopSidecar();
      try (LiveDatabase restored = original.copy();
          Connection connection = restored.connect()) {
        run(
            connection,
            "ALTER TABLE pgtrickle.pgt_definitions DISABLE TRIGGER stamp",
            "UPDATE pgtrickle.pgt_definitions SET relid = 'src'::regclass",
            "ALTER TABLE pgtrickle.pgt_definitions ENABLE TRIGGER stamp");
        assertThat(restored.startSidecar().awaitReady(PATIENCE)).isTrue();
        run(connection, "UPDATE src SET v = v + 1 WHERE id < 500");
        assertExact(connection);
        assertThat(differences(connection, "over", "SELECT n, s FROM st WHERE g > 2")).isEmpty();
      }
    }
  }

  /// The backup and the state's position differ by log in which nothing concerns the sidecar, so
  /// what the database has recorded is the same in both, but for its time.
  @Test
  void stateThatIsLaterThanARestoredBackupIsNotTrusted() throws Exception {
    copyOfAStoppedServer();
    try (OwnServer server = OwnServer.start(data, 0, Map.of());
        Sidecar _ = follow(server, state);
        Connection connection = server.connect()) {
      awaitCheckpoint(connection);
    }
    try (OwnServer restored = OwnServer.start(copy, 0, Map.of());
        Connection connection = restored.connect()) {
      // Before the position that the state has reached, and then beyond it.
      run(connection, "UPDATE src SET v = -1 WHERE id % 2 = 0", "DELETE FROM src WHERE id < 10");
      writeElsewhere(connection);
      writeElsewhere(connection);
      try (Sidecar _ = follow(restored, state)) {
        assertExact(connection);
        run(connection, "INSERT INTO src VALUES (5000, 1, 1)");
        assertExact(connection);
      }
    }
  }

  /// An installation as of an orderly stop of both, slot included, whose database has recorded
  /// all there was to record.
  private void copyOfAStoppedServer() throws Exception {
    OwnServer server = OwnServer.start(data, 0, Map.of());
    try (server;
        Sidecar _ = follow(server, state);
        Connection connection = server.connect()) {
      prepare(connection);
      assertExact(connection);
      awaitCheckpoint(connection);
    }
    server.copyData(copy);
  }

  private static Sidecar follow(OwnServer server, Path directory)
      throws SQLException, InterruptedException {
    Sidecar sidecar = server.follow(server.url(), directory);
    assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
    return sidecar;
  }

  private static void prepare(Connection connection) throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.set_config('checkpoint_interval', '1s')",
        "CREATE TABLE src (id int PRIMARY KEY, g int, v int)",
        "INSERT INTO src SELECT i, i % 7, i FROM generate_series(1, 1000) i");
    streamTable(connection, "st", QUERY, "DIFFERENTIAL");
  }

  /// Some log that concerns no stream table; returns where it ends.
  private static String writeElsewhere(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE IF NOT EXISTS unread (t text)",
        "INSERT INTO unread SELECT repeat('x', 1000) FROM generate_series(1, 5000)");
    return Objects.requireNonNull(value(connection, "SELECT pg_current_wal_lsn()"));
  }

  private static void awaitCheckpoint(Connection connection) throws SQLException {
    String end = writeElsewhere(connection);
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                "t"
                    .equals(
                        value(
                            connection,
                            "SELECT confirmed_flush_lsn >= '%s' FROM pg_replication_slots"
                                .formatted(end))));
  }

  private static String slot(Connection connection) throws SQLException {
    return Objects.requireNonNull(
        value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress"));
  }

  private static String token(Connection connection) throws SQLException {
    return Objects.requireNonNull(
        value(connection, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress"));
  }

  private static List<String> losses(Connection connection) throws SQLException {
    return rows(
        connection, "SELECT detail FROM pgtrickle.health_check() WHERE check_name = 'slot_lost'");
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
