package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// How a stream table is: one row of `pgtrickle.pgt_state`, which only the sidecar writes.
///
/// Two kinds of change: a change of state ([#put], the whole row but the counters) and a refresh
/// ([#refreshed], the counters and the frontier, for all tables of an epoch in one statement, in
/// the
/// transaction that writes their rows).
///
/// @param generation of the definition that this is about; an older one is shown as INITIALIZING
/// @param mode the mode that is really used; null until it is known
/// @param reasonCode why that mode, or why that status; null if there is nothing to explain
/// @param populated whether the contents are those of the query at `frontier`
/// @param refreshId the number of non-empty refreshes so far
/// @param pending what listeners have not been told yet
public record StreamTableState(
    long pgtId,
    int generation,
    Status status,
    @Nullable RefreshMode mode,
    @Nullable String reasonCode,
    @Nullable String reasonDetail,
    boolean snapshotConsistent,
    boolean populated,
    @Nullable Lsn frontier,
    @Nullable Instant dataTimestamp,
    long refreshId,
    Untold pending,
    int consecutiveErrors,
    @Nullable Failure failure,
    @Nullable Instant heldSince) {

  /// What state a stream table is in.
  public enum Status {
    /// Being filled for the first time, or anew.
    INITIALIZING,
    /// Follows its sources.
    ACTIVE,
    /// Its last good contents stay readable; see [Failure].
    ERROR,
    /// Stopped after too many errors in a row, until it is resumed.
    SUSPENDED,
    /// Cannot be written at the moment (a lock, a constraint); its output is being kept.
    HELD
  }

  /// An error as a client would see it.
  ///
  /// @param at when it was found
  public record Failure(String sqlState, String message, Instant at) {}

  /// The sum of the refreshes since the last notification.
  ///
  /// @param refreshId the last of them; equal to that of the last notification if there are none
  public record Untold(long refreshes, long refreshId, long inserted, long deleted) {}

  /// What one refresh did to one stream table.
  ///
  /// @param inserted rows that came; 0 with `deleted` 0 is a refresh that only moved the frontier
  /// @param deleted rows that went
  /// @param frontier what the contents are as of: where the stream was when they were released
  /// @param time its time
  public record Refreshed(long pgtId, long inserted, long deleted, Lsn frontier, Instant time) {}

  /// A stream table the sidecar has just heard of.
  public static StreamTableState initializing(Definition definition) {
    return new StreamTableState(
        definition.pgtId(),
        definition.generation(),
        Status.INITIALIZING,
        null,
        null,
        null,
        false,
        false,
        null,
        null,
        0,
        new Untold(0, 0, 0, 0),
        0,
        null,
        null);
  }

  /// Every state, in order of creation of the stream tables.
  public static List<StreamTableState> readAll(Connection connection) throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT s.*, s.frontier::text AS frontier_text FROM pgtrickle.pgt_state s"
                    + " ORDER BY pgt_id");
        ResultSet row = query.executeQuery()) {
      List<StreamTableState> states = new ArrayList<>();
      while (row.next()) {
        states.add(of(row));
      }
      return states;
    }
  }

  private static StreamTableState of(ResultSet row) throws SQLException {
    String mode = row.getString("effective_refresh_mode");
    String sqlState = row.getString("error_sqlstate");
    String message = row.getString("error_message");
    Instant errorAt = Rows.instant(row, "error_at");
    long refreshId = row.getLong("refresh_id");
    return new StreamTableState(
        row.getLong("pgt_id"),
        row.getInt("generation"),
        Status.valueOf(row.getString("status")),
        mode == null ? null : RefreshMode.valueOf(mode),
        row.getString("reason_code"),
        row.getString("reason_detail"),
        row.getString("consistency").equals("snapshot"),
        row.getBoolean("is_populated"),
        Rows.lsn(row, "frontier_text"),
        Rows.instant(row, "data_timestamp"),
        refreshId,
        new Untold(
            refreshId - row.getLong("notified_refresh_id"),
            refreshId,
            row.getLong("inserted_total") - row.getLong("notified_inserted"),
            row.getLong("deleted_total") - row.getLong("notified_deleted")),
        row.getInt("consecutive_errors"),
        sqlState == null || message == null || errorAt == null
            ? null
            : new Failure(sqlState, message, errorAt),
        Rows.instant(row, "held_since"));
  }

  /// Writes this state, whether or not there was one; the counters stay as they are in the table.
  public void put(Connection connection) throws SQLException {
    try (PreparedStatement upsert =
        connection.prepareStatement(
            "INSERT INTO pgtrickle.pgt_state AS s (pgt_id, generation, status,"
                + " effective_refresh_mode, reason_code, reason_detail, consistency, is_populated,"
                + " frontier, data_timestamp, consecutive_errors, error_sqlstate, error_message,"
                + " error_at, held_since)"
                + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?::pg_lsn, ?, ?, ?, ?, ?, ?)"
                + " ON CONFLICT (pgt_id) DO UPDATE SET generation = excluded.generation,"
                + " status = excluded.status,"
                + " effective_refresh_mode = excluded.effective_refresh_mode,"
                + " reason_code = excluded.reason_code, reason_detail = excluded.reason_detail,"
                + " consistency = excluded.consistency, is_populated = excluded.is_populated,"
                + " frontier = coalesce(excluded.frontier, s.frontier),"
                + " data_timestamp = coalesce(excluded.data_timestamp, s.data_timestamp),"
                + " consecutive_errors = excluded.consecutive_errors,"
                + " error_sqlstate = excluded.error_sqlstate,"
                + " error_message = excluded.error_message, error_at = excluded.error_at,"
                + " held_since = excluded.held_since, updated_at = clock_timestamp()")) {
      upsert.setLong(1, pgtId);
      upsert.setInt(2, generation);
      upsert.setString(3, status.name());
      upsert.setString(4, mode == null ? null : mode.name());
      upsert.setString(5, reasonCode);
      upsert.setString(6, reasonDetail);
      upsert.setString(7, snapshotConsistent ? "snapshot" : "exact");
      upsert.setBoolean(8, populated);
      Rows.set(upsert, 9, frontier);
      Rows.set(upsert, 10, dataTimestamp);
      upsert.setInt(11, consecutiveErrors);
      upsert.setString(12, failure == null ? null : failure.sqlState);
      upsert.setString(13, failure == null ? null : failure.message);
      Rows.set(upsert, 14, failure == null ? null : failure.at);
      Rows.set(upsert, 15, heldSince);
      upsert.executeUpdate();
    }
  }

  /// Counts the refreshes of one epoch, in its apply transaction. Tables without a state are left
  /// out: they were dropped meanwhile.
  public static void refreshed(Pipeline pipeline, Collection<Refreshed> refreshes) {
    pipeline.update(
        "UPDATE pgtrickle.pgt_state s SET frontier = r.frontier,"
            + " data_timestamp = r.at,"
            + " refresh_id = s.refresh_id + (r.inserted + r.deleted > 0)::int,"
            + " inserted_total = s.inserted_total + r.inserted,"
            + " deleted_total = s.deleted_total + r.deleted,"
            + " row_count = s.row_count + r.inserted - r.deleted,"
            + " last_refresh_at = clock_timestamp(), consecutive_errors = 0,"
            + " updated_at = clock_timestamp()"
            + " FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::pg_lsn[], ?::timestamptz[])"
            + " AS r (pgt_id, inserted, deleted, frontier, at)"
            + " WHERE s.pgt_id = r.pgt_id",
        List.of(
            array(refreshes, Refreshed::pgtId),
            array(refreshes, Refreshed::inserted),
            array(refreshes, Refreshed::deleted),
            array(refreshes, Refreshed::frontier),
            array(refreshes, Refreshed::time)),
        counted -> {});
  }

  // None of the values has a character that an array's text would have to quote.
  private static String array(
      Collection<Refreshed> refreshes, Function<Refreshed, Object> attribute) {
    return refreshes.stream()
        .map(refresh -> attribute.apply(refresh).toString())
        .collect(Collectors.joining(",", "{", "}"));
  }

  /// How often a stream table has been refreshed, and as of where its contents are.
  ///
  /// @param refreshId the number of non-empty refreshes
  /// @param frontier that of the last of them, or of when it was held no longer with nothing to
  ///     write; null before the first
  /// @param time that frontier's; null before the first
  /// @param refreshedAt when it was refreshed last, by the server's clock; null before the first
  public record Visible(
      long refreshId,
      @Nullable Lsn frontier,
      @Nullable Instant time,
      @Nullable Instant refreshedAt) {
    public static final Visible NEVER = new Visible(0, null, null, null);
  }

  private static final String VISIBLE =
      "SELECT pgt_id, refresh_id, frontier::text AS frontier, data_timestamp, last_refresh_at"
          + " FROM pgtrickle.pgt_state";

  /// What is visible of every stream table.
  public static Map<Long, Visible> visible(Connection connection) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(VISIBLE);
        ResultSet row = query.executeQuery()) {
      Map<Long, Visible> visible = new HashMap<>();
      while (row.next()) {
        visible.put(row.getLong("pgt_id"), visible(row));
      }
      return visible;
    }
  }

  /// What is visible of a stream table.
  public static Visible visible(Connection connection, long pgtId) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(VISIBLE + " WHERE pgt_id = ?")) {
      query.setLong(1, pgtId);
      try (ResultSet row = query.executeQuery()) {
        return row.next() ? visible(row) : Visible.NEVER;
      }
    }
  }

  private static Visible visible(ResultSet row) throws SQLException {
    return new Visible(
        row.getLong("refresh_id"),
        Rows.lsn(row, "frontier"),
        Rows.instant(row, "data_timestamp"),
        Rows.instant(row, "last_refresh_at"));
  }

  /// The stream tables that have had contents.
  public static Set<Long> filled(Connection connection) throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT pgt_id FROM pgtrickle.pgt_state WHERE is_populated OR refresh_id > 0");
        ResultSet row = query.executeQuery()) {
      Set<Long> filled = new HashSet<>();
      while (row.next()) {
        filled.add(row.getLong(1));
      }
      return filled;
    }
  }

  /// Says how many rows the storage table has, which [#refreshed] then keeps up.
  public static void counted(Connection connection, long pgtId, long rows) throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE pgtrickle.pgt_state SET row_count = ? WHERE pgt_id = ?")) {
      update.setLong(1, rows);
      update.setLong(2, pgtId);
      update.executeUpdate();
    }
  }

  /// Publishes figures of one stream table that are measured, not derived.
  public static void measured(
      Connection connection,
      long pgtId,
      @Nullable Double p50Millis,
      @Nullable Double p99Millis,
      @Nullable Long stateBytes)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE pgtrickle.pgt_state SET commit_to_visible_p50_ms = ?,"
                + " commit_to_visible_p99_ms = ?, state_bytes = ? WHERE pgt_id = ?")) {
      Rows.set(update, 1, p50Millis);
      Rows.set(update, 2, p99Millis);
      Rows.set(update, 3, stateBytes);
      update.setLong(4, pgtId);
      update.executeUpdate();
    }
  }

  /// Removes what dropped stream tables left behind: state, subscriptions, history. Their users'
  /// transactions do not, so that a drop never waits for an apply transaction or the reverse.
  ///
  /// @return the number of stream tables that were gone
  public static int removeOrphans(Connection connection) throws SQLException {
    String gone =
        " WHERE NOT EXISTS (SELECT FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = o.pgt_id)";
    for (String table :
        List.of(
            "pgtrickle_internal.pgt_subscriptions",
            "pgtrickle.pgt_refresh_history",
            "pgtrickle.pgt_operations")) {
      try (PreparedStatement delete =
          connection.prepareStatement("DELETE FROM " + table + " o" + gone)) {
        delete.executeUpdate();
      }
    }
    try (PreparedStatement delete =
        connection.prepareStatement("DELETE FROM pgtrickle.pgt_state o" + gone)) {
      return delete.executeUpdate();
    }
  }
}
