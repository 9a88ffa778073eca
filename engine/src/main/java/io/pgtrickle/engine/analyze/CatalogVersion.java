package io.pgtrickle.engine.analyze;

/// Something in the catalog that a query's meaning rests on, as it was when the query was analyzed.
///
/// @param oid of the function, the relation, the row type or the label of an enum
/// @param version what tells it from what it was before DDL that the log says nothing of
public record CatalogVersion(Kind kind, int oid, String version) {
  /// What it is.
  public enum Kind {
    FUNCTION,
    RELATION,
    /// The primary key of a relation that had one: by it rows are told apart.
    PRIMARY_KEY,
    PARTITIONS,
    ROW_TYPE,
    LABEL
  }

  @Override
  public String toString() {
    return switch (kind) {
      case FUNCTION -> "function " + Integer.toUnsignedString(oid);
      case RELATION -> "relation " + Integer.toUnsignedString(oid);
      case PRIMARY_KEY -> "primary key of relation " + Integer.toUnsignedString(oid);
      case PARTITIONS -> "partitions of relation " + Integer.toUnsignedString(oid);
      case ROW_TYPE -> "row type " + Integer.toUnsignedString(oid);
      case LABEL -> "label '" + version + "' of an enum";
    };
  }
}
