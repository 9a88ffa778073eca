package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.Plan.SetOperation.Kind;
import org.junit.jupiter.api.Test;

final class SetOperationTest {
  private static final Plan ORDERED = project(ORDERS_SCAN, column(ORDERS_SCAN, 1));
  private static final Plan KNOWN = project(CUSTOMERS_SCAN, column(CUSTOMERS_SCAN, 0));

  private static OneView view(Kind kind, boolean all) {
    return new OneView(new Plan.SetOperation(ORDERED, KNOWN, kind, all, ORDERED.schema()));
  }

  @Test
  void intersectAllKeepsAsManyAsTheRarerSideHas() {
    OneView view = view(Kind.INTERSECT, true);
    assertThat(view.step("orders: +3 | 1 | 7 | 5 | a")).isEmpty();
    assertThat(view.step("customers: +2 | 7 | north | 0")).isEqualTo("+2 | 7");
    assertThat(view.step("orders: -2 | 1 | 7 | 5 | a")).isEqualTo("-1 | 7");
    assertThat(view.step("customers: -2 | 7 | north | 0")).isEqualTo("-1 | 7");
  }

  @Test
  void intersectCountsARowOnce() {
    OneView view = view(Kind.INTERSECT, false);
    assertThat(view.step("orders: +3 | 1 | 7 | 5 | a", "customers: +2 | 7 | north | 0"))
        .isEqualTo("+1 | 7");
    assertThat(view.step("orders: -2 | 1 | 7 | 5 | a", "customers: -1 | 7 | north | 0")).isEmpty();
    assertThat(view.step("customers: -1 | 7 | north | 0")).isEqualTo("-1 | 7");
  }

  @Test
  void exceptAllSubtractsRowByRow() {
    OneView view = view(Kind.EXCEPT, true);
    assertThat(view.step("orders: +3 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0"))
        .isEqualTo("+2 | 7");
    assertThat(view.step("customers: +5 | 7 | south | 0")).isEqualTo("-2 | 7");
    assertThat(view.step("customers: -5 | 7 | south | 0", "orders: +1 | 2 | 7 | 5 | a"))
        .isEqualTo("+3 | 7");
  }

  @Test
  void exceptLetsNothingThroughThatIsOnTheOtherSide() {
    OneView view = view(Kind.EXCEPT, false);
    assertThat(view.step("orders: +3 | 1 | 7 | 5 | a")).isEqualTo("+1 | 7");
    assertThat(view.step("customers: +1 | 7 | north | 0")).isEqualTo("-1 | 7");
    assertThat(view.step("customers: -1 | 7 | north | 0", "orders: -3 | 1 | 7 | 5 | a")).isEmpty();
  }

  @Test
  void nullsAreEqual() {
    Plan left = project(ORDERS_SCAN, column(ORDERS_SCAN, 3));
    Plan right = project(CUSTOMERS_SCAN, column(CUSTOMERS_SCAN, 1));
    OneView view =
        new OneView(new Plan.SetOperation(left, right, Kind.EXCEPT, false, left.schema()));
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | NULL", "orders: +1 | 2 | 7 | 5 | x"))
        .isEqualTo(rows("+1 | NULL", "+1 | x"));
    assertThat(view.step("customers: +1 | 7 | NULL | 0")).isEqualTo("-1 | NULL");
  }

  @Test
  void theLookOfARowIsThatOfTheLeastOnTheLeft() {
    Plan amounts = project(ORDERS_SCAN, column(ORDERS_SCAN, 2));
    Plan none =
        io.pgtrickle.dvm.dataflow.Shapes.filter(
            amounts, new io.pgtrickle.dvm.expr.Expr.IsNull(column(amounts, 0)));
    OneView view =
        new OneView(new Plan.SetOperation(amounts, none, Kind.EXCEPT, true, amounts.schema()));
    view.step("orders: +1 | 1 | 7 | 5.0 | a", "orders: +1 | 2 | 7 | 5 | a");
    assertThat(view.step("orders: -1 | 2 | 7 | 5 | a")).isEqualTo(rows("-2 | 5", "+1 | 5.0"));
  }
}
