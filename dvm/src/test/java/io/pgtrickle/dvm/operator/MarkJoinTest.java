package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.markJoin;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.dataflow.OperatorCount;
import io.pgtrickle.dvm.dataflow.Shapes;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.dataflow.Tables;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.plan.Plan;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class MarkJoinTest {
  private static final Plan MARKED = markJoin(ORDERS_SCAN, CUSTOMERS_SCAN, 1, 0);
  // Order id, mark.
  private static final Plan SHOWN = project(MARKED, column(MARKED, 0), column(MARKED, 4));

  @Test
  void onlyTheFirstAndTheLastRowOfAKeyTurnTheMark() {
    OneView view = new OneView(SHOWN);
    assertThat(view.step("orders: +2 | 1 | 7 | 5 | a")).isEqualTo("+2 | 1 | f");
    assertThat(view.step("customers: +1 | 7 | north | 0"))
        .isEqualTo(rows("-2 | 1 | f", "+2 | 1 | t"));
    assertThat(view.step("customers: +3 | 7 | south | 0", "customers: -1 | 7 | north | 0"))
        .isEmpty();
    assertThat(view.step("customers: -2 | 7 | south | 0")).isEmpty();
    assertThat(view.step("customers: -1 | 7 | south | 0"))
        .isEqualTo(rows("-2 | 1 | t", "+2 | 1 | f"));
  }

  @Test
  void aRowIsMarkedByWhatIsThereAtTheEndOfTheEpoch() {
    OneView view = new OneView(SHOWN);
    view.step("customers: +1 | 7 | north | 0");
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a", "customers: -1 | 7 | north | 0"))
        .isEqualTo("+1 | 1 | f");
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0"))
        .isEqualTo("-1 | 1 | f");
  }

  @Test
  void aNullKeyIsNeverMarked() {
    OneView view = new OneView(SHOWN);
    view.step("customers: +1 | 7 | north | 0");
    assertThat(view.step("orders: +1 | 1 | NULL | 5 | a")).isEqualTo("+1 | 1 | f");
  }

  @Test
  void aFurtherRowOfAKeyCostsNothingHoweverManyItMarks() {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 5001, "v", MARKED, Shapes.SETTINGS));
    dataflow.step(
        Map.of(
            Shapes.ORDERS_OID, Tables.zset(Shapes.ORDERS, "+5000 | 1 | 7 | 5 | a"),
            Shapes.CUSTOMERS_OID, Tables.zset(Shapes.CUSTOMERS, "+1 | 7 | north | 0")),
        _ -> true);
    StepResult result =
        dataflow.step(
            Map.of(Shapes.CUSTOMERS_OID, Tables.zset(Shapes.CUSTOMERS, "+1 | 7 | south | 0")),
            _ -> true);
    assertThat(result.operators()).extracting(OperatorCount::rowsOut).containsExactly(1L, 1L, 0L);
  }
}
