package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.outerJoin;
import static io.pgtrickle.dvm.dataflow.Shapes.project;
import static io.pgtrickle.dvm.dataflow.Shapes.unionAll;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.Plan.Question;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Subqueries of [Shapes], as they are bound: the oracle evaluates them again for every row, the
/// dataflow gets what unnesting makes of them.
final class SubqueryShapes {
  // The real OIDs: equalities become keys.
  private static final Signature INT4_EQUAL =
      new Signature(65, "pg_catalog", "int4eq", List.of(23, 23), 16, true, 'i');
  private static final Signature NUMERIC_EQUAL =
      new Signature(1718, "pg_catalog", "numeric_eq", List.of(1700, 1700), 16, true, 'i');

  private SubqueryShapes() {}

  static Expr equal(Expr left, Expr right) {
    return new Expr.Call(INT4_EQUAL, List.of(left, right), SqlType.BOOL, 0);
  }

  private static Expr outer(int level, Plan row, int index) {
    return new Expr.Outer(level, index, row.schema().column(index).type());
  }

  static Plan ask(Plan input, Plan subquery, Question question) {
    List<Column> columns = new ArrayList<>(input.schema().columns());
    if (question instanceof Question.Scalar) {
      columns.add(new Column("value", subquery.schema().column(0).type()));
      columns.add(new Column("rows", SqlType.INT8));
    } else {
      columns.add(new Column("answer", SqlType.BOOL));
    }
    return new Plan.Apply(input, subquery, question, new Schema(columns));
  }

  private static Plan difference(Plan union) {
    return new Plan.SetOperation(
        union.inputs().getFirst(),
        union.inputs().getLast(),
        Plan.SetOperation.Kind.EXCEPT,
        true,
        union.schema());
  }

  /// The rows with the answer, and without the number of rows.
  static Plan shown(Plan asked) {
    List<Expr> columns = new ArrayList<>(PlanCompiler.columns(asked.schema()));
    if (asked.schema().column(columns.size() - 1).name().equals("rows")) {
      Expr rows = columns.removeLast();
      Expr value = columns.removeLast();
      columns.add(new Expr.Single(value, rows));
    }
    return project(asked, columns.toArray(new Expr[0]));
  }

  private static Plan where(Plan asked, boolean wanted) {
    Expr answer = column(asked, asked.schema().size() - 1);
    return filter(asked, wanted ? answer : new Expr.Not(answer));
  }

  static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    Plan orders = ORDERS_SCAN;
    Plan customers = CUSTOMERS_SCAN;
    Question exists = new Question.Exists();
    Question scalar = new Question.Scalar();
    Expr ofOrder = outer(1, orders, 1);
    Plan own = filter(customers, equal(column(customers, 0), ofOrder));
    Plan later =
        filter(
            orders,
            new Expr.And(
                List.of(
                    equal(column(orders, 1), outer(1, orders, 1)),
                    call("int4gt", SqlType.BOOL, column(orders, 0), outer(1, orders, 0)))));

    shapes.put("exists", where(ask(orders, own, exists), true));
    shapes.put("not exists", where(ask(orders, own, exists), false));
    shapes.put("exists as a column", ask(orders, own, exists));
    shapes.put(
        "exists uncorrelated",
        ask(orders, filter(customers, equal(column(customers, 0), int4(3))), exists));
    shapes.put("exists with an inequality", ask(orders, later, exists));
    Plan grouped =
        filter(
            group(
                filter(orders, equal(column(orders, 1), outer(1, customers, 0))),
                List.of(column(orders, 3)),
                aggregate(Kind.COUNT_ROWS, SqlType.INT8, null)),
            call(
                "int8gt",
                SqlType.BOOL,
                new Expr.Column(1, SqlType.INT8),
                new Expr.Literal(1L, SqlType.INT8)));
    shapes.put("exists over groups", ask(customers, grouped, exists));
    shapes.put(
        "exists over an aggregate without groups",
        ask(orders, group(own, List.of(), aggregate(Kind.COUNT_ROWS, SqlType.INT8, null)), exists));

    Plan ids = project(customers, column(customers, 0));
    Plan keys = project(orders, column(orders, 1));
    Expr test = equal(column(orders, 1), new Expr.Column(4, SqlType.INT4));
    Question in = new Question.Any(test);
    shapes.put("in", where(ask(orders, ids, in), true));
    shapes.put("not in", where(ask(orders, ids, in), false));
    shapes.put("in a set with NULLs", ask(orders, keys, in));
    shapes.put("not in a set with NULLs", where(ask(orders, keys, in), false));
    Plan ofAmount =
        project(
            filter(
                orders,
                new Expr.Call(
                    NUMERIC_EQUAL,
                    List.of(column(orders, 2), outer(1, orders, 2)),
                    SqlType.BOOL,
                    0)),
            column(orders, 1));
    shapes.put("in a correlated set", ask(orders, ofAmount, in));
    Expr above = call("int4gt", SqlType.BOOL, column(orders, 1), new Expr.Column(4, SqlType.INT4));
    shapes.put("greater than any", ask(orders, keys, new Question.Any(above)));
    shapes.put("greater than all", ask(orders, keys, new Question.All(above)));
    shapes.put("where greater than all", where(ask(orders, ids, new Question.All(above)), true));
    Plan two = project(orders, column(orders, 1), column(orders, 2));
    Expr pair =
        new Expr.And(
            List.of(
                equal(column(orders, 0), new Expr.Column(4, SqlType.INT4)),
                new Expr.Call(
                    NUMERIC_EQUAL,
                    List.of(column(orders, 2), new Expr.Column(5, SqlType.NUMERIC)),
                    SqlType.BOOL,
                    0)));
    shapes.put("in over two columns", ask(orders, two, new Question.Any(pair)));
    Plan under = ask(orders, ids, in);
    shapes.put(
        "in under or",
        filter(
            under,
            new Expr.Or(
                List.of(new Expr.IsNull(column(under, 2)), new Expr.Not(column(under, 4))))));

