package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/// A database of its own on the one server of the test JVM, with or without the schema.
public final class CatalogDatabase implements AutoCloseable {
  private static final EmbeddedPostgres SERVER = start();
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final String name;
  private final Connection connection;

  private CatalogDatabase(String name, Connection connection) {
    this.name = name;
    this.connection = connection;
  }

  private static EmbeddedPostgres start() {
    try {
      return EmbeddedPostgres.builder()
          .setServerConfig("fsync", "on")
          .setServerConfig("synchronous_commit", "on")
          .setServerConfig("full_page_writes", "on")
          .setServerConfig("wal_level", "logical")
          .setServerConfig("max_connections", "60")
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// An empty database.
  public static CatalogDatabase empty() throws SQLException {
    String name = "catalog_" + COUNT.incrementAndGet();
    try (Connection admin = DriverManager.getConnection(SERVER.getJdbcUrl("postgres", "postgres"));
        Statement statement = admin.createStatement()) {
      statement.execute("CREATE DATABASE " + name);
    }
    return new CatalogDatabase(
        name, DriverManager.getConnection(SERVER.getJdbcUrl("postgres", name)));
  }

  /// A database with the schema, installed by the superuser.
  public static CatalogDatabase installed() throws SQLException {
    CatalogDatabase database = empty();
    assertThat(Installer.install(database.connection)).isEqualTo(Installer.Outcome.INSTALLED);
    return database;
  }

  public String name() {
    return name;
  }

  /// The superuser's connection that is always there, in autocommit mode.
  public Connection connection() {
    return connection;
  }

  /// Another connection of the superuser.
  public Connection connect() throws SQLException {
    return DriverManager.getConnection(url());
  }

  /// A connection of another role, which it makes if need be.
  public Connection connectAs(String role) throws SQLException {
    role(role);
    return DriverManager.getConnection(SERVER.getJdbcUrl(role, name));
  }

  public String url() {
    return SERVER.getJdbcUrl("postgres", name);
  }

  /// Makes a role that may log in, unless there is one; roles are shared by all databases.
  public void role(String role) throws SQLException {
    execute(
        connection,
        "DO $$ BEGIN CREATE ROLE "
            + role
            + " LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  }

  public void execute(String sql) throws SQLException {
    execute(connection, sql);
  }

  /// Runs statements and returns the messages the server sent along: `WARNING: …`.
  public static List<String> execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setEscapeProcessing(false);
      statement.execute(sql);
      List<String> messages = new ArrayList<>();
      for (SQLWarning w = statement.getWarnings(); w != null; w = w.getNextWarning()) {
        messages.add(w instanceof org.postgresql.util.PSQLWarning p ? text(p) : w.getMessage());
      }
      return messages;
    }
  }

  private static String text(org.postgresql.util.PSQLWarning warning) {
    ServerErrorMessage message = warning.getServerErrorMessage();
    return message == null
        ? String.valueOf(warning.getMessage())
        : message.getSeverity() + ": " + message.getMessage();
  }

  public List<String> rows(String sql) throws SQLException {
    return rows(connection, sql);
  }

  /// The rows of a query, columns joined by ` | `, null as `-`.
  public static List<String> rows(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      List<String> rows = new ArrayList<>();
      while (row.next()) {
        List<String> cells = new ArrayList<>();
        for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
          String cell = row.getString(i);
          cells.add(cell == null ? "-" : cell);
        }
        rows.add(String.join(" | ", cells));
      }
      return rows;
    }
  }

  /// The only cell of a query.
  public String value(String sql) throws SQLException {
    List<String> rows = rows(sql);
    assertThat(rows).as(sql).hasSize(1);
    return rows.getFirst();
  }

  /// The error that a statement must end in.
  public static ServerErrorMessage error(Connection connection, String sql) {
    try {
      execute(connection, sql);
    } catch (PSQLException e) {
      ServerErrorMessage message = e.getServerErrorMessage();
      if (message == null) {
        throw new AssertionError("not an error of the server", e);
      }
      return message;
    } catch (SQLException e) {
      throw new AssertionError("not an error of the driver", e);
    }
    throw new AssertionError("succeeded: " + sql);
  }

  public ServerErrorMessage error(String sql) {
    return error(connection, sql);
  }

  /// Drops the database too, so that the server has less to write out when it stops.
  @Override
  public void close() throws SQLException {
    connection.close();
    try (Connection admin =
        DriverManager.getConnection(SERVER.getJdbcUrl("postgres", "postgres"))) {
      execute(admin, "DROP DATABASE " + name + " WITH (FORCE)");
    }
  }
}
