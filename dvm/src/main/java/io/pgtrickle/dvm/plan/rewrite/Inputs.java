package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.plan.Plan;
import java.util.function.UnaryOperator;

/// Rebuilds a plan over rewritten inputs of the same schemas.
final class Inputs {
  private Inputs() {}

  static Plan map(Plan plan, UnaryOperator<Plan> change) {
    return switch (plan) {
      case Plan.Scan scan -> scan;
      case Plan.Values values -> values;
      case Plan.Filter(Plan input, var condition) ->
          new Plan.Filter(change.apply(input), condition);
      case Plan.Project(Plan input, var expressions, var schema) ->
          new Plan.Project(change.apply(input), expressions, schema);
      case Plan.Join(Plan left, Plan right, var keys, var residual, var schema) ->
          new Plan.Join(change.apply(left), change.apply(right), keys, residual, schema);
      case Plan.UnionAll(var inputs, var schema) ->
          new Plan.UnionAll(inputs.stream().map(change).toList(), schema);
      case Plan.Distinct(Plan input) -> new Plan.Distinct(change.apply(input));
      case Plan.Aggregate(Plan input, var groups, var calls, var schema) ->
          new Plan.Aggregate(change.apply(input), groups, calls, schema);
    };
  }
}
