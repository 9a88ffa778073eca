package io.pgtrickle.engine.e2e;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.cli.Main;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/// A database of its own on the JVM's one embedded server, with pgtrickle installed and a sidecar.
final class LiveDatabase implements AutoCloseable {
  private static final AtomicInteger NUMBER = new AtomicInteger();
  private static @Nullable EmbeddedServer server;

  private final String name;
  private final DatabaseUrl url;
  private @Nullable Sidecar sidecar;

  private LiveDatabase(String name, DatabaseUrl url) {
    this.name = name;
    this.url = url;
  }

  static synchronized EmbeddedServer server() {
    EmbeddedServer running = server;
    if (running == null) {
      running = EmbeddedServer.start(EmbeddedServer.Options.throwaway());
      server = running;
      Runtime.getRuntime().addShutdownHook(new Thread(running::close));
    }
    return running;
  }

  /// A new database with the SQL objects, without a sidecar.
  static LiveDatabase create() throws SQLException {
    return create("postgres");
  }

  /// A new database in which a role that is no superuser has what docs/operations.md asks for, and
  /// has installed the SQL objects; the sidecar will connect as that role.
  static LiveDatabase create(String role) throws SQLException {
    return create(role, "");
  }

  private static LiveDatabase create(String role, String options) throws SQLException {
    String name = "live_" + NUMBER.incrementAndGet();
    try (Connection admin = server().connect();
        Statement statement = admin.createStatement()) {
      statement.execute("CREATE DATABASE " + name + " " + options);
      if (!role.equals("postgres")) {
        statement.execute("CREATE ROLE " + role + " LOGIN REPLICATION");
        statement.execute("GRANT CREATE ON DATABASE " + name + " TO " + role);
      }
    }
    LiveDatabase database =
        new LiveDatabase(
            name,
            DatabaseUrl.parse(
                "postgresql://" + role + "@127.0.0.1:" + server().port() + "/" + name));
    try (Connection connection = database.connectAs(role)) {
      Installer.install(connection);
    }
    return database;
  }

  /// A new database that is made from this one, to which nobody may be connected; without a
  /// sidecar.
  LiveDatabase copy() throws SQLException {
    String copy = "live_" + NUMBER.incrementAndGet();
    try (Connection admin = server().connect();
        Statement statement = admin.createStatement()) {
      statement.execute("CREATE DATABASE " + copy + " TEMPLATE " + name);
    }
    return new LiveDatabase(
        copy, DatabaseUrl.parse("postgresql://postgres@127.0.0.1:" + server().port() + "/" + copy));
  }

  /// A new database with a running sidecar.
  static LiveDatabase start() throws SQLException, InterruptedException {
    return start("");
  }

  /// The same for a database that is made with other options.
  static LiveDatabase start(String options) throws SQLException, InterruptedException {
    LiveDatabase database = create("postgres", options);
    if (!database.startSidecar().awaitReady(PATIENCE)) {
      throw new IllegalStateException("the sidecar is not ready after " + PATIENCE);
    }
    return database;
  }

  Sidecar startSidecar() {
    return startSidecar(url);
  }

  /// Starts a sidecar that reaches the server by another port, such as that of a proxy.
  Sidecar startSidecarAt(int port) {
    return startSidecar(DatabaseUrl.parse("postgresql://postgres@127.0.0.1:" + port + "/" + name));
  }

  private Sidecar startSidecar(DatabaseUrl reached) {
    Sidecar started = Sidecar.start(new SidecarConfig(reached, "127.0.0.1", 0, stateDirectory()));
    sidecar = started;
    return started;
  }

  /// Starts a sidecar in a process of its own.
  ///
  /// @param heap the most that its heap may take, as `-Xmx` has it
  Process startProcess(Path state, Path log, String heap) throws IOException {
    return startProcess(url, state, log, heap);
  }

  /// The same where no file can be larger than some KB, as on a disk that is full.
  Process startWithSmallFiles(int kilobytes, Path state, Path log, String heap) throws IOException {
    // In units of 512 bytes.
    String limited = "ulimit -f " + 2 * kilobytes + "; exec \"$@\"";
    return startProcess(List.of("sh", "-c", limited, "sh"), url, state, log, heap);
  }

  /// The same for a database of any server.
  static Process startProcess(DatabaseUrl url, Path state, Path log, String heap)
      throws IOException {
    return startProcess(List.of(), url, state, log, heap);
  }

