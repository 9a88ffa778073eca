package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
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
  /// @param obstacle why its values cannot be had from the change stream; empty when they can
  /// @param generation how it is computed, when it is and the stream does not tell its values
  public record Attribute(
      int number,
      String name,
      SqlType type,
      boolean notNull,
      Optional<Obstacle> obstacle,
      Optional<Generation> generation) {}

  /// How a generated column is computed from others of its row.
  ///
  /// @param tree the analyzed expression
  /// @param text the same in SQL
  /// @param stored whether it was computed when the row was written, rather than whenever it is
  /// read
  public record Generation(String tree, String text, boolean stored) {}

  /// Why the values of a column cannot be had from the change stream.
  public enum Obstacle {
    /// It is not in the stream, and what computed it may have been replaced since.
    GENERATED_BY_USER_CODE("generated_column", "by what users may replace: generated column "),
    /// It is not in the stream, and not computed alike in all partitions.
    GENERATED_DIFFERENTLY("generated_column", "differently in some partition: generated column "),
    /// It comes as a text, which nobody understands.
    WITHOUT_BINARY_FORM("unsupported_type", "column of a type without a binary form ");

    private final String reasonCode;
    private final String construct;

    Obstacle(String reasonCode, String construct) {
      this.reasonCode = reasonCode;
      this.construct = construct;
    }

    QueryRejected rejects(Attribute column) {
      return QueryRejected.notYet(reasonCode, construct + column.name());
    }
  }

  /// The name as it is written in SQL.
  public String qualifiedName() {
    return quote(schema) + "." + quote(name);
  }

  /// An identifier in quotes.
  public static String quote(String identifier) {
    return '"' + identifier.replace("\"", "\"\"") + '"';
  }
}
