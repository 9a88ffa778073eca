package io.pgtrickle.engine.intake;

import io.pgtrickle.cdc.TableName;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What DDL can change of a table without the log telling: its columns, their values and
/// partitions.
///
/// A dropped table, a column whose values `ALTER … TYPE … USING` has rewritten and a detached
/// partition leave no trace in the stream. They do in the catalog: columns are told apart by
/// number, name and type. That a column kept its type but not its values is known by two signs
/// together: the definition of a column was written anew (so it is by SET NOT NULL too, or by a
/// default, or a GRANT), and so was the file (so it is by VACUUM FULL too, or by TRUNCATE, which
/// the log tells).
///
/// Of a partition the log tells less: nothing of its TRUNCATE, and nothing of what was done to it
/// while it was none. So its file must be the same one, and the entry that makes it a partition;
/// which partitions there are is another thing than what a row is, see [RegionRepair].
///
/// Values of an enum have other texts when a label is renamed, so its labels are part of a column;
/// added ones do not matter.
///
/// @param parts one for each column and each label of its type
/// @param definitions for each column who wrote its definition
/// @param files where the table's own rows are
/// @param partitions one for each, as [Partition#version] has it
public record SourceShape(
    Set<String> parts, Set<String> definitions, Set<String> files, Set<String> partitions) {
  private static final String READ =
      """
      SELECT c.oid,
        array(
          SELECT format('%s %s %s %s %s', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation)
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          UNION ALL
          SELECT format('label %s %s', e.oid, e.enumlabel) FROM pg_enum e
          WHERE e.enumtypid IN (
            SELECT pgtrickle_internal.types_within(array(
              SELECT a.atttypid FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)))
          UNION ALL
          SELECT 'partitioned' WHERE c.relkind = 'p'),
        array(
          SELECT format('%s %s', a.attnum, a.xmin)
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
        array[c.relfilenode::text],
        array(
          WITH RECURSIVE below (oid, since) AS (
            SELECT i.inhrelid, i.xmin FROM pg_inherits i WHERE i.inhparent = c.oid
            UNION ALL
            SELECT i.inhrelid, i.xmin FROM below b JOIN pg_inherits i ON i.inhparent = b.oid)
          SELECT format('%s %s %s', p.oid, b.since, p.relfilenode)
          FROM below b JOIN pg_class p ON p.oid = b.oid WHERE c.relkind = 'p')
      FROM pg_class c WHERE c.oid = ANY (?::oid[])
      """;

  // What READ makes of a column: its name, and its type's OID; a name may have anything in it.
  private static final Pattern COLUMN =
      Pattern.compile("\\d+ (.*) (\\d+) -?\\d+ \\d+", Pattern.DOTALL);

  // Numbers come first in the part of a column.
  private static final String PARTITIONED = "partitioned";

  /// A table of which only the existence matters.
  public static final SourceShape ANY = new SourceShape(Set.of(), Set.of(), Set.of(), Set.of());

  public SourceShape {
    parts = Set.copyOf(parts);
    definitions = Set.copyOf(definitions);
    files = Set.copyOf(files);
    partitions = Set.copyOf(partitions);
  }

  /// The shapes of those relations that exist.
  public static Map<Integer, SourceShape> read(Connection session, Collection<Integer> relations)
      throws SQLException {
    Map<Integer, SourceShape> shapes = new HashMap<>();
    try (PreparedStatement query = session.prepareStatement(READ)) {
      query.setArray(1, oids(session, relations));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          shapes.put(
              (int) row.getLong(1),
              new SourceShape(texts(row, 2), texts(row, 3), texts(row, 4), texts(row, 5)));
        }
      }
    }
    return shapes;
  }

  /// What a relation is called now; empty if it is gone.
  public static Optional<TableName> name(Connection session, int relation) throws SQLException {
    return Optional.ofNullable(names(session, Set.of(relation)).get(relation));
  }

  /// What those relations that exist are called now.
  public static Map<Integer, TableName> names(Connection session, Collection<Integer> relations)
      throws SQLException {
    Map<Integer, TableName> names = new HashMap<>();
    try (PreparedStatement query =
        session.prepareStatement(
            "SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n"
                + " ON n.oid = c.relnamespace WHERE c.oid = ANY (?::oid[])")) {
      query.setArray(1, oids(session, relations));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          names.put((int) row.getLong(1), new TableName(row.getString(2), row.getString(3)));
        }
      }
    }
    return names;
  }

  private static Array oids(Connection session, Collection<Integer> relations) throws SQLException {
    return session.createArrayOf(
        "int8", relations.stream().map(Integer::toUnsignedLong).toArray(Long[]::new));
  }

  private static Set<String> texts(ResultSet row, int column) throws SQLException {
    return Set.copyOf(Arrays.asList((String[]) row.getArray(column).getArray()));
  }

  /// Whether the table's rows are those of partitions.
  public boolean isPartitioned() {
    return parts.contains(PARTITIONED);
  }

  /// The OID of a column's type, as the log has it; empty if only the existence matters.
  OptionalInt type(String column) {
    for (String part : parts) {
      Matcher matcher = COLUMN.matcher(part);
      if (matcher.matches() && matcher.group(1).equals(column)) {
        return OptionalInt.of(Integer.parseUnsignedInt(matcher.group(2)));
      }
    }
    return OptionalInt.empty();
  }

  /// How the columns that were there are by now, for the next look.
  public SourceShape followed(SourceShape now) {
    Set<String> columns = new HashSet<>();
    definitions.forEach(definition -> columns.add(column(definition)));
    Set<String> kept = new HashSet<>(now.definitions);
    kept.removeIf(definition -> !columns.contains(column(definition)));
    return new SourceShape(parts, kept, now.files, partitions);
  }

  private static String column(String definition) {
    return definition.substring(0, definition.indexOf(' '));
  }

  /// The same table with other partitions.
  SourceShape with(Set<String> others) {
    return new SourceShape(parts, definitions, files, others);
  }

  /// Whether all that was there is still as it was; added columns do not matter.
  public boolean isKeptBy(SourceShape now) {
    return rowsAreKeptBy(now) && now.partitions.equals(partitions);
  }

  /// The same whatever became of partitions.
  public boolean rowsAreKeptBy(SourceShape now) {
    return now.parts.containsAll(parts)
        && (now.definitions.containsAll(definitions) || now.files.containsAll(files));
  }
}
