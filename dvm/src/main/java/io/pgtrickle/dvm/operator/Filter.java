package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;

/// Keeps the rows for which a condition is true.
///
///     Δ(σ_c A) = σ_c ΔA
///
/// False and NULL drop the row alike. A condition that fails turns the row into an error.
public final class Filter implements Stage {
  private final Evaluator condition;

  public Filter(Evaluator condition) {
    this.condition = condition;
  }

  @Override
  public void apply(Row row, long weight, Output out) {
    boolean keep;
    try {
      keep = Boolean.TRUE.equals(condition.evaluate(row));
    } catch (EvaluationFailure failure) {
      out.fail(failure, weight);
      return;
    }
    if (keep) {
      out.add(row, weight);
    }
  }
}
