package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;

/// Where an operator puts its output delta and the delta of its errors.
public interface Output {
  void add(Row row, long weight);

  /// A row that could not be computed, with the weight it would have had.
  void fail(EvaluationFailure failure, long weight);
}
