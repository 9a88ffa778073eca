package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.List;

/// Guesses which share of its rows a filtered relation keeps, by the form of the conditions alone.
///
/// Nothing is asked about the data: a plan must be the same after a restart, because state is found
/// again by what it is.
final class Selectivity {
  private static final double EQUAL = 0.1;
  private static final double PATTERN = 0.1;
  private static final double RANGE = 0.3;
  private static final double UNKNOWN = 0.5;
  private static final double RARE = 0.01;
  private static final double LEAST = 1e-6;

  private Selectivity() {}

  /// The share of rows of what it reads that a plan yields.
  static double of(Plan plan) {
    return switch (plan) {
      case Plan.Filter(Plan input, Expr condition) -> Math.max(LEAST, of(input) * of(condition));
      case Plan.TopK top -> top.limit() >= 0 && top.partition().isEmpty() ? RARE : of(top.input());
      case Plan.Project(Plan input, var _, var _) -> of(input);
      case Plan.Ask ask -> of(ask.input());
      case Plan.Unfold unfold -> of(unfold.input());
      case Plan.Window window -> of(window.input());
      case Plan.MarkJoin join -> of(join.left());
      case Plan.Distinct distinct -> of(distinct.input());
      case Plan.Aggregate aggregate -> of(aggregate.input());
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.Apply _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.GroupingSets _ ->
          1;
    };
  }

  /// The share of rows for which a condition is true.
  static double of(Expr condition) {
    return switch (condition) {
      case Expr.And(List<Expr> operands) ->
          operands.stream().mapToDouble(Selectivity::of).reduce(1, (a, b) -> a * b);
      case Expr.Or(List<Expr> operands) ->
          Math.min(1, operands.stream().mapToDouble(Selectivity::of).sum());
      case Expr.Not(Expr operand) -> Math.max(EQUAL, 1 - of(operand));
      case Expr.IsNull _ -> EQUAL;
      case Expr.Quantified(var _, var _, var _, boolean all, List<Expr> elements) ->
          all ? 1 - EQUAL : Math.min(UNKNOWN, EQUAL * elements.size());
      case Expr.Call call -> of(call);
      default -> UNKNOWN;
    };
  }

  private static double of(Expr.Call call) {
    if (call.arguments().size() != 2) {
      return UNKNOWN;
    }
    if (JoinKeys.of(call).isPresent()) {
      return call.arguments().stream().anyMatch(each -> Expressions.columns(each).isEmpty())
          ? EQUAL
          : RANGE;
    }
    String name = call.function().name();
    if (name.contains("like")) {
      return name.contains("nlike") || name.startsWith("not") ? 1 - PATTERN : PATTERN;
    }
    if (name.endsWith("ne")) {
      return 1 - EQUAL;
    }
    return isOrder(name) ? RANGE : UNKNOWN;
  }

  // `int4lt`, `date_ge_timestamp`, `text_lt` and so on.
  private static boolean isOrder(String name) {
    return name.matches("\\w+?_?(lt|le|gt|ge)(_\\w+)?");
  }
}
