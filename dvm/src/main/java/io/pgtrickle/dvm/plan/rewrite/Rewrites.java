package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;

/// The rewrites, in the order that lets each find the work of those before it.
public final class Rewrites {
  private Rewrites() {}

  /// The bound plan with only those rewrites that it cannot run without.
  public static Plan necessary(Plan bound) {
    return ConditionOrder.rewrite(
        GroupingSetsSplit.rewrite(
            ResidualSplit.rewrite(
                TemporalFilters.rewrite(
                    Unnesting.rewrite(
                        TemporalAggregates.rewrite(InputOrder.rewrite(subqueries(bound))))))));
  }

  private static Plan subqueries(Plan bound) {
    return RowSubqueries.rewrite(
        ArraySubqueries.rewrite(QuestionGuards.rewrite(Trails.rewrite(bound))));
  }

  /// The plan that runs, for a plan as bound that is native throughout.
  public static Plan apply(Plan bound) {
    return apply(
        bound, Tiers.NATIVE, Orderings.ofKeys(), EvaluationSettings.of("UTC", Collation.C));
  }

  /// The plan that runs, for the plan as bound.
  ///
  /// @param tiers of what is native and what is asked for
  /// @param orderings of what is compared by its bytes and what needs labels
  /// @param settings those under which the plan will run
  public static Plan apply(
      Plan bound, Tiers tiers, Orderings orderings, EvaluationSettings settings) {
    // Before subqueries are joins: what is called once for each row is called for all then.
    // And first: an aggregate over nothing may be anything, which unnesting need not know then.
    Plan plan = InputOrder.rewrite(subqueries(bound));
    plan = TemporalAggregates.rewrite(plan);
    plan = AskedAggregates.rewrite(plan, tiers);
    plan = Unnesting.rewrite(plan);
    // What is constant cannot fail, which the following ask about.
    plan = SpelledOut.rewrite(ConstantFolding.rewrite(plan, settings), settings);
    // First through projections and unions, so that subqueries do not hide conditions from joins.
    plan = FilterPushdown.rewrite(plan, settings);
    plan = TruthTests.rewrite(plan);
    plan = OuterJoinKeys.rewrite(plan);
    // Now that conditions on computed columns have sunk to where these are computed.
    plan = LateColumns.rewrite(plan);
    plan = JoinOrdering.rewrite(plan);
    // Joins have sorted out which conditions concern one input only; these sink on.
    plan = FilterPushdown.rewrite(plan, settings);
    plan = MarkPushdown.rewrite(plan);
    plan = TemporalFilters.rewrite(plan);
    plan = WindowTop.rewrite(plan);
    plan = ColumnPruning.rewrite(plan);
    // Now that the rows are as narrow as they get: their images are keys.
    plan = ResidualSplit.rewrite(plan);
    plan = GroupingSetsSplit.rewrite(plan);
    plan = ProjectMerge.rewrite(plan);
    // Last: what stands in the way of other rewrites is an expression like any other until here.
    plan = ConditionOrder.rewrite(ServerTier.rewrite(plan, tiers));
    return ProjectMerge.rewrite(OrderLabels.rewrite(plan, orderings));
  }
}
