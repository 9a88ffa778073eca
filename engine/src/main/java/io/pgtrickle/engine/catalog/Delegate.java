package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.TableName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;

/// How the sidecar acts as the owner of a stream table: through two SECURITY DEFINER functions that
/// the owner made and only the sidecar may call. Code of the owner (functions in the query,
/// triggers on the table) thus never runs with the sidecar's rights.
///
/// Where the owner is the sidecar's own role there are none, and statements are run directly.
///
/// @param exec runs a command and returns the number of rows it affected:
///     `SELECT exec(command, arguments)`; arguments are `$1[1]`, `$1[2]`, …, all text
/// @param query runs a query to its end and returns its rows:
///     `SELECT * FROM query(command, arguments) AS t (column type, …)`
public record Delegate(TableName exec, TableName query) {

  /// The delegate of a definition, or empty where its owner is the sidecar's role.
  public static Optional<Delegate> of(Definition definition, String sidecarRole) {
    if (definition.owner().equals(sidecarRole)) {
      return Optional.empty();
    }
    String schema = definition.table().schema();
    return Optional.of(
        new Delegate(
            new TableName(schema, "__pgt_exec_" + definition.pgtId()),
            new TableName(schema, "__pgt_query_" + definition.pgtId())));
  }

  /// The role that owns the installation, which the sidecar has to connect as.
  public static String sidecarRole(Connection connection) throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement("SELECT pgtrickle_internal.sidecar_role()");
        ResultSet row = query.executeQuery()) {
      row.next();
      return row.getString(1);
    }
  }

  /// Why the delegate of a stream table must not be used: it is missing, belongs to somebody else,
  /// was altered, or may be called by others. Empty if it is as it was made, or not needed.
  public static Optional<String> problem(Connection connection, long pgtId) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement("SELECT pgtrickle_internal.delegate_problem(?)")) {
      query.setLong(1, pgtId);
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return Optional.ofNullable(row.getString(1));
      }
    }
  }
}
