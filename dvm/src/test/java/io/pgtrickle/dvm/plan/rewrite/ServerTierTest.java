package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_OID;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// Functions whose names begin with `ask` are the server's.
final class ServerTierTest {
  private static final Inquiry.Context CONTEXT = new Inquiry.Context("ada", Map.of(), Map.of());

  static final Tiers TIERS =
      new Tiers() {
        @Override
        public boolean isAsked(Expr node) {
          return node instanceof Expr.Call call && call.function().name().startsWith("ask");
        }

        @Override
        public Inquiry inquiry(Expr expression, List<SqlType> parameters) {
          return new Inquiry(
              Inquiry.Form.VALUE,
              written(expression),
              parameters,
              Schema.of(new Column("value", expression.type())),
              CONTEXT);
        }

        @Override
        public Inquiry aggregate(
            AggregateCall call, List<SqlType> values, List<SqlType> parameters) {
          return new Inquiry(
              Inquiry.Form.VALUE,
              call.function().name()
                  + call.arguments().stream().map(each -> written(each)).toList()
                  + call.order().stream().map(key -> written(key.value())).toList(),
              parameters,
              Schema.of(new Column("value", call.type())),
              CONTEXT);
        }

        @Override
        public boolean isAsked(SetCall call) {
          return isAsked((Expr) call.call());
        }

        @Override
        public Inquiry rows(Functions functions, List<SqlType> parameters, Schema answer) {
          String calls =
              String.valueOf(functions.calls().stream().map(each -> written(each.call())).toList());
          Expr condition = functions.condition();
          return new Inquiry(
              Inquiry.Form.ROWS,
              condition == null ? calls : calls + " where " + written(condition),
              parameters,
              answer,
              CONTEXT);
        }
      };

  private static String written(Expr expression) {
    return switch (expression) {
      case Expr.Call call ->
          call.function().name() + call.arguments().stream().map(ServerTierTest::written).toList();
      case Expr.Column(int index, var _) -> Inquiry.parameter(index);
      case Expr.Literal(var value, var _) -> String.valueOf(value);
      case Expr.Row row ->
          row.names() + "" + row.fields().stream().map(ServerTierTest::written).toList();
      case Expr other -> throw new AssertionError("not asked: " + other);
    };
  }

  private static final Expr ID = column(ORDERS_SCAN, 0);
  private static final Expr CUSTOMER = column(ORDERS_SCAN, 1);

  private static Expr ask(String name, Expr... arguments) {
    return call("ask_" + name, SqlType.INT4, arguments);
  }

  private static Expr yes(Expr value) {
    return call("int4eq", SqlType.BOOL, value, int4(1));
  }

  private static Expr plus(Expr left, Expr right) {
    return call("int4pl", SqlType.INT4, left, right);
  }

  private static Plan.Ask asked(Plan plan) {
    return plan instanceof Plan.Ask ask ? ask : asked(plan.inputs().getFirst());
  }

  private static List<String> texts(Plan.Ask ask) {
    return ask.inquiries().stream().map(each -> each.inquiry().sql()).toList();
  }

  @Test
  void whatIsNativeStaysAsItIs() {
    Plan plan = project(filter(ORDERS_SCAN, yes(ID)), plus(ID, CUSTOMER));
    assertThat(ServerTier.rewrite(plan, TIERS)).isEqualTo(plan);
  }

  @Test
  void callsOfCallsAreOneInquiryAndNativeOperandsAreParameters() {
    Plan plan = project(ORDERS_SCAN, ask("f", ask("g", plus(ID, CUSTOMER), int4(7)), ID));
    Plan.Ask ask = asked(ServerTier.rewrite(plan, TIERS));
    assertThat(texts(ask)).containsExactly("ask_f[ask_g[a.p1, 7], a.p2]");
    assertThat(ask.inquiries().getFirst().arguments()).containsExactly(plus(ID, CUSTOMER), ID);
  }

  @Test
  void aNativeFunctionInTheMiddleMakesTwoInquiries() {
    Plan plan = project(ORDERS_SCAN, ask("f", plus(ask("g", ID), CUSTOMER)));
    Plan.Ask ask = asked(ServerTier.rewrite(plan, TIERS));
    assertThat(texts(ask)).containsExactly("ask_g[a.p1]", "ask_f[a.p1]");
    // Of the scan only the two columns that are used are below it.
    Schema used = new Schema(ORDERS.columns().subList(0, 2));
    assertThat(ask.inquiries().getLast().arguments())
        .containsExactly(plus(Plan.Ask.answer(used, 0, SqlType.INT4), CUSTOMER));
  }

  @Test
  void columnsThatNobodyReadsAreForgottenBelowTheQuestion() {
    Plan plan = project(ORDERS_SCAN, ask("f", CUSTOMER));
    Plan.Ask ask = asked(ServerTier.rewrite(plan, TIERS));
    assertThat(ask.input().schema().columns()).containsExactly(ORDERS.column(1));
    assertThat(ColumnsRead.of(ask)).containsExactly(Map.entry(ORDERS_OID, Set.of("c1")));
  }

  @Test
  void theSameInquiryIsMadeOnce() {
    Plan plan = project(ORDERS_SCAN, plus(ask("f", ID), ask("f", ID)), ask("f", ID));
    assertThat(texts(asked(ServerTier.rewrite(plan, TIERS)))).containsExactly("ask_f[a.p1]");
  }

