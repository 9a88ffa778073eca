package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.Optional;

/// A relation as the definition's document describes it.
///
/// @param oid `pg_class.oid`
/// @param kind `relkind`
/// @param obstacle why its changes cannot be had from logical decoding, as in "unlogged table";
/// empty
///     when they can
/// @param children whether tables inherit from it (a partitioned table has partitions instead)
/// @param rowSecurity whether row-level security applies to the definition's owner
/// @param columns the live columns in `attnum` order
/// @param primaryKey `attnum`s of an immediate primary key, empty when there is none
/// @param view the analyzed tree of a view
public record RelationShape(
    int oid,
    String schema,
    String name,
    char kind,
    Optional<String> obstacle,
    boolean children,
    boolean rowSecurity,
    List<Attribute> columns,
    List<Integer> primaryKey,
    Optional<String> view) {
  public RelationShape {
    columns = List.copyOf(columns);
    primaryKey = List.copyOf(primaryKey);
  }

  /// A column of a relation.
  ///
  /// @param number `attnum`
  /// @param generated whether it is generated: its value is not in the change stream
  public record Attribute(
      int number, String name, SqlType type, boolean notNull, boolean generated) {}

  /// The name as it is written in SQL.
  public String qualifiedName() {
    return quote(schema) + "." + quote(name);
  }

  /// An identifier in quotes.
  public static String quote(String identifier) {
    return '"' + identifier.replace("\"", "\"\"") + '"';
  }
}