    Plan regions = project(own, column(customers, 1));
    shapes.put("scalar by key", shown(ask(orders, regions, scalar)));
    shapes.put(
        "scalar that may have many rows",
        shown(
            ask(
                customers,
                project(
                    filter(
                        orders,
                        new Expr.And(
                            List.of(
                                equal(column(orders, 1), outer(1, customers, 0)),
                                call("int4gt", SqlType.BOOL, column(orders, 0), int4(8))))),
                    column(orders, 2)),
                scalar)));
    Plan total =
        group(
            filter(orders, equal(column(orders, 1), outer(1, customers, 0))),
            List.of(),
            aggregate(Kind.COUNT_ROWS, SqlType.INT8, null),
            aggregate(Kind.SUM, SqlType.NUMERIC, column(orders, 2)));
    shapes.put("scalar count", shown(ask(customers, project(total, column(total, 0)), scalar)));
    shapes.put("scalar sum", shown(ask(customers, project(total, column(total, 1)), scalar)));
    shapes.put(
        "scalar uncorrelated",
        shown(
            ask(
                customers,
                group(orders, List.of(), aggregate(Kind.MAX, SqlType.NUMERIC, column(orders, 2))),
                scalar)));
    Plan correlatedArgument =
        group(
            filter(orders, call("int4ge", SqlType.BOOL, column(orders, 0), outer(1, customers, 0))),
            List.of(),
            aggregate(
                Kind.SUM,
                SqlType.INT8,
                call("int4pl", SqlType.INT4, column(orders, 0), outer(1, customers, 0))),
            aggregate(Kind.COUNT, SqlType.INT8, column(orders, 1)));
    shapes.put(
        "scalar whose argument is correlated",
        shown(ask(customers, project(correlatedArgument, column(correlatedArgument, 0)), scalar)));
    shapes.put(
        "scalar count whose condition is an inequality",
        shown(ask(customers, project(correlatedArgument, column(correlatedArgument, 1)), scalar)));
    Plan either =
        unionAll(
            project(
                filter(orders, equal(column(orders, 0), outer(1, customers, 0))),
                column(orders, 1)),
            project(
                filter(customers, equal(column(customers, 0), outer(1, customers, 0))),
                column(customers, 0)));
    shapes.put("exists over a union", ask(customers, either, exists));
    shapes.put(
        "scalar count over a correlated difference",
        shown(
            ask(
                customers,
                group(
                    difference(either), List.of(), aggregate(Kind.COUNT_ROWS, SqlType.INT8, null)),
                scalar)));
    Plan ofCustomer = filter(orders, equal(column(orders, 1), outer(1, customers, 0)));
    Plan dearest =
        new Plan.TopK(
            ofCustomer,
            List.of(),
            List.of(new Plan.SortKey(column(orders, 2), true, false)),
            0,
            1,
            false);
    shapes.put(
        "scalar over a correlated top",
        shown(ask(customers, project(dearest, column(orders, 2)), scalar)));
    shapes.put("exists over distinct", ask(customers, new Plan.Distinct(either), exists));
    shapes.put(
        "scalar over values",
        shown(
            ask(
                customers,
                new Plan.Values(
                    List.of(List.of(outer(1, customers, 2))), Tables.schema(SqlType.FLOAT8)),
                scalar)));
    for (Plan.Kept kept : Plan.Kept.values()) {
      Plan joined =
          outerJoin(
              filter(orders, equal(column(orders, 1), outer(1, customers, 0))),
              filter(
                  customers,
                  call("int4gt", SqlType.BOOL, column(customers, 0), outer(1, customers, 0))),
              kept,
              null,
              0,
              0);
      Plan counted =
          group(
              joined,
              List.of(),
              aggregate(Kind.COUNT, SqlType.INT8, column(joined, 0)),
              aggregate(Kind.COUNT, SqlType.INT8, column(joined, 4)));
      shapes.put(
          "scalar over an outer join " + kept,
          shown(
              ask(
                  customers,
                  project(
                      counted,
                      call("int8pl", SqlType.INT8, column(counted, 0), column(counted, 1))),
                  scalar)));
    }
    // For each customer the orders of which a later one of the same customer has the same note.
    Plan inner =
        filter(
            orders,
            new Expr.And(
                List.of(
                    equal(column(orders, 1), outer(2, customers, 0)),
                    call("int4gt", SqlType.BOOL, column(orders, 0), outer(1, orders, 0)))));
    Plan nested =
        where(
            ask(filter(orders, equal(column(orders, 1), outer(1, customers, 0))), inner, exists),
            true);
    shapes.put("exists two levels deep", ask(customers, nested, exists));
    Plan counted = group(nested, List.of(), aggregate(Kind.COUNT_ROWS, SqlType.INT8, null));
    shapes.put("scalar over a nested exists", shown(ask(customers, counted, scalar)));
    return shapes;
  }
}
