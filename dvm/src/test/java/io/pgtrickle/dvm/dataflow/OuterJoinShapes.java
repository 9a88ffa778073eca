package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.markJoin;
import static io.pgtrickle.dvm.dataflow.Shapes.outerJoin;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Outer joins and mark joins of [Shapes].
final class OuterJoinShapes {
  private OuterJoinShapes() {}

  static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    Plan pairs = Shapes.join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);
    Expr later = call("int4gt", SqlType.BOOL, column(pairs, 0), column(pairs, 4));
    Expr failing =
        call(
            "int4gt",
            SqlType.BOOL,
            call("int4div", SqlType.INT4, int4(100), column(pairs, 4)),
            int4(30));
    for (Plan.Kept kept : Plan.Kept.values()) {
      shapes.put("outer join " + kept, outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, kept, null, 1, 0));
      shapes.put(
          "outer join on two keys " + kept,
          outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, kept, null, 1, 0, 3, 1));
      shapes.put("outer self join " + kept, outerJoin(ORDERS_SCAN, ORDERS_SCAN, kept, null, 1, 0));
      shapes.put(
          "outer join without keys " + kept, outerJoin(CUSTOMERS_SCAN, CUSTOMERS_SCAN, kept, null));
      shapes.put(
          "outer join with residual " + kept,
          outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, kept, later, 1, 0));
      shapes.put(
          "outer join on a residual alone " + kept,
          outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, kept, later));
      shapes.put(
          "outer join whose residual fails " + kept,
          outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, kept, failing, 1, 0));
    }
    Plan first = outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.LEFT, null, 1, 0);
    Plan chained = outerJoin(first, ORDERS_SCAN, Plan.Kept.LEFT, null, 4, 0);
    shapes.put("chained outer joins", chained);
    shapes.put(
        "extremes over chained outer joins",
        group(
            chained,
            List.of(column(chained, 5)),
            aggregate(AggregateCall.Kind.MIN, SqlType.NUMERIC, column(chained, 9)),
            aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, column(chained, 4))));
    // The sides of the key are columns, and are compared without their trailing blanks all the
    // same.
    List<Plan.Key> blankPadded =
        List.of(
            new Plan.Key(
                new Expr.Relabel(column(ORDERS_SCAN, 3), SqlType.BPCHAR),
                new Expr.Relabel(column(CUSTOMERS_SCAN, 1), SqlType.BPCHAR)));
    shapes.put(
        "join of texts compared as char(n)",
        new Plan.Join(ORDERS_SCAN, CUSTOMERS_SCAN, blankPadded, null, pairs.schema()));
    shapes.put(
        "outer join of texts compared as char(n)",
        new Plan.OuterJoin(
            ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.BOTH, blankPadded, null, pairs.schema()));
    shapes.put("mark join", markJoin(ORDERS_SCAN, CUSTOMERS_SCAN, 1, 0));
    shapes.put("mark join without keys", markJoin(ORDERS_SCAN, CUSTOMERS_SCAN));
    Plan marked = markJoin(ORDERS_SCAN, ORDERS_SCAN, 1, 0);
    shapes.put("unmarked rows", filter(marked, new Expr.Not(column(marked, 4))));
    return shapes;
  }
}
