package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// How far the stream tables as a whole are, and by which slot: the one row of `pgt_progress`.
///
/// It is written in the transaction that writes the rows, and only under the current fencing token.
/// A sidecar that was paused, replaced and woken up again finds its update changing no row, rolls
/// back, and stops.
///
/// @param systemIdentifier the cluster the frontier belongs to; null before the first start
/// @param timeline its timeline; null before the first start
/// @param frontier null before the first epoch
/// @param frontierTimestamp null before the first epoch
/// @param slotName the replication slot; null before the first start
/// @param slotGeneration the random part of the slot's name, which proves its continuity
/// @param publicationName null before the first start
/// @param fencingToken the number of the newest lease
public record Progress(
    @Nullable String systemIdentifier,
    @Nullable Integer timeline,
    @Nullable Lsn frontier,
    @Nullable Instant frontierTimestamp,
    @Nullable String slotName,
    @Nullable String slotGeneration,
    @Nullable String publicationName,
    long fencingToken) {

  public static Progress read(Connection connection) throws SQLException {
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT system_identifier, timeline, frontier::text AS frontier,"
                    + " frontier_timestamp, slot_name, slot_generation, publication_name,"
                    + " fencing_token FROM pgtrickle_internal.pgt_progress");
        ResultSet row = query.executeQuery()) {
      row.next();
      int timeline = row.getInt("timeline");
      return new Progress(
          row.getString("system_identifier"),
          row.wasNull() ? null : timeline,
          Rows.lsn(row, "frontier"),
          Rows.instant(row, "frontier_timestamp"),
          row.getString("slot_name"),
          row.getString("slot_generation"),
          row.getString("publication_name"),
          row.getLong("fencing_token"));
    }
  }

  /// The frontier as a whole, once there is one.
  public Optional<Frontier> position() {
    return systemIdentifier == null
            || timeline == null
            || frontier == null
            || frontierTimestamp == null
        ? Optional.empty()
        : Optional.of(new Frontier(systemIdentifier, timeline, frontier, frontierTimestamp));
  }

  /// Records which slot the stream is read from, and that nothing was read from it yet.
  ///
  /// @return false if the lease is another's by now; nothing was written
  public static boolean startOver(
      Connection connection,
      String systemIdentifier,
      int timeline,
      String slotName,
      String slotGeneration,
      String publicationName,
      long token)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE pgtrickle_internal.pgt_progress SET system_identifier = ?, timeline = ?,"
                + " slot_name = ?, slot_generation = ?, publication_name = ?,"
                + " frontier = NULL, frontier_timestamp = NULL WHERE fencing_token = ?")) {
      update.setString(1, systemIdentifier);
      update.setInt(2, timeline);
      update.setString(3, slotName);
      update.setString(4, slotGeneration);
      update.setString(5, publicationName);
      update.setLong(6, token);
      return update.executeUpdate() == 1;
    }
  }

  /// Records that the log goes on, on the timeline of a server that was promoted.
  ///
  /// @return false if the lease is another's by now; nothing was written
  public static boolean promoted(Connection connection, int timeline, long token)
      throws SQLException {
    try (PreparedStatement update =
        connection.prepareStatement(
            "UPDATE pgtrickle_internal.pgt_progress SET timeline = ? WHERE fencing_token = ?")) {
      update.setInt(1, timeline);
      update.setLong(2, token);
      return update.executeUpdate() == 1;
    }
  }

  /// Moves the frontier forward, in the transaction that writes the epoch's rows.
  ///
  /// @param written the tables that this transaction has written, by qualified name, with the OID
  ///     that each must have: a table renamed away and replaced by another would be written by name
  /// @param moved is told the server's time at that moment; empty if the lease is another's by now,
  ///     the frontier is already further, or a name means another table: roll back
  public static void advance(
      Pipeline pipeline,
      Frontier frontier,
      long token,
      Map<String, Integer> written,
      Consumer<Optional<Instant>> moved) {
    ObjectNode relations = Json.MAPPER.createObjectNode();
    written.forEach((name, oid) -> relations.put(name, Integer.toUnsignedString(oid)));
    pipeline.query(
        "UPDATE pgtrickle_internal.pgt_progress"
            + " SET frontier = ?::pg_lsn, frontier_timestamp = ?::timestamptz"
            + " WHERE fencing_token = ?::bigint AND system_identifier = ? AND timeline = ?::int"
            + " AND (frontier IS NULL OR frontier <= ?::pg_lsn)"
            // to_regclass() would fail, for all of them, where one schema cannot be used.
            + " AND NOT EXISTS (SELECT FROM jsonb_each_text(?::jsonb) w (name, relation)"
            + " LEFT JOIN pg_class c ON c.oid = w.relation::oid"
            + " LEFT JOIN pg_namespace s ON s.oid = c.relnamespace"
            + " WHERE ARRAY[s.nspname, c.relname]::text[] IS DISTINCT FROM parse_ident(w.name))"
            + " RETURNING clock_timestamp() AS now",
        List.of(
            frontier.end().toString(),
            frontier.time().toString(),
            Long.toString(token),
            frontier.source(),
            Integer.toString(frontier.timeline()),
            frontier.end().toString(),
            Json.MAPPER.writeValueAsString(relations)),
        rows ->
            moved.accept(
                rows.next() ? Optional.ofNullable(Rows.instant(rows, "now")) : Optional.empty()));
  }
}
