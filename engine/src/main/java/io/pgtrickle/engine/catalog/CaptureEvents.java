package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.stream.StreamState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Locale;

/// What the database shows of capture: how it is, and what happened to it (`pgt_capture`,
/// `pgt_capture_events`).
public final class CaptureEvents {
  private static final int KEPT = 1_000;

  private CaptureEvents() {}

  /// What happens to capture.
  public enum Kind {
    /// The connection was lost; state in memory stays and the stream goes on where it was.
    STREAM_LOST,
    /// The slot, or what makes it readable, is gone: everything is initialized again.
    SLOT_LOST,
    /// A new slot cannot be made before open transactions have ended.
    SLOT_WAITS,
    /// Another server goes on with the log, and with the slot: nothing is initialized again.
    SERVER_PROMOTED,
    /// Somebody else changed the publication: the tables concerned are initialized again.
    PUBLICATION_ALTERED,
    /// A base table was dropped or altered.
    SOURCE_ALTERED,
    /// The rows of some partitions of a base table were read anew; nothing is initialized again.
    PARTITIONS_CHANGED,
    /// Operator state cannot be saved, so the slot keeps the log; or it can again.
    STATE_NOT_SAVED,
    /// The slot keeps back more than a threshold.
    SLOT_LAG,
    /// The sidecar began anew, from the lease on, because something failed.
    STARTED_OVER
  }

  /// How bad it is.
  public enum Severity {
    INFO,
    WARNING,
    ERROR
  }

  /// Something that happened.
  ///
  /// @param sqlState empty where none was involved
  /// @param detail what was seen and what is done about it
  public record Event(Kind kind, Severity severity, String sqlState, String detail) {}

  /// Stores an event and lets go of old ones.
  public static void put(Connection session, Event event) throws SQLException {
    try (PreparedStatement insert =
        session.prepareStatement(
            "WITH added AS (INSERT INTO pgtrickle_internal.pgt_capture_events"
                + " (kind, severity, sqlstate, detail) VALUES (?, ?, nullif(?, ''), ?)"
                + " RETURNING event_id)"
                + " DELETE FROM pgtrickle_internal.pgt_capture_events e USING added"
                + " WHERE e.event_id <= added.event_id - ?")) {
      insert.setString(1, event.kind.name().toLowerCase(Locale.ROOT));
      insert.setString(2, event.severity.name());
      insert.setString(3, event.sqlState);
      insert.setString(4, event.detail);
      insert.setInt(5, KEPT);
      insert.executeUpdate();
    }
  }

  /// Notifies those who listen on channel `pg_trickle_alert` that the slot keeps back too much.
  public static void alert(Connection session, Severity severity, String slot, long bytes)
      throws SQLException {
    try (PreparedStatement notify =
        session.prepareStatement(
            "SELECT pg_notify('pg_trickle_alert', jsonb_build_object('event', ?::text,"
                + " 'slot_name', ?::text, 'retained_wal_bytes', ?::bigint)::text)")) {
      notify.setString(1, severity == Severity.ERROR ? "slot_lag_critical" : "slot_lag_warning");
      notify.setString(2, slot);
      notify.setLong(3, bytes);
      notify.execute();
    }
  }

  /// Stores how the stream is.
  public static void put(Connection session, StreamState state) throws SQLException {
    try (PreparedStatement update =
        session.prepareStatement(
            "UPDATE pgtrickle_internal.pgt_capture SET phase = ?, protocol_version = ?,"
                + " streaming = ?, losses = ?, problem = ?, told_at = clock_timestamp()")) {
      update.setString(1, state.phase().name());
      update.setInt(2, state.protocol().version());
      update.setBoolean(3, state.protocol().streaming());
      update.setLong(4, state.losses());
      update.setString(5, state.problem().orElse(null));
      update.executeUpdate();
    }
  }
}
