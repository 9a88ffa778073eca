package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class AskedAggregatesTest {
  private static final Expr ID = column(ORDERS_SCAN, 0);
  private static final Expr CUSTOMER = column(ORDERS_SCAN, 1);
  private static final Expr NOTE = column(ORDERS_SCAN, 3);
  private static final Expr DOCUMENT = new Expr.Relabel(NOTE, SqlType.of(3802));

  private static AggregateCall asked(
      String name, @Nullable Expr filter, List<Plan.SortKey> order, Expr... arguments) {
    return new AggregateCall(
        AggregateCall.Kind.ASKED,
        new Signature(7, "public", name, List.of(), 23, false, 'i'),
        List.of(arguments),
        order,
        false,
        filter,
        SqlType.INT4);
  }

  private static Plan.Ask ask(Plan plan) {
    return plan instanceof Plan.Ask ask ? ask : ask(plan.inputs().getFirst());
  }

  private static Plan.Aggregate gathered(Plan plan) {
    return plan instanceof Plan.Aggregate aggregate
        ? aggregate
        : gathered(plan.inputs().getFirst());
  }

  @Test
  void nativeAggregatesStayAsTheyAre() {
    Plan plan =
        group(ORDERS_SCAN, List.of(CUSTOMER), aggregate(AggregateCall.Kind.SUM, SqlType.INT8, ID));
    assertThat(AskedAggregates.rewrite(plan, ServerTierTest.TIERS)).isEqualTo(plan);
  }

  @Test
  void theServerIsAskedAboutTheValuesOfAGroup() {
    Expr filter = new Expr.IsNull(CUSTOMER);
    Plan plan =
        group(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            asked("f", filter, List.of(), ID),
            aggregate(AggregateCall.Kind.SUM, SqlType.INT8, ID));
    Plan rewritten = AskedAggregates.rewrite(plan, ServerTierTest.TIERS);

    assertThat(rewritten.schema()).isEqualTo(plan.schema());
    AggregateCall values = gathered(rewritten).calls().getFirst();
    assertThat(values.kind()).isEqualTo(AggregateCall.Kind.ARRAY_AGG);
    assertThat(values.arguments()).containsExactly(ID);
    assertThat(values.filter()).isEqualTo(filter);
    assertThat(values.order()).isEmpty();
    assertThat(gathered(rewritten).calls().getLast())
        .isEqualTo(aggregate(AggregateCall.Kind.SUM, SqlType.INT8, ID));
    Plan.Asked inquiry = ask(rewritten).inquiries().getFirst();
    assertThat(inquiry.inquiry().sql()).isEqualTo("f[a.p1][]");
    assertThat(inquiry.arguments()).containsExactly(new Expr.Column(1, SqlType.of(1007)));
    assertThat(((Plan.Project) rewritten).expressions())
        .containsExactly(
            new Expr.Column(0, SqlType.INT4),
            Plan.Ask.answer(gathered(rewritten).schema(), 0, SqlType.INT4),
            new Expr.Column(2, SqlType.INT8));
  }

  @Test
  void argumentsAndWhatTheyAreSortedByAreGatheredInOneOrder() {
    Plan plan =
        group(
            ORDERS_SCAN,
            List.of(),
            asked("f", null, List.of(new Plan.SortKey(CUSTOMER, true, false)), ID, CUSTOMER));
    Plan rewritten = AskedAggregates.rewrite(plan, ServerTierTest.TIERS);
    List<AggregateCall> calls = gathered(rewritten).calls();
    assertThat(calls)
        .extracting(AggregateCall::arguments)
        .containsExactly(List.of(ID), List.of(CUSTOMER));
    assertThat(calls)
        .extracting(AggregateCall::order)
        .containsOnly(List.of(Plan.SortKey.ascending(new Expr.Image(List.of(ID, CUSTOMER)))));
    assertThat(ask(rewritten).inquiries().getFirst().inquiry().sql())
        .isEqualTo("f[a.p1, a.p2][a.p2]");
  }

  @Test
  void valuesThatHaveNoNativeArrayTravelAsText() {
    Plan plan = group(ORDERS_SCAN, List.of(), asked("f", null, List.of(), DOCUMENT));
    Plan rewritten = AskedAggregates.rewrite(plan, ServerTierTest.TIERS);
    assertThat(gathered(rewritten).calls().getFirst().arguments())
        .containsExactly(
            new Expr.Verbatim(List.of("(", ")::pg_catalog.text"), List.of(DOCUMENT), SqlType.TEXT));
    assertThat(ask(rewritten).inquiries().getFirst().inquiry().parameters())
        .containsExactly(SqlType.of(1009, -1, SqlType.DEFAULT_COLLATION));
  }

  @Test
  void groupingSetsKeepTheirQuestions() {
    Plan plan =
        new Plan.GroupingSets(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            List.of(List.of(0), List.of()),
            List.of(asked("f", null, List.of(), ID, NOTE)),
            List.of(List.of(0)),
            Schema.of(
                new Column("customer", SqlType.INT4),
                new Column("f", SqlType.INT4),
                new Column("grouping", SqlType.INT4)));
    Plan rewritten = AskedAggregates.rewrite(plan, ServerTierTest.TIERS);
    assertThat(rewritten.schema()).isEqualTo(plan.schema());
    assertThat(((Plan.Project) rewritten).expressions().getLast())
        .isEqualTo(new Expr.Column(3, SqlType.INT4));
  }

  @Test
  void aRowIsGatheredFieldByField() {
    Expr row = new Expr.Row(List.of("id", "note"), List.of(ID, NOTE), CUSTOMER, SqlType.of(2249));
    Plan plan = group(ORDERS_SCAN, List.of(), asked("f", null, List.of(), row));
    Plan rewritten = AskedAggregates.rewrite(plan, ServerTierTest.TIERS);
    assertThat(gathered(rewritten).calls())
        .extracting(AggregateCall::arguments)
        .containsExactly(List.of(ID), List.of(NOTE), List.of(CUSTOMER));
    assertThat(ask(rewritten).inquiries().getFirst().inquiry().sql())
        .isEqualTo("f[[id, note][a.p1, a.p2]][]");
  }

  @Test
  void rowsAreCountedThatAreThere() {
    AggregateCall count = aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, ID);
    for (Expr present : List.of(CUSTOMER, new Expr.Literal(true, SqlType.BOOL))) {
      Expr row =
          new Expr.Row(
              List.of("id"),
              List.of(ID),
              present instanceof Expr.Literal ? null : present,
              SqlType.of(2249));
      Plan plan = group(ORDERS_SCAN, List.of(), count.map(_ -> row));
      Plan rewritten = AskedAggregates.rewrite(plan, ServerTierTest.TIERS);
      assertThat(gathered(rewritten).calls()).containsExactly(count.map(_ -> present));
      assertThat(rewritten.schema()).isEqualTo(plan.schema());
    }
  }
}
