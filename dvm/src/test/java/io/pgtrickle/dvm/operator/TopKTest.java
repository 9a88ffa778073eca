package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class TopKTest {
  // Order id and customer; the smallest amounts first.
  private static OneView view(long offset, long limit, boolean ties, Expr... partition) {
    Plan.SortKey byAmount = new Plan.SortKey(column(ORDERS_SCAN, 2), false, false);
    Plan top =
        new Plan.TopK(ORDERS_SCAN, List.of(partition), List.of(byAmount), offset, limit, ties);
    return new OneView(project(top, column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 1)));
  }

  @Test
  void aRowThatEntersPushesOneOutAndOneThatLeavesLetsItBack() {
    OneView view = view(0, 2, false);
    view.step("orders: +1 | 1 | 7 | 10 | a", "orders: +1 | 2 | 7 | 20 | a");
    assertThat(view.step("orders: +1 | 3 | 7 | 15 | a"))
        .isEqualTo(rows("-1 | 2 | 7", "+1 | 3 | 7"));
    assertThat(view.step("orders: +1 | 4 | 7 | 99 | a")).isEmpty();
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | a"))
        .isEqualTo(rows("-1 | 1 | 7", "+1 | 2 | 7"));
  }

  @Test
  void aRowOfSeveralIsCutByTheEndsOfTheWindow() {
    OneView view = view(1, 2, false);
    assertThat(view.step("orders: +5 | 1 | 7 | 10 | a")).isEqualTo("+2 | 1 | 7");
    assertThat(view.step("orders: -3 | 1 | 7 | 10 | a", "orders: +1 | 2 | 7 | 20 | a"))
        .isEqualTo(rows("-1 | 1 | 7", "+1 | 2 | 7"));
  }

  @Test
  void rowsThatTieWithTheLastComeAlong() {
    OneView view = view(0, 2, true);
    view.step("orders: +1 | 1 | 7 | 10 | a", "orders: +1 | 2 | 7 | 20 | a");
    assertThat(view.step("orders: +2 | 3 | 7 | 20.0 | a")).isEqualTo("+2 | 3 | 7");
    assertThat(view.step("orders: +1 | 4 | 7 | 5 | a"))
        .isEqualTo(rows("+1 | 4 | 7", "-1 | 2 | 7", "-2 | 3 | 7"));
  }

  @Test
  void eachPartitionHasItsOwnWindow() {
    OneView view = view(0, 1, false, column(ORDERS_SCAN, 1));
    assertThat(
            view.step(
                "orders: +1 | 1 | 7 | 10 | a",
                "orders: +1 | 2 | 8 | 20 | a",
                "orders: +1 | 3 | NULL | NULL | a"))
        .isEqualTo(rows("+1 | 1 | 7", "+1 | 2 | 8", "+1 | 3 | NULL"));
    assertThat(view.step("orders: +1 | 4 | NULL | 5 | a", "orders: +1 | 5 | 8 | 21 | a"))
        .isEqualTo(rows("-1 | 3 | NULL", "+1 | 4 | NULL"));
  }

  @Test
  void whoIsFirstAmongTiesDoesNotDependOnHistory() {
    OneView one = view(0, 1, false);
    one.step("orders: +1 | 2 | 7 | 10 | a");
    one.step("orders: +1 | 1 | 7 | 10 | a");
    OneView other = view(0, 1, false);
    other.step("orders: +1 | 1 | 7 | 10 | a");
    assertThat(other.step("orders: +1 | 2 | 7 | 10 | a")).isEmpty();
    assertThat(one.step("orders: -1 | 1 | 7 | 10 | a")).isEqualTo(rows("-1 | 1 | 7", "+1 | 2 | 7"));
  }

  @Test
  void aLimitOfNothingShowsNothing() {
    OneView view = view(0, 0, true);
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | a")).isEmpty();
  }

  @Test
  void anOffsetBeyondTheEndShowsNothingUntilThereAreMoreRows() {
    OneView view = view(2, 5, false);
    assertThat(view.step("orders: +2 | 1 | 7 | 10 | a")).isEmpty();
    assertThat(view.step("orders: +1 | 2 | 7 | 5 | a")).isEqualTo("+1 | 1 | 7");
    assertThat(view.step("orders: -2 | 1 | 7 | 10 | a", "orders: -1 | 2 | 7 | 5 | a"))
        .isEqualTo("-1 | 1 | 7");
  }

  @Test
  void aLimitBeyondAllNumbersIsNone() {
    OneView view = view(1, Long.MAX_VALUE, false);
    assertThat(view.step("orders: +3 | 1 | 7 | 10 | a")).isEqualTo("+2 | 1 | 7");
  }

  @Test
  void aTieWithTheLastRowEndsWhenThatRowLeaves() {
    OneView view = view(1, 1, true);
    view.step(
        "orders: +1 | 1 | 7 | 10 | a",
        "orders: +1 | 2 | 7 | 20 | a",
        "orders: +1 | 3 | 7 | 20 | a",
        "orders: +1 | 4 | 7 | 30 | a");
    assertThat(view.step("orders: -1 | 2 | 7 | 20 | a")).isEqualTo("-1 | 2 | 7");
    assertThat(view.step("orders: -1 | 3 | 7 | 20 | a"))
        .isEqualTo(rows("-1 | 3 | 7", "+1 | 4 | 7"));
  }

  private static final Schema NUMBERS =
      Schema.of(new Column("number", SqlType.INT8), new Column("group", SqlType.INT8));

  private static CountingGroup sortedNumbers() {
    RowKey key =
        new RowKey(
            List.of(
                new RowKey.Part(
                    row -> NUMBERS.value(row, 0), TypeCodec.of(SqlType.INT8), true, false)));
    return new CountingGroup(key);
  }

  private static final class Rows implements Output {
    private final Map<Row, Long> rows = new HashMap<>();

    @Override
    public void add(Row row, long weight) {
      rows.merge(row, weight, Long::sum);
    }

    @Override
    public void fail(EvaluationFailure failure, long weight) {
      throw failure;
    }

    long entries() {
      return rows.values().stream().filter(weight -> weight != 0).count();
    }
  }

  @Test
  void theWorkIsThatOfTheChangeWhateverTheLimit() {
    CountingGroup group = sortedNumbers();
    TopK top = new TopK(1_000, 2_000, null);
    Map<Row, Long> all = new HashMap<>();
    for (long number = 0; number < 4_000; number++) {
      all.put(NUMBERS.pack(number * 2, 0L), 1L + number % 3);
    }
    group.step(top, all, new Rows());
    Random random = new Random(7);
    for (int epoch = 0; epoch < 40; epoch++) {
      Map<Row, Long> change = new HashMap<>();
      int size = 1 + random.nextInt(4);
      for (int i = 0; i < size; i++) {
        change.put(NUMBERS.pack(1 + 2L * random.nextInt(4_000), (long) epoch), 1L);
      }
      // Per end of the window the change, as many rows between its positions, and what it is found
      // by.
      assertThat(group.step(top, change, new Rows())).isLessThanOrEqualTo(2 * (2L * size + 4));
    }
  }

  @Test
  void tiesCostWhatTheyShow() {
    CountingGroup group = sortedNumbers();
    RowKey peers =
        new RowKey(
            List.of(
                new RowKey.Part(
                    row -> NUMBERS.value(row, 0), TypeCodec.of(SqlType.INT8), true, false)));
    TopK top = new TopK(0, 1_000, peers);
    Map<Row, Long> all = new HashMap<>();
    for (long number = 0; number < 3_000; number++) {
      all.put(NUMBERS.pack(number / 10, number), 1L);
    }
    group.step(top, all, new Rows());
    Rows out = new Rows();
    // The 1,000th row is the last of ten that tie; one more lets none of them go.
    long touched = group.step(top, Map.of(NUMBERS.pack(299L, -1L), 1L), out);
    assertThat(out.entries()).isEqualTo(1);
    assertThat(touched).isLessThanOrEqualTo(6);
    // With two fewer the next ten come in.
    out = new Rows();
    touched =
        group.step(top, Map.of(NUMBERS.pack(299L, -1L), -1L, NUMBERS.pack(299L, 2_990L), -1L), out);
    assertThat(out.entries()).isEqualTo(12);
    assertThat(touched).isLessThanOrEqualTo(20);
  }
}
