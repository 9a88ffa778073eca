package io.pgtrickle.engine.notify;

import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/// What listeners are told: how many rows came and went since they were told last.
///
///     {"name": "public.sales", "refresh_id": 42, "inserted_count": 3, "deleted_count": 1,
///      "frontier": "0/1A2B3C4"}
///
/// A payload is far below PostgreSQL's limit of 8000 bytes: the name, its only part of any length,
/// has at most 2 × 63 bytes, each of which JSON spells with at most six.
public final class Notification {
  /*
   * One statement, so that the sums that are told and the sums that are marked as told are the
   * same. The totals are read as the transaction itself has just written them. A stream table
   * without subscribers is marked as well: who subscribes later is told of what happens later.
   */
  private static final String SEND =
      """
      WITH told AS (
        UPDATE pgtrickle.pgt_state s
        SET notified_refresh_id = s.refresh_id,
            notified_inserted = s.inserted_total,
            notified_deleted = s.deleted_total
        FROM pgtrickle.pgt_state before
        JOIN pgtrickle.pgt_definitions d ON d.pgt_id = before.pgt_id
        WHERE s.pgt_id = ANY (?::bigint[]) AND before.pgt_id = s.pgt_id
          AND s.refresh_id > s.notified_refresh_id
        RETURNING s.pgt_id, json_build_object(
          'name', format('%I.%I', d.schema_name, d.table_name),
          'refresh_id', s.refresh_id,
          'inserted_count', s.inserted_total - before.notified_inserted,
          'deleted_count', s.deleted_total - before.notified_deleted,
          'frontier', s.frontier)::text AS payload)
      SELECT told.pgt_id, pg_notify(u.channel, told.payload)
      FROM told JOIN pgtrickle_internal.pgt_subscriptions u ON u.pgt_id = told.pgt_id
      """;

  private Notification() {}

  /// Notifies the subscribers of the given stream tables of everything they were not told yet; to
  /// be added after the refreshes that they are told of.
  ///
  /// @param sent is told the number of notifications
  public static void send(Pipeline pipeline, Collection<Long> pgtIds, LongConsumer sent) {
    if (pgtIds.isEmpty()) {
      return;
    }
    pipeline.query(
        SEND,
        List.of(pgtIds.stream().map(String::valueOf).collect(Collectors.joining(",", "{", "}"))),
        rows -> {
          long count = 0;
          while (rows.next()) {
            count++;
          }
          sent.accept(count);
        });
  }

  /// The stream tables with refreshes that nobody was told of: what [Coalescer#resume] takes.
  public static Set<Long> untold(Connection connection) throws SQLException {
    Set<Long> untold = new LinkedHashSet<>();
    try (PreparedStatement query =
            connection.prepareStatement(
                "SELECT pgt_id FROM pgtrickle.pgt_state WHERE refresh_id > notified_refresh_id"
                    + " ORDER BY pgt_id");
        ResultSet row = query.executeQuery()) {
      while (row.next()) {
        untold.add(row.getLong(1));
      }
    }
    return untold;
  }
}
