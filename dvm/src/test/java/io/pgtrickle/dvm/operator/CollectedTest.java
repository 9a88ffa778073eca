package io.pgtrickle.dvm.operator;

import static io.pgtrickle.dvm.dataflow.OneView.rows;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.dataflow.OneView;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.operator.Collected.Collector;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class CollectedTest {
  private static final Expr AMOUNT = column(ORDERS_SCAN, 2);
  private static final Expr NOTE = column(ORDERS_SCAN, 3);
  private static final Plan.SortKey DEAREST = new Plan.SortKey(AMOUNT, true, false);

  // Per customer.
  private static OneView view(
      Kind kind, SqlType type, boolean distinct, List<Plan.SortKey> order, Expr... arguments) {
    Signature signature =
        new Signature(0, "pg_catalog", kind.name(), List.of(), type.oid(), false, 'i');
    AggregateCall call =
        new AggregateCall(kind, signature, List.of(arguments), order, distinct, null, type);
    return new OneView(group(ORDERS_SCAN, List.of(column(ORDERS_SCAN, 1)), call));
  }

  private static Expr text(String text) {
    return new Expr.Literal(text, SqlType.TEXT);
  }

  @Test
  void valuesComeInTheirOrderAndGoFromWhereTheyWere() {
    OneView view = view(Kind.STRING_AGG, SqlType.TEXT, false, List.of(DEAREST), NOTE, text("+"));
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | b", "orders: +1 | 2 | 7 | 20 | a"))
        .isEqualTo("+1 | 7 | a+b");
    assertThat(view.step("orders: +2 | 3 | 7 | 15 | c"))
        .isEqualTo(rows("-1 | 7 | a+b", "+1 | 7 | a+c+c+b"));
    assertThat(view.step("orders: -1 | 3 | 7 | 15 | c", "orders: -1 | 2 | 7 | 20 | a"))
        .isEqualTo(rows("-1 | 7 | a+c+c+b", "+1 | 7 | c+b"));
  }

  @Test
  void aNullIsPassedOverAndANullDelimiterIsNone() {
    OneView view = view(Kind.STRING_AGG, SqlType.TEXT, false, List.of(DEAREST), NOTE, NOTE);
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | NULL")).isEqualTo("+1 | 7 | NULL");
    assertThat(view.step("orders: +1 | 2 | 7 | 9 | a"))
        .isEqualTo(rows("-1 | 7 | NULL", "+1 | 7 | a"));
    assertThat(view.step("orders: -1 | 2 | 7 | 9 | a"))
        .isEqualTo(rows("-1 | 7 | a", "+1 | 7 | NULL"));
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | NULL")).isEqualTo("-1 | 7 | NULL");
  }

  @Test
  void distinctValuesAreSortedAndShownOnce() {
    OneView view = view(Kind.STRING_AGG, SqlType.TEXT, true, List.of(), NOTE, text(","));
    assertThat(view.step("orders: +2 | 1 | 7 | 1 | b", "orders: +1 | 2 | 7 | 1 | a"))
        .isEqualTo("+1 | 7 | a,b");
    assertThat(view.step("orders: -1 | 1 | 7 | 1 | b")).isEmpty();
    assertThat(view.step("orders: -1 | 1 | 7 | 1 | b"))
        .isEqualTo(rows("-1 | 7 | a,b", "+1 | 7 | a"));
  }

  @Test
  void theMostFrequentValueIsTheFirstOfThoseThatAreEquallyFrequent() {
    OneView view = view(Kind.MODE, SqlType.TEXT, false, List.of(Plan.SortKey.ascending(NOTE)));
    assertThat(view.step("orders: +1 | 1 | 7 | 1 | b", "orders: +1 | 2 | 7 | 1 | a"))
        .isEqualTo("+1 | 7 | a");
    assertThat(view.step("orders: +1 | 3 | 7 | 1 | b")).isEqualTo(rows("-1 | 7 | a", "+1 | 7 | b"));
    assertThat(view.step("orders: -1 | 1 | 7 | 1 | b")).isEqualTo(rows("-1 | 7 | b", "+1 | 7 | a"));
  }

  @Test
  void aPercentileMovesWithTheRowsAroundIt() {
    Expr half = new Expr.Literal(0.5, SqlType.FLOAT8);
    OneView view =
        view(
            Kind.PERCENTILE_DISC,
            SqlType.NUMERIC,
            false,
            List.of(Plan.SortKey.ascending(AMOUNT)),
            half);
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | a", "orders: +3 | 2 | 7 | 20 | a"))
        .isEqualTo("+1 | 7 | 20");
    assertThat(view.step("orders: +2 | 3 | 7 | 5 | a"))
        .isEqualTo(rows("-1 | 7 | 20", "+1 | 7 | 10"));
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | a"))
        .isEqualTo(rows("-1 | 7 | 10", "+1 | 7 | 20"));
  }

  @Test
  void aFractionBeyondOneFailsForEveryGroup() {
    Expr two = new Expr.Literal(2.0, SqlType.FLOAT8);
    OneView view =
        view(
            Kind.PERCENTILE_DISC,
            SqlType.NUMERIC,
            false,
            List.of(Plan.SortKey.ascending(AMOUNT)),
            two);
    assertThat(view.step("orders: +1 | 1 | 7 | 10 | a")).isEqualTo("ERROR 22003");
    assertThat(view.step("orders: -1 | 1 | 7 | 10 | a")).isEmpty();
  }

  @Test
  void aPercentileLooksAtOneRowHoweverManyThereAre() {
    Schema numbers = Schema.ofTypes(List.of(SqlType.INT8));
    CountingGroup group =
        new CountingGroup(
            new RowKey(
                List.of(
                    new RowKey.Part(
                        row -> numbers.value(row, 0), TypeCodec.of(SqlType.INT8), false, false))));
    Quantile median = new Quantile(0, numbers, _ -> 0.5, false);
    Map<Row, Long> rows = new HashMap<>();
    for (long number = 1; number <= 999; number++) {
      rows.put(numbers.pack(number), 1L);
    }
    Output none =
        new Output() {
          @Override
          public void add(Row row, long weight) {
            throw new AssertionError("an accumulator has no output");
          }

          @Override
          public void fail(EvaluationFailure failure, long weight) {
            throw failure;
          }
        };
    long touched = group.step((shown, _) -> median.observe(shown), rows, none);
    assertThat(median.result()).isEqualTo(500L);
    assertThat(touched).isEqualTo(1);
  }

  private static String collected(Collector collector, @Nullable Object... values) {
    for (Object value : values) {
      collector.add(new @Nullable Object[] {value});
    }
    return new String(((Bytes) collector.result()).toArray(), StandardCharsets.UTF_8);
  }

  @Test
  void jsonQuotesWhatIsNoNumber() {
    assertThat(collected(Collectors.json(SqlType.TEXT), "a\"\\\n\u0001é", null, ""))
        .isEqualTo("[\"a\\\"\\\\\\n\\u0001é\", null, \"\"]");
    assertThat(collected(Collectors.json(SqlType.FLOAT8), 1e20, Double.NaN, -0.0))
        .isEqualTo("[1e+20, \"NaN\", -0]");
    assertThat(collected(Collectors.json(SqlType.BOOL), true, null)).isEqualTo("[true, null]");
    assertThat(collected(Collectors.jsonb(SqlType.INT4), 7L)).isEqualTo("\u0001[7]");
    assertThat(collected(Collectors.json(SqlType.NUMERIC), PgNumeric.of(5L))).isEqualTo("[5]");
  }

  @Test
  void anArrayIsItsBinaryForm() {
    Collector array = Collectors.array(SqlType.INT4);
    array.add(new @Nullable Object[] {258L});
    array.add(new @Nullable Object[] {null});
    assertThat(array.result().toString())
        .isEqualTo(
            "\\x"
                + "00000001"
                + "00000001"
                + "00000017"
                + "00000002"
                + "00000001"
                + "0000000400000102"
                + "ffffffff");
  }
}
