package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.plan.Plan;

/// The rewrites, in the order that lets each find the work of those before it.
public final class Rewrites {
  private Rewrites() {}

  /// The plan that runs, for the plan as bound.
  public static Plan apply(Plan bound) {
    // First through projections and unions, so that subqueries do not hide conditions from joins.
    Plan plan = FilterPushdown.rewrite(bound);
    plan = JoinOrdering.rewrite(plan);
    // Joins have sorted out which conditions concern one input only; these sink on.
    plan = FilterPushdown.rewrite(plan);
    plan = ColumnPruning.rewrite(plan);
    return ProjectMerge.rewrite(plan);
  }
}
