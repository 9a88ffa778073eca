package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.Sidecar;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A commit waits for a synchronous standby: it is in the log, and nobody sees it yet.
final class LateVisibilityIT {
  @TempDir private Path folder;

  @Test
  void aFullRefreshThatCameTooEarlyIsRepeated() throws Exception {
    try (OwnServer server = OwnServer.start(folder.resolve("data"), 0, Map.of());
        Sidecar sidecar = server.follow(server.url(), folder.resolve("state"));
        Connection connection = server.connect()) {
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      run(
          connection,
          "CREATE TABLE src (id int PRIMARY KEY)",
          "INSERT INTO src VALUES (1)",
          "CREATE TABLE other (id int PRIMARY KEY)");
      streamTable(connection, "st", "SELECT id FROM src", "FULL");
      streamTable(connection, "others", "SELECT id FROM other", "DIFFERENTIAL");
      sync(connection);
      @Nullable String scans = scans(connection);
      CompletableFuture<Void> waiting = commitsWithoutStandby(server, "INSERT INTO src VALUES (2)");
      // The query is evaluated, and does not see it.
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(scans(connection)).isNotEqualTo(scans));
      assertThat(rows(connection, "SELECT id FROM src")).containsExactly("1");
      assertThat(waiting).isNotDone();
      standbys(connection, "");
      waiting.join();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT id FROM st ORDER BY id"))
                      .containsExactly("1", "2"));
    }
  }

  @Test
  void aDropThatWasLookedForTooEarlyIsKnownToWhoeverAsksAfterIt() throws Exception {
    try (OwnServer server = OwnServer.start(folder.resolve("data"), 0, Map.of());
        Sidecar sidecar = server.follow(server.url(), folder.resolve("state"));
        Connection connection = server.connect()) {
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      run(connection, "CREATE TABLE src (id int PRIMARY KEY, v int)");
      streamTable(connection, "st", "SELECT id, v FROM src", "DIFFERENTIAL");
      run(connection, "ALTER TABLE src ALTER v TYPE bigint");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "st")).isEqualTo("ERROR 42P17"));
      CompletableFuture<Void> waiting =
          commitsWithoutStandby(server, "SELECT pgtrickle.drop_stream_table('st')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          value(
                              connection,
                              "SELECT bool_and(sent_lsn >= pg_current_wal_flush_lsn())::text"
                                  + " FROM pg_stat_replication"))
                      .isEqualTo("true"));
      // Time to look at the definitions; not enough for the regular look.
      await().pollDelay(Duration.ofMillis(300)).until(() -> !waiting.isDone());
      standbys(connection, "");
      waiting.join();
      sync(connection);
    }
  }

  private static @Nullable String scans(Connection connection) throws SQLException {
    return value(connection, "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'src'");
  }

  // A commit waits until there are no standbys to be waited for.
  private static CompletableFuture<Void> commitsWithoutStandby(OwnServer server, String sql)
      throws SQLException {
    Connection writer = server.connect();
    standbys(writer, "nobody");
    return CompletableFuture.runAsync(
        () -> {
          try (writer) {
            run(writer, sql);
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
  }

  private static void standbys(Connection connection, String names) throws SQLException {
    run(
        connection,
        "SET synchronous_commit = local",
        "ALTER SYSTEM SET synchronous_standby_names = '" + names + "'",
        "SELECT pg_reload_conf()",
        "RESET synchronous_commit");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(value(connection, "SHOW synchronous_standby_names")).isEqualTo(names));
  }
}
