package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.project;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// LATERAL subqueries of [Shapes].
final class LateralShapes {
  private static final Expr CUSTOMER_ID = new Expr.Outer(1, 0, SqlType.INT4);

  private LateralShapes() {}

  private static Plan lateral(Plan subquery, boolean kept, @Nullable Expr condition) {
    List<Column> columns = new ArrayList<>(CUSTOMERS_SCAN.schema().columns());
    columns.addAll(subquery.schema().columns());
    return new Plan.Apply(
        CUSTOMERS_SCAN, subquery, new Plan.Question.Rows(kept, condition), new Schema(columns));
  }

  static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    Plan own = filter(ORDERS_SCAN, SubqueryShapes.equal(column(ORDERS_SCAN, 1), CUSTOMER_ID));
    Plan rows =
        project(
            own,
            column(own, 2),
            new Expr.Coalesce(List.of(column(own, 1), int4(0)), SqlType.INT4),
            call("int4pl", SqlType.INT4, column(own, 0), CUSTOMER_ID));
    Plan later =
        filter(ORDERS_SCAN, call("int4gt", SqlType.BOOL, column(ORDERS_SCAN, 0), CUSTOMER_ID));
    Plan counted =
        group(
            later,
            List.of(),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
            aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, column(later, 2)));
    Plan grouped =
        group(
            later,
            List.of(column(later, 3)),
            aggregate(AggregateCall.Kind.MAX, SqlType.INT4, column(later, 0)));
    Plan first =
        new Plan.TopK(own, List.of(), List.of(Plan.SortKey.ascending(column(own, 2))), 0, 2, false);
    for (boolean kept : new boolean[] {false, true}) {
      String name = kept ? "left join lateral: " : "lateral: ";
      Expr odd =
          call(
              "int4gt",
              SqlType.BOOL,
              new Expr.Column(5, SqlType.INT4),
              new Expr.Column(0, SqlType.INT4));
      shapes.put(name + "rows", lateral(rows, kept, null));
      shapes.put(name + "rows under a condition", lateral(rows, kept, odd));
      shapes.put(name + "a total", lateral(counted, kept, null));
      shapes.put(name + "groups", lateral(grouped, kept, null));
      shapes.put(name + "the first rows", lateral(first, kept, null));
      shapes.put(name + "nothing of the row", lateral(ORDERS_SCAN, kept, null));
    }
    return shapes;
  }
}
