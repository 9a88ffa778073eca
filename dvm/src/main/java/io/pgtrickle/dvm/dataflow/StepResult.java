package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.zset.ZSet;
import java.util.List;
import java.util.Map;

/// What one epoch did.
///
/// @param released by view id, in topological order: the consolidated change of each view that was
///     released
///     and has one
/// @param errors by view id: the errors as they are now, for each view whose errors changed
/// @param operators the operators that ran
public record StepResult(
    Map<Long, ZSet> released, Map<Long, ViewErrors> errors, List<OperatorCount> operators) {
  public StepResult {
    // Unmodifiable rather than copied: Map.copyOf would lose the order.
    released = java.util.Collections.unmodifiableMap(released);
    errors = java.util.Collections.unmodifiableMap(errors);
    operators = List.copyOf(operators);
  }
}
