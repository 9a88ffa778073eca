package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Long work on stream tables, for people to see (`pgtrickle.pgt_operations`). There is at most one
/// row of a stream table that is not over; a sidecar that goes on with the work of another goes on
/// with its row.
public final class Operations {
  private static final String OVER = "('completed', 'failed', 'cancelled')";

  private Operations() {}

  /// How far it is.
  public enum State {
    PENDING,
    PREPARING,
    SNAPSHOTTING,
    COPYING,
    CATCHING_UP,
    COMPLETED,
    FAILED;

    /// Whether nothing comes after it.
    public boolean isOver() {
      return this == COMPLETED || this == FAILED;
    }
  }

  /// An initialization as it is now.
  ///
  /// @param phase what is being done or waited for, for a person
  /// @param rows how many rows have been copied
  /// @param expected of how many; 0 if that is not known
  /// @param attempts how often it was begun since it was written last
  /// @param failure why it failed, or what the last attempt failed of; null if nothing
  public record Initialization(
      long pgtId,
      String streamTable,
      State state,
      String phase,
      long rows,
      long expected,
      int attempts,
      StreamTableState.@Nullable Failure failure) {}

  /// Writes how initializations are.
  public static void put(Connection session, Collection<Initialization> all) throws SQLException {
    try (PreparedStatement upsert =
        session.prepareStatement(
            "WITH v AS (SELECT ?::bigint AS pgt_id, ?::text AS stream_table, ?::text AS state,"
                + " ?::text AS phase, ?::bigint AS rows_done, nullif(?::bigint, 0) AS rows_total,"
                + " ?::int AS attempts, ?::text AS error_sqlstate, ?::text AS error_message,"
                + " s.owner, CASE WHEN ?::boolean THEN clock_timestamp() END AS finished_at"
                + " FROM pgtrickle_internal.pgt_sidecar s),"
                + " known AS (UPDATE pgtrickle.pgt_operations o SET state = v.state,"
                + " phase = v.phase, rows_done = v.rows_done, rows_total = v.rows_total,"
                + " attempt = o.attempt + v.attempts, owner = v.owner,"
                + " heartbeat_at = clock_timestamp(), error_sqlstate = v.error_sqlstate,"
                + " error_message = v.error_message, finished_at = v.finished_at FROM v"
                + " WHERE o.pgt_id = v.pgt_id AND o.state NOT IN "
                + OVER
                + " RETURNING 1)"
                + " INSERT INTO pgtrickle.pgt_operations (kind, pgt_id, stream_table, state, phase,"
                + " rows_done, rows_total, attempt, owner, heartbeat_at, error_sqlstate,"
                + " error_message, finished_at)"
                + " SELECT 'initialize', v.pgt_id, v.stream_table, v.state, v.phase, v.rows_done,"
                + " v.rows_total, greatest(v.attempts, 1), v.owner, clock_timestamp(),"
                + " v.error_sqlstate, v.error_message, v.finished_at FROM v"
                + " WHERE NOT EXISTS (SELECT FROM known)")) {
      for (Initialization one : all) {
        upsert.setLong(1, one.pgtId);
        upsert.setString(2, one.streamTable);
        upsert.setString(3, one.state.name().toLowerCase(Locale.ROOT));
        upsert.setString(4, one.phase);
        upsert.setLong(5, one.rows);
        upsert.setLong(6, one.expected);
        upsert.setInt(7, one.attempts);
        upsert.setString(8, one.failure == null ? null : one.failure.sqlState());
        upsert.setString(9, one.failure == null ? null : one.failure.message());
        upsert.setBoolean(10, one.state.isOver());
        upsert.addBatch();
      }
      upsert.executeBatch();
    }
  }

  /// Says that somebody still works on what is not over.
  public static void heartbeat(Connection session) throws SQLException {
    try (PreparedStatement beat =
        session.prepareStatement(
            "UPDATE pgtrickle.pgt_operations SET heartbeat_at = clock_timestamp()"
                + " WHERE state NOT IN "
                + OVER)) {
      beat.executeUpdate();
    }
  }

  /// Ends what another sidecar did not come to end: these stream tables have their contents.
  public static void completed(Connection session, Collection<Long> pgtIds) throws SQLException {
    try (PreparedStatement update =
        session.prepareStatement(
            "UPDATE pgtrickle.pgt_operations SET state = 'completed', phase = 'live',"
                + " finished_at = clock_timestamp() WHERE pgt_id = ANY (?) AND state NOT IN "
                + OVER)) {
      update.setArray(1, session.createArrayOf("bigint", pgtIds.toArray()));
      update.executeUpdate();
    }
  }

  /// Removes what has been over for a time.
  public static void prune(Connection session, Duration retention) throws SQLException {
    try (PreparedStatement delete =
        session.prepareStatement(
            "DELETE FROM pgtrickle.pgt_operations"
                + " WHERE finished_at < clock_timestamp() - ? * interval '1 second'")) {
      delete.setLong(1, retention.toSeconds());
      delete.executeUpdate();
    }
  }
}