  @Test
  void rowsThatANativeConditionTurnsAwayAreNotAskedAbout() {
    Plan plan = filter(ORDERS_SCAN, new Expr.And(List.of(yes(CUSTOMER), yes(ask("f", ID)))));
    Plan rewritten = ServerTier.rewrite(plan, TIERS);
    assertThat(asked(rewritten).input()).isEqualTo(filter(ORDERS_SCAN, yes(CUSTOMER)));
    assertThat(rewritten.schema()).isEqualTo(ORDERS);
  }

  @Test
  void aConditionOverBothSidesIsAskedForAboveTheJoin() {
    Expr both = ask("f", CUSTOMER, new Expr.Column(4, SqlType.INT4));
    Plan plan = join(ORDERS_SCAN, CUSTOMERS_SCAN, yes(both), 1, 0);
    Plan rewritten = ServerTier.rewrite(plan, TIERS);
    assertThat(asked(rewritten).input()).isEqualTo(join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0));
    assertThat(rewritten.schema()).isEqualTo(plan.schema());
  }

  @Test
  void keysAreAskedForBelowTheJoin() {
    Plan plain = join(ORDERS_SCAN, CUSTOMERS_SCAN, null);
    Plan.Key key = new Plan.Key(ask("f", CUSTOMER), column(CUSTOMERS_SCAN, 0));
    Plan plan = new Plan.Join(ORDERS_SCAN, CUSTOMERS_SCAN, List.of(key), null, plain.schema());
    Plan rewritten = ServerTier.rewrite(plan, TIERS);
    assertThat(asked(rewritten).input()).isEqualTo(ORDERS_SCAN);
    assertThat(rewritten.schema()).isEqualTo(plan.schema());
    assertThat(rewritten)
        .isInstanceOfSatisfying(
            Plan.Project.class,
            project ->
                assertThat(project.expressions().getLast())
                    .isEqualTo(new Expr.Column(8, SqlType.FLOAT8)));
  }

  private static SetCall rows(Expr called) {
    if (!(called instanceof Expr.Call call)) {
      throw new IllegalArgumentException("not a call: " + called);
    }
    return new SetCall(call, true, List.of(new Column("f", SqlType.INT4)));
  }

  private static Plan.Unfold unfolded(Plan plan) {
    return plan instanceof Plan.Unfold unfold ? unfold : unfolded(plan.inputs().getFirst());
  }

  private static Plan.AskedRows askedRows(Plan plan) {
    Plan.AskedRows asked = unfolded(plan).asked();
    if (asked == null) {
      throw new AssertionError("not asked: " + plan);
    }
    return asked;
  }

  @Test
  void functionsInStepWithOneThatIsAskedAreAskedForTogether() {
    SetCall series = rows(call("generate_series", SqlType.INT4, int4(1), plus(ID, CUSTOMER)));
    Plan plan =
        new Plan.Unfold(ORDERS_SCAN, List.of(series, rows(ask("f", ask("g", ID)))), true)
            .keeping(null);
    Plan rewritten = ServerTier.rewrite(plan, TIERS);
    assertThat(rewritten.schema()).isEqualTo(plan.schema());
    Plan.AskedRows asked = askedRows(rewritten);
    assertThat(asked.inquiry().sql()).isEqualTo("[generate_series[1, a.p1], ask_f[ask_g[a.p2]]]");
    assertThat(asked.inquiry().answer().size()).isEqualTo(3);
    assertThat(asked.arguments()).containsExactly(plus(ID, CUSTOMER), ID);
    assertThat(unfolded(rewritten).kept()).isTrue();
  }

  @Test
  void anArgumentWithANativeFunctionInTheMiddleIsAskedForBelow() {
    Plan plan =
        new Plan.Unfold(ORDERS_SCAN, List.of(rows(ask("f", plus(ask("g", ID), CUSTOMER)))), false);
    Plan rewritten = ServerTier.rewrite(plan, TIERS);
    assertThat(rewritten.schema()).isEqualTo(plan.schema());
    assertThat(texts(asked(rewritten))).containsExactly("ask_g[a.p1]");
    assertThat(askedRows(rewritten).arguments())
        .containsExactly(plus(Plan.Ask.answer(ORDERS, 0, SqlType.INT4), CUSTOMER));
  }

  @Test
  void aConditionThatIsAskedGoesWithTheFunctions() {
    SetCall series = rows(call("generate_series", SqlType.INT4, int4(1), ID));
    Plan plan =
        new Plan.Unfold(ORDERS_SCAN, List.of(series), false)
            .keeping(yes(ask("f", CUSTOMER, new Expr.Column(4, SqlType.INT4))));
    Plan.Unfold rewritten = unfolded(ServerTier.rewrite(plan, TIERS));
    assertThat(rewritten.condition()).isNull();
    Plan.AskedRows asked = askedRows(rewritten);
    assertThat(asked.inquiry().sql())
        .isEqualTo("[generate_series[1, a.p1]] where int4eq[ask_f[a.p2, a.p3], 1]");
    assertThat(asked.arguments()).containsExactly(ID, CUSTOMER);
  }

  @Test
  void aNativeConditionStaysWithTheRows() {
    Expr own = yes(new Expr.Column(4, SqlType.INT4));
    Plan plan = new Plan.Unfold(ORDERS_SCAN, List.of(rows(ask("f", ID))), false).keeping(own);
    assertThat(unfolded(ServerTier.rewrite(plan, TIERS)).condition()).isEqualTo(own);
  }
}
