package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.engine.catalog.Definition;
import java.sql.SQLException;

/// PostgreSQL's own refusal, as an error of the stream table.
final class ServerRefusal {
  static final String LOCK_NOT_AVAILABLE = "55P03";

  private ServerRefusal() {}

  /// Whether an error says nothing about what was asked: a lost session, a server that stops, a
  /// lack of room.
  static boolean isTransient(SQLException e) {
    String state = String.valueOf(e.getSQLState());
    return state.startsWith("08") || state.startsWith("57P") || state.startsWith("53");
  }

  /// Whether the session is over, whatever it was used for.
  static boolean endsSession(SQLException e) {
    String state = String.valueOf(e.getSQLState());
    return state.startsWith("08") || state.startsWith("57P");
  }

  /// Whether somebody has a lock for longer than is waited for.
  static boolean isLocked(SQLException e) {
    return LOCK_NOT_AVAILABLE.equals(e.getSQLState());
  }

  static QueryRejected of(Definition definition, SQLException refusal) {
    return new QueryRejected(
        QueryRejected.Kind.INVALID,
        String.valueOf(refusal.getSQLState()),
        "refused_by_server",
        definition.displayName(),
        "PostgreSQL refuses the query of "
            + definition.displayName()
            + " as its owner \""
            + definition.owner()
            + "\": "
            + refusal.getMessage());
  }

  /// Rows of the query that the storage table does not take.
  static QueryRejected ofRows(Definition definition, SQLException refusal) {
    return new QueryRejected(
        QueryRejected.Kind.INVALID,
        String.valueOf(refusal.getSQLState()),
        "rows_refused",
        definition.displayName(),
        "the rows of "
            + definition.displayName()
            + " could not be written, which is tried again: "
            + refusal.getMessage());
  }

  /// A source that cannot be captured.
  static QueryRejected ofSource(Definition definition, CaptureException refusal) {
    return new QueryRejected(
        QueryRejected.Kind.INVALID,
        refusal.sqlState(),
        "source_not_capturable",
        definition.displayName(),
        "a source of " + definition.displayName() + " cannot be captured: " + refusal.getMessage());
  }
}
