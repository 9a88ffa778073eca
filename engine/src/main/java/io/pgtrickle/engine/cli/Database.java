package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
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
    DatabaseUrl own = url.onOwnPath();
    try (Connection connection = DriverManager.getConnection(own.jdbcUrl(), own.properties())) {
      return work.on(connection);
    } catch (SQLException e) {
      throw unavailable(url, e);
    }
  }

  static Installer.Outcome install(DatabaseUrl url, @Nullable String role) {
    return with(url, connection -> Installer.install(connection, role));
  }

  /// What to do about a server on which a stopped sidecar can fill the disk; empty if it cannot.
  static Optional<String> unlimitedRetention(Connection connection) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement("SHOW max_slot_wal_keep_size");
        ResultSet row = query.executeQuery()) {
      row.next();
      return row.getString(1).equals("-1")
          ? Optional.of(Checkup.keepAdvice(Checkup.suggestedKeep(connection)))
          : Optional.empty();
    }
  }

  static SourceUnavailable unavailable(DatabaseUrl url, SQLException failure) {
    String state = failure.getSQLState();
    return new SourceUnavailable(
        state == null ? "08000" : state, url + ": " + failure.getMessage(), null);
  }
}
