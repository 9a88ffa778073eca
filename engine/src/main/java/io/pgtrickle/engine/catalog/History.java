package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/// The history of refreshes, for people to read.
///
/// One row tells of one refresh or, for streaming ones, of all of a table's refreshes within some
/// seconds: at a thousand commits a second, a row each would cost more than the refreshes.
public final class History {
  private History() {}

  /// What a refresh did.
  public enum Action {
    NO_DATA,
    FULL,
    DIFFERENTIAL,
    REINITIALIZE,
    SKIP
  }

  /// How it ended.
  public enum Outcome {
    COMPLETED,
    FAILED,
    SKIPPED
  }

  /// Who wanted it.
  public enum Initiator {
    SCHEDULER,
    MANUAL,
    INITIAL
  }

  /// One row.
  ///
  /// @param refreshId the last refresh it tells of
  /// @param dataTimestamp the time of the frontier that was reached
  /// @param reasonCode why that action was taken; null if it is the usual one
  /// @param refreshes how many refreshes it tells of
  /// @param durationMillis the sum of their durations
  /// @param histogram their counts by duration as JSON, upper bounds in milliseconds; null for one
  public record Entry(
      long pgtId,
      long refreshId,
      Instant dataTimestamp,
      Instant start,
      Instant end,
      Action action,
      Outcome outcome,
      Initiator initiator,
      @Nullable String reasonCode,
      int refreshes,
      long inserted,
      long deleted,
      double durationMillis,
      @Nullable String histogram,
      @Nullable Lsn frontier,
      @Nullable String errorSqlState,
      @Nullable String errorMessage) {}

  public static void append(Connection connection, Collection<Entry> entries) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO pgtrickle.pgt_refresh_history (pgt_id, refresh_id, data_timestamp,"
                + " start_time, end_time, action, status, initiated_by, reason_code, refreshes,"
                + " rows_inserted, rows_deleted, duration_ms, duration_histogram, frontier,"
                + " error_sqlstate, error_message)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?::pg_lsn, ?, ?)")) {
      for (Entry entry : entries) {
        insert.setLong(1, entry.pgtId);
        insert.setLong(2, entry.refreshId);
        Rows.set(insert, 3, entry.dataTimestamp);
        Rows.set(insert, 4, entry.start);
        Rows.set(insert, 5, entry.end);
        insert.setString(6, entry.action.name());
        insert.setString(7, entry.outcome.name());
        insert.setString(8, entry.initiator.name());
        insert.setString(9, entry.reasonCode);
        insert.setInt(10, entry.refreshes);
        insert.setLong(11, entry.inserted);
        insert.setLong(12, entry.deleted);
        insert.setDouble(13, entry.durationMillis);
        insert.setString(14, entry.histogram);
        Rows.set(insert, 15, entry.frontier);
        insert.setString(16, entry.errorSqlState);
        insert.setString(17, entry.errorMessage);
        insert.addBatch();
      }
      insert.executeBatch();
    }
  }

  /// Removes rows that are older than `retention`, at most `batch` of them.
  ///
  /// @return how many; less than `batch` means that there are no more
  public static int prune(Connection connection, Duration retention, int batch)
      throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement(
            "DELETE FROM pgtrickle.pgt_refresh_history WHERE history_id IN ("
                + "SELECT history_id FROM pgtrickle.pgt_refresh_history"
                + " WHERE start_time < clock_timestamp() - ? * interval '1 second'"
                + " ORDER BY start_time LIMIT ?)")) {
      delete.setLong(1, retention.toSeconds());
      delete.setInt(2, batch);
      return delete.executeUpdate();
    }
  }
}
