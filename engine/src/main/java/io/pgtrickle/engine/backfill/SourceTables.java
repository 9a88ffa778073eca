package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publication;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.ReplicaIdentities;
import io.pgtrickle.cdc.slot.TableIdentity;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.intake.Attachment;
import io.pgtrickle.engine.intake.Partition;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.intake.SourceTable;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Finds base tables in the server's catalog and makes sure that publishing them breaks nobody's
/// writes
/// (law 6): a table without a usable replica identity gets REPLICA IDENTITY FULL first, or is
/// refused.
final class SourceTables {
  private static final Logger LOG = LoggerFactory.getLogger(SourceTables.class);

  private final Connection control;
  private final String publication;
  private final Storage storage;
  private final LockPolicy policy;
  // As of the first look: it takes long where it has many tables, and nothing here changes what is
  // asked of it.
  private @Nullable Publication inspected;

  /// @param control autocommit on
  SourceTables(Connection control, String publication, Storage storage) {
    this(control, publication, storage, LockPolicy.POLITE);
  }

  /// @param control autocommit on
  /// @param policy how locks on tables are asked for
  SourceTables(Connection control, String publication, Storage storage, LockPolicy policy) {
    this.control = control;
    this.publication = publication;
    this.storage = storage;
    this.policy = policy;
  }

  /// A base table to be copied and followed.
  ///
  /// @param read the names of the columns that are read of it
  SourceCopy.Source source(Plan.Scan scan, Set<String> read) throws SQLException {
    TableName table = name(scan.relation());
    List<String> identity = usableIdentity(table);
    List<String> logged = publishedColumns(scan);
    List<Partition> partitions = partitions(scan.relation(), table);
    SourceShape shape = shape(scan.relation(), table, partitions);
    SourceTable source =
        new SourceTable(
            scan.relation(),
            table.toString(),
            kept(scan, read, identity, shape),
            positions(table, scan.schema(), identity),
            logged,
            shape,
            Partition.regions(partitions),
            storage);
    return new SourceCopy.Source(table, source.read(), new Attachment(source));
  }

  // What becomes of partitions is not in the log but repaired afterwards. A second copy with
  // further columns could hide it from those that read the first one, so there is none.
  private static KeptColumns kept(
      Plan.Scan scan, Set<String> read, List<String> identity, SourceShape shape) {
    if (shape.isPartitioned()) {
      return KeptColumns.all(scan.schema());
    }
    Set<String> kept = new HashSet<>(read);
    kept.addAll(identity);
    return KeptColumns.of(scan.schema(), kept);
  }

  /// A base table as it is now and as it would be followed, without publishing or copying it, for
  /// rows that were saved, which say what columns they have.
  ///
  /// @param entry by which it is in the publication
  SourceTable published(Plan.Scan scan, String entry) throws SQLException {
    SourceTable table = source(scan, Set.of()).attachment().table();
    table.published(entry);
    return table;
  }

  private List<Partition> partitions(int relation, TableName table) throws SQLException {
    try {
      return Partition.read(control, relation);
    } catch (SQLException e) {
      if (ServerRefusal.isLocked(e)) {
        throw CaptureException.of(e, "look at the partitions of " + table);
      }
      throw e;
    }
  }

  private SourceShape shape(int relation, TableName table, List<Partition> partitions)
      throws SQLException {
    SourceShape shape = SourceShape.read(control, Set.of(relation)).get(relation);
    if (shape == null) {
      throw new SourceUnavailable("42P01", table + " was dropped", null);
    }
    // The bounds that were read are those of the partitions that there were before and after.
    if (!shape.partitions().equals(Partition.versions(partitions))) {
      throw new SourceUnavailable(
          "55006", "partitions of " + table + " changed while they were looked at", null);
    }
    return shape;
  }

  /// Whether the log tells the rows of a base table apart as it did, in all partitions; those that
  /// came without a usable replica identity get one.
  boolean isIdentifiedAsBefore(SourceTable table) throws SQLException {
    TableName name = name(table.relation());
    return table.isIdentifiedBy(positions(name, table.schema(), usableIdentity(name)));
  }

  /// The tables among some relations whose changes tell that a FULL stream table is out of date.
  List<TableName> watchable(Set<Integer> relations) throws SQLException {
    List<TableName> tables = new ArrayList<>();
    for (int relation : relations) {
      if (isPublishable(relation)) {
        TableName table = name(relation);
        List<String> unused = usableIdentity(table);
        LOG.debug("{} is watched, its identity is {}", table, unused);
        tables.add(table);
      }
    }
    return tables;
  }

  void publish(List<TableName> tables) {
    if (!tables.isEmpty()) {
      Publications.add(control, publication, tables, policy);
    }
  }

  /// Makes sure that the changes of all partitions are sent from here on, if there are any among
  /// some relations that were published before; see [Publications#renew].
  void renew(Set<Integer> relations) throws SQLException {
    if (hasPartitioned(relations)) {
      Publications.renew(control, publication, Definition.TABLE, policy);
    }
  }