  private static Process startProcess(
      List<String> prefix, DatabaseUrl url, Path state, Path log, String heap) throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.addAll(
        List.of(
            ProcessHandle.current().info().command().orElseThrow(),
            "-Xmx" + heap,
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "run",
            "--url",
            url.toString(),
            "--http-port",
            "0",
            "--state-dir",
            state.toString()));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }

  /// Where the sidecar keeps operator state.
  Path stateDirectory() {
    return Path.of(System.getProperty("java.io.tmpdir"), "pgtrickle-test-" + server().port(), name);
  }

  Sidecar sidecar() {
    Sidecar running = sidecar;
    if (running == null) {
      throw new IllegalStateException("no sidecar was started");
    }
    return running;
  }

  void stopSidecar() {
    Sidecar running = sidecar;
    if (running != null) {
      running.close();
      sidecar = null;
    }
  }

  DatabaseUrl url() {
    return url;
  }

  /// A connection as superuser.
  Connection connect() throws SQLException {
    return connectAs("postgres");
  }

  Connection connectAs(String role) throws SQLException {
    var properties = url.properties();
    properties.setProperty("user", role);
    return DriverManager.getConnection(url.jdbcUrl(), properties);
  }

  static void run(Connection connection, String... statements) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  /// The first column of the first row, as text.
  static @Nullable String value(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      return row.next() ? row.getString(1) : null;
    }
  }

  /// All rows, columns joined by `|`.
  static List<String> rows(Connection connection, String sql) throws SQLException {
    List<String> rows = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      while (row.next()) {
        List<String> values = new ArrayList<>();
        for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
          values.add(String.valueOf(row.getString(i)));
        }
        rows.add(String.join("|", values));
      }
    }
    return rows;
  }

  /// Creates a stream table and waits until it is live.
  static void streamTable(Connection connection, String name, String query, String mode)
      throws SQLException {
    try (var create =
        connection.prepareStatement(
            "SELECT pgtrickle.create_stream_table(?, ?, refresh_mode => ?)")) {
      create.setString(1, name);
      create.setString(2, query);
      create.setString(3, mode);
      create.execute();
    }
    ready(connection, name);
  }

  static void ready(Connection connection, String name) throws SQLException {
    try (var wait = connection.prepareStatement("SELECT pgtrickle.wait_until_ready(?, '180 s')")) {
      wait.setString(1, name);
      wait.execute();
    }
  }

  static void sync(Connection connection) throws SQLException {
    run(connection, "SELECT pgtrickle.sync(timeout => '180 s')");
  }

  /// The rows in which a table differs from a query, as bags and as text; none when they agree.
  static List<String> differences(Connection connection, String table, String query)
      throws SQLException {
    return rows(connection, differencesQuery(table, query));
  }

  /// The same for a query that reads the clock: as of the time that the table says it is of, since
  /// the server cannot be asked for a query at a time.
  static List<String> differencesByClock(Connection connection, String table, String query)
      throws SQLException {
    connection.setAutoCommit(false);
    try {
      run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      String now =
          "'"
              + value(
                  connection,
                  "SELECT data_timestamp FROM pgtrickle.pgt_stream_tables WHERE pgt_name = '%s'"
                      .formatted(table))
              + "'::timestamptz";
      String then =
          query
              .replaceAll("\\b(now|transaction_timestamp|statement_timestamp)\\(\\)", now)
              .replaceAll("\\bcurrent_timestamp\\b", now)
              .replaceAll("\\bcurrent_date\\b", "(" + now + ")::date")
              .replaceAll("\\blocaltimestamp\\b", "(" + now + ")::timestamp");
      return differences(connection, table, then).stream()
          .map(difference -> difference + " at " + now)
          .toList();
    } finally {
      connection.rollback();
      connection.setAutoCommit(true);
    }
  }

  /// The query runs once, whatever it costs.
  static String differencesQuery(String table, String query) {
    return """
    WITH shown AS MATERIALIZED (SELECT * FROM %s), wanted AS MATERIALIZED (%s)
    SELECT 'unexpected', x::text FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM wanted) x
    UNION ALL SELECT 'missing', x::text FROM (SELECT * FROM wanted EXCEPT ALL SELECT * FROM shown) x
    UNION ALL SELECT 'unexpected text', r FROM (
      SELECT shown::text AS r FROM shown EXCEPT ALL SELECT wanted::text FROM wanted) x
    UNION ALL SELECT 'missing text', r FROM (
      SELECT wanted::text AS r FROM wanted EXCEPT ALL SELECT shown::text FROM shown) x
    """
        .formatted(table, query);
  }

  /// What the server says when a statement fails.
  static ServerErrorMessage refusal(Connection connection, String sql) {
    try {
      run(connection, sql);
    } catch (PSQLException e) {
      return Objects.requireNonNull(e.getServerErrorMessage(), "the server said nothing");
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    throw new AssertionError("accepted: " + sql);
  }

  /// The state of a stream table as people see it: status and SQLSTATE.
  static String status(Connection connection, String name) throws SQLException {
    try (var query =
        connection.prepareStatement(
            "SELECT s.status || coalesce(' ' || s.error_sqlstate, '') FROM pgtrickle.pgt_state s"
                + " JOIN pgtrickle.pgt_definitions d USING (pgt_id) WHERE d.table_name = ?")) {
      query.setString(1, name);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? row.getString(1) : "none";
      }
    }
  }

  /// What a sidecar says at `/ready`, without blanks.
  static String readiness(Sidecar sidecar) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI ready = URI.create("http://127.0.0.1:%d/ready".formatted(sidecar.httpPort()));
      return client
          .send(HttpRequest.newBuilder(ready).build(), BodyHandlers.ofString())
          .body()
          .replaceAll("\\s", "");
    }
  }

  /// Forgets operator state; while no sidecar runs.
  void deleteState() {
    Path root = stateDirectory();
    if (!Files.exists(root)) {
      return;
    }
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws SQLException {
    stopSidecar();
    deleteState();
    try (Connection connection = connect()) {
      Installer.uninstall(connection);
    }
    try (Connection admin = server().connect();
        Statement statement = admin.createStatement()) {
      statement.execute("DROP DATABASE " + name + " WITH (FORCE)");
    }
  }

  /// How long a test waits for something that takes milliseconds.
  static final Duration PATIENCE = Duration.ofSeconds(60);
}
