package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.slot.ServerIdentity.StoredPosition;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Positions and servers that do not belong together. Needs servers of its own: one whose history
/// forks, and one that does not decode.
final class StartCheckIT {

  private static ServerIdentity identity(SourceDatabase database) throws SQLException {
    try (Connection replication = database.connectForReplication("tests")) {
      return ServerIdentity.of(replication);
    }
  }

  private static StartCheck check(SourceDatabase database, StoredPosition stored)
      throws SQLException {
    try (Connection replication = database.connectForReplication("tests")) {
      return ServerIdentity.of(replication).check(replication, stored);
    }
  }

  @Test
  void continuesFromAPositionInTheServersLog() throws SQLException {
    SourceDatabase database = TestServer.createDatabase();
    ServerIdentity server = identity(database);
    assertThat(server.systemId()).matches("[1-9][0-9]+");
    StoredPosition stored =
        new StoredPosition(server.systemId(), server.timeline(), server.flushed());
    assertThat(check(database, stored)).isInstanceOf(StartCheck.Continues.class);
  }

  @Test
  void refusesPositionsOfAnotherClusterAnotherTimelineOrTheFuture() throws SQLException {
    SourceDatabase database = TestServer.createDatabase();
    ServerIdentity server = identity(database);
    assertThat(check(database, new StoredPosition("1", 1, server.flushed())))
        .isEqualTo(new StartCheck.OtherCluster("1", server.systemId()));
    assertThat(check(database, new StoredPosition(server.systemId(), 2, server.flushed())))
        .isInstanceOf(StartCheck.Forked.class);
    Lsn future = server.flushed().plus(1L << 40);
    assertThat(check(database, new StoredPosition(server.systemId(), 1, future)))
        .isInstanceOf(StartCheck.Ahead.class);
  }

  private static EmbeddedPostgres start(Path data, Map<String, String> settings)
      throws IOException {
    EmbeddedPostgres.Builder builder =
        EmbeddedPostgres.builder()
            .setDataDirectory(data)
            .setCleanDataDirectory(false)
            .setPGStartupWait(Duration.ofSeconds(60))
            .setServerConfig("fsync", "on")
            .setServerConfig("synchronous_commit", "on")
            .setServerConfig("full_page_writes", "on");
    settings.forEach(builder::setServerConfig);
    return builder.start();
  }

  private static SourceDatabase database(EmbeddedPostgres server) {
    return TestServer.at("localhost", server.getPort(), "postgres");
  }

  /// A restore to an earlier time: a base backup, recovered up to a point before the log's end.
  @Test
  void noticesThatTheServerWentBackAndForked(@TempDir Path folder) throws Exception {
    Path clone = folder.resolve("clone");
    StoredPosition before;
    StoredPosition lost;
    Path data = folder.resolve("data");
    try (EmbeddedPostgres server = start(data, Map.of("wal_level", "replica"))) {
      SourceDatabase database = database(server);
      refusesAServerThatDoesNotDecode(database);
      TestServer.execute(database, "CREATE TABLE t (v text)");
      backUp(database, data, clone);
      before = stored(database);
      TestServer.execute(
          database, "INSERT INTO t SELECT repeat('x', 100) FROM generate_series(1, 10000)");
      lost = stored(database);
      copy(data.resolve("pg_wal"), clone.resolve("pg_wal"));
    }
    Files.createFile(clone.resolve("recovery.signal"));
    try (EmbeddedPostgres server =
        start(
            clone,
            Map.of(
                "restore_command", "false",
                "recovery_target_lsn", before.lsn().toString(),
                "recovery_target_action", "promote"))) {
      SourceDatabase database = database(server);
      ServerIdentity forked = awaitPromotion(database);
      assertThat(forked.systemId()).isEqualTo(before.systemId());
      assertThat(forked.timeline()).isEqualTo(2);
      assertThat(check(database, lost))
          .isInstanceOfSatisfying(
              StartCheck.Forked.class,
              fork -> assertThat(fork.fork()).get().matches(at -> at.isBefore(lost.lsn())));
      assertThat(check(database, before)).isInstanceOf(StartCheck.Continues.class);
    }
  }

  private static void refusesAServerThatDoesNotDecode(SourceDatabase database) throws SQLException {
    try (Connection connection = database.connect("tests")) {
      assertThatThrownBy(() -> Slots.requireLogicalDecoding(connection))
          .isInstanceOf(CaptureException.Misconfigured.class)
          .hasMessageContaining("wal_level is 'replica'")
          .hasMessageContaining("ALTER SYSTEM SET wal_level = 'logical'")
          .extracting(e -> ((CaptureException) e).sqlState())
          .isEqualTo("55000");
    }
    assertThatThrownBy(
            () -> Slots.create(database, Duration.ofSeconds(9), Duration.ofSeconds(9), b -> {}))
        .isInstanceOf(CaptureException.Misconfigured.class)
        .hasMessageContaining("wal_level is 'replica'");
  }

  private static void backUp(SourceDatabase database, Path data, Path clone) throws Exception {
    try (Connection connection = database.connect("tests");
        Statement statement = connection.createStatement()) {
      boolean renamed = TestServer.version() >= 15;
      statement.execute(
          renamed
              ? "SELECT pg_backup_start('test', true)"
              : "SELECT pg_start_backup('test', true, false)");
      copy(data, clone);
      try (ResultSet row =
          statement.executeQuery(
              "SELECT labelfile FROM "
                  + (renamed ? "pg_backup_stop(false)" : "pg_stop_backup(false, false)"))) {
        row.next();
        Files.writeString(clone.resolve("backup_label"), row.getString(1));
      }
      Files.delete(clone.resolve("postmaster.pid"));
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (!Files.isDirectory(target)) {
          Files.copy(
              file,
              target,
              StandardCopyOption.REPLACE_EXISTING,
              StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
  }

  private static ServerIdentity awaitPromotion(SourceDatabase database) throws SQLException {
    await()
        .ignoreExceptions()
        .until(() -> TestServer.query(database, "SELECT pg_is_in_recovery()").equals("f"));
    return identity(database);
  }

  private static StoredPosition stored(SourceDatabase database) throws SQLException {
    ServerIdentity identity = identity(database);
    return new StoredPosition(identity.systemId(), identity.timeline(), identity.flushed());
  }
}
