package io.pgtrickle.bench;

import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A durable server with an empty database, and the sidecar that follows it.
///
/// The server, the sidecar and the measuring client are three processes (the server many more), as
/// they would be in production, on one machine and therefore on one clock.
final class Rig implements AutoCloseable {
  private static final int MAJOR = 18;

  /// Beyond the defaults: what anybody gives a server with some millions of rows. REFRESH and the
  /// sidecar's statements profit alike.
  private static final Map<String, String> SETTINGS =
      Map.of(
          "shared_buffers", "1GB",
          "work_mem", "64MB",
          "maintenance_work_mem", "256MB",
          "max_wal_size", "8GB");

  private static final List<String> DURABLE =
      List.of("fsync", "synchronous_commit", "full_page_writes");

  private final EmbeddedServer server;
  private final Connection connection;
  private final Path directory;
  private Optional<SidecarProcess> sidecar = Optional.empty();

  private Rig(EmbeddedServer server, Connection connection, Path directory) {
    this.server = server;
    this.connection = connection;
    this.directory = directory;
  }

  /// A server without a sidecar.
  static Rig withoutSidecar() throws SQLException {
    EmbeddedServer server =
        EmbeddedServer.start(
            new EmbeddedServer.Options(
                MAJOR,
                Optional.empty(),
                0,
                Path.of(System.getProperty("java.io.tmpdir"), "embedded-pg"),
                Optional.empty(),
                SETTINGS));
    Rig rig = new Rig(server, server.connect(), newDirectory());
    for (String setting : DURABLE) {
      String value = rig.text("SHOW " + setting);
      if (!value.equals("on")) {
        throw new IllegalStateException(setting + " is " + value + ": commits are not durable");
      }
    }
    return rig;
  }

  private static Path newDirectory() {
    try {
      return Files.createTempDirectory("pgtrickle-bench-");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Rig start() throws SQLException, IOException, InterruptedException {
    Rig rig = withoutSidecar();
    try {
      Installer.install(rig.connection);
      rig.startSidecar();
      return rig;
    } catch (SQLException | IOException | InterruptedException | RuntimeException e) {
      rig.close();
      throw e;
    }
  }

  /// Starts the sidecar with the state that its predecessor left; returns when all is live, after
  /// so many nanoseconds.
  long startSidecar() throws IOException, InterruptedException {
    long begin = System.nanoTime();
    sidecar = Optional.of(SidecarProcess.start(server.url(), directory));
    return System.nanoTime() - begin;
  }

  void stopSidecar() {
    sidecar.ifPresent(SidecarProcess::close);
    sidecar = Optional.empty();
  }

  void killSidecar() throws InterruptedException {
    if (sidecar.isPresent()) {
      sidecar.get().kill();
    }
    sidecar = Optional.empty();
  }

  /// Where the sidecar keeps its state.
  Path directory() {
    return directory;
  }

  DatabaseUrl url() {
    return server.url();
  }

  /// The same database, as the sidecar's reader of the log is told of it.
  SourceDatabase source() {
    Map<String, String> properties = new HashMap<>();
    url().properties().forEach((key, value) -> properties.put(key.toString(), value.toString()));
    return SourceDatabase.of(url().jdbcUrl(), properties);
  }

  /// The client's own connection, in autocommit mode.
  Connection connection() {
    return connection;
  }

  Connection connect() throws SQLException {
    return server.connect();
  }

  /// What the sidecar says of itself just now.
  Metrics metrics() throws IOException, InterruptedException {
    return sidecar.orElseThrow(() -> new IllegalStateException("there is no sidecar")).metrics();
  }

  /// A figure of the sidecar's memory as the kernel counts it, in bytes.
  long sidecarMemory(String field) throws IOException {
    return sidecar
        .orElseThrow(() -> new IllegalStateException("there is no sidecar"))
        .memory(field);
  }

  /// The processor time that the sidecar has taken.
  double sidecarSeconds() {
    return sidecar.map(SidecarProcess::seconds).orElse(0.0);
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  String text(String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }

  long number(String sql) throws SQLException {
    return Long.parseLong(text(sql));
  }

  /// Creates a stream table, waits for its first contents and makes sure that it is incremental.
  void createStreamTable(String name, String query) throws SQLException {
    createStreamTables(Map.of(name, query));
  }

  /// The same for several that are defined in one transaction.
  ///
  /// @param queries by name
  void createStreamTables(Map<String, String> queries) throws SQLException {
    execute("BEGIN");
    for (Map.Entry<String, String> table : queries.entrySet()) {
      call("SELECT pgtrickle.create_stream_table(?, ?)", table.getKey(), table.getValue());
    }
    execute("COMMIT");
    for (String name : queries.keySet()) {
      call("SELECT pgtrickle.wait_until_ready(?, interval '30 min')", name);
      String mode =
          text(
              "SELECT concat_ws(', ', effective_mode, downgrade_reason)"
                  + " FROM pgtrickle.explain_refresh_mode('%s')".formatted(name));
      if (!mode.equals("DIFFERENTIAL")) {
        throw new IllegalStateException(name + " is refreshed in mode " + mode);
      }
    }
  }

  /// Returns when the stream table shows everything that has committed.
  void sync(String name) throws SQLException {
    call("SELECT pgtrickle.sync(?, interval '30 min')", name);
  }

  /// Returns when every stream table does.
  void syncAll() throws SQLException {
    execute("SELECT pgtrickle.sync(NULL, interval '30 min')");
  }

  /// Fails unless a stream table holds exactly the rows of a query, as bags.
  void requireEqual(String table, String query) throws SQLException {
    long differing =
        number(
            """
            SELECT (SELECT count(*) FROM (TABLE %1$s EXCEPT ALL (%2$s)) x)
                 + (SELECT count(*) FROM ((%2$s) EXCEPT ALL TABLE %1$s) x)
            """
                .formatted(table, query));
    if (differing != 0) {
      throw new IllegalStateException(table + " differs from its query in " + differing + " rows");
    }
  }

  private void call(String sql, String... arguments) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        statement.setString(i + 1, arguments[i]);
      }
      statement.execute();
    }
  }

  @Override
  public void close() {
    try (server) {
      sidecar.ifPresent(SidecarProcess::close);
      connection.close();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
