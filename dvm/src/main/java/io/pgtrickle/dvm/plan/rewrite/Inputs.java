package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.plan.Plan;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/// Rebuilds a plan over rewritten inputs of the same schemas.
final class Inputs {
  private Inputs() {}

  /// What a rewrite says that comes after unnesting and meets a subquery all the same.
  static IllegalArgumentException nested(Plan.Apply apply) {
    return new IllegalArgumentException("a subquery was not unnested: " + apply.question());
  }

  /// The step of a recursion over something else than the rows found before.
  static Plan overFound(Plan step, Function<Plan.Working, Plan> change) {
    return step instanceof Plan.Working working
        ? change.apply(working)
        : step instanceof Plan.Recursion ? step : map(step, input -> overFound(input, change));
  }

  static Plan map(Plan plan, UnaryOperator<Plan> change) {
    return switch (plan) {
      case Plan.Scan scan -> scan;
      case Plan.Values values -> values;
      case Plan.Working working -> working;
      case Plan.Recursion(Plan base, Plan step, var all, var schema, var trail) ->
          new Plan.Recursion(change.apply(base), change.apply(step), all, schema, trail);
      case Plan.Filter(Plan input, var condition) ->
          new Plan.Filter(change.apply(input), condition);
      case Plan.Project(Plan input, var expressions, var schema) ->
          new Plan.Project(change.apply(input), expressions, schema);
      case Plan.Ask(Plan input, var inquiries, var schema) ->
          new Plan.Ask(change.apply(input), inquiries, schema);
      case Plan.Join(Plan left, Plan right, var keys, var residual, var schema) ->
          new Plan.Join(change.apply(left), change.apply(right), keys, residual, schema);
      case Plan.OuterJoin(Plan left, Plan right, var kept, var keys, var residual, var schema) ->
          new Plan.OuterJoin(change.apply(left), change.apply(right), kept, keys, residual, schema);
      case Plan.MarkJoin(Plan left, Plan right, var keys, var residual, var schema) ->
          new Plan.MarkJoin(change.apply(left), change.apply(right), keys, residual, schema);
      case Plan.Apply(Plan input, Plan subquery, var question, var schema) ->
          new Plan.Apply(change.apply(input), change.apply(subquery), question, schema);
      case Plan.Unfold unfold -> unfold.over(change.apply(unfold.input()), each -> each);
      case Plan.UnionAll(var inputs, var schema) ->
          new Plan.UnionAll(inputs.stream().map(change).toList(), schema);
      case Plan.TopK top ->
          new Plan.TopK(
              change.apply(top.input()),
              top.partition(),
              top.order(),
              top.tieBreak(),
              top.offset(),
              top.limit(),
              top.ties());
      case Plan.Window(
              Plan input,
              var partition,
              var order,
              var within,
              var tieBreak,
              var calls,
              var schema) ->
          new Plan.Window(change.apply(input), partition, order, within, tieBreak, calls, schema);
      case Plan.SetOperation(Plan left, Plan right, var kind, var all, var schema) ->
          new Plan.SetOperation(change.apply(left), change.apply(right), kind, all, schema);
      case Plan.Distinct(Plan input, var keys) -> new Plan.Distinct(change.apply(input), keys);
      case Plan.Aggregate(Plan input, var groups, var calls, var schema) ->
          new Plan.Aggregate(change.apply(input), groups, calls, schema);
      case Plan.GroupingSets(
              Plan input,
              var groups,
              var sets,
              var calls,
              var questions,
              var schema) ->
          new Plan.GroupingSets(change.apply(input), groups, sets, calls, questions, schema);
    };
  }
}
