package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.zset.Row;

/// A compiled condition: true only if the expression is TRUE, not if it is NULL.
@FunctionalInterface
public interface RowPredicate {
  /// Tests one row.
  ///
  /// @throws io.pgtrickle.dvm.type.EvaluationFailure where PostgreSQL would raise an error
  boolean test(Row row);
}
