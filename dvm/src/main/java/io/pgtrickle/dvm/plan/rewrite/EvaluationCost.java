package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/// What PostgreSQL takes the evaluation of a condition to cost, in calls of a usual function. It
/// evaluates the cheapest condition first (`order_qual_clauses`), whatever the order in which they
/// are written; so a condition that can fail is not evaluated of rows that a cheaper one turns
/// away.
///
/// Of functions only the built-in ones are known: their costs are the same on every server. Where
/// a condition has a part that is not known, the order is left as it is written.
final class EvaluationCost {
  /// Objects that an initialized database has, and that have the same OID in all of them.
  private static final int FIRST_UNPINNED_OID = 10_000;

  /// From here on conditions of IN are looked up in a hash table, whose cost differs by version.
  private static final int LONG_LIST = 9;

  /// Those of text search, the only functions on values that cost more than others.
  private static final Set<Integer> EXPENSIVE =
      Set.of(
          3743, 3744, 3745, 3746, 3747, 3749, 3750, 3751, 3754, 3755, 3760, 3761, 4201, 4202, 4203,
          4204, 4205, 4206, 4207, 4208, 4209, 4210, 4211, 4212, 4213, 4214, 4215, 4216, 5001, 5006,
          5007, 5009);

  private EvaluationCost() {}

  /// Conditions in the order in which the server evaluates them.
  static List<Expr> ascending(List<Expr> conditions) {
    Map<Expr, Double> costs = new HashMap<>();
    for (Expr condition : conditions) {
      OptionalDouble cost = of(condition);
      if (cost.isEmpty()) {
        return conditions;
      }
      costs.put(condition, cost.getAsDouble());
    }
    List<Expr> sorted = new ArrayList<>(conditions);
    sorted.sort(
        Comparator.<Expr, Double>comparing(costs::get).thenComparing(EvaluationCost::isEquality));
    return sorted;
  }

  private static boolean isEquality(Expr condition) {
    return condition instanceof Expr.Call call && JoinKeys.isEquality(call.function());
  }

  /// Empty when it is not known.
  static OptionalDouble of(Expr expression) {
    OptionalDouble own = ownOf(expression);
    if (own.isEmpty()) {
      return own;
    }
    double sum = own.getAsDouble();
    for (Expr child : Expressions.children(expression)) {
      OptionalDouble cost = of(child);
      if (cost.isEmpty()) {
        return cost;
      }
      sum += cost.getAsDouble();
    }
    return OptionalDouble.of(sum);
  }

  private static OptionalDouble ownOf(Expr expression) {
    return switch (expression) {
      case Expr.Column _,
          Expr.Literal _,
          Expr.Outer _,
          Expr.Relabel _,
          Expr.And _,
          Expr.Or _,
          Expr.Not _,
          Expr.IsNull _,
          Expr.IsTruth _,
          Expr.Coalesce _,
          Expr.Case _ ->
          OptionalDouble.of(0);
      case Expr.Call call -> of(call.function());
      case Expr.IsDistinct(Expr.Call equality) -> of(equality.function());
      case Expr.NullIf(Expr.Call equality, var _) -> of(equality.function());
      case Expr.Extreme _, Expr.Clock _ -> OptionalDouble.of(1);
      // Its output function and its input function.
      case Expr.TextCast(Expr input, var type) ->
          input.type().oid() < FIRST_UNPINNED_OID && type.oid() < FIRST_UNPINNED_OID
              ? OptionalDouble.of(2)
              : OptionalDouble.empty();
      // Half of the elements are looked at.
      case Expr.Quantified quantified ->
          quantified.elements().size() < LONG_LIST && of(quantified.comparison()).isPresent()
              ? OptionalDouble.of(quantified.elements().size() / 2.0)
              : OptionalDouble.empty();
      case Expr.Single _,
          Expr.Answered _,
          Expr.Unlabeled _,
          Expr.Verbatim _,
          Expr.Row _,
          Expr.Image _,
          Expr.Timeless _ ->
          OptionalDouble.empty();
    };
  }

  private static OptionalDouble of(Signature function) {
    return function.oid() < FIRST_UNPINNED_OID && !EXPENSIVE.contains(function.oid())
        ? OptionalDouble.of(1)
        : OptionalDouble.empty();
  }
}
