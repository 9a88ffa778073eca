package io.pgtrickle.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/// What `doctor` and `install` say of a server on which much is as it comes.
final class DoctorIT {
  private static EmbeddedServer server;

  private record Said(int status, String text) {}

  @BeforeAll
  static void start() {
    EmbeddedServer.Options usual = EmbeddedServer.Options.throwaway();
    server =
        EmbeddedServer.start(
            new EmbeddedServer.Options(
                usual.major(),
                Optional.empty(),
                0,
                usual.cache(),
                Optional.empty(),
                Map.of("max_slot_wal_keep_size", "-1", "wal_sender_timeout", "0")));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Said run(String role, String command) {
    return run(role, command, "postgres");
  }

  private static Said run(String role, String command, String database) {
    CommandLine line =
        Main.commandLine(
            configuration -> {
              throw new AssertionError("started with " + configuration);
            },
            Map.of());
    StringWriter out = new StringWriter();
    line.setOut(new PrintWriter(out));
    line.setErr(new PrintWriter(out));
    int status =
        line.execute(
            command,
            "--url",
            "postgresql://" + role + "@127.0.0.1:" + server.port() + "/" + database);
    return new Said(status, out.toString());
  }

  private static void execute(String... statements) throws SQLException {
    try (Connection connection = server.connect();
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  @Test
  void whatIsWrongIsSaidWithWhatToDo() throws SQLException {
    execute("CREATE ROLE nobody LOGIN");
    Said before = run("nobody", "doctor");
    assertThat(before.status()).isEqualTo(ExitCode.NOT_READY);
    assertThat(before.text())
        .contains("OK    wal_level: logical")
        .contains("OK    server_encoding: UTF8")
        .contains("FAIL  replication connection")
        .contains("ALTER ROLE nobody REPLICATION")
        .contains("FAIL  SQL objects: not installed")
        .contains("GRANT CREATE ON DATABASE postgres TO nobody")
        .contains("WARN  wal_sender_timeout")
        .contains("ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'")
        .endsWith("Something has to be done.\n");

    assertThat(run("postgres", "install").text())
        .contains("WARNING: max_slot_wal_keep_size is -1")
        .contains("ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'");

    Said status = run("postgres", "status");
    assertThat(status.status()).isEqualTo(ExitCode.NOT_READY);
    assertThat(status.text())
        .contains("not followed: no sidecar has run on this database. Start the sidecar:");

    assertThat(run("nobody", "doctor").text())
        .contains("FAIL  role of the sidecar")
        .contains("belongs to role \"postgres\"");
    execute(
        "CREATE TABLE bare (v int)",
        "ALTER TABLE bare REPLICA IDENTITY NOTHING",
        "SELECT pgtrickle.create_stream_table('st', 'SELECT v FROM bare')");
    assertThat(run("postgres", "doctor").text())
        .contains("FAIL  replica identity of public.bare")
        .contains("FAIL  sidecar: no sidecar has run on this database")
        .contains("OK    replication connection: accepted");
    execute("SELECT pgtrickle.drop_stream_table('st')", "DROP TABLE bare");
    // A slot that is still read by a connection whose other end is gone.
    execute("SELECT pg_create_logical_replication_slot('pgtrickle_0badcafe', 'pgoutput')");
    assertThat(run("postgres", "uninstall").status()).isEqualTo(ExitCode.OK);
    assertThat(run("postgres", "uninstall").text()).contains("there is no pgtrickle");
    execute("DROP ROLE nobody");

    execute(
        "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE"
            + " 'C'");
    assertThat(run("postgres", "doctor", "bytes").text())
        .contains("FAIL  server_encoding: SQL_ASCII")
        .contains("ENCODING 'UTF8'");
  }

  @Test
  void privilegesThatAreMissingAreSaidWithTheGrant() throws SQLException {
    execute("CREATE DATABASE grants");
    String database = "grants";
    execute("CREATE ROLE keeper LOGIN", "CREATE ROLE reporter LOGIN");
    assertThat(run("postgres", "install", database).status()).isEqualTo(ExitCode.OK);
    executeIn(
        database,
        "CREATE SCHEMA shop AUTHORIZATION keeper",
        "CREATE SCHEMA reports AUTHORIZATION reporter",
        "CREATE TABLE shop.orders (id int PRIMARY KEY, v int, secret text)",
        "CREATE TABLE shop.open (id int PRIMARY KEY)",
        "CREATE TABLE shop.mixed (id int PRIMARY KEY)",
        "CREATE TABLE shop.below (id int PRIMARY KEY)",
        "CREATE VIEW shop.seen AS SELECT id FROM shop.below",
        "SELECT pgtrickle.create_stream_table('shop.up', 'SELECT id FROM shop.open')",
        "GRANT USAGE ON SCHEMA shop TO reporter",
        "GRANT SELECT ON shop.open, shop.mixed, shop.seen, shop.up TO reporter",
        "GRANT SELECT (id, v) ON shop.orders TO reporter",
        "SET ROLE reporter",
        "SELECT pgtrickle.create_stream_table('reports.both',"
            + " 'SELECT m.id FROM shop.mixed m JOIN shop.seen s ON s.id = m.id')",
        "SELECT pgtrickle.create_stream_table('reports.down', 'SELECT id FROM shop.up')",
        "SELECT pgtrickle.create_stream_table('reports.sums', 'SELECT v FROM shop.orders')",
        "SELECT pgtrickle.create_stream_table('reports.ids', 'SELECT id FROM shop.open')");
    assertThat(run("postgres", "doctor", database).text())
        .contains("WARN  columns of shop.orders: role reporter may not read secret")
        .doesNotContain("FAIL  columns")
        .doesNotContain("FAIL  schema");

    executeIn(
        database,
        "REVOKE SELECT (id, v) ON shop.orders FROM reporter",
        "REVOKE SELECT ON shop.mixed, shop.up FROM reporter",
        "REVOKE TEMPORARY ON DATABASE grants FROM PUBLIC",
        "REVOKE USAGE ON SCHEMA shop FROM reporter",
        "REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text"
            + (major() < 17 ? "" : ", boolean")
            + ") FROM PUBLIC");
    assertThat(run("postgres", "doctor", database).text())
        .contains("FAIL  columns of shop.orders: role reporter may not read id, v, secret")
        .contains("GRANT SELECT ON shop.orders TO reporter\n")
        .contains("FAIL  columns of shop.mixed: role reporter may not read id")
        .contains("FAIL  columns of shop.up: role reporter may not read ")
        .contains("FAIL  temporary views: role reporter may not create them")
        .contains("GRANT TEMPORARY ON DATABASE grants TO reporter\n")
        .contains("FAIL  schema shop: role reporter may not use it")
        .contains("GRANT USAGE ON SCHEMA shop TO reporter")
        .contains("FAIL  messages in the log: role reporter may not call pg_logical_emit_message(")
        .doesNotContain("columns of shop.below")
        .doesNotContain("columns of shop.open");

    executeIn(
        database,
        "GRANT SELECT ON shop.orders, shop.mixed, shop.up TO reporter",
        "GRANT TEMPORARY ON DATABASE grants TO reporter",
        "GRANT USAGE ON SCHEMA shop TO reporter",
        "GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text"
            + (major() < 17 ? "" : ", boolean")
            + ") TO PUBLIC");
    assertThat(run("postgres", "doctor", database).text()).contains("OK    privileges: ");
    assertThat(run("postgres", "uninstall", database).status()).isEqualTo(ExitCode.OK);
    execute("DROP DATABASE grants", "DROP ROLE keeper, reporter");
  }

  /// With it, the server would refuse the updates of virtual columns' tables.
  @Test
  void anIdentityOfWholeRowsIsNotRecommendedWhereItWouldDoHarm() throws SQLException {
    assumeThat(major()).isGreaterThanOrEqualTo(18);
    execute("CREATE DATABASE virtual");
    assertThat(run("postgres", "install", "virtual").status()).isEqualTo(ExitCode.OK);
    executeIn(
        "virtual",
        "CREATE TABLE bare (v int, g int GENERATED ALWAYS AS (v * 2) VIRTUAL)",
        "CREATE TABLE whole (v int, g int GENERATED ALWAYS AS (v * 2) VIRTUAL)",
        "ALTER TABLE whole REPLICA IDENTITY FULL",
        "SELECT pgtrickle.create_stream_table('st', 'SELECT b.v FROM bare b JOIN whole w ON w.v ="
            + " b.v')");
    assertThat(run("postgres", "doctor", "virtual").text())
        .contains("FAIL  replica identity of public.bare")
        .contains("FAIL  replica identity of public.whole")
        .contains("add a primary key, and ALTER TABLE … REPLICA IDENTITY DEFAULT\n")
        .doesNotContain("REPLICA IDENTITY FULL");
    assertThat(run("postgres", "uninstall", "virtual").status()).isEqualTo(ExitCode.OK);
    execute("DROP DATABASE virtual");
  }

  private static int major() throws SQLException {
    try (Connection connection = server.connect()) {
      return connection.getMetaData().getDatabaseMajorVersion();
    }
  }

  private static void executeIn(String database, String... statements) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:"
                    + server.port()
                    + "/"
                    + database
                    + "?user=postgres");
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "140017, 14.19, missing",
    "140018, 14.19, memory",
    "140019,,",
    "150012, 15.14, missing",
    "150013, 15.14, memory",
    "150014,,",
    "160000, 16.10, missing",
    "160009, 16.10, memory",
    "160010,,",
    "170004, 17.6, missing",
    "170005, 17.6, memory",
    "170006,,",
    "180000,,"
  })
  void releasesWithErrorsInTheirLogAreToldFromOthers(int number, String better, String error) {
    if (better == null) {
      assertThat(ServerRelease.advice(number)).isEmpty();
    } else {
      assertThat(ServerRelease.advice(number).orElse(""))
          .contains("update to " + better + " or later")
          .contains(error);
    }
  }
}
