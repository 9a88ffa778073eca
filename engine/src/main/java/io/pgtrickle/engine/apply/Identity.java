package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Optional;

/// How a row of a storage table is found again.
///
/// An index entry has to fit (a B-tree entry takes at most 2,704 bytes), and NULLs must count as
/// equal, which unique indexes can since PostgreSQL 15. A key for which that holds is indexed as it
/// is; any other by its hash, and rechecked. Either way an update of the other columns touches no
/// index, so that PostgreSQL can keep the new version on the page of the old one (HOT) and clear it
/// away on the next visit: a table of a few groups stays a few pages however often they change.
///
/// A table that has at most one row needs no index to find it.
///
/// @param kind which index there is
/// @param key positions of the columns it is about; none where rows have no key
public record Identity(Kind kind, List<Integer> key) {
  private static final int NULLS_NOT_DISTINCT = 150_000;
  private static final int MOST_INDEX_COLUMNS = 32;
  private static final int LARGEST_ENTRY = 2000;
  private static final int UNBOUNDED = LARGEST_ENTRY + 1;

  public Identity {
    key = List.copyOf(key);
  }

  /// Which index finds a row.
  public enum Kind {
    /// A unique index on the key.
    UNIQUE,
    /// An index on the hash of the key.
    KEY_HASH,
    /// None: there is at most one row.
    SINGLE_ROW,
    /// An index on the hash of the whole row.
    ROW_HASH
  }

  /// @param key positions of columns that identify a row, none when there is at most one row; empty
  ///     when rows are told apart by all their values only
  /// @param hashed per column what takes part in a hash for it, see [StreamTable]
  /// @param serverVersion as in `server_version_num`
  static Identity of(
      Schema schema,
      Optional<List<Integer>> key,
      List<Optional<String>> hashed,
      int serverVersion) {
    return key.filter(columns -> isKnown(schema, columns, hashed))
        .map(columns -> new Identity(kind(schema, columns, serverVersion), columns))
        .orElse(new Identity(Kind.ROW_HASH, List.of()));
  }

  // The equality of a type that is opaque to us is the server's business.
  private static boolean isKnown(Schema schema, List<Integer> key, List<Optional<String>> hashed) {
    return key.stream()
        .noneMatch(
            i ->
                !hashed.get(i).equals(StreamTable.HASHED_AS_IT_IS)
                    || schema.column(i).type().kind() == TypeKind.OPAQUE);
  }

  private static Kind kind(Schema schema, List<Integer> key, int serverVersion) {
    if (key.isEmpty()) {
      return Kind.SINGLE_ROW;
    }
    long size = key.stream().mapToLong(i -> size(schema.column(i).type())).sum();
    boolean indexable =
        serverVersion >= NULLS_NOT_DISTINCT
            && size <= LARGEST_ENTRY
            && key.size() <= MOST_INDEX_COLUMNS;
    return indexable ? Kind.UNIQUE : Kind.KEY_HASH;
  }

  /// The most bytes a value of a type takes in an index entry.
  private static int size(SqlType type) {
    return switch (type.kind()) {
      case BOOL, INT2, INT4, INT8, FLOAT4, FLOAT8, DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL, UUID ->
          16;
      // Four bytes per character in UTF8, a length word; the modifier counts four bytes itself.
      case VARCHAR, BPCHAR ->
          type.modifier() < 4 ? UNBOUNDED : 4 * Math.min(type.modifier(), LARGEST_ENTRY);
      // Precision in the upper half of the modifier, two bytes for four digits.
      case NUMERIC -> type.modifier() < 4 ? UNBOUNDED : 16 + ((type.modifier() - 4) >> 16) / 2;
      case TEXT, BYTEA, OPAQUE, LABELED -> UNBOUNDED;
    };
  }
}
