package io.pgtrickle.cdc;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A table as the stream described it at some point of the log.
///
/// The server describes a table before its first change after every (re)connect and again after it
/// was altered, even in the middle of a transaction. A change is decoded strictly by the relation
/// it
/// refers to: the catalog, asked at that moment, may already show a later definition.
///
/// With partitioned tables published through their root, `identity` is the *root's* setting, while
/// what is logged follows each leaf's own: never conclude from `identity` that an update carries
/// its
/// old row; look at [Change.Update#old].
///
/// @param columns the published columns in the order of the tuples' cells
public record Relation(
    Oid oid, String schema, String name, ReplicaIdentity identity, List<Column> columns) {

  public Relation {
    columns = List.copyOf(columns);
  }

  public TableName tableName() {
    return new TableName(schema, name);
  }

  /// A published column.
  ///
  /// @param typmod the type modifier (length, precision), or −1
  /// @param key whether the column belongs to the replica identity; true for all under FULL
  /// @param typeName for types that are not built in, the name the stream sent along
  public record Column(
      String name, Oid type, int typmod, boolean key, @Nullable TypeName typeName) {}
}
