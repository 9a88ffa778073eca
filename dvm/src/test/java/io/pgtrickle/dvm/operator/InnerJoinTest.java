package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import org.junit.jupiter.api.Test;

final class InnerJoinTest {
  // Order id, customer id, region.
  private static final Plan JOIN = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
  private static final Plan SHOWN = project(JOIN, column(JOIN, 0), column(JOIN, 5));

  @Test
  void aMatchOfTwoNewRowsIsCountedOnce() {
    OneView view = new OneView(SHOWN);
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0"))
        .isEqualTo("+1 | 1 | north");
  }

  @Test
  void deletingBothSidesOfAMatchInOneEpochRetractsItOnce() {
    OneView view = new OneView(SHOWN);
    view.step("orders: +1 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0");
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "customers: -1 | 7 | north | 0"))
        .isEqualTo("-1 | 1 | north");
    assertThat(view.step("customers: +1 | 7 | north | 0")).isEmpty();
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a")).isEqualTo("+1 | 1 | north");
  }

  @Test
  void aPairThatNeverExistedLeavesNoTrace() {
    OneView view = new OneView(SHOWN);
    view.step("orders: +1 | 1 | 7 | 5 | a");
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0")).isEmpty();
    assertThat(view.step("customers: -1 | 7 | north | 0")).isEmpty();
  }

  @Test
  void movingARowToAnotherKeyWhileThatKeysMatchLeaves() {
    OneView view = new OneView(SHOWN);
    view.step(
        "orders: +1 | 1 | 7 | 5 | a",
        "customers: +1 | 7 | north | 0",
        "customers: +1 | 8 | south | 0");
    assertThat(
            view.step(
                "orders: -1 | 1 | 7 | 5 | a",
                "orders: +1 | 1 | 8 | 5 | a",
                "customers: -1 | 8 | south | 0"))
        .isEqualTo("-1 | 1 | north");
  }

  @Test
  void nullKeysMatchNothing() {
    OneView view = new OneView(SHOWN);
    assertThat(view.step("orders: +1 | 1 | NULL | 5 | a", "customers: +1 | NULL | north | 0"))
        .isEmpty();
  }

  @Test
  void weightsMultiply() {
    OneView view = new OneView(SHOWN);
    assertThat(view.step("orders: +3 | 1 | 7 | 5 | a", "customers: +2 | 7 | north | 0"))
        .isEqualTo("+6 | 1 | north");
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "customers: -1 | 7 | north | 0"))
        .isEqualTo("-4 | 1 | north");
  }

  @Test
  void aTableJoinedWithItselfSeesBothItsDeltas() {
    Plan self = join(ORDERS_SCAN, ORDERS_SCAN, null, 1, 1);
    OneView view = new OneView(project(self, column(self, 0), column(self, 4)));
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a", "orders: +1 | 2 | 7 | 5 | a"))
        .isEqualTo(rows("+1 | 1 | 1", "+1 | 1 | 2", "+1 | 2 | 1", "+1 | 2 | 2"));
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "orders: +1 | 3 | 7 | 5 | a"))
        .isEqualTo(
            rows(
                "-1 | 1 | 1",
                "-1 | 1 | 2",
                "-1 | 2 | 1",
                "+1 | 3 | 3",
                "+1 | 2 | 3",
                "+1 | 3 | 2"));
  }

  @Test
  void theResidualConditionIsJudgedPerPair() {
    OneView view =
        new OneView(
            project(
                join(
                    ORDERS_SCAN,
                    CUSTOMERS_SCAN,
                    call("int4gt", SqlType.BOOL, column(JOIN, 0), int4(1)),
                    1,
                    0),
                column(JOIN, 0)));
    assertThat(
            view.step(
                "orders: +1 | 1 | 7 | 5 | a",
                "orders: +1 | 2 | 7 | 5 | a",
                "orders: +1 | NULL | 7 | 5 | a",
                "customers: +1 | 7 | north | 0"))
        .isEqualTo("+1 | 2");
  }

  @Test
  void aResidualThatFailsOnlyOnAPhantomPairIsNoError() {
    OneView view =
        new OneView(
            join(
                ORDERS_SCAN,
                CUSTOMERS_SCAN,
                call(
                    "int4gt",
                    SqlType.BOOL,
                    call("int4div", SqlType.INT4, int4(1), column(JOIN, 0)),
                    int4(5)),
                1,
                0));
    view.step("orders: +1 | 0 | 7 | 5 | a");
    assertThat(view.step("orders: -1 | 0 | 7 | 5 | a", "customers: +1 | 7 | north | 0")).isEmpty();
    assertThat(view.step("orders: +1 | 0 | 7 | 5 | a")).isEqualTo("ERROR 22012");
    assertThat(view.step("customers: -1 | 7 | north | 0")).isEmpty();
  }
}
