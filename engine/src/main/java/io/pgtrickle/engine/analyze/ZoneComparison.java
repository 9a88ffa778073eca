package io.pgtrickle.engine.analyze;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Whether the server and this process agree on the rules of a time zone.
///
/// Both bring a time zone database of their own, and where the releases differ, so do the offsets
/// of
/// regions that changed their law in between. What is compared is the offset at both ends of every
/// stretch of constant offset that the JVM knows from 1850 to 2100, and weekly within it, where the
/// server might have a transition that the JVM does not know.
final class ZoneComparison {
  private static final Instant FIRST = startOf(1850);
  private static final Instant LAST = startOf(2100);
  private static final String FIRST_DIFFERENCE =
      """
      SELECT i.at, r.total, extract(epoch FROM timezone(?, to_timestamp(i.at)))::bigint - i.at
      FROM unnest(?::bigint[], ?::bigint[], ?::bigint[]) r (since, until, total),
        LATERAL (SELECT generate_series(r.since, r.until - 1, 604800) UNION ALL SELECT r.until - 1)
          i (at)
      WHERE extract(epoch FROM timezone(?, to_timestamp(i.at)))::bigint - i.at <> r.total
      ORDER BY i.at LIMIT 1
      """;

  private ZoneComparison() {}

  private static Instant startOf(int year) {
    return LocalDate.of(year, 1, 1).atStartOfDay(ZoneOffset.UTC).toInstant();
  }

  /// Where the two differ first, for people; empty when they agree.
  ///
  /// @param server a session in any time zone: it is asked for UTC's local times only
  static Optional<String> difference(Connection server, ZoneId zone) throws SQLException {
    List<Long> since = new ArrayList<>();
    List<Long> until = new ArrayList<>();
    List<Long> offset = new ArrayList<>();
    Instant at = FIRST;
    while (at.isBefore(LAST)) {
      ZoneOffsetTransition next = zone.getRules().nextTransition(at);
      Instant end = next == null || next.getInstant().isAfter(LAST) ? LAST : next.getInstant();
      since.add(at.getEpochSecond());
      until.add(end.getEpochSecond());
      offset.add((long) zone.getRules().getOffset(at).getTotalSeconds());
      at = end;
    }
    try (PreparedStatement query = server.prepareStatement(FIRST_DIFFERENCE)) {
      query.setString(1, zone.getId());
      query.setArray(2, server.createArrayOf("int8", since.toArray()));
      query.setArray(3, server.createArrayOf("int8", until.toArray()));
      query.setArray(4, server.createArrayOf("int8", offset.toArray()));
      query.setString(5, zone.getId());
      try (ResultSet row = query.executeQuery()) {
        return row.next()
            ? Optional.of(
                "at %s the server's offset of %s is %s, ours is %s"
                    .formatted(
                        Instant.ofEpochSecond(row.getLong(1)),
                        zone.getId(),
                        ZoneOffset.ofTotalSeconds(row.getInt(3)),
                        ZoneOffset.ofTotalSeconds(row.getInt(2))))
            : Optional.empty();
      }
    } catch (SQLException e) {
      if ("22023".equals(e.getSQLState())) {
        return Optional.of("the server does not know time zone " + zone.getId());
      }
      throw e;
    }
  }
}
