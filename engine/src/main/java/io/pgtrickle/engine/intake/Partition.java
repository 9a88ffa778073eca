package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.TableName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A partition of a base table at any level below it, as the catalog has it.
///
/// @param oid `pg_class.oid`
/// @param table its name
/// @param version what tells it from what it was before DDL that the log says nothing of: TRUNCATE,
///     `VACUUM FULL`, detached (or about to be) and attached again
/// @param path the partitions from the base table down to this one, which is the last
/// @param kind `pg_class.relkind`
/// @param isDefault whether it takes what no partition beside it takes
/// @param region the condition that exactly its rows fulfil among those of the base table, SQL
public record Partition(
    int oid,
    TableName table,
    String version,
    List<Integer> path,
    String kind,
    boolean isDefault,
    String region) {
  private static final String UNKNOWN = " ? ?";

  // Those that are being detached are among them until they are.
  private static final String READ =
      """
      WITH RECURSIVE below (oid, since, path) AS (
        SELECT i.inhrelid, i.xmin, ARRAY[i.inhrelid::bigint]
        FROM pg_inherits i WHERE i.inhparent = ?::oid
        UNION ALL
        SELECT i.inhrelid, i.xmin, b.path || i.inhrelid::bigint
        FROM below b JOIN pg_inherits i ON i.inhparent = b.oid)
      SELECT c.oid, n.nspname, c.relname, format('%s %s %s', c.oid, b.since, c.relfilenode),
             b.path, c.relkind,
             coalesce(pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', false),
             coalesce(pg_get_partition_constraintdef(c.oid), 'true')
      FROM below b JOIN pg_class c ON c.oid = b.oid JOIN pg_namespace n ON n.oid = c.relnamespace
      ORDER BY b.path
      """;

  public Partition {
    path = List.copyOf(path);
  }

  /// All partitions of a table, each behind that which it is a part of.
  public static List<Partition> read(Connection session, int relation) throws SQLException {
    List<Partition> found = new ArrayList<>();
    try (PreparedStatement query = session.prepareStatement(READ)) {
      query.setLong(1, Integer.toUnsignedLong(relation));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          found.add(
              new Partition(
                  (int) row.getLong(1),
                  new TableName(row.getString(2), row.getString(3)),
                  row.getString(4),
                  Stream.of((Long[]) row.getArray(5).getArray()).map(Long::intValue).toList(),
                  row.getString(6),
                  row.getBoolean(7),
                  row.getString(8)));
        }
      }
    }
    return found;
  }

  /// What all of them are, as a set.
  public static Set<String> versions(List<Partition> partitions) {
    return partitions.stream().map(Partition::version).collect(Collectors.toSet());
  }

  /// The regions of all of them by OID.
  public static Map<Integer, String> regions(List<Partition> partitions) {
    return partitions.stream().collect(Collectors.toMap(Partition::oid, Partition::region));
  }

  /// The OID of the partition that a version is of.
  public static int oid(String version) {
    return Integer.parseUnsignedInt(version, 0, version.indexOf(' '), 10);
  }

  /// The version of one of which no more is known than that the log told rows of it; it is like no
  /// other.
  static String unknown(int oid) {
    return Integer.toUnsignedString(oid) + UNKNOWN;
  }

  /// Whether no more is known of it than that the log told rows of it.
  public static boolean isUnknown(String version) {
    return version.endsWith(UNKNOWN);
  }

  /// The OIDs of the partitions that versions are of.
  public static Set<Integer> oids(Collection<String> versions) {
    return versions.stream().map(Partition::oid).collect(Collectors.toSet());
  }

  /// By what a version says that a partition is one: an OID and the entry that makes it one, which
  /// is another one when it is attached again.
  public static String membership(String version) {
    return version.substring(0, version.lastIndexOf(' '));
  }

  /// Whether it has rows of its own, rather than partitions.
  public boolean hasRows() {
    return !kind.equals("p");
  }
}
