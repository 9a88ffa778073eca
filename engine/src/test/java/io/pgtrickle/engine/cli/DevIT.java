package io.pgtrickle.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.DatabaseUrl;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@DisabledOnOs(OS.WINDOWS)
final class DevIT {
  @TempDir Path home;

  @AfterEach
  void endServers() throws Exception {
    Path pidFile = home.resolve("data/pgtrickle/postgresql-18/postmaster.pid");
    if (Files.exists(pidFile)) {
      String pid = Files.readAllLines(pidFile).getFirst().strip();
      ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
    }
  }

  private CommandProcess dev() throws Exception {
    return CommandProcess.start(home, "dev", "--port", "0", "--http-port", "0");
  }

  private static Connection connect(String url) throws SQLException {
    DatabaseUrl database = DatabaseUrl.parse(url);
    return DriverManager.getConnection(database.jdbcUrl(), database.properties());
  }

  private static void run(Connection connection, String... statements) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private static String value(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }

  private ProcessHandle postmaster() throws Exception {
    Path pidFile = home.resolve("data/pgtrickle/postgresql-18/postmaster.pid");
    return ProcessHandle.of(Long.parseLong(Files.readAllLines(pidFile).getFirst().strip()))
        .orElseThrow();
  }

  @Test
  void aTableInErrorHoldsNothingBackAndSignalsEndAllProcesses() throws Exception {
    try (CommandProcess first = dev()) {
      String url = first.line("ready: ");
      try (Connection connection = connect(url)) {
        run(
            connection,
            "CREATE TABLE t (id int PRIMARY KEY, v int)",
            "INSERT INTO t VALUES (1, 1)",
            "SELECT pgtrickle.create_stream_table('good', 'SELECT id, v FROM t')",
            "SELECT pgtrickle.create_stream_table('bad', 'SELECT id, 1 / v AS q FROM t')",
            "SELECT pgtrickle.wait_until_ready('good')",
            "SELECT pgtrickle.wait_until_ready('bad')",
            "INSERT INTO t VALUES (2, 0)");
        await()
            .atMost(CommandProcess.PATIENCE)
            .untilAsserted(
                () ->
                    assertThat(
                            value(
                                connection,
                                "SELECT status FROM pgtrickle.pgt_status() WHERE name ="
                                    + " 'public.bad'"))
                        .isEqualTo("ERROR"));
      }
      ProcessHandle server = postmaster();
      first.signal("TERM");
      first.awaitEnd();
      assertThat(server.isAlive()).isFalse();
    }
    try (CommandProcess second = dev()) {
      String url = second.line("ready: ");
      assertThat(second.line("not live: ")).startsWith("public.bad");
      try (Connection connection = connect(url)) {
        assertThat(value(connection, "SELECT count(*) FROM t")).isEqualTo("2");
        run(connection, "SELECT pgtrickle.wait_until_ready('good')");
      }
      ProcessHandle server = postmaster();
      second.interrupt();
      second.awaitEnd();
      assertThat(server.isAlive()).isFalse();
    }
  }

  @Test
  void whatKeepsTheLogFromBeingReadIsSaidAndCtrlCIsSeenMeanwhile() throws Exception {
    try (CommandProcess first = dev()) {
      try (Connection connection = connect(first.line("ready: "))) {
        run(connection, "SELECT pgtrickle.set_config('cdc_paused', 'on')");
      }
      first.signal("TERM");
      first.awaitEnd();
    }
    try (CommandProcess second = dev()) {
      assertThat(second.line("not ready yet: ")).contains("paused");
      ProcessHandle server = postmaster();
      second.interrupt();
      second.awaitEnd();
      assertThat(server.isAlive()).isFalse();
      assertThat(second.output()).doesNotContain("ready: postgresql");
    }
  }

  @Test
  void onlyTheLastNameOfTheDataDirectoryHasTheVersion() {
    assertThat(DevCommand.ofVersion(Path.of("/home/ada@corp/data/postgresql-@"), 17))
        .isEqualTo(Path.of("/home/ada@corp/data/postgresql-17"));
  }
}
