package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.plan.Plan;

/// Puts what joins and functions in FROM are joined on in the order of evaluation, as
/// [Conjuncts#filter] does for filters: what cannot fail comes first, then the cheapest.
///
/// The server evaluates such a condition as a list and stops at the first part that is not true, so
/// that a row that fails one part is no error of the next.
final class ConditionOrder {
  private ConditionOrder() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, ConditionOrder::rewrite);
    if (over instanceof Plan.Join join && join.residual() != null) {
      return new Plan.Join(
          join.left(),
          join.right(),
          join.keys(),
          Conjuncts.inOrder(join.residual()),
          join.schema());
    }
    if (over instanceof Plan.Unfold unfold && unfold.condition() != null) {
      return new Plan.Unfold(
          unfold.input(),
          unfold.calls(),
          unfold.numbered(),
          unfold.kept(),
          Conjuncts.inOrder(unfold.condition()),
          unfold.asked(),
          unfold.schema());
    }
    return over;
  }
}
