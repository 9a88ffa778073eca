package io.pgtrickle.cdc;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/// The one server of this JVM's tests; each test class gets a database of its own.
///
/// It syncs to disk: with `synchronous_commit` off a commit would become decodable only when the
/// WAL writer wakes up, and the tests would judge another server than users have.
public final class TestServer {
  private static final EmbeddedPostgres SERVER = start();
  private static final AtomicInteger DATABASES = new AtomicInteger();

  private TestServer() {}

  private static EmbeddedPostgres start() {
    try {
      EmbeddedPostgres server =
          EmbeddedPostgres.builder()
              .setServerConfig("fsync", "on")
              .setServerConfig("synchronous_commit", "on")
              .setServerConfig("full_page_writes", "on")
              .setServerConfig("wal_level", "logical")
              .setServerConfig("max_wal_senders", "20")
              .setServerConfig("max_replication_slots", "20")
              .setServerConfig("max_prepared_transactions", "10")
              .setServerConfig("max_connections", "60")
              .start();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> close(server)));
      return server;
    } catch (IOException e) {
      throw new IllegalStateException("the test server did not start", e);
    }
  }

  private static void close(EmbeddedPostgres server) {
    try {
      server.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /// The server's major version: the suite also runs on the older ones, which can do less.
  public static int version() {
    return Integer.parseInt(
        query(database("postgres"), "SELECT current_setting('server_version_num')::int / 10000"));
  }

  public static int port() {
    return SERVER.getPort();
  }

  public static SourceDatabase createDatabase() {
    String name = "test" + DATABASES.incrementAndGet();
    try (Connection connection = database("postgres").connect("tests");
        Statement statement = connection.createStatement()) {
      for (String setting : new String[] {"fsync", "synchronous_commit", "full_page_writes"}) {
        try (ResultSet row = statement.executeQuery("SHOW " + setting)) {
          row.next();
          if (!row.getString(1).equals("on")) {
            throw new IllegalStateException(setting + " is " + row.getString(1));
          }
        }
      }
      statement.execute("CREATE DATABASE " + name);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    return database(name);
  }

  private static SourceDatabase database(String name) {
    return at("localhost", SERVER.getPort(), name);
  }

  public static SourceDatabase at(String host, int port, String name) {
    return SourceDatabase.of(
        "jdbc:postgresql://" + host + ":" + port + "/" + name, Map.of("user", "postgres"));
  }

  public static void execute(SourceDatabase database, String... statements) {
    try (Connection connection = database.connect("tests")) {
      execute(connection, statements);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  public static void execute(Connection connection, String... statements) {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  public static String query(SourceDatabase database, String sql) {
    try (Connection connection = database.connect("tests");
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      return row.next() ? String.valueOf(row.getString(1)) : "";
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
