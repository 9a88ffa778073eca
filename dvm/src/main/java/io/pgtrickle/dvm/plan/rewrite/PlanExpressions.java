package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Walks over the expressions of plans without subqueries.
final class PlanExpressions {
  private PlanExpressions() {}

  /// The same plan with every expression changed, inputs included.
  static Plan map(Plan plan, UnaryOperator<Expr> change) {
    return mapOwn(Inputs.map(plan, input -> map(input, change)), change);
  }

  /// The same plan with its own expressions changed, not those of its inputs.
  private static Plan mapOwn(Plan plan, UnaryOperator<Expr> change) {
    return switch (plan) {
      case Plan.Scan scan -> scan;
      case Plan.Values(var rows, var schema) ->
          new Plan.Values(rows.stream().map(row -> map(row, change)).toList(), schema);
      case Plan.Filter(Plan input, Expr condition) ->
          new Plan.Filter(input, change.apply(condition));
      case Plan.Project(Plan input, var expressions, var schema) ->
          new Plan.Project(input, map(expressions, change), schema);
      case Plan.Ask(Plan input, var inquiries, var schema) ->
          new Plan.Ask(
              input,
              inquiries.stream().map(asked -> asked.about(map(asked.arguments(), change))).toList(),
              schema);
      case Plan.Join(Plan left, Plan right, var keys, var residual, var schema) ->
          new Plan.Join(left, right, mapKeys(keys, change), map(residual, change), schema);
      case Plan.OuterJoin(Plan left, Plan right, var kept, var keys, var residual, var schema) ->
          new Plan.OuterJoin(
              left, right, kept, mapKeys(keys, change), map(residual, change), schema);
      case Plan.MarkJoin(Plan left, Plan right, var keys, var residual, var schema) ->
          new Plan.MarkJoin(left, right, mapKeys(keys, change), map(residual, change), schema);
      case Plan.Apply apply -> throw Inputs.nested(apply);
      case Plan.Unfold unfold -> unfold.over(unfold.input(), change);
      case Plan.UnionAll union -> union;
      case Plan.Working working -> working;
      case Plan.Recursion recursion -> recursion;
      case Plan.SetOperation operation -> operation;
      case Plan.TopK top ->
          new Plan.TopK(
              top.input(),
              map(top.partition(), change),
              mapOrder(top.order(), change),
              change.apply(top.tieBreak()),
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
          new Plan.Window(
              input,
              map(partition, change),
              mapOrder(order, change),
              mapOrder(within, change),
              change.apply(tieBreak),
              calls.stream().map(call -> call.map(change)).toList(),
              schema);
      case Plan.Distinct(Plan input, var keys) -> new Plan.Distinct(input, map(keys, change));
      case Plan.Aggregate(Plan input, var groups, var calls, var schema) ->
          new Plan.Aggregate(
              input,
              map(groups, change),
              calls.stream().map(call -> map(call, change)).toList(),
              schema);
      case Plan.GroupingSets sets ->
          new Plan.GroupingSets(
              sets.input(),
              map(sets.groups(), change),
              sets.sets(),
              sets.calls().stream().map(call -> call.map(change)).toList(),
              sets.questions(),
              sets.schema());
    };
  }

  static List<Expr> map(List<Expr> expressions, UnaryOperator<Expr> change) {
    return expressions.stream().map(change).toList();
  }

  /// The sorted values changed; how they are sorted stays.
  static List<Plan.SortKey> mapOrder(List<Plan.SortKey> order, UnaryOperator<Expr> change) {
    return order.stream().map(key -> key.over(change.apply(key.value()))).toList();
  }

  static AggregateCall map(AggregateCall call, UnaryOperator<Expr> change) {
    return call.map(change);
  }

  private static @Nullable Expr map(@Nullable Expr expression, UnaryOperator<Expr> change) {
    return expression == null ? null : change.apply(expression);
  }

  private static List<Plan.Key> mapKeys(List<Plan.Key> keys, UnaryOperator<Expr> change) {
    return keys.stream()
        .map(key -> new Plan.Key(change.apply(key.left()), change.apply(key.right())))
        .toList();
  }

  /// Shows every expression of a plan, inputs included.
  static void forEach(Plan plan, Consumer<Expr> visitor) {
    map(
        plan,
        expression -> {
          visitor.accept(expression);
          return expression;
        });
  }

  /// Shows the expressions of a plan's top node.
  static void forEachOwn(Plan plan, Consumer<Expr> visitor) {
    mapOwn(
        plan,
        expression -> {
          visitor.accept(expression);
          return expression;
        });
  }

  /// The columns of the row for which a subquery is evaluated that it refers to.
  static NavigableSet<Integer> outer(Plan subquery) {
    NavigableSet<Integer> columns = new TreeSet<>();
    forEach(subquery, expression -> columns.addAll(outer(expression)));
    return columns;
  }

  static NavigableSet<Integer> outer(Expr expression) {
    NavigableSet<Integer> columns = new TreeSet<>();
    Expressions.forEach(
        expression,
        node -> {
          if (node instanceof Expr.Outer(int level, int index, var _) && level == 1) {
            columns.add(index);
          }
        });
    return columns;
  }

  static boolean isCorrelated(Plan subquery) {
    return !outer(subquery).isEmpty();
  }

  static boolean isCorrelated(Expr expression) {
    return !outer(expression).isEmpty();
  }

  /// What an uncorrelated part of a subquery is outside of it: rows further out come one nearer.
  static Plan lifted(Plan plan) {
    return map(plan, expression -> Expressions.map(expression, PlanExpressions::lifted));
  }

  static Expr lifted(Expr node) {
    return node instanceof Expr.Outer(int level, int index, var type) && level > 1
        ? new Expr.Outer(level - 1, index, type)
        : node;
  }
}
