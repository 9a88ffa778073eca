package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowKeys;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;

/// Decides whether rows of a stream table can be identified by a unique index on visible columns.
///
/// The index must accept every row: its entries have to fit (a B-tree entry takes at most 2,704
/// bytes), and NULLs must count as equal, which indexes can since PostgreSQL 15. So only types of
/// bounded size qualify; where the proven key has another, rows are identified by their hash.
final class RowKey {
  private static final int NULLS_NOT_DISTINCT = 150000;
  private static final int LARGEST_ENTRY = 2000;
  private static final int UNBOUNDED = LARGEST_ENTRY + 1;

  private RowKey() {}

  static List<Integer> of(Plan plan, int serverVersion) {
    List<Integer> key = RowKeys.shortest(plan);
    long size = key.stream().mapToLong(i -> size(plan.schema().column(i).type())).sum();
    return serverVersion >= NULLS_NOT_DISTINCT && size <= LARGEST_ENTRY && key.size() <= 32
        ? key
        : List.of();
  }

  /// The most bytes a value of a type takes in an index entry.
  private static int size(SqlType type) {
    return switch (type.kind()) {
      case BOOL, INT2, INT4, INT8, FLOAT4, FLOAT8, DATE, TIMESTAMP, TIMESTAMPTZ, UUID -> 16;
      // Four bytes per character in UTF8, a length word; the modifier counts four bytes itself.
      case VARCHAR, BPCHAR ->
          type.modifier() < 4 ? UNBOUNDED : 4 * Math.min(type.modifier(), LARGEST_ENTRY);
      // Precision in the upper half of the modifier, two bytes for four digits.
      case NUMERIC -> type.modifier() < 4 ? UNBOUNDED : 16 + ((type.modifier() - 4) >> 16) / 2;
      case TEXT, BYTEA, OPAQUE -> UNBOUNDED;
    };
  }
}
