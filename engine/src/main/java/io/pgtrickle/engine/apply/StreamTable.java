package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Optional;

/// The storage table of a stream table, as the writer sees it.
///
/// @param id the definition's `pgt_id`
/// @param relation the storage table's `pg_class.oid`
/// @param schemaName its schema
/// @param name its name
/// @param schema its columns
/// @param typeNames per column the type as `format_type` prints it, for casts
/// @param collations per column the COLLATE clause that comparing it takes; empty for the type's
/// own
/// @param identity how its rows are found again
/// @param hashed per column what takes part in a hash of the row, `%s` being the column: itself;
///     something else that is the same for equal images, if its type has no hash function (json,
///     point); empty where there is nothing that an index may rely on, so that it is left out
/// @param delegated whether another role owns the table, so that statements go through the SECURITY
/// DEFINER
///     functions that this owner made for it (law: user code never runs with the sidecar's rights)
/// @param joining whether its query joins, so that PH-D1 cleanup watches it
public record StreamTable(
    long id,
    int relation,
    String schemaName,
    String name,
    Schema schema,
    List<String> typeNames,
    List<String> collations,
    Identity identity,
    List<Optional<String>> hashed,
    boolean delegated,
    boolean joining) {
  /// A column whose type has a hash function.
  static final Optional<String> HASHED_AS_IT_IS = Optional.of("%s");

  public StreamTable {
    typeNames = List.copyOf(typeNames);
    collations = List.copyOf(collations);
    hashed = List.copyOf(hashed);
    if (typeNames.size() != schema.size()) {
      throw new IllegalArgumentException(
          typeNames.size() + " type names for " + schema.size() + " columns");
    }
  }

  /// The quoted, schema-qualified name.
  public String qualifiedName() {
    return Identifiers.quote(schemaName) + "." + Identifiers.quote(name);
  }

  /// The name in metrics and messages: with its schema, quoted only where SQL needs it.
  public String catalogName() {
    return Identifiers.quoteIfNeeded(schemaName) + "." + Identifiers.quoteIfNeeded(name);
  }

  /// The owner's function that runs a statement, where one is needed.
  public Optional<String> execFunction() {
    return delegate("__pgt_exec_");
  }

  /// The owner's function that evaluates a query, where one is needed.
  public Optional<String> queryFunction() {
    return delegate("__pgt_query_");
  }

  private Optional<String> delegate(String prefix) {
    return delegated
        ? Optional.of(Identifiers.quote(schemaName) + "." + Identifiers.quote(prefix + id))
        : Optional.empty();
  }

  /// Which key columns of a row are NULL, a bit each in the order of the key, where statements are
  /// told apart by it: a unique index serves IS NULL as well as it serves `=`, but not IS NOT
  /// DISTINCT FROM. Otherwise 0.
  int nullKeys(Row row) {
    if (identity.kind() != Identity.Kind.UNIQUE) {
      return 0;
    }
    int bits = 0;
    List<Integer> key = identity.key();
    for (int k = 0; k < key.size(); k++) {
      if (schema.isNull(row, key.get(k))) {
        bits |= 1 << k;
      }
    }
    return bits;
  }

  /// Whether a row has at most one copy, and the same row keeps its key.
  boolean keyed() {
    return identity.kind() != Identity.Kind.ROW_HASH;
  }
}
