package io.pgtrickle.cdc;

/// The qualified name of a table, exactly as the catalog spells it.
public record TableName(String schema, String name) implements Comparable<TableName> {

  /// An identifier as SQL text that means exactly this identifier: case, blanks, quotes and all.
  public static String quoted(String identifier) {
    return '"' + identifier.replace("\"", "\"\"") + '"';
  }

  /// The name as SQL text, both parts quoted.
  public String sql() {
    return quoted(schema) + "." + quoted(name);
  }

  @Override
  public int compareTo(TableName other) {
    int bySchema = schema.compareTo(other.schema);
    return bySchema != 0 ? bySchema : name.compareTo(other.name);
  }

  @Override
  public String toString() {
    return sql();
  }
}
