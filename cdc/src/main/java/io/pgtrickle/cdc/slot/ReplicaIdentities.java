package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.TableName;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What tables log about the old versions of their rows.
///
/// To be looked at before a table is published: once published for updates, a table without a
/// usable
/// identity is read-only to its users. A usable one is left as it is, because FULL logs every old
/// row in its whole width.
///
/// A partitioned table's own setting means nothing. Each leaf logs by its own, also one that is
/// created or attached later: look again whenever the set of leaves changes.
public final class ReplicaIdentities {
  private static final int VERSION_18 = 180_000;

  /*
   * One row per leaf: a root that is a plain table itself, or all leaf partitions below it, those
   * apart that are being detached and so not published any more. pg_partition_tree() would tell them
   * too, and wait for every lock that somebody has on one of them. The index is the one the
   * server would take: the chosen one, or the primary key. The server takes it only if it is
   * immediate: a deferrable constraint may not hold at the time of an update. That it is unique,
   * total, without expressions and over NOT NULL columns is checked by the server when it is chosen
   * and kept so afterwards.
   */
  private static final String IDENTITIES =
      """
      , below(root, part) AS (
        SELECT root, root FROM roots
        UNION
        SELECT b.root, i.inhrelid
        FROM below b
        JOIN pg_class p ON p.oid = b.part AND p.relkind = 'p'
        JOIN pg_inherits i ON i.inhparent = b.part AND NOT i.inhdetachpending)
      , leaves AS (
        SELECT b.root, c.oid, c.relreplident, n.nspname, c.relname
        FROM below b
        JOIN pg_class c ON c.oid = b.part
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind <> 'p')
      SELECT l.root, l.nspname, l.relname, l.relreplident::text AS identity,
             i.indexrelid IS NOT NULL AS has_index,
             i.indexrelid::regclass::text AS index_name,
             i.indisunique AND i.indimmediate AND i.indisvalid AND i.indisready
               AND i.indpred IS NULL AS sound,
             (SELECT array_agg(a.attname::text ORDER BY k.place)
              FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
              JOIN pg_attribute a ON a.attrelid = l.oid AND a.attnum = k.attnum
              WHERE k.place <= i.indnkeyatts) AS key_columns,
             (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = 's') AS stored_columns,
             (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = 'v') AS virtual_columns,
             current_setting('server_version_num')::int AS version
      FROM leaves l
      LEFT JOIN pg_index i ON i.indrelid = l.oid
        AND CASE l.relreplident WHEN 'd' THEN i.indisprimary
                                WHEN 'i' THEN i.indisreplident ELSE false END
      ORDER BY l.nspname, l.relname
      """;

  private static final String OF_TABLE = "WITH RECURSIVE roots(root) AS (SELECT ?::regclass::oid)";

  private static final String OF_PUBLICATION =
      "WITH RECURSIVE roots(root) AS (SELECT r.prrelid FROM pg_publication_rel r"
          + " JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = ?)";

  private ReplicaIdentities() {}

  /// The identity of the table or, for a partitioned one, of each of its leaves.
  ///
  /// @param publication as it is or will be: on PostgreSQL 18 an identity that covers a generated
  ///     column which is not published makes the users' updates fail, so it counts as unusable
  public static List<TableIdentity> inspect(
      Connection connection, TableName table, Publication publication) {
    return leaves(connection, table).stream()
        .map(leaf -> new TableIdentity(leaf.table(), leaf.kind(publication)))
        .toList();
  }

  /// Sets REPLICA IDENTITY FULL where no usable identity is; on a partitioned table for each such
  /// leaf. It takes the strongest lock there is, for an instant.
  ///
  /// What was logged before still carries no old rows: do this before taking the snapshot.
  ///
  /// @param connection in autocommit mode
  /// @return the tables changed
  /// @throws CaptureException.Misconfigured if FULL would break the users' updates
  public static List<TableName> setFullWhereUnusable(
      Connection connection, TableName table, Publication publication, LockPolicy policy) {
    List<TableName> changed = new ArrayList<>();
    for (Leaf leaf : leaves(connection, table)) {
      if (leaf.kind(publication) instanceof TableIdentity.Unusable) {
        changed.add(leaf.table());
        List<String> hidden = leaf.unpublished(publication);
        if (!hidden.isEmpty()) {
          throw new CaptureException.Misconfigured(
              "0A000",
              "table "
                  + leaf.table()
                  + " has no usable replica identity, and REPLICA IDENTITY FULL would make its"
                  + " updates fail because of the unpublished generated columns "
                  + hidden
                  + "; give it a primary key, and REPLICA IDENTITY DEFAULT");
        }
      }
    }
    if (!changed.isEmpty()) {
      GuardedDdl.run(
          connection,
          policy,
          changed,
          GuardedDdl.ShutsOut.EVERYBODY,
          "set REPLICA IDENTITY FULL on " + changed,
          statement -> {
            for (TableName leaf : changed) {
              statement.execute("ALTER TABLE ONLY " + leaf.sql() + " REPLICA IDENTITY FULL");
            }
          });
    }
    return changed;
  }

