package io.pgtrickle.dvm.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.operator.WindowFrame.Bound;
import io.pgtrickle.dvm.operator.WindowFrame.Exclusion;
import io.pgtrickle.dvm.operator.WindowFunction.Counted;
import io.pgtrickle.dvm.operator.WindowFunction.FrameTotal;
import io.pgtrickle.dvm.operator.WindowFunction.Numbering;
import io.pgtrickle.dvm.operator.WindowFunction.Shifted;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

/// How many rows of a large partition a change makes a window look at.
final class WindowWorkTest {
  private static final int SIZE = 4_000;
  private static final Schema NUMBERS =
      Schema.of(new Column("n", SqlType.INT8), new Column("v", SqlType.INT8));
  private static final Evaluator VALUE = row -> NUMBERS.value(row, 1);
  private static final RowKey ORDER =
      new RowKey(
          List.of(
              new RowKey.Part(
                  row -> NUMBERS.value(row, 0), TypeCodec.of(SqlType.INT8), false, false)));

  private final CountingGroup group = new CountingGroup(ORDER);
  private long changed;

  // The even numbers.
  private Window over(WindowFunction... functions) {
    List<Column> columns = new ArrayList<>(NUMBERS.columns());
    for (WindowFunction function : functions) {
      columns.add(new Column("w", function instanceof FrameTotal ? SqlType.NUMERIC : SqlType.INT8));
    }
    Window window = new Window(ORDER, List.of(functions), NUMBERS, new Schema(columns));
    Map<Row, Long> all = new HashMap<>();
    for (long number = 0; number < SIZE; number++) {
      all.put(number(2 * number), 1L);
    }
    step(window, all);
    return window;
  }

  private static Row number(long n) {
    return NUMBERS.pack(n, n % 7 + 1);
  }

  /// Gives how many rows were looked at.
  private long step(Window window, Map<Row, Long> change) {
    changed = 0;
    return group.step(
        window,
        change,
        new Output() {
          @Override
          public void add(Row row, long weight) {
            changed += Math.abs(weight);
          }

          @Override
          public void fail(EvaluationFailure failure, long weight) {
            throw failure;
          }
        });
  }

  private static WindowFunction lag(long places) {
    return new Shifted(VALUE, _ -> places, null, false, OptionalLong.of(places));
  }

  private static FrameTotal sum(Bound start, Bound end) {
    return new FrameTotal(
        new Accumulator.NumericTotal(0, VALUE, null, Accumulator.NumericResult.NUMERIC_SUM),
        new WindowFrame(start, end, Exclusion.NONE));
  }

  @Test
  void neighboursCostAsManyRowsAsTheyAreAway() {
    Window window = over(lag(3), sum(new Bound.Rows(-2), new Bound.Rows(1)));
    assertThat(step(window, Map.of(number(4_001), 1L))).isLessThanOrEqualTo(40);
    // The new row, and those whose neighbour or frame it is in.
    assertThat(changed).isEqualTo(1 + 2 * 4);
    assertThat(step(window, Map.of(number(4_001), -1L))).isLessThanOrEqualTo(40);
  }

  @Test
  void numbersCostTheRowsThatAreRenumbered() {
    Window window = over(new Numbering(Counted.ROW_NUMBER), new Numbering(Counted.RANK));
    assertThat(step(window, Map.of(number(2L * SIZE), 1L))).isLessThanOrEqualTo(12);
    // A row that moves renumbers those between its places only.
    assertThat(step(window, Map.of(number(1_000), -1L, number(1_041), 1L)))
        .isLessThanOrEqualTo(2 * 21 + 12);
    assertThat(changed).isEqualTo(2 * 20 + 2);
  }

  @Test
  void runningTotalsCostTheRowsBehindTheChange() {
    Window window =
        over(
            sum(new Bound.Unbounded(), new Bound.Rows(0)),
            sum(new Bound.Unbounded(), new Bound.Groups(0)));
    assertThat(step(window, Map.of(number(2L * SIZE), 1L))).isLessThanOrEqualTo(16);
    assertThat(changed).isEqualTo(1);
    long behind = 100;
    assertThat(step(window, Map.of(number(2L * (SIZE - behind) + 1), 1L)))
        .isLessThanOrEqualTo(2 * behind + 20);
    assertThat(changed).isEqualTo(1 + 2 * behind);
  }

  @Test
  void whatDependsOnThePartitionAsAWholeCostsAllOfIt() {
    Window window = over(sum(new Bound.Unbounded(), new Bound.Unbounded()));
    assertThat(step(window, Map.of(number(2L * SIZE), 1L))).isBetween(2L * SIZE, 2L * SIZE + 10);
    assertThat(changed).isEqualTo(2L * SIZE + 1);
  }
}
