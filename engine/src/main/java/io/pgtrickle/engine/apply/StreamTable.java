package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// The storage table of a stream table, as the writer sees it.
///
/// @param id the definition's `pgt_id`
/// @param relation the storage table's `pg_class.oid`
/// @param schemaName its schema
/// @param name its name
/// @param schema its columns
/// @param typeNames per column the type as `format_type` prints it, for casts
/// @param stagedTypes per column the type in which its values may be received on the way: the
/// column's
///     own, of a domain what it is made of
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
    List<String> stagedTypes,
    List<String> collations,
    Identity identity,
    List<Optional<String>> hashed,
    boolean delegated,
    boolean joining) {
  /// A column whose type has a hash function.
  static final Optional<String> HASHED_AS_IT_IS = Optional.of("%s");

  public StreamTable {
    typeNames = List.copyOf(typeNames);
    stagedTypes = List.copyOf(stagedTypes);
    collations = List.copyOf(collations);
    hashed = List.copyOf(hashed);
    if (typeNames.size() != schema.size() || stagedTypes.size() != schema.size()) {
      throw new IllegalArgumentException(
          typeNames.size()
              + " and "
              + stagedTypes.size()
              + " type names for "
              + schema.size()
              + " columns");
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

  /// A query as its owner runs it: through his function, where one is needed. Both arguments are
  /// there, with their types: a default would be evaluated by the caller, and a function of other
  /// arguments is another function.
  ///
  /// @param types the columns' types, as in a cast
  public String asOwner(String query, List<String> types) {
    return queryFunction()
        .map(
            function ->
                IntStream.range(0, types.size())
                    .mapToObj(i -> "c" + i + " " + types.get(i))
                    .collect(
                        Collectors.joining(
                            ", ",
                            "SELECT * FROM "
                                + function
                                + "("
                                + Identifiers.literal(query)
                                + "::pg_catalog.text, '{}'::pg_catalog.text[]) AS q(",
                            ")")))
        .orElse(query);
  }

  /// The query of some columns of its rows, as its owner sees them. The sidecar's role is another
  /// one: policies of the table might hide rows from it, and it must not run what is in them.
  ///
  /// Where `row_security` is off, policies that apply to owners too make it fail.
  public String contents(List<Column> wanted) {
    List<String> types = new ArrayList<>();
    for (Column column : wanted) {
      types.add(typeNames.get(position(column.name())));
    }
    return asOwner(
        wanted.stream()
            .map(column -> Identifiers.quote(column.name()))
            .collect(Collectors.joining(", ", "SELECT ", " FROM ONLY " + qualifiedName())),
        types);
  }

  private int position(String column) {
    for (int i = 0; i < schema.size(); i++) {
      if (schema.column(i).name().equals(column)) {
        return i;
      }
    }
    throw new QueryRejected(
        QueryRejected.Kind.INVALID,
        "42703",
        "storage_table_changed",
        catalogName(),
        catalogName() + " has no column \"" + column + "\"");
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

  /// The same table, written as if its rows had no key: each is found by all its values, and may
  /// have any number of copies.
  public StreamTable withoutKey() {
    return new StreamTable(
        id,
        relation,
        schemaName,
        name,
        schema,
        typeNames,
        stagedTypes,
        collations,
        new Identity(Identity.Kind.ROW_HASH, List.of()),
        hashed,
        delegated,
        joining);
  }

  /// Whether a row has at most one copy, and the same row keeps its key.
  public boolean keyed() {
    return identity.kind() != Identity.Kind.ROW_HASH;
  }
}
