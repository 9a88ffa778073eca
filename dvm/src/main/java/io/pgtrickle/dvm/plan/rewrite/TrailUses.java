package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import java.util.List;

/// Refuses what is made of the records of SEARCH and CYCLE: here they are bytes, which say what is
/// equal and what comes first, and nothing else. So they may be passed on, sorted, grouped and
/// counted by.
final class TrailUses {
  private TrailUses() {}

  /// @param plan as bound
  static void requireHarmless(Plan plan) {
    switch (plan) {
      case Plan.Apply apply -> {
        QuestionGuards.tests(apply.question()).forEach(TrailUses::requireWhole);
        if (apply.question() instanceof Plan.Question.Array(AggregateCall values, int _)) {
          requireHarmless(values);
        }
      }
      case Plan.Aggregate aggregate -> {
        aggregate.groups().forEach(TrailUses::requireWhole);
        aggregate.calls().forEach(TrailUses::requireHarmless);
      }
      case Plan.GroupingSets sets -> {
        sets.groups().forEach(TrailUses::requireWhole);
        sets.calls().forEach(TrailUses::requireHarmless);
      }
      case Plan.Window window -> {
        PlanExpressions.forEachOwn(window, TrailUses::requireWhole);
        window.calls().forEach(TrailUses::requireNone);
      }
      case Plan.Unfold _, Plan.Values _ -> PlanExpressions.forEachOwn(plan, TrailUses::requireNone);
      case Plan.Scan _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Filter _,
          Plan.Project _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Distinct _ ->
          PlanExpressions.forEachOwn(plan, TrailUses::requireWhole);
    }
    plan.inputs().forEach(TrailUses::requireHarmless);
  }

  /// What is sorted by may be one where the engine sorts, and it does not show.
  private static void requireHarmless(AggregateCall call) {
    call.expressions().forEach(TrailUses::requireWhole);
    boolean counts = call.kind() == AggregateCall.Kind.COUNT;
    boolean asked = call.kind().isAsked();
    List<Expr> shown = counts ? List.of() : asked ? call.expressions().toList() : call.arguments();
    shown.forEach(TrailUses::requireNone);
    if (call.kind().isOrderedSet()) {
      call.expressions().forEach(TrailUses::requireNone);
    }
  }

  private static void requireNone(WindowCall call) {
    call.map(
        each -> {
          requireNone(each);
          return each;
        });
  }

  private static void requireNone(Expr expression) {
    requireWhole(expression);
    if (expression.type().isTrail()) {
      throw refused();
    }
  }

  /// An expression may be such a record, and has none inside.
  private static void requireWhole(Expr expression) {
    for (Expr part : Expressions.children(expression)) {
      if (part.type().isTrail() && !(expression instanceof Expr.Image)) {
        throw refused();
      }
      requireWhole(part);
    }
  }

  private static QueryRejected refused() {
    return QueryRejected.notYet(
        "unsupported_clause", "an expression of the column that SEARCH or CYCLE sets");
  }
}
