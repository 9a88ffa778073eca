package io.pgtrickle.engine.intake;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/// What DDL can change of a table without the log telling: its columns and partitions.
///
/// A dropped table, a column whose values `ALTER … TYPE … USING` has rewritten and a detached
/// partition leave no trace in the stream. They do in the catalog: columns are told apart by
/// number,
/// name, type and the transaction that wrote their definition.
///
/// @param parts one for each column, and one for the partitions
public record SourceShape(Set<String> parts) {
  private static final String READ =
      """
      SELECT c.oid, array(
        SELECT format('%s %s %s %s', a.attnum, a.attname, a.atttypid, a.xmin)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT 'partitions ' || coalesce(string_agg(t.relid::oid::text, ' ' ORDER BY t.relid::oid), '')
        FROM pg_partition_tree(c.oid) t WHERE c.relkind = 'p')
      FROM pg_class c WHERE c.oid = ANY (?::oid[])
      """;

  /// A table of which only the existence matters.
  public static final SourceShape ANY = new SourceShape(Set.of());

  public SourceShape {
    parts = Set.copyOf(parts);
  }

  /// The shapes of those relations that exist.
  public static Map<Integer, SourceShape> read(Connection session, Collection<Integer> relations)
      throws SQLException {
    Map<Integer, SourceShape> shapes = new HashMap<>();
    try (PreparedStatement query = session.prepareStatement(READ)) {
      query.setArray(
          1,
          session.createArrayOf(
              "int8", relations.stream().map(Integer::toUnsignedLong).toArray(Long[]::new)));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          String[] parts = (String[]) row.getArray(2).getArray();
          shapes.put((int) row.getLong(1), new SourceShape(Set.copyOf(Arrays.asList(parts))));
        }
      }
    }
    return shapes;
  }

  /// Whether all that was there is still as it was; added columns do not matter.
  public boolean isKeptBy(SourceShape now) {
    return now.parts.containsAll(parts);
  }
}
