package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static io.pgtrickle.dvm.dataflow.WindowShapes.ascending;
import static io.pgtrickle.dvm.dataflow.WindowShapes.placed;
import static io.pgtrickle.dvm.dataflow.WindowShapes.sumOfIds;
import static io.pgtrickle.dvm.dataflow.WindowShapes.total;
import static io.pgtrickle.dvm.dataflow.WindowShapes.window;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.dataflow.WindowShapes;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.plan.WindowCall.Frame;
import io.pgtrickle.dvm.plan.WindowCall.Kind;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class WindowTest {
  private static final Expr ID = column(ORDERS_SCAN, 0);
  private static final Expr CUSTOMER = column(ORDERS_SCAN, 1);
  private static final Expr AMOUNT = column(ORDERS_SCAN, 2);

  // Order id and the results; per customer, by amount.
  private static OneView view(WindowCall... calls) {
    Plan windowed = window(ORDERS_SCAN, List.of(CUSTOMER), List.of(ascending(AMOUNT)), calls);
    Expr[] shown = new Expr[1 + calls.length];
    shown[0] = ID;
    for (int i = 0; i < calls.length; i++) {
      shown[i + 1] = column(windowed, 4 + i);
    }
    return new OneView(project(windowed, shown));
  }

  @Test
  void rowsBehindANewOneAreRenumbered() {
    OneView view = view(placed(Kind.ROW_NUMBER, SqlType.INT8));
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | a", "orders: +1 | 2 | 7 | 30 | a"))
        .isEqualTo(rows("+1 | 1 | 1", "+1 | 2 | 2"));
    assertThat(view.step("orders: +1 | 3 | 7 | 20 | a"))
        .isEqualTo(rows("-1 | 2 | 2", "+1 | 2 | 3", "+1 | 3 | 2"));
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | a"))
        .isEqualTo(rows("-1 | 1 | 1", "-1 | 3 | 2", "+1 | 3 | 1", "-1 | 2 | 3", "+1 | 2 | 2"));
  }

  @Test
  void otherPartitionsAreLeftAlone() {
    OneView view = view(placed(Kind.ROW_NUMBER, SqlType.INT8));
    view.step("orders: +1 | 1 | 7 | 10 | a", "orders: +1 | 2 | NULL | 30 | a");
    assertThat(view.step("orders: +1 | 3 | NULL | 20 | a"))
        .isEqualTo(rows("-1 | 2 | 1", "+1 | 2 | 2", "+1 | 3 | 1"));
  }

  @Test
  void aRowThatMovesBetweenPartitionsChangesBoth() {
    OneView view = view(sumOfIds(Frame.DEFAULT));
    view.step(
        "orders: +1 | 1 | 7 | 10 | a",
        "orders: +1 | 2 | 7 | 20 | a",
        "orders: +1 | 4 | 8 | 30 | a");
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | a", "orders: +1 | 1 | 8 | 10 | a"))
        .isEqualTo(rows("-1 | 2 | 3", "+1 | 2 | 2", "-1 | 4 | 4", "+1 | 4 | 5"));
  }

  @Test
  void aRowThatIsThereTwiceTakesTwoPlaces() {
    OneView view =
        view(
            placed(Kind.ROW_NUMBER, SqlType.INT8),
            placed(Kind.RANK, SqlType.INT8),
            placed(Kind.DENSE_RANK, SqlType.INT8));
    assertThat(view.step("orders: +2 | 1 | 7 | 10 | a", "orders: +1 | 2 | 7 | 20 | a"))
        .isEqualTo(rows("+1 | 1 | 1 | 1 | 1", "+1 | 1 | 2 | 1 | 1", "+1 | 2 | 3 | 3 | 2"));
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | a"))
        .isEqualTo(rows("-1 | 1 | 2 | 1 | 1", "-1 | 2 | 3 | 3 | 2", "+1 | 2 | 2 | 2 | 2"));
  }

  @Test
  void numbersThatLookDifferentArePeers() {
    OneView view = view(placed(Kind.RANK, SqlType.INT8), sumOfIds(Frame.DEFAULT));
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | a", "orders: +1 | 2 | 7 | 10.00 | a"))
        .isEqualTo(rows("+1 | 1 | 1 | 3", "+1 | 2 | 1 | 3"));
  }

  @Test
  void peersAreNumberedByTheirKeyWhateverCameFirst() {
    OneView view = view(placed(Kind.ROW_NUMBER, SqlType.INT8));
    view.step("orders: +1 | 2 | 7 | 10 | a");
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | z"))
        .isEqualTo(rows("+1 | 1 | 1", "-1 | 2 | 1", "+1 | 2 | 2"));
  }

  @Test
  void aGapIsClosedWhenARowGoes() {
    OneView view =
        view(placed(Kind.LAG, SqlType.INT4, ID), placed(Kind.LEAD, SqlType.INT4, ID, int4(1), ID));
    assertThat(
            view.step(
                "orders: +1 | 1 | 7 | 10 | a",
                "orders: +1 | 2 | 7 | 20 | a",
                "orders: +1 | 3 | 7 | 30 | a"))
        .isEqualTo(rows("+1 | 1 | NULL | 2", "+1 | 2 | 1 | 3", "+1 | 3 | 2 | 3"));
    assertThat(view.step("orders: -1 | 2 | 7 | 20 | a"))
        .isEqualTo(
            rows(
                "-1 | 2 | 1 | 3",
                "-1 | 1 | NULL | 2",
                "+1 | 1 | NULL | 3",
                "-1 | 3 | 2 | 3",
                "+1 | 3 | 1 | 3"));
  }

  @Test
  void theScaleOfASlidingSumShrinksWithItsValues() {
    AggregateCall sum = aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, AMOUNT);
    OneView view = view(total(WindowShapes.rows(1, 0), sum));
    assertThat(
            view.step(
                "orders: +1 | 1 | 7 | 1.000 | a",
                "orders: +1 | 2 | 7 | 2.0 | a",
                "orders: +1 | 3 | 7 | 3.0 | a"))
        .isEqualTo(rows("+1 | 1 | 1.000", "+1 | 2 | 3.000", "+1 | 3 | 5.0"));
  }

  @Test
  void aFailingArgumentIsAnErrorOnlyWhereItIsInTheFrame() {
    Expr failing = call("int4div", SqlType.INT4, int4(12), ID);
    OneView shifted = view(placed(Kind.LAG, SqlType.INT4, failing));
    assertThat(shifted.step("orders: +1 | 0 | 7 | 90 | a")).isEqualTo("+1 | 0 | NULL");
    assertThat(shifted.step("orders: +1 | 1 | 7 | 99 | a")).isEqualTo("ERROR 22012");
    assertThat(shifted.step("orders: -1 | 1 | 7 | 99 | a")).isEmpty();
    AggregateCall sum = aggregate(AggregateCall.Kind.SUM, SqlType.INT8, failing);
    OneView summed = view(total(Frame.DEFAULT, sum));
    assertThat(summed.step("orders: +1 | 1 | 7 | 10 | a")).isEqualTo("+1 | 1 | 12");
    assertThat(summed.step("orders: +1 | 0 | 7 | 20 | a")).isEqualTo("ERROR 22012");
    assertThat(summed.step("orders: -1 | 0 | 7 | 20 | a", "orders: +1 | 2 | 7 | 20 | a"))
        .isEqualTo("+1 | 2 | 18");
  }

  @Test
  void anUnusablePartCountIsAnError() {
    OneView view = view(placed(Kind.NTILE, SqlType.INT4, ID));
    assertThat(view.step("orders: +1 | 0 | 7 | 10 | a")).isEqualTo("ERROR 22014");
    assertThat(view.step("orders: -1 | 0 | 7 | 10 | a", "orders: +1 | 2 | 7 | 20 | a"))
        .isEqualTo("+1 | 2 | 1");
  }
}
