package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.plan.Plan;

/// Lets those who recompute plans know that the order of a subquery decides about ties of what
/// reads it: to them an order is a part of the plan, as it is to the server.
public final class SubqueryOrder {
  private SubqueryOrder() {}

  /// The plan with the order of its inputs in the tie-breaks of what depends on it.
  public static Plan spelledOut(Plan bound) {
    return InputOrder.rewrite(bound);
  }
}
