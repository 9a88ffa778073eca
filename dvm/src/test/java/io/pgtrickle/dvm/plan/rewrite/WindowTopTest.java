package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.WindowShapes.ascending;
import static io.pgtrickle.dvm.dataflow.WindowShapes.placed;
import static io.pgtrickle.dvm.dataflow.WindowShapes.sumOfIds;
import static io.pgtrickle.dvm.dataflow.WindowShapes.window;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.plan.WindowCall.Frame;
import io.pgtrickle.dvm.plan.WindowCall.Kind;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class WindowTopTest {
  private static final WindowCall NUMBER = placed(Kind.ROW_NUMBER, SqlType.INT8);
  private static final WindowCall RANK = placed(Kind.RANK, SqlType.INT8);

  private static Plan windowed(WindowCall... calls) {
    return window(
        ORDERS_SCAN,
        List.of(column(ORDERS_SCAN, 1)),
        List.of(ascending(column(ORDERS_SCAN, 2))),
        calls);
  }

  private static Plan.TopK top(Plan filtered) {
    Plan rewritten = WindowTop.rewrite(filtered);
    assertThat(rewritten).isInstanceOf(Plan.Filter.class);
    assertThat(rewritten.schema()).isEqualTo(filtered.schema());
    Plan below = rewritten.inputs().getFirst().inputs().getFirst();
    assertThat(below).isInstanceOf(Plan.TopK.class);
    return (Plan.TopK) below;
  }

  @Test
  void firesOnAnUpperBoundOfRowNumbers() {
    Plan numbered = windowed(NUMBER, placed(Kind.DENSE_RANK, SqlType.INT8));
    Expr number = column(numbered, 4);
    assertThat(top(filter(numbered, call("int84le", SqlType.BOOL, number, int4(3)))).limit())
        .isEqualTo(3);
    assertThat(top(filter(numbered, call("int84lt", SqlType.BOOL, number, int4(3)))).limit())
        .isEqualTo(2);
    assertThat(top(filter(numbered, call("int48gt", SqlType.BOOL, int4(3), number))).limit())
        .isEqualTo(2);
    Plan.TopK one = top(filter(numbered, call("int84eq", SqlType.BOOL, number, int4(1))));
    assertThat(one.limit()).isEqualTo(1);
    assertThat(one.ties()).isFalse();
    assertThat(one.partition()).containsExactly(column(ORDERS_SCAN, 1));
  }

  @Test
  void firesOnRanksWithTheirTies() {
    Plan ranked = windowed(RANK, NUMBER, placed(Kind.LAG, SqlType.INT4, column(ORDERS_SCAN, 0)));
    Plan.TopK top = top(filter(ranked, call("int84le", SqlType.BOOL, column(ranked, 4), int4(2))));
    assertThat(top.ties()).isTrue();
  }

  @Test
  void doesNotFireOnALowerBound() {
    Plan numbered = windowed(NUMBER);
    Plan filtered = filter(numbered, call("int84ge", SqlType.BOOL, column(numbered, 4), int4(3)));
    assertThat(WindowTop.rewrite(filtered)).isEqualTo(filtered);
  }

  @Test
  void doesNotFireWhereAFunctionSeesTheRowsBehind() {
    for (WindowCall other :
        List.of(
            sumOfIds(Frame.DEFAULT),
            placed(Kind.LEAD, SqlType.INT4, column(ORDERS_SCAN, 0)),
            placed(Kind.CUME_DIST, SqlType.FLOAT8))) {
      Plan numbered = windowed(NUMBER, other);
      Plan filtered = filter(numbered, call("int84le", SqlType.BOOL, column(numbered, 4), int4(3)));
      assertThat(WindowTop.rewrite(filtered)).isEqualTo(filtered);
    }
  }

  @Test
  void doesNotFireOnABoundThatNoRowMeets() {
    Plan numbered = windowed(NUMBER);
    Plan filtered = filter(numbered, call("int84lt", SqlType.BOOL, column(numbered, 4), int4(1)));
    assertThat(WindowTop.rewrite(filtered)).isEqualTo(filtered);
  }
}
