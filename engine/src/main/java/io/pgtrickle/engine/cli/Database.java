package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/// The edge where the commands meet JDBC: here a failure becomes a sentence and an exit code.
final class Database {
  private Database() {}

  /// Work on one connection.
  @FunctionalInterface
  interface Work<T> {
    T on(Connection connection) throws SQLException;
  }

  static <T> T with(DatabaseUrl url, Work<T> work) {
    try (Connection connection = DriverManager.getConnection(url.jdbcUrl(), url.properties())) {
      return work.on(connection);
    } catch (SQLException e) {
      throw unavailable(url, e);
    }
  }

  static Installer.Outcome install(DatabaseUrl url, @Nullable String role) {
    return with(url, connection -> Installer.install(connection, role));
  }

  static SourceUnavailable unavailable(DatabaseUrl url, SQLException failure) {
    String state = failure.getSQLState();
    return new SourceUnavailable(
        state == null ? "08000" : state, url + ": " + failure.getMessage(), null);
  }
}
