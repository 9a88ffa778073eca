package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class GroupingSetsSplitTest {
  private static final AggregateCall COUNT =
      aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null);

  private static Plan sets(Plan input) {
    return new Plan.GroupingSets(
        input,
        List.of(column(input, 1), column(input, 3)),
        List.of(List.of(0, 1), List.of(1), List.of()),
        List.of(COUNT),
        List.of(List.of(0, 1)),
        Schema.ofTypes(
            List.of(column(input, 1).type(), column(input, 3).type(), SqlType.INT8, SqlType.INT4)));
  }

  private static List<Plan> aggregates(Plan plan) {
    List<Plan> found = new ArrayList<>();
    if (plan instanceof Plan.Aggregate) {
      found.add(plan);
    }
    plan.inputs().forEach(input -> found.addAll(aggregates(input)));
    return found;
  }

  @Test
  void everySetIsAGroupingOfTheSameInput() {
    Plan plan = Rewrites.apply(sets(join(ORDERS_SCAN, ORDERS_SCAN, null, 1, 1)));
    List<Plan> groupings = aggregates(plan);
    assertThat(groupings).hasSize(3);
    assertThat(groupings.stream().map(Plan::inputs).distinct()).hasSize(1);
  }

  @Test
  void aGroupingWithoutSetsStays() {
    Plan plan = group(ORDERS_SCAN, List.of(column(ORDERS_SCAN, 1)), COUNT);
    assertThat(GroupingSetsSplit.rewrite(plan)).isEqualTo(plan);
  }
}
