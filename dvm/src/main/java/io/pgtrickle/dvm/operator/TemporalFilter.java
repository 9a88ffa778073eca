package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.ClockCondition;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;

/// Keeps the rows for which conditions on the clock are true, as the time goes on.
///
/// At time t the output is σ_c(t) A. From one time to the next
///
///     Δ(σ_c A) = σ_c(t') ΔA + (σ_c(t') − σ_c(t)) A
///
/// and the second part has only rows whose time has come in between. So the host keeps, of each row
/// that will change, the time of its next change, and tells of those that are due; a row that will
/// not change any more is not kept. What is kept is a function of the rows and the time alone.
///
/// A condition that fails for a row at some time turns it into an error for that time.
public final class TemporalFilter {
  /// Says that a row does not change any more.
  public static final long NEVER = ClockCondition.NEVER;

  private final List<ClockCondition> conditions;

  public TemporalFilter(List<ClockCondition> conditions) {
    this.conditions = List.copyOf(conditions);
  }

  /// Puts a row out as it is at a time.
  public void apply(Row row, long weight, long at, Output out) {
    try {
      for (ClockCondition condition : conditions) {
        if (!condition.isTrue(row, at)) {
          return;
        }
      }
    } catch (EvaluationFailure failure) {
      out.fail(failure, weight);
      return;
    }
    out.add(row, weight);
  }

  /// Puts out what becomes of a row at the time of its change.
  public void change(Row row, long weight, long at, long now, Output out) {
    apply(row, -weight, at - 1, out);
    apply(row, weight, now, out);
  }

  /// The first time after `now` at which what becomes of a row may differ from what it is at `now`.
  public long nextChange(Row row, long now) {
    long next = NEVER;
    for (ClockCondition condition : conditions) {
      long change = condition.nextChange(row, now);
      if (change == NEVER && isOut(condition, row, now)) {
        return NEVER;
      }
      next = Math.min(next, change);
    }
    return next;
  }

  private static boolean isOut(ClockCondition condition, Row row, long now) {
    try {
      return !condition.isTrue(row, now);
    } catch (EvaluationFailure failure) {
      // Another condition may come to be false, and then nobody asks this one.
      return false;
    }
  }
}
