package io.pgtrickle.engine.e2e;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/// A server for one test alone, with settings and a data directory of its own: to be stopped,
/// copied,
/// restored and promoted. Of the version that the tests run on.
final class OwnServer implements AutoCloseable {
  private final EmbeddedPostgres postgres;
  private final Path data;

  private OwnServer(EmbeddedPostgres postgres, Path data) {
    this.postgres = postgres;
    this.data = data;
  }

  /// Starts on what is in the directory, a new cluster if that is nothing.
  ///
  /// @param port 0 for any
  static OwnServer start(Path data, int port, Map<String, String> settings) throws IOException {
    EmbeddedPostgres.Builder builder =
        EmbeddedPostgres.builder()
            .setDataDirectory(data)
            .setCleanDataDirectory(false)
            .setPGStartupWait(Duration.ofSeconds(60))
            .setServerConfig("fsync", "on")
            .setServerConfig("synchronous_commit", "on")
            .setServerConfig("full_page_writes", "on")
            .setServerConfig("wal_level", "logical");
    if (port != 0) {
      builder.setPort(port);
    }
    settings.forEach(builder::setServerConfig);
    return new OwnServer(builder.start(), data);
  }

  int port() {
    return postgres.getPort();
  }

  Path data() {
    return data;
  }

  DatabaseUrl url() {
    return urlAt(port());
  }

  /// The same database, reached by another port.
  static DatabaseUrl urlAt(int port) {
    return DatabaseUrl.parse("postgresql://postgres@127.0.0.1:" + port + "/postgres");
  }

  Connection connect() throws SQLException {
    return DriverManager.getConnection(url().jdbcUrl(), url().properties());
  }

  /// Installs the SQL objects where they are not, and follows the database.
  ///
  /// @param reached by which way, and as whom
  Sidecar follow(DatabaseUrl reached, Path state) throws SQLException {
    try (Connection connection =
        DriverManager.getConnection(reached.jdbcUrl(), reached.properties())) {
      Installer.install(connection);
    }
    return Sidecar.start(new SidecarConfig(reached, "127.0.0.1", 0, state));
  }

  /// Copies the data directory of the running server as a base backup does: without slots.
  void backUp(Path copy) throws SQLException, IOException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      boolean renamed = connection.getMetaData().getDatabaseMajorVersion() >= 15;
      statement.execute(
          renamed
              ? "SELECT pg_backup_start('test', true)"
              : "SELECT pg_start_backup('test', true, false)");
      copyData(copy);
      try (ResultSet row =
          statement.executeQuery(
              "SELECT labelfile FROM "
                  + (renamed ? "pg_backup_stop(false)" : "pg_stop_backup(false, false)"))) {
        row.next();
        Files.writeString(copy.resolve("backup_label"), row.getString(1));
      }
    }
    try (Stream<Path> slots = Files.list(copy.resolve("pg_replslot"))) {
      for (Path slot : slots.toList()) {
        deleteTree(slot);
      }
    }
  }

  /// Brings the log of a base backup up to date, so that a server can be started on it that is
  /// nobody's standby.
  void copyLog(Path copy) throws IOException {
    try (Stream<Path> files = Files.list(data.resolve("pg_wal"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(
            file,
            copy.resolve("pg_wal").resolve(file.getFileName().toString()),
            StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  /// Copies the data directory as it is.
  void copyData(Path copy) throws IOException {
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path target = copy.resolve(data.relativize(file).toString());
        try {
          if (Files.isDirectory(file)) {
            Files.createDirectories(target);
          } else if (!file.endsWith("postmaster.pid")) {
            Files.copy(file, target, StandardCopyOption.COPY_ATTRIBUTES);
          }
        } catch (NoSuchFileException gone) {
          // The server has removed it meanwhile, which the log tells when it is replayed.
          assert !Files.exists(file);
        }
      }
    }
    Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rwx------"));
  }

  private static void deleteTree(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /// Ends every process of the server where it is, as a crash would; what comes next recovers.
  void crash() throws IOException, InterruptedException {
    signal("-QUIT").onExit().join();
    // Lets go of the directory.
    postgres.close();
  }

  /// Shuts down as `pg_ctl stop -m fast` does, which waits for readers of the log.
  ///
  /// @return whether that is done in time
  boolean stop(Duration patience) throws IOException, InterruptedException {
    try {
      signal("-INT").onExit().get(patience.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (ExecutionException | TimeoutException e) {
      return false;
    } finally {
      postgres.close();
    }
  }

  private ProcessHandle signal(String name) throws IOException, InterruptedException {
    String pid = Files.readAllLines(data.resolve("postmaster.pid")).getFirst().strip();
    ProcessHandle postmaster = ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
    int status = new ProcessBuilder("kill", name, pid).start().waitFor();
    if (status != 0) {
      throw new IllegalStateException("kill " + name + " " + pid + " ends with " + status);
    }
    return postmaster;
  }

  @Override
  public void close() throws IOException {
    postgres.close();
  }
}
