package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class AggregateTest {
  private static final Expr ID = column(ORDERS_SCAN, 0);
  private static final Expr CUSTOMER = column(ORDERS_SCAN, 1);
  private static final Expr AMOUNT = column(ORDERS_SCAN, 2);
  private static final Expr NOTE = column(ORDERS_SCAN, 3);
  private static final AggregateCall COUNT = aggregate(Kind.COUNT_ROWS, SqlType.INT8, null);

  private static OneView grouped(AggregateCall... calls) {
    return new OneView(group(ORDERS_SCAN, List.of(CUSTOMER), calls));
  }

  @Test
  void aGroupComesWithItsFirstRowAndGoesWithItsLast() {
    OneView view = grouped(COUNT);
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a", "orders: +2 | 2 | NULL | 5 | a"))
        .isEqualTo(rows("+1 | 7 | 1", "+1 | NULL | 2"));
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a", "orders: -1 | 2 | NULL | 5 | a"))
        .isEqualTo(rows("-1 | 7 | 1", "-1 | NULL | 2", "+1 | NULL | 1"));
    assertThat(view.step("orders: +1 | 3 | 7 | 5 | a")).isEqualTo("+1 | 7 | 1");
  }

  @Test
  void theArgumentIsEvaluatedForRowsOnlyThatPassTheFilter() {
    Expr quotient = call("int4div", SqlType.INT4, int4(10), ID);
    Expr filter = call("int4gt", SqlType.BOOL, CUSTOMER, int4(0));
    for (Kind kind : List.of(Kind.MAX, Kind.SUM, Kind.COUNT)) {
      for (boolean distinct : List.of(false, true)) {
        SqlType type = kind == Kind.MAX ? SqlType.INT4 : SqlType.INT8;
        OneView view =
            new OneView(
                group(ORDERS_SCAN, List.of(), aggregate(kind, type, quotient, distinct, filter)));
        // Of the unknown one, too, an AND would evaluate the quotient.
        String nothing = kind == Kind.COUNT ? "0" : "NULL";
        String one = kind == Kind.COUNT ? "1" : "5";
        assertThat(view.step("orders: +1 | 0 | NULL | 1 | a", "orders: +1 | 2 | 7 | 1 | a"))
            .as("%s, distinct %s", kind, distinct)
            .isEqualTo(rows("-1 | " + nothing, "+1 | " + one));
      }
    }
  }

  @Test
  void aGroupWhoseSumIsZeroStays() {
    OneView view = grouped(aggregate(Kind.SUM, SqlType.INT8, ID));
    view.step("orders: +1 | 3 | 7 | 5 | a");
    assertThat(view.step("orders: -1 | 3 | 7 | 5 | a", "orders: +1 | 0 | 7 | 5 | b"))
        .isEqualTo(rows("-1 | 7 | 3", "+1 | 7 | 0"));
  }

  @Test
  void anEpochThatCancelsInAGroupSaysNothing() {
    OneView view = grouped(COUNT, aggregate(Kind.SUM, SqlType.INT8, ID));
    view.step("orders: +1 | 3 | 7 | 5 | a");
    assertThat(view.step("orders: -1 | 3 | 7 | 5 | a", "orders: +1 | 3 | 7 | 6 | a")).isEmpty();
  }

  @Test
  void aggregatesOfNothingButNullsAreNullAndCountsZero() {
    OneView view =
        grouped(
            aggregate(Kind.COUNT, SqlType.INT8, AMOUNT),
            aggregate(Kind.SUM, SqlType.NUMERIC, AMOUNT),
            aggregate(Kind.AVG, SqlType.NUMERIC, AMOUNT),
            aggregate(Kind.MIN, SqlType.NUMERIC, AMOUNT),
            aggregate(Kind.MAX, SqlType.TEXT, NOTE));
    assertThat(view.step("orders: +2 | 1 | 7 | NULL | NULL"))
        .isEqualTo("+1 | 7 | 0 | NULL | NULL | NULL | NULL");
    assertThat(view.step("orders: +1 | 2 | 7 | 1.5 | b"))
        .isEqualTo(
            rows(
                "-1 | 7 | 0 | NULL | NULL | NULL | NULL",
                "+1 | 7 | 1 | 1.5 | 1.50000000000000000000 | 1.5 | b"));
  }

  @Test
  void theScaleOfASumShrinksWhenTheValueThatNeededItLeaves() {
    OneView view = grouped(aggregate(Kind.SUM, SqlType.NUMERIC, AMOUNT));
    assertThat(view.step("orders: +1 | 1 | 7 | 1.000 | a", "orders: +1 | 2 | 7 | 2.0 | a"))
        .isEqualTo("+1 | 7 | 3.000");
    assertThat(view.step("orders: -1 | 1 | 7 | 1.000 | a", "orders: +1 | 3 | 7 | 3.0 | a"))
        .isEqualTo(rows("-1 | 7 | 3.000", "+1 | 7 | 5.0"));
  }

  @Test
  void averagesOfIntegersHavePostgresScale() {
    OneView view = grouped(aggregate(Kind.AVG, SqlType.NUMERIC, ID));
    assertThat(view.step("orders: +1 | 1 | 7 | 1 | a", "orders: +1 | 2 | 7 | 1 | a"))
        .isEqualTo("+1 | 7 | 1.5000000000000000");
  }

  @Test
  void theExtremesFollowDeletionDuplicatesIncluded() {
    OneView view =
        grouped(aggregate(Kind.MIN, SqlType.INT4, ID), aggregate(Kind.MAX, SqlType.INT4, ID));
    view.step(
        "orders: +1 | 1 | 7 | 5 | a",
        "orders: +1 | 2 | 7 | 5 | a",
        "orders: +2 | 9 | 7 | 5 | a",
        "orders: +1 | 99 | 8 | 5 | a");
    assertThat(view.step("orders: -1 | 9 | 7 | 5 | a")).isEmpty();
    assertThat(view.step("orders: -1 | 9 | 7 | 5 | a"))
        .isEqualTo(rows("-1 | 7 | 1 | 9", "+1 | 7 | 1 | 2"));
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a"))
        .isEqualTo(rows("-1 | 7 | 1 | 2", "+1 | 7 | 2 | 2"));
  }

  @Test
  void distinctCountsEqualArgumentsOnce() {
    OneView view =
        grouped(
            aggregate(Kind.COUNT, SqlType.INT8, NOTE, true, null),
            aggregate(Kind.SUM, SqlType.INT8, ID, true, null));
    assertThat(
            view.step(
                "orders: +2 | 1 | 7 | 5 | a",
                "orders: +1 | 1 | 7 | 6 | b",
                "orders: +1 | 2 | 7 | 5 | NULL"))
        .isEqualTo("+1 | 7 | 2 | 3");
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a")).isEmpty();
    assertThat(view.step("orders: -1 | 1 | 7 | 5 | a"))
        .isEqualTo(rows("-1 | 7 | 2 | 3", "+1 | 7 | 1 | 3"));
  }

  @Test
  void aFilterDecidesPerRowAndItsFlipIsAChange() {
    Expr large = call("int4gt", SqlType.BOOL, ID, int4(10));
    OneView view =
        grouped(
            aggregate(Kind.COUNT_ROWS, SqlType.INT8, null, false, large),
            aggregate(Kind.MIN, SqlType.INT4, ID, false, large));
    assertThat(view.step("orders: +1 | 5 | 7 | 5 | a", "orders: +1 | NULL | 7 | 5 | a"))
        .isEqualTo("+1 | 7 | 0 | NULL");
    assertThat(view.step("orders: -1 | 5 | 7 | 5 | a", "orders: +1 | 50 | 7 | 5 | a"))
        .isEqualTo(rows("-1 | 7 | 0 | NULL", "+1 | 7 | 1 | 50"));
  }

  @Test
  void floatsLeaveNoResidue() {
    OneView view =
        new OneView(
            group(
                CUSTOMERS_SCAN,
                List.of(),
                aggregate(Kind.SUM, SqlType.FLOAT8, column(CUSTOMERS_SCAN, 2))));
    view.step("customers: +1 | 1 | a | 0.1", "customers: +1 | 2 | a | 1e300");
    assertThat(view.step("customers: -1 | 2 | a | 1e300"))
        .isEqualTo(rows("-1 | 1e+300", "+1 | 0.1"));
  }

  @Test
  void havingFlipsBothWays() {
    Plan counts = group(ORDERS_SCAN, List.of(CUSTOMER), COUNT);
    OneView view =
        new OneView(
            filter(
                counts,
                call(
                    "int8gt",
                    SqlType.BOOL,
                    column(counts, 1),
                    new Expr.Literal(1L, SqlType.INT8))));
    assertThat(view.step("orders: +1 | 1 | 7 | 5 | a")).isEmpty();
    assertThat(view.step("orders: +1 | 2 | 7 | 5 | a")).isEqualTo("+1 | 7 | 2");
    assertThat(view.step("orders: -1 | 2 | 7 | 5 | a")).isEqualTo("-1 | 7 | 2");
  }

  @Test
  void anArgumentThatFailsForOneRowHealsWithThatRow() {
    OneView view =
        grouped(
            COUNT, aggregate(Kind.SUM, SqlType.INT8, call("int4div", SqlType.INT4, int4(10), ID)));
    assertThat(view.step("orders: +1 | 0 | 7 | 5 | a", "orders: +1 | 5 | 7 | 5 | a"))
        .isEqualTo("ERROR 22012");
    assertThat(view.step("orders: -1 | 0 | 7 | 5 | a")).isEqualTo("+1 | 7 | 1 | 2");
  }
}
