package io.pgtrickle.dvm.type;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The PostgreSQL server of this JVM, against which values are compared.
public final class TestServer implements AutoCloseable {
  private static @Nullable EmbeddedPostgres server;

  private static final int POSTGRESQL_17 = 17;

  // Any error becomes "SQLSTATE message", so that a thousand failing expressions cost one
  // statement.
  private static final String ATTEMPT =
      """
      CREATE OR REPLACE FUNCTION pg_temp.attempt(expression text) RETURNS text LANGUAGE plpgsql AS $$
      DECLARE
        shown text;
      BEGIN
        EXECUTE 'SELECT (' || expression || ')::text' INTO shown;
        RETURN shown;
      EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
      END
      $$
      """;

  private final Connection connection;

  private TestServer(Connection connection) {
    this.connection = connection;
  }

  /// Opens a session, in UTC and with all values in text form; the server starts with the first
  /// one.
  public static TestServer connect() throws SQLException {
    Connection connection = DriverManager.getConnection(url() + "&binaryTransfer=false");
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET TIME ZONE 'UTC'");
      statement.execute(ATTEMPT);
    }
    return new TestServer(connection);
  }

  private static synchronized String url() {
    if (server == null) {
      try {
        server =
            EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("full_page_writes", "on")
                .setServerConfig("wal_level", "logical")
                .start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return server.getJdbcUrl("postgres", "postgres");
  }

  public Connection connection() {
    return connection;
  }

  /// The major version, 14 to 18.
  public int majorVersion() throws SQLException {
    return connection.getMetaData().getDatabaseMajorVersion();
  }

  /// Those of a type's values that this server has: infinite intervals came with 17, and 14 does
  /// not read the intervals that are furthest from zero. The one without an opposite is left out
  /// too: what is done with it overflows in other places than from 17 on.
  ///
  /// @return all of them on servers of 17 and later
  public List<Object> known(SqlType type, List<Object> values) throws SQLException {
    if (type.kind() != TypeKind.INTERVAL || majorVersion() >= POSTGRESQL_17) {
      return values;
    }
    TypeCodec codec = TypeCodec.of(type);
    List<String> texts = values.stream().map(codec::toText).toList();
    List<String> seen = evaluate(texts.stream().map(text -> quote(text) + "::interval").toList());
    List<String> opposites =
        evaluate(texts.stream().map(text -> "-(" + quote(text) + "::interval)").toList());
    List<Object> known = new ArrayList<>();
    for (int i = 0; i < seen.size(); i++) {
      if (seen.get(i).equals(texts.get(i)) && !opposites.get(i).startsWith("22008")) {
        known.add(values.get(i));
      }
    }
    return known;
  }

  /// The text of each expression, or its SQLSTATE and message.
  public List<String> evaluate(List<String> expressions) throws SQLException {
    List<String> shown = new ArrayList<>(expressions.size());
    for (@Nullable String[] row :
        query(
            "SELECT pg_temp.attempt(e) FROM unnest(?::text[]) WITH ORDINALITY u(e, n) ORDER BY n",
            expressions)) {
      shown.add(String.valueOf(row[0]));
    }
    return shown;
  }

  /// Runs a query whose parameters are text arrays; the cells as the server prints them.
  @SafeVarargs
  public final List<@Nullable String[]> query(String sql, List<String>... arrays)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < arrays.length; i++) {
        Array array = connection.createArrayOf("text", arrays[i].toArray());
        statement.setArray(i + 1, array);
      }
      try (ResultSet result = statement.executeQuery()) {
        int width = result.getMetaData().getColumnCount();
        List<@Nullable String[]> rows = new ArrayList<>();
        while (result.next()) {
          @Nullable String[] row = new @Nullable String[width];
          for (int i = 0; i < width; i++) {
            row[i] = result.getString(i + 1);
          }
          rows.add(row);
        }
        return rows;
      }
    }
  }

  /// Quotes a literal.
  public static String quote(String text) {
    return "'" + text.replace("'", "''") + "'";
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
