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
import static io.pgtrickle.dvm.dataflow.Shapes.unionAll;
import static io.pgtrickle.dvm.dataflow.SubqueryShapes.ask;
import static io.pgtrickle.dvm.dataflow.SubqueryShapes.equal;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.Plan.Question;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Recursions over [Shapes], as they are bound: an order is an edge from its id to its customer. So
/// there are duplicate edges, dead ends, NULLs and cycles.
final class RecursionShapes {
  private RecursionShapes() {}

  /// A recursion whose step is made of the rows found before.
  static Plan recursion(Plan base, boolean all, UnaryOperator<Plan> step) {
    Schema schema = base.schema();
    Plan made = step.apply(new Plan.Working(schema));
    return new Plan.Recursion(base, new Plan.Project(made, columns(made), schema), all, schema);
  }

  private static List<Expr> columns(Plan plan) {
    return PlanCompiler.columns(plan.schema());
  }

  private static Plan edges() {
    return project(ORDERS_SCAN, column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 1));
  }

  private static Plan joined(Plan left, Plan right, int leftKey, int rightKey) {
    Plan pairs = join(left, right, null);
    int width = left.schema().size();
    return filter(pairs, equal(column(pairs, leftKey), column(pairs, width + rightKey)));
  }

  private static Expr plus(Expr left, long right) {
    return call("int4pl", SqlType.INT4, left, int4(right));
  }

  private static Expr less(Expr left, Expr right) {
    return call("int4lt", SqlType.BOOL, left, right);
  }

  /// Where one comes from a row by one edge more: the first column stays, the second moves on.
  private static Plan further(Plan found) {
    Plan pairs = joined(found, edges(), 1, 0);
    return project(pairs, column(pairs, 0), column(pairs, found.schema().size() + 1));
  }

  static Plan closure() {
    return recursion(edges(), false, RecursionShapes::further);
  }

  static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    Plan closure = closure();
    shapes.put("transitive closure", closure);
    shapes.put(
        "transitive closure, edges first",
        recursion(
            edges(),
            false,
            found -> {
              Plan pairs = joined(edges(), found, 1, 0);
              return project(pairs, column(pairs, 0), column(pairs, 3));
            }));
    shapes.put(
        "transitive closure by doubling",
        recursion(
            edges(),
            false,
            found -> {
              Plan pairs = joined(found, found, 1, 0);
              Plan doubled = project(pairs, column(pairs, 0), column(pairs, 3));
              return unionAll(doubled, further(found));
            }));
    shapes.put(
        "closure that is joined and grouped",
        group(
            joined(closure, CUSTOMERS_SCAN, 1, 0),
            List.of(new Expr.Column(3, SqlType.TEXT)),
            aggregate(Kind.COUNT_ROWS, SqlType.INT8, null)));
    Plan again = joined(closure, closure, 1, 0);
    shapes.put("closure read twice", project(again, column(again, 0), column(again, 3)));

    Plan none = filter(edges(), equal(column(edges(), 0), int4(-1)));
    shapes.put(
        "a branch of the step over an empty base",
        recursion(none, false, found -> unionAll(further(found), edges())));
    Plan few = filter(edges(), less(column(edges(), 0), int4(2)));
    shapes.put(
        "a branch of the step over a base that is empty at times",
        recursion(few, false, found -> unionAll(further(found), edges())));

    Plan amounts = project(ORDERS_SCAN, column(ORDERS_SCAN, 1), column(ORDERS_SCAN, 2));
    shapes.put(
        "equal rows that look different", recursion(amounts, false, found -> amounts(found)));

    Plan walks = project(ORDERS_SCAN, column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 1), int4(1));
    UnaryOperator<Plan> walk =
        found -> {
          Plan pairs = joined(filter(found, less(column(found, 2), int4(4))), edges(), 1, 0);
          return project(pairs, column(pairs, 0), column(pairs, 4), plus(column(pairs, 2), 1));
        };
    shapes.put("walks of bounded length", recursion(walks, true, walk));
    shapes.put("distances of bounded length", recursion(walks, false, walk));

    Plan notes = project(ORDERS_SCAN, column(ORDERS_SCAN, 0), column(ORDERS_SCAN, 3));
    shapes.put(
        "texts that grow",
        recursion(
            notes,
            true,
            found -> {
              Plan some =
                  filter(found, less(call("length", SqlType.INT4, column(found, 1)), int4(6)));
              return project(
                  some,
                  column(some, 0),
                  call(
                      "textcat",
                      SqlType.TEXT,
                      column(some, 1),
                      new Expr.Literal("xyz", SqlType.TEXT)));
            }));
    Plan one = new Plan.Values(List.of(List.of(int4(1))), Tables.schema(SqlType.INT4));
    shapes.put(
        "counting",
        recursion(
            one,
            true,
            found -> {
              Plan some = filter(found, less(column(found, 0), int4(9)));
              return project(some, plus(column(some, 0), 1));
            }));
    shapes.put(
        "counting to what is there",
        recursion(
            one,
            false,
            found -> {
              Plan pairs = join(found, CUSTOMERS_SCAN, null);
              Plan some = filter(pairs, less(column(pairs, 0), column(pairs, 1)));
              return project(some, plus(column(some, 0), 1));
            }));
    shapes.put(
        "steps that may fail",
        recursion(
            walks,
            true,
            found -> {
              Plan some = filter(found, less(column(found, 2), int4(3)));
              return project(
                  some,
                  column(some, 0),
                  call("int4div", SqlType.INT4, int4(12), column(some, 1)),
                  plus(column(some, 2), 1));
            }));

    shapes.put(
        "to where a customer is",
        recursion(edges(), false, found -> whether(further(found), true)));
    shapes.put(
        "to where no customer is",
        recursion(edges(), false, found -> whether(further(found), false)));
    shapes.put(
        "with an outer join",
        recursion(
            edges(),
            false,
            found -> {
              Plan pairs = outerJoin(found, CUSTOMERS_SCAN, Plan.Kept.LEFT, null, 1, 0);
              Plan some = filter(pairs, new Expr.Not(new Expr.IsNull(column(pairs, 2))));
              Plan next = joined(some, edges(), 1, 0);
              return project(next, column(next, 0), column(next, 6));
            }));
    shapes.put(
        "with both of two branches",
        recursion(edges(), false, found -> unionAll(further(found), swapped(found))));
    shapes.put(
        "with a branch that reads nothing found",
        recursion(
            filter(edges(), less(column(edges(), 0), int4(4))),
            false,
            found -> unionAll(further(found), swapped(edges()))));
    shapes.put(
        "with groups in the step",
        recursion(
            walks,
            true,
            found -> {
              Plan some = filter(found, less(column(found, 2), int4(4)));
              Plan pairs = joined(some, edges(), 1, 0);
              Plan ends = project(pairs, column(pairs, 4), column(pairs, 2));
              Plan counted =
                  group(
                      ends,
                      List.of(column(ends, 0)),
                      aggregate(Kind.MAX, SqlType.INT4, column(ends, 1)));
              return project(
                  counted, column(counted, 0), column(counted, 0), plus(column(counted, 1), 1));
            }));
    shapes.put(
        "with one group in the step",
        recursion(
            walks,
            true,
            found -> {
              Plan some = filter(found, less(column(found, 2), int4(4)));
              Plan counted =
                  group(some, List.of(), aggregate(Kind.MAX, SqlType.INT4, column(some, 2)));
              Plan any = filter(counted, new Expr.Not(new Expr.IsNull(column(counted, 0))));
              return project(any, column(any, 0), column(any, 0), plus(column(any, 0), 1));
            }));
    shapes.put(
        "with distinct rows in the step",
        recursion(walks, true, found -> new Plan.Distinct(walk.apply(found))));
    shapes.put(
        "with the first rows in the step",
        recursion(
            walks,
            true,
            found -> {
              Plan next = walk.apply(found);
              return new Plan.TopK(
                  next, List.of(), List.of(Plan.SortKey.ascending(column(next, 1))), 0, 3, false);
            }));
    shapes.put(
        "with a difference in the step",
        recursion(
            edges(),
            false,
            found ->
                new Plan.SetOperation(
                    further(found),
                    swapped(edges()),
                    Plan.SetOperation.Kind.EXCEPT,
                    false,
                    further(found).schema())));
    shapes.put(
        "inside of a recursion",
        recursion(
            edges(),
            false,
            found -> {
              Plan pairs = joined(found, closure, 1, 0);
              return project(pairs, column(pairs, 1), column(pairs, 3));
            }));
    return shapes;
  }

  private static Plan swapped(Plan pairs) {
    return project(pairs, column(pairs, 1), column(pairs, 0));
  }

  private static Plan amounts(Plan found) {
    Plan pairs = joined(found, ORDERS_SCAN, 0, 0);
    return project(pairs, column(pairs, 3), column(pairs, 1));
  }

  private static Plan whether(Plan rows, boolean wanted) {
    Plan asked =
        ask(
            rows,
            filter(
                CUSTOMERS_SCAN,
                equal(column(CUSTOMERS_SCAN, 0), new Expr.Outer(1, 1, SqlType.INT4))),
            new Question.Exists());
    Expr answer = column(asked, 2);
    Plan chosen = filter(asked, wanted ? answer : new Expr.Not(answer));
    return project(chosen, column(chosen, 0), column(chosen, 1));
  }
}
