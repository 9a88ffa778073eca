package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import org.junit.jupiter.api.Test;

final class InputOrderTest {
  private static final Plan ONE_ROW = new Plan.Values(List.of(List.of()), Schema.of());
  private static final SqlType ARRAY = SqlType.of(1007);
  private static final SetCall SERIES = series(int4(3));

  private static SetCall series(Expr stop) {
    Expr.Call called = (Expr.Call) call("generate_series", SqlType.INT4, int4(1), stop);
    return new SetCall(called, true, List.of(new Column("f", SqlType.INT4)));
  }

  private static Plan collected(Plan input, int column) {
    return group(input, List.of(), aggregate(Kind.ARRAY_AGG, ARRAY, column(input, column)));
  }

  private static AggregateCall call0(Plan plan) {
    return ((Plan.Aggregate) plan).calls().getFirst();
  }

  private static Plan.Unfold unfold(Plan plan) {
    return plan instanceof Plan.Unfold unfold ? unfold : unfold(plan.inputs().getFirst());
  }

  @Test
  void theRowsOfAFunctionAreTakenInItsOrder() {
    Plan rows = new Plan.Unfold(ONE_ROW, List.of(SERIES), false);
    Plan rewritten = InputOrder.rewrite(collected(rows, 0));
    assertThat(unfold(rewritten).numbered()).isTrue();
    assertThat(call0(rewritten).order())
        .containsExactly(Plan.SortKey.ascending(new Expr.Column(1, SqlType.INT8)));
    assertThat(rewritten.schema()).isEqualTo(collected(rows, 0).schema());
  }

  @Test
  void filtersAndProjectionsKeepTheOrder() {
    Plan rows = new Plan.Unfold(ONE_ROW, List.of(SERIES), false);
    Plan odd = filter(rows, call("int4gt", SqlType.BOOL, column(rows, 0), int4(1)));
    Plan rewritten = InputOrder.rewrite(collected(project(odd, column(odd, 0)), 0));
    assertThat(call0(rewritten).order())
        .containsExactly(Plan.SortKey.ascending(new Expr.Column(1, SqlType.INT8)));
    assertThat(((Plan.Project) ((Plan.Aggregate) rewritten).input()).expressions())
        .containsExactly(new Expr.Column(0, SqlType.INT4), new Expr.Column(1, SqlType.INT8));
  }

  @Test
  void rowsOfSeveralCallsComeCallByCall() {
    Plan rows = new Plan.Unfold(ORDERS_SCAN, List.of(series(column(ORDERS_SCAN, 1))), false);
    assertThat(call0(InputOrder.rewrite(collected(rows, 4))).order())
        .containsExactly(
            Plan.SortKey.ascending(new Expr.Image(List.of(column(ORDERS_SCAN, 0)))),
            Plan.SortKey.ascending(new Expr.Column(5, SqlType.INT8)));
    Plan chosen = filter(ORDERS_SCAN, new Expr.IsNull(column(ORDERS_SCAN, 3)));
    Plan others = new Plan.Unfold(chosen, List.of(series(column(ORDERS_SCAN, 1))), true);
    assertThat(call0(InputOrder.rewrite(collected(others, 4))).order())
        .as("by the key, which a filter keeps")
        .containsExactly(
            Plan.SortKey.ascending(new Expr.Image(List.of(column(ORDERS_SCAN, 0)))),
            Plan.SortKey.ascending(new Expr.Column(5, SqlType.INT8)));
    Plan shown = project(ORDERS_SCAN, column(ORDERS_SCAN, 1), column(ORDERS_SCAN, 2));
    Plan calls = new Plan.Unfold(shown, List.of(series(column(shown, 0))), true);
    assertThat(call0(InputOrder.rewrite(collected(calls, 2))).order())
        .as("by the key, which is handed up where it is not shown")
        .containsExactly(
            Plan.SortKey.ascending(new Expr.Column(4, SqlType.BYTEA)),
            Plan.SortKey.ascending(new Expr.Column(3, SqlType.INT8)));
    Plan.Scan keyless = new Plan.Scan(1, "keyless", List.of(), shown.schema());
    Plan alike = new Plan.Unfold(keyless, List.of(series(column(keyless, 0))), false);
    assertThat(call0(InputOrder.rewrite(collected(alike, 2))).order())
        .as("by all there is, and one after the other where that is alike")
        .containsExactly(
            Plan.SortKey.ascending(new Expr.Image(List.of(column(shown, 0), column(shown, 1)))),
            Plan.SortKey.ascending(new Expr.Column(3, SqlType.INT8)),
            Plan.SortKey.ascending(new Expr.Column(4, SqlType.INT8)));
  }

  @Test
  void rowsThatTieAreChosenInTheOrderOfTheirCalls() {
    Plan rows = new Plan.Unfold(ORDERS_SCAN, List.of(series(column(ORDERS_SCAN, 1))), false);
    Plan.SortKey sorted = Plan.SortKey.ascending(column(rows, 2));
    Plan top = new Plan.TopK(rows, List.of(), List.of(sorted), 0, 3, false);
    Plan.Project shown = (Plan.Project) InputOrder.rewrite(top);
    assertThat(((Plan.TopK) shown.input()).order())
        .containsExactly(
            sorted,
            Plan.SortKey.ascending(new Expr.Image(List.of(column(ORDERS_SCAN, 0)))),
            Plan.SortKey.ascending(new Expr.Column(5, SqlType.INT8)));
    assertThat(shown.schema()).isEqualTo(rows.schema());
  }

  @Test
  void whatHasAnOrderOrNeedsNoneStaysAsItIs() {
    Plan rows = new Plan.Unfold(ONE_ROW, List.of(SERIES), false);
    Expr value = column(rows, 0);
    AggregateCall sorted =
        new AggregateCall(
            Kind.ARRAY_AGG,
            aggregate(Kind.ARRAY_AGG, ARRAY, value).function(),
            List.of(value),
            List.of(new Plan.SortKey(value, true, true)),
            false,
            null,
            ARRAY);
    for (AggregateCall each :
        List.of(
            sorted,
            aggregate(Kind.ARRAY_AGG, ARRAY, value, true, null),
            aggregate(Kind.SUM, SqlType.INT8, value))) {
      Plan plan = group(rows, List.of(), each);
      assertThat(InputOrder.rewrite(plan)).isEqualTo(plan);
    }
  }

  @Test
  void rowsThatWentThroughAnythingElseHaveNoOrder() {
    Plan rows = new Plan.Unfold(ONE_ROW, List.of(SERIES), false);
    Plan twice = new Plan.Unfold(rows, List.of(series(column(rows, 0))), false);
    for (Plan input :
        List.of(ORDERS_SCAN, new Plan.Distinct(rows), join(rows, ORDERS_SCAN, null, 0, 0), twice)) {
      Plan plan = collected(input, 0);
      assertThat(InputOrder.rewrite(plan)).isEqualTo(plan);
    }
  }
}