  private boolean hasPartitioned(Set<Integer> relations) throws SQLException {
    try (PreparedStatement query =
        control.prepareStatement(
            "SELECT EXISTS (SELECT FROM pg_class c"
                + " WHERE c.oid = ANY (?::oid[]) AND c.relkind = 'p')")) {
      query.setArray(
          1,
          control.createArrayOf(
              "int8", relations.stream().map(Integer::toUnsignedLong).toArray(Long[]::new)));
      try (ResultSet row = query.executeQuery()) {
        return row.next() && row.getBoolean(1);
      }
    }
  }

  /// Takes tables out of the publication; those that were dropped left it by themselves.
  void unpublish(Set<Integer> relations) throws SQLException {
    List<TableName> tables = new ArrayList<>();
    for (int relation : relations) {
      SourceShape.name(control, relation).ifPresent(tables::add);
    }
    Publications.remove(control, publication, tables, policy);
  }

  /// Writes a commit into the log, so that the stream gets beyond every position before it even if
  /// nobody else
  /// writes.
  void barrier() throws SQLException {
    try (PreparedStatement emit =
        control.prepareStatement(
            "SELECT pg_logical_emit_message(true, 'pgtrickle', '{\"kind\":\"barrier\"}')")) {
      emit.execute();
    }
  }

  // Columns by which the log identifies rows; empty when it carries whole rows.
  private List<String> usableIdentity(TableName table) {
    Publication published = inspected();
    List<TableName> changed =
        ReplicaIdentities.setFullWhereUnusable(control, table, published, policy);
    if (!changed.isEmpty()) {
      LOG.info("set REPLICA IDENTITY FULL on {}, which had no usable replica identity", changed);
    }
    Set<List<String>> identities = new LinkedHashSet<>();
    for (TableIdentity leaf : ReplicaIdentities.inspect(control, table, published)) {
      identities.add(
          switch (leaf.kind()) {
            case TableIdentity.Keyed keyed -> keyed.columns();
            case TableIdentity.Full _ -> List.of();
            case TableIdentity.Unusable unusable ->
                throw new CaptureException.Misconfigured(
                    "55000", "table " + leaf.table() + ": " + unusable.reason());
          });
    }
    if (identities.size() > 1) {
      throw new QueryRejected(
          QueryRejected.Kind.NOT_YET,
          "0A000",
          "source_not_decodable",
          table.toString(),
          "the partitions of "
              + table
              + " have different replica identities "
              + identities
              + "; give all of them the same");
    }
    return identities.isEmpty() ? List.of() : identities.iterator().next();
  }

  private Publication inspected() {
    Publication known = inspected;
    if (known == null) {
      known =
          Publications.inspect(control, publication)
              .orElseThrow(
                  () ->
                      new SourceUnavailable(
                          "42704", "publication \"" + publication + "\" does not exist", null));
      inspected = known;
    }
    return known;
  }

  private static int[] positions(TableName table, Schema schema, List<String> columns) {
    int[] positions = new int[columns.size()];
    for (int k = 0; k < positions.length; k++) {
      positions[k] = -1;
      for (int i = 0; i < schema.size(); i++) {
        if (schema.column(i).name().equals(columns.get(k))) {
          positions[k] = i;
        }
      }
      if (positions[k] < 0) {
        throw new SourceUnavailable(
            "42P17",
            "column \""
                + columns.get(k)
                + "\" of "
                + table
                + ", by which the log tells its rows apart, is not among those that can be read"
                + " from it, or has just changed; ALTER TABLE "
                + table
                + " REPLICA IDENTITY FULL does without it",
            null);
      }
    }
    return positions;
  }

  private TableName name(int relation) throws SQLException {
    return SourceShape.name(control, relation)
        .orElseThrow(
            () ->
                new QueryRejected(
                    QueryRejected.Kind.INVALID,
                    "42P01",
                    "source_dropped",
                    "relation " + Integer.toUnsignedString(relation),
                    "a table that the query reads was dropped (OID "
                        + Integer.toUnsignedString(relation)
                        + ")"));
  }

  private boolean isPublishable(int relation) throws SQLException {
    try (PreparedStatement query =
        control.prepareStatement(
            "SELECT c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384"
                + " AND NOT EXISTS (SELECT FROM pgtrickle.pgt_definitions d WHERE d.relid = c.oid)"
                + " FROM pg_class c WHERE c.oid = ?::oid")) {
      query.setLong(1, Integer.toUnsignedLong(relation));
      try (ResultSet row = query.executeQuery()) {
        return row.next() && row.getBoolean(1);
      }
    }
  }

  // What the stream sends of this table: generated columns only where the publication includes
  // them.
  private List<String> publishedColumns(Plan.Scan scan) throws SQLException {
    List<String> names = new ArrayList<>();
    try (PreparedStatement query =
        control.prepareStatement(
            "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = ?::oid AND a.attnum > 0"
                + " AND NOT a.attisdropped AND (a.attgenerated = '' OR a.attgenerated = 's'"
                + " AND current_setting('server_version_num')::int >= 180000) ORDER BY a.attnum")) {
      query.setLong(1, Integer.toUnsignedLong(scan.relation()));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          names.add(row.getString(1));
        }
      }
    }
    Set<String> known = new LinkedHashSet<>();
    scan.schema().columns().forEach(column -> known.add(column.name()));
    return names.stream().filter(known::contains).toList();
  }
}
