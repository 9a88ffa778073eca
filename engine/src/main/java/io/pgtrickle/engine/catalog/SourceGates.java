package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HashSet;
import java.util.Set;

/// The source tables that somebody is loading, so that what reads them is held back
/// (`pgt_source_gates`).
public final class SourceGates {
  private SourceGates() {}

  /// The OIDs of the gated relations.
  public static Set<Integer> gated(Connection session) throws SQLException {
    Set<Integer> gated = new HashSet<>();
    try (PreparedStatement query =
            session.prepareStatement(
                "SELECT source_relid FROM pgtrickle.pgt_source_gates WHERE gated");
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        gated.add((int) row.getLong(1));
      }
    }
    return gated;
  }

  /// The OIDs of the relations that are gated, or were at some time since a moment.
  ///
  /// @param since by the server's clock
  public static Set<Integer> gatedSince(Connection session, Instant since) throws SQLException {
    Set<Integer> gated = new HashSet<>();
    try (PreparedStatement query =
        session.prepareStatement(
            "SELECT source_relid FROM pgtrickle.pgt_source_gates"
                + " WHERE gated OR ungated_at >= ?::timestamptz")) {
      query.setString(1, since.toString());
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          gated.add((int) row.getLong(1));
        }
      }
    }
    return gated;
  }
}