  /// The published tables whose users' UPDATEs and DELETEs fail, because DDL took away what told
  /// rows apart after they were published, or brought a partition without it.
  ///
  /// @return by the OID of the table that is in the publication, and may be partitioned, as a
  ///     sentence what is wrong with its first such leaf
  public static Map<Oid, String> unusable(Connection connection, Publication publication) {
    Map<Oid, String> unusable = new LinkedHashMap<>();
    for (Leaf leaf :
        leaves(
            connection,
            OF_PUBLICATION,
            publication.name(),
            "publication \"" + publication.name() + "\"")) {
      if (leaf.kind(publication) instanceof TableIdentity.Unusable(String reason)) {
        unusable.putIfAbsent(leaf.root(), leaf.table() + ": " + reason);
      }
    }
    return unusable;
  }

  private static List<Leaf> leaves(Connection connection, TableName table) {
    return leaves(connection, OF_TABLE, table.sql(), table.toString());
  }

  private static List<Leaf> leaves(Connection connection, String roots, String name, String whose) {
    try (PreparedStatement query = connection.prepareStatement(roots + IDENTITIES)) {
      query.setString(1, name);
      List<Leaf> leaves = new ArrayList<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          leaves.add(
              new Leaf(
                  Oid.of(row.getLong("root")),
                  new TableName(row.getString("nspname"), row.getString("relname")),
                  ReplicaIdentity.of(row.getString("identity").charAt(0)),
                  row.getBoolean("has_index"),
                  row.getString("index_name"),
                  row.getBoolean("sound"),
                  names(row.getArray("key_columns")),
                  names(row.getArray("stored_columns")),
                  names(row.getArray("virtual_columns")),
                  row.getInt("version")));
        }
      }
      return leaves;
    } catch (SQLException e) {
      throw CaptureException.of(e, "read the replica identity of " + whose);
    }
  }

  private static List<String> names(@Nullable Array array) throws SQLException {
    return array == null ? List.of() : Arrays.asList((String[]) array.getArray());
  }

  private record Leaf(
      Oid root,
      TableName table,
      ReplicaIdentity identity,
      boolean hasIndex,
      @Nullable String indexName,
      boolean sound,
      List<String> keyColumns,
      List<String> storedColumns,
      List<String> virtualColumns,
      int version) {

    TableIdentity.Kind kind(Publication publication) {
      return switch (identity) {
        case FULL -> full(publication);
        case NOTHING -> new TableIdentity.Unusable("its replica identity is NOTHING");
        case DEFAULT ->
            hasIndex ? keyed(publication) : new TableIdentity.Unusable("it has no primary key");
        case INDEX ->
            hasIndex
                ? keyed(publication)
                : new TableIdentity.Unusable("the index of its replica identity was dropped");
      };
    }

    private TableIdentity.Kind full(Publication publication) {
      List<String> hidden = unpublished(publication);
      return hidden.isEmpty()
          ? new TableIdentity.Full()
          : new TableIdentity.Unusable(
              "its replica identity is FULL and covers the unpublished generated columns "
                  + hidden);
    }

    private TableIdentity.Kind keyed(Publication publication) {
      if (!sound) {
        return new TableIdentity.Unusable(
            "index " + indexName + " is not unique, immediate, valid and total");
      }
      // Before 18 the server lets users write, and leaves them out of old rows.
      List<String> hidden =
          new ArrayList<>(version < VERSION_18 ? storedColumns : unpublished(publication));
      hidden.retainAll(keyColumns);
      return hidden.isEmpty()
          ? new TableIdentity.Keyed(keyColumns)
          : new TableIdentity.Unusable(
              "index " + indexName + " covers the unpublished generated columns " + hidden);
    }

    /// The generated columns that an identity must not cover. Before 18 the server does not look.
    private List<String> unpublished(Publication publication) {
      if (version < VERSION_18) {
        return List.of();
      }
      List<String> hidden = new ArrayList<>(virtualColumns);
      if (!publication.generated()) {
        hidden.addAll(storedColumns);
      }
      return hidden;
    }
  }
}
