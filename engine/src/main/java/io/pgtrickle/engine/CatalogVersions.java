package io.pgtrickle.engine;

import io.pgtrickle.engine.analyze.CatalogVersion;
import io.pgtrickle.engine.analyze.CatalogVersion.Kind;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.Set;

/// What queries rest on, compared with what it was when they were analyzed.
final class CatalogVersions {
  private static final String READ =
      """
      SELECT 'FUNCTION', f, pgtrickle_internal.function_version(f::oid) FROM unnest(?::int8[]) f
      UNION ALL
      SELECT 'RELATION', r.relation::int8, r.version
      FROM pgtrickle_internal.relation_versions(?::oid[]) r
      UNION ALL
      SELECT 'PRIMARY_KEY', i.indrelid::int8,
             format('[%s]', array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ', '))
      FROM pg_index i
      WHERE i.indrelid = ANY (?::oid[]) AND i.indisprimary AND i.indimmediate AND i.indisvalid
      UNION ALL
      SELECT 'PARTITIONS', r.relation::int8, r.version
      FROM pgtrickle_internal.partition_versions(?::oid[]) r
      UNION ALL
      SELECT 'ROW_TYPE', t, pgtrickle_internal.row_type_version(t::oid) FROM unnest(?::int8[]) t
      UNION ALL
      SELECT 'LABEL', e.oid::int8, e.enumlabel FROM pg_enum e WHERE e.oid = ANY (?::oid[])
      """;

  private CatalogVersions() {}

  /// Those of the known ones that are other ones by now, or gone.
  static Set<CatalogVersion> differing(Connection session, Set<CatalogVersion> known)
      throws SQLException {
    if (known.isEmpty()) {
      return Set.of();
    }
    Set<CatalogVersion> differing = new HashSet<>(known);
    try (PreparedStatement query = session.prepareStatement(READ)) {
      query.setArray(1, session.createArrayOf("int8", oids(known, Kind.FUNCTION)));
      query.setArray(2, session.createArrayOf("int8", oids(known, Kind.RELATION)));
      query.setArray(3, session.createArrayOf("int8", oids(known, Kind.PRIMARY_KEY)));
      query.setArray(4, session.createArrayOf("int8", oids(known, Kind.PARTITIONS)));
      query.setArray(5, session.createArrayOf("int8", oids(known, Kind.ROW_TYPE)));
      query.setArray(6, session.createArrayOf("int8", oids(known, Kind.LABEL)));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          differing.remove(
              new CatalogVersion(
                  Kind.valueOf(row.getString(1)),
                  (int) row.getLong(2),
                  String.valueOf(row.getString(3))));
        }
      }
    }
    return differing;
  }

  private static Long[] oids(Set<CatalogVersion> known, Kind kind) {
    return known.stream()
        .filter(version -> version.kind() == kind)
        .map(version -> Integer.toUnsignedLong(version.oid()))
        .distinct()
        .toArray(Long[]::new);
  }
}
