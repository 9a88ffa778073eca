package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.join;
import static io.pgtrickle.dvm.dataflow.Shapes.outerJoin;
import static io.pgtrickle.dvm.dataflow.Shapes.project;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.Plan.Question;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Functions in FROM over the tables of [Shapes].
final class UnfoldShapes {
  private static final Expr ID = new Expr.Column(0, SqlType.INT4);
  private static final Expr CUSTOMER = new Expr.Column(1, SqlType.INT4);
  private static final Plan ONE_ROW = new Plan.Values(List.of(List.of()), Schema.of());

  private UnfoldShapes() {}

  static SetCall series(Expr start, Expr stop) {
    return set(call("generate_series", SqlType.INT4, start, stop), true);
  }

  private static SetCall set(Expr called, boolean set) {
    if (!(called instanceof Expr.Call function)) {
      throw new IllegalArgumentException("not a call: " + called);
    }
    return new SetCall(function, set, List.of(new Column("f", called.type())));
  }

  static Plan.Unfold unfold(Plan input, SetCall... calls) {
    return new Plan.Unfold(input, List.of(calls), false);
  }

  private static Plan numbered(Plan input, SetCall... calls) {
    return new Plan.Unfold(input, List.of(calls), true);
  }

  private static Plan kept(Plan input, @Nullable Expr condition, SetCall... calls) {
    return unfold(input, calls).keeping(condition);
  }

  private static Plan lateral(Plan subquery, boolean kept) {
    List<Column> columns = new ArrayList<>(CUSTOMERS_SCAN.schema().columns());
    columns.addAll(subquery.schema().columns());
    return new Plan.Apply(
        CUSTOMERS_SCAN, subquery, new Question.Rows(kept, null), new Schema(columns));
  }

  static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    SetCall upToId = series(int4(1), ID);
    SetCall fromCustomer = series(CUSTOMER, ID);
    SetCall quotient = series(call("int4div", SqlType.INT4, int4(12), CUSTOMER), int4(8));
    Plan unfolded = unfold(ORDERS_SCAN, upToId);
    Plan odd =
        filter(unfolded, call("int4gt", SqlType.BOOL, column(unfolded, 4), column(unfolded, 1)));

    shapes.put("unfold", unfolded);
    shapes.put("unfold under a condition", odd);
    shapes.put("unfold numbered, in step", numbered(ORDERS_SCAN, upToId, fromCustomer));
    shapes.put("unfold with failures", unfold(ORDERS_SCAN, quotient));
    shapes.put("unfold with one row", unfold(ORDERS_SCAN, set(sum(CUSTOMER), false)));
    shapes.put(
        "unfold with one row and more", numbered(ORDERS_SCAN, set(sum(CUSTOMER), false), upToId));
    shapes.put("unfold keeping rows", kept(ORDERS_SCAN, null, fromCustomer));
    shapes.put(
        "unfold keeping rows under a condition",
        kept(
            ORDERS_SCAN,
            call("int4gt", SqlType.BOOL, new Expr.Column(4, SqlType.INT4), CUSTOMER),
            upToId));
    shapes.put(
        "unfold keeping rows under a condition that fails",
        kept(
            ORDERS_SCAN,
            call(
                "int4gt",
                SqlType.BOOL,
                call("int4div", SqlType.INT4, int4(9), new Expr.Column(4, SqlType.INT4)),
                ID),
            fromCustomer));
    shapes.put("unfold of what was unfolded", unfold(unfolded, series(ID, column(unfolded, 4))));
    shapes.put(
        "unfold grouped",
        group(
            unfolded,
            List.of(column(unfolded, 4)),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
            aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, column(unfolded, 2))));
    shapes.put("unfold joined", join(unfolded, CUSTOMERS_SCAN, null, 4, 0));
    shapes.put(
        "unfold above a join", unfold(join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0), upToId));
    shapes.put(
        "unfold on the right of a left join",
        outerJoin(CUSTOMERS_SCAN, unfolded, Plan.Kept.LEFT, null, 0, 4));
    shapes.put(
        "constant rows joined",
        join(ORDERS_SCAN, unfold(ONE_ROW, series(int4(2), int4(6))), null, 1, 0));
    ofSubqueries(shapes);
    return shapes;
  }

  private static Expr sum(Expr other) {
    return call("int4pl", SqlType.INT4, ID, other);
  }

  private static void ofSubqueries(Map<String, Plan> shapes) {
    Expr outerId = new Expr.Outer(1, 0, SqlType.INT4);
    Plan numbers = unfold(ONE_ROW, series(int4(2), outerId));
    Plan some = filter(numbers, call("int4gt", SqlType.BOOL, column(numbers, 0), int4(4)));
    Plan matching =
        filter(
            join(ORDERS_SCAN, numbers, null),
            SubqueryShapes.equal(CUSTOMER, new Expr.Column(4, SqlType.INT4)));
    Plan total =
        group(
            numbers,
            List.of(),
            aggregate(AggregateCall.Kind.SUM, SqlType.INT8, column(numbers, 0)));
    Plan last =
        new Plan.TopK(
            numbers,
            List.of(),
            List.of(new Plan.SortKey(column(numbers, 0), true, false)),
            0,
            2,
            false);
    for (boolean kept : new boolean[] {false, true}) {
      String name = kept ? "left join lateral unfold: " : "lateral unfold: ";
      shapes.put(name + "rows", lateral(project(some, sum(outerId)), kept));
      shapes.put(name + "a total", lateral(total, kept));
      shapes.put(name + "the last rows", lateral(last, kept));
      shapes.put(name + "a join", lateral(matching, kept));
    }
    shapes.put("unfold in EXISTS", SubqueryShapes.ask(CUSTOMERS_SCAN, some, new Question.Exists()));
    shapes.put(
        "unfold in a join in EXISTS",
        SubqueryShapes.ask(CUSTOMERS_SCAN, matching, new Question.Exists()));
  }
}
