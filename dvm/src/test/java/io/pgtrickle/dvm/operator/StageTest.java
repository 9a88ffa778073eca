package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static io.pgtrickle.dvm.dataflow.Shapes.unionAll;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import org.junit.jupiter.api.Test;

final class StageTest {
  private static final Expr ID = column(ORDERS_SCAN, 0);
  private static final Expr CUSTOMER = column(ORDERS_SCAN, 1);
  private static final Expr TENTH = call("int4div", SqlType.INT4, int4(10), ID);

  @Test
  void aFilterDropsFalseAndNullAlike() {
    OneView view =
        new OneView(project(filter(ORDERS_SCAN, call("int4gt", SqlType.BOOL, ID, CUSTOMER)), ID));
    assertThat(
            view.step(
                "orders: +1 | 2 | 1 | 5 | a",
                "orders: +1 | 1 | 2 | 5 | a",
                "orders: +1 | 3 | NULL | 5 | a"))
        .isEqualTo("+1 | 2");
  }

  @Test
  void anUpdateMovesARowInAndOutOfAFilter() {
    OneView view =
        new OneView(project(filter(ORDERS_SCAN, call("int4gt", SqlType.BOOL, ID, CUSTOMER)), ID));
    view.step("orders: +1 | 2 | 1 | 5 | a");
    assertThat(view.step("orders: -1 | 2 | 1 | 5 | a", "orders: +1 | 2 | 9 | 5 | a"))
        .isEqualTo("-1 | 2");
    assertThat(view.step("orders: -1 | 2 | 9 | 5 | a", "orders: +1 | 2 | 0 | 5 | a"))
        .isEqualTo("+1 | 2");
  }

  @Test
  void rowsThatAProjectionMakesEqualAddUp() {
    OneView view = new OneView(project(ORDERS_SCAN, CUSTOMER));
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a", "orders: +2 | 2 | 7 | 5 | b"))
        .isEqualTo("+3 | 7");
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "orders: +1 | 3 | 7 | 5 | b")).isEmpty();
  }

  @Test
  void anErrorBehindAFilterIsNotRaised() {
    Plan guarded = filter(ORDERS_SCAN, call("int4gt", SqlType.BOOL, ID, int4(0)));
    OneView view = new OneView(project(guarded, TENTH));
    assertThat(view.step("orders: +1 | 0 | 7 | 5 | a", "orders: +1 | 5 | 7 | 5 | a"))
        .isEqualTo("+1 | 2");
  }

  @Test
  void anErrorInAnyStageOfAChainIsTheRowsError() {
    Plan chain =
        filter(
            project(ORDERS_SCAN, TENTH, CUSTOMER),
            call("int4gt", SqlType.BOOL, new Expr.Column(0, SqlType.INT4), int4(1)));
    OneView view = new OneView(chain);
    assertThat(view.step("orders: +1 | 0 | 7 | 5 | a", "orders: +1 | 2 | 7 | 5 | a"))
        .isEqualTo("ERROR 22012");
    assertThat(view.step("orders: -1 | 0 | 7 | 5 | a")).isEqualTo("+1 | 5 | 7");
  }

  @Test
  void anInsertionUndoneInTheSameEpochRaisesNothing() {
    OneView view = new OneView(project(ORDERS_SCAN, TENTH));
    assertThat(
            view.step(
                "orders: +1 | 0 | 7 | 5 | a",
                "orders: -1 | 0 | 7 | 5 | a",
                "orders: +1 | 1 | 7 | 5 | a"))
        .isEqualTo("+1 | 10");
  }

  @Test
  void unionAllKeepsDuplicatesOfItsInputs() {
    OneView view = new OneView(unionAll(project(ORDERS_SCAN, ID), project(ORDERS_SCAN, CUSTOMER)));
    assertThat(view.step("orders: +1 | 7 | 7 | 5 | a", "orders: +1 | 7 | 8 | 5 | a"))
        .isEqualTo(rows("+3 | 7", "+1 | 8"));
  }
}
