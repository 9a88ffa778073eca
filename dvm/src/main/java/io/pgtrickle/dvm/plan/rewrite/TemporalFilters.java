package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Monotony;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.List;

/// Brings conditions on the clock into the form in which they are maintained: a filter of nothing
/// but conditions that are monotone in the time.
///
/// What else is asked of the same rows is asked first, so that fewer of them are kept until their
/// time comes. A condition of an inner join is one on its pairs. An equality with a time is two
/// conditions. Whatever else reads the clock is rejected: its value is another at every moment, for
/// every row.
final class TemporalFilters {
  private TemporalFilters() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, TemporalFilters::rewrite);
    return switch (over) {
      case Plan.Filter(Plan input, Expr condition) when Expressions.readsClock(condition) ->
          filtered(input, Conjuncts.of(condition));
      case Plan.Join join when join.residual() != null && Expressions.readsClock(join.residual()) ->
          joined(join, Conjuncts.of(join.residual()));
      case Plan.Filter _ -> over;
      case Plan.Scan _,
          Plan.Values _,
          Plan.Project _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ -> {
        PlanExpressions.forEachOwn(over, TemporalFilters::requireTimeless);
        yield over;
      }
    };
  }

  private static Plan joined(Plan.Join join, List<Expr> residual) {
    List<Expr> timeless = residual.stream().filter(each -> !Expressions.readsClock(each)).toList();
    Plan pairs =
        new Plan.Join(
            join.left(),
            join.right(),
            join.keys(),
            timeless.isEmpty() ? null : Conjuncts.all(timeless),
            join.schema());
    return filtered(pairs, residual.stream().filter(Expressions::readsClock).toList());
  }

  private static Plan filtered(Plan input, List<Expr> conjuncts) {
    List<Expr> timeless = conjuncts.stream().filter(each -> !Expressions.readsClock(each)).toList();
    List<Expr> temporal = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      if (Expressions.readsClock(conjunct)) {
        temporal.addAll(monotone(conjunct));
      }
    }
    Plan kept = timeless.isEmpty() ? input : Conjuncts.filter(input, timeless);
    return new Plan.Filter(kept, new Expr.And(temporal.stream().distinct().toList()));
  }

  private static List<Expr> monotone(Expr conjunct) {
    Expr ofNow = Monotony.ofNow(conjunct);
    List<Expr> parts = Monotony.bounds(ofNow).orElseGet(() -> List.of(ofNow));
    if (!parts.stream().allMatch(Monotony::isMonotone)) {
      reject(conjunct);
    }
    return parts;
  }

  private static void requireTimeless(Expr expression) {
    if (Expressions.readsClock(expression)) {
      reject(expression);
    }
  }

  private static void reject(Expr expression) {
    List<String> readings = new ArrayList<>();
    Expressions.forEach(
        expression,
        node -> {
          if (node instanceof Expr.Clock clock) {
            readings.add(
                switch (clock.reading()) {
                  case NOW -> "now()";
                  case TRANSACTION_TIMESTAMP -> "transaction_timestamp()";
                  case STATEMENT_TIMESTAMP -> "statement_timestamp()";
                  case CURRENT_TIMESTAMP, CURRENT_DATE, LOCALTIMESTAMP -> clock.reading().name();
                });
          }
        });
    throw QueryRejected.notYet(
        "stable_expression",
        readings.getFirst() + " other than in a condition that comes true and ceases to be once");
  }
}
