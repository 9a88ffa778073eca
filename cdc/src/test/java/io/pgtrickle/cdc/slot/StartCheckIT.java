package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.slot.ServerIdentity.StoredPosition;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
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

  /// The end of the log is lost, as with a restore to an earlier time or a lagging standby.
  @Test
  void noticesThatTheServerWentBackAndForked(@TempDir Path folder) throws Exception {
    Path data = folder.resolve("data");
    StoredPosition before;
    StoredPosition lost;
    try (EmbeddedPostgres server = start(data, Map.of("wal_level", "replica"))) {
      SourceDatabase database = database(server);
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
          .isInstanceOf(CaptureException.Misconfigured.class);
      // What a checkpoint would carry over the restart may not be in the log to be replayed.
      TestServer.execute(database, "CREATE TABLE t (v text)", "CHECKPOINT");
      before = stored(database);
      TestServer.execute(
          database, "INSERT INTO t SELECT repeat('x', 100) FROM generate_series(1, 10000)");
      lost = stored(database);
      Path pid = data.resolve("postmaster.pid");
      long process = Long.parseLong(Files.readAllLines(pid).getFirst().strip());
      // A crash: an orderly stop would write a checkpoint behind the point to go back to.
      ProcessHandle postmaster = ProcessHandle.of(process).orElseThrow();
      postmaster.destroyForcibly();
      postmaster.onExit().get();
    }
    Files.createFile(data.resolve("recovery.signal"));
    try (EmbeddedPostgres server =
        start(
            data,
            Map.of(
                "restore_command", "false",
                "recovery_target_lsn", before.lsn().toString(),
                "recovery_target_action", "promote"))) {
      SourceDatabase database = database(server);
      ServerIdentity forked = identity(database);
      assertThat(forked.systemId()).isEqualTo(before.systemId());
      assertThat(forked.timeline()).isEqualTo(2);
      assertThat(check(database, lost))
          .isInstanceOfSatisfying(
              StartCheck.Forked.class,
              fork -> assertThat(fork.fork()).get().matches(at -> at.isBefore(lost.lsn())));
      assertThat(check(database, before)).isInstanceOf(StartCheck.Continues.class);
    }
  }

  private static StoredPosition stored(SourceDatabase database) throws SQLException {
    ServerIdentity identity = identity(database);
    return new StoredPosition(identity.systemId(), identity.timeline(), identity.flushed());
  }
}
