package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.outerJoin;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class OuterJoinTest {
  // Order id, region.
  private static Plan shown(Plan.Kept kept) {
    Plan join = outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, kept, null, 1, 0);
    return project(join, column(join, 0), column(join, 5));
  }

  @Test
  void theFirstMatchReplacesThePaddedRowAndTheLastOneLeavesIt() {
    OneView view = new OneView(shown(Plan.Kept.LEFT));
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a")).isEqualTo("+1 | 1 | NULL");
    assertThat(view.step("customers: +1 | 7 | north | 0"))
        .isEqualTo(rows("-1 | 1 | NULL", "+1 | 1 | north"));
    assertThat(view.step("customers: +1 | 7 | south | 0")).isEqualTo("+1 | 1 | south");
    assertThat(view.step("customers: -1 | 7 | north | 0")).isEqualTo("-1 | 1 | north");
    assertThat(view.step("customers: -1 | 7 | south | 0"))
        .isEqualTo(rows("-1 | 1 | south", "+1 | 1 | NULL"));
  }

  @Test
  void ofAConditionNothingIsEvaluatedBehindWhatIsNotTrue() {
    Expr quotient = call("int4div", SqlType.INT4, int4(10), new Expr.Column(4, SqlType.INT4));
    Expr condition =
        new Expr.And(
            List.of(
                call("int4gt", SqlType.BOOL, quotient, int4(1)),
                call(
                    "int4lt",
                    SqlType.BOOL,
                    column(ORDERS_SCAN, 1),
                    new Expr.Column(4, SqlType.INT4))));
    Plan join = outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.LEFT, condition, 0, 0);
    OneView view = new OneView(Rewrites.apply(project(join, column(join, 0), column(join, 5))));
    assertThat(view.step("orders: +1 | 0 | NULL | 5 | a", "customers: +1 | 0 | north | 0"))
        .isEqualTo("+1 | 0 | NULL");
    assertThat(view.step("orders: +1 | 0 | 1 | 5 | a")).isEqualTo("+1 | 0 | NULL");
    assertThat(view.step("orders: +1 | 2 | 1 | 5 | a", "customers: +1 | 2 | south | 0"))
        .isEqualTo("+1 | 2 | south");
    assertThat(view.step("orders: +1 | 0 | -1 | 5 | a")).isEqualTo("ERROR 22012");
  }

  @Test
  void aMatchThatComesAndGoesInOneEpochShowsNothing() {
    OneView view = new OneView(shown(Plan.Kept.LEFT));
    view.step("orders: +1 | 1 | 7 | 5 | a");
    assertThat(view.step("customers: +1 | 7 | north | 0", "customers: -1 | 7 | north | 0"))
        .isEmpty();
  }

  @Test
  void aMatchThatIsReplacedPadsNothing() {
    OneView view = new OneView(shown(Plan.Kept.BOTH));
    view.step("orders: +1 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0");
    assertThat(view.step("customers: -1 | 7 | north | 0", "customers: +1 | 7 | south | 0"))
        .isEqualTo(rows("-1 | 1 | north", "+1 | 1 | south"));
  }

  @Test
  void bothSidesLeavingAtOnceRetractsThePairOnly() {
    OneView view = new OneView(shown(Plan.Kept.BOTH));
    view.step("orders: +2 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0");
    assertThat(view.step("orders: -2 | 1 | 7 | 5 | a", "customers: -1 | 7 | north | 0"))
        .isEqualTo("-2 | 1 | north");
  }

  @Test
  void eachSideOfAFullJoinIsPaddedWhenTheOtherGoes() {
    OneView view = new OneView(shown(Plan.Kept.BOTH));
    view.step("orders: +2 | 1 | 7 | 5 | a", "customers: +1 | 7 | north | 0");
    assertThat(view.step("orders: -2 | 1 | 7 | 5 | a"))
        .isEqualTo(rows("-2 | 1 | north", "+1 | NULL | north"));
    assertThat(view.step("orders: +1 | 3 | 7 | 5 | a", "customers: -1 | 7 | north | 0"))
        .isEqualTo(rows("-1 | NULL | north", "+1 | 3 | NULL"));
  }

  @Test
  void aNullKeyMatchesNothingAndItsRowsStay() {
    OneView left = new OneView(shown(Plan.Kept.LEFT));
    assertThat(left.step("orders: +3 | 1 | NULL | 5 | a")).isEqualTo("+3 | 1 | NULL");
    OneView right = new OneView(shown(Plan.Kept.RIGHT));
    assertThat(right.step("orders: +3 | 1 | NULL | 5 | a")).isEmpty();
    Plan self = outerJoin(ORDERS_SCAN, ORDERS_SCAN, Plan.Kept.BOTH, null, 1, 1);
    OneView full = new OneView(project(self, column(self, 0), column(self, 4)));
    assertThat(full.step("orders: +1 | 1 | NULL | 5 | a"))
        .isEqualTo(rows("+1 | 1 | NULL", "+1 | NULL | 1"));
    assertThat(full.step("orders: -1 | 1 | NULL | 5 | a"))
        .isEqualTo(rows("-1 | 1 | NULL", "-1 | NULL | 1"));
  }
}
