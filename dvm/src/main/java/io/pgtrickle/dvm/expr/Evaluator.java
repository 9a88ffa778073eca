package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

/// A compiled expression: a pure function of one packed row.
@FunctionalInterface
public interface Evaluator {
  /// The value, `null` for SQL NULL.
  ///
  /// @throws io.pgtrickle.dvm.type.EvaluationFailure where PostgreSQL would raise an error
  @Nullable Object evaluate(Row row);
}
