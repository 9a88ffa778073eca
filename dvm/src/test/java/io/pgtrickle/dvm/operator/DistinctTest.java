package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.plan.Plan;
import org.junit.jupiter.api.Test;

final class DistinctTest {
  private static final Plan CUSTOMERS =
      new Plan.Distinct(project(ORDERS_SCAN, column(ORDERS_SCAN, 1)));
  private static final Plan AMOUNTS =
      new Plan.Distinct(project(ORDERS_SCAN, column(ORDERS_SCAN, 2)));

  @Test
  void duplicatesAppearOnceAndLeaveWithTheLast() {
    OneView view = new OneView(CUSTOMERS);
    assertThat(view.step("orders: +2 | 1 | 7 | 5 | a")).isEqualTo("+1 | 7");
    assertThat(view.step("orders: +1 | 2 | 7 | 5 | a")).isEmpty();
    assertThat(view.step("orders: -2 | 1 | 7 | 5 | a")).isEmpty();
    assertThat(view.step("orders: -1 | 2 | 7 | 5 | a")).isEqualTo("-1 | 7");
  }

  @Test
  void nullsAreOneClass() {
    OneView view = new OneView(CUSTOMERS);
    assertThat(view.step("orders: +1 | 1 | NULL | 5 | a", "orders: +1 | 2 | NULL | 5 | b"))
        .isEqualTo("+1 | NULL");
    assertThat(view.step("orders: -1 | 2 | NULL | 5 | b")).isEmpty();
  }

  @Test
  void equalNumbersOfDifferentScaleAreOneClassShownByARowThatIsPresent() {
    OneView view = new OneView(AMOUNTS);
    String shown = view.step("orders: +1 | 1 | 7 | 1.00 | a", "orders: +1 | 2 | 7 | 1.0 | a");
    assertThat(shown).isIn("+1 | 1.0", "+1 | 1.00");
    boolean one = shown.equals("+1 | 1.0");
    String gone = one ? "orders: -1 | 2 | 7 | 1.0 | a" : "orders: -1 | 1 | 7 | 1.00 | a";
    assertThat(view.step(gone))
        .isEqualTo(one ? rows("-1 | 1.0", "+1 | 1.00") : rows("-1 | 1.00", "+1 | 1.0"));
  }

  @Test
  void theRepresentativeDoesNotDependOnTheOrderOfArrival() {
    OneView first = new OneView(AMOUNTS);
    first.step("orders: +1 | 1 | 7 | 1.00 | a");
    first.step("orders: +1 | 2 | 7 | 1.0 | a");
    OneView second = new OneView(AMOUNTS);
    second.step("orders: +1 | 2 | 7 | 1.0 | a");
    second.step("orders: +1 | 1 | 7 | 1.00 | a");
    String all = "orders: -1 | 1 | 7 | 1.00 | a";
    String other = "orders: -1 | 2 | 7 | 1.0 | a";
    assertThat(first.step(all, other)).isEqualTo(second.step(all, other)).isNotEmpty();
  }
}
