package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Plans for tests, over two small tables.
///
///     orders    (id int4 primary key, customer int4, amount numeric, note text)
///     customers (id int4 primary key, region text, score float8)
public final class Shapes {
  public static final EvaluationSettings SETTINGS = EvaluationSettings.of("UTC", Collation.C);

  public static final Schema ORDERS =
      Tables.schema(SqlType.INT4, SqlType.INT4, SqlType.NUMERIC, SqlType.TEXT);
  public static final Schema CUSTOMERS = Tables.schema(SqlType.INT4, SqlType.TEXT, SqlType.FLOAT8);

  public static final int ORDERS_OID = 1001;
  public static final int CUSTOMERS_OID = 1002;

  public static final Plan ORDERS_SCAN =
      new Plan.Scan(ORDERS_OID, "public.orders", List.of(0), ORDERS);
  public static final Plan CUSTOMERS_SCAN =
      new Plan.Scan(CUSTOMERS_OID, "public.customers", List.of(0), CUSTOMERS);

  private Shapes() {}

  public static Expr column(Plan plan, int index) {
    return new Expr.Column(index, plan.schema().column(index).type());
  }

  public static Expr int4(long value) {
    return new Expr.Literal(value, SqlType.INT4);
  }

  public static Expr call(String name, SqlType result, Expr... arguments) {
    Signature signature =
        new Signature(
            0,
            "pg_catalog",
            name,
            java.util.Arrays.stream(arguments).map(a -> a.type().oid()).toList(),
            result.oid(),
            true,
            'i');
    return new Expr.Call(signature, List.of(arguments), result, 0);
  }

  public static Plan filter(Plan input, Expr condition) {
    return new Plan.Filter(input, condition);
  }

  public static Plan project(Plan input, Expr... columns) {
    return new Plan.Project(input, List.of(columns), schemaOf(List.of(columns)));
  }

  private static Schema schemaOf(List<Expr> columns) {
    List<Column> list = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      list.add(new Column("c" + i, columns.get(i).type()));
    }
    return new Schema(list);
  }

  public static Plan join(Plan left, Plan right, @Nullable Expr residual, int... keyColumns) {
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.addAll(right.schema().columns());
    List<Plan.Key> keys = new ArrayList<>();
    for (int i = 0; i < keyColumns.length; i += 2) {
      keys.add(new Plan.Key(column(left, keyColumns[i]), column(right, keyColumns[i + 1])));
    }
    return new Plan.Join(left, right, keys, residual, new Schema(columns));
  }

  public static Plan outerJoin(
      Plan left, Plan right, Plan.Kept kept, @Nullable Expr residual, int... keyColumns) {
    return join(left, right, residual, keyColumns)
            instanceof Plan.Join(Plan l, Plan r, var keys, var condition, var schema)
        ? new Plan.OuterJoin(l, r, kept, keys, condition, schema)
        : left;
  }

  public static Plan markJoin(Plan left, Plan right, int... keyColumns) {
    if (!(join(left, right, null, keyColumns) instanceof Plan.Join join)) {
      throw new IllegalStateException("a join is a join");
    }
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.add(new Column("mark", SqlType.BOOL));
    return new Plan.MarkJoin(left, right, join.keys(), null, new Schema(columns));
  }

  public static Plan unionAll(Plan... inputs) {
    return new Plan.UnionAll(List.of(inputs), inputs[0].schema());
  }

  public static AggregateCall aggregate(
      AggregateCall.Kind kind, SqlType type, @Nullable Expr argument) {
    return aggregate(kind, type, argument, false, null);
  }

  public static AggregateCall aggregate(
      AggregateCall.Kind kind,
      SqlType type,
      @Nullable Expr argument,
      boolean distinct,
      @Nullable Expr filter) {
    List<Expr> arguments = argument == null ? List.of() : List.of(argument);
    Signature signature =
        new Signature(
            0,
            "pg_catalog",
            kind.name(),
            arguments.stream().map(a -> a.type().oid()).toList(),
            type.oid(),
            false,
            'i');
    return new AggregateCall(kind, signature, arguments, distinct, filter, type);
  }

  private static AggregateCall[] collecting() {
    Expr amount = column(ORDERS_SCAN, 2);
    Expr note = column(ORDERS_SCAN, 3);
    Expr comma = new Expr.Literal(", ", SqlType.TEXT);
    SqlType array = SqlType.of(1231);
    Plan.SortKey byAmount = new Plan.SortKey(amount, true, false);
    Plan.SortKey byNote = new Plan.SortKey(note, false, true);
    Expr large = new Expr.IsNull(column(ORDERS_SCAN, 1));
    Expr score = new Expr.Literal(0.4, SqlType.FLOAT8);
    return new AggregateCall[] {
      collect(
          AggregateCall.Kind.STRING_AGG, SqlType.TEXT, false, null, List.of(byAmount), note, comma),
      collect(AggregateCall.Kind.STRING_AGG, SqlType.TEXT, false, null, List.of(), note, note),
      collect(
          AggregateCall.Kind.STRING_AGG, SqlType.TEXT, true, null, List.of(byNote), note, comma),
      collect(AggregateCall.Kind.ARRAY_AGG, array, false, large, List.of(byNote), amount),
      collect(AggregateCall.Kind.ARRAY_AGG, array, true, null, List.of(byAmount), amount),
      collect(AggregateCall.Kind.ARRAY_AGG, array, true, null, List.of(), amount),
      collect(AggregateCall.Kind.JSON_AGG, SqlType.of(114), false, null, List.of(byAmount), note),
      collect(AggregateCall.Kind.ANY_VALUE, SqlType.NUMERIC, false, null, List.of(), amount),
      collect(AggregateCall.Kind.ANY_VALUE, SqlType.TEXT, true, null, List.of(), note),
      collect(AggregateCall.Kind.ANY_VALUE, SqlType.TEXT, false, large, List.of(byAmount), note),
      collect(AggregateCall.Kind.MODE, SqlType.NUMERIC, false, null, List.of(byAmount)),
      collect(
          AggregateCall.Kind.PERCENTILE_DISC,
          SqlType.NUMERIC,
          false,
          null,
          List.of(byAmount),
          score),
      collect(
          AggregateCall.Kind.PERCENTILE_DISC, SqlType.TEXT, false, large, List.of(byNote), score),
    };
  }

  private static AggregateCall collect(
      AggregateCall.Kind kind,
      SqlType type,
      boolean distinct,
      @Nullable Expr filter,
      List<Plan.SortKey> order,
      Expr... arguments) {
    Signature signature =
        new Signature(0, "pg_catalog", kind.name(), List.of(), type.oid(), false, 'i');
    return new AggregateCall(kind, signature, List.of(arguments), order, distinct, filter, type);
  }

  public static Plan group(Plan input, List<Expr> groups, AggregateCall... calls) {
    List<Column> columns = new ArrayList<>(schemaOf(groups).columns());
    for (AggregateCall call : calls) {
      columns.add(new Column("a" + columns.size(), call.type()));
    }
    return new Plan.Aggregate(input, groups, List.of(calls), new Schema(columns));
  }

  /// A shape as the dataflow can run it: one that is written as a query is gets rewritten.
  public static Plan runnable(Plan plan) {
    return needsRewrites(plan) ? Rewrites.apply(plan) : plan;
  }

  private static boolean needsRewrites(Plan plan) {
    return plan instanceof Plan.Apply
        || plan instanceof Plan.GroupingSets
        || plan instanceof Plan.Recursion
        || (plan instanceof Plan.OuterJoin join && join.residual() != null)
        || (plan instanceof Plan.MarkJoin mark && mark.residual() != null)
        || plan.inputs().stream().anyMatch(Shapes::needsRewrites);
  }

  /// The shapes that the oracle tests run, by name.
  public static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    Expr amount = column(ORDERS_SCAN, 2);
    Expr customer = column(ORDERS_SCAN, 1);
    Expr note = column(ORDERS_SCAN, 3);
    Expr orderId = column(ORDERS_SCAN, 0);
    Expr large = call("int4gt", SqlType.BOOL, orderId, int4(5));
    Plan joined = join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0);

    shapes.put("scan", ORDERS_SCAN);
    shapes.put("filter", filter(ORDERS_SCAN, large));
    shapes.put(
        "computed projection",
        project(
            filter(ORDERS_SCAN, new Expr.Not(new Expr.IsNull(customer))),
            note,
            call("int4pl", SqlType.INT4, orderId, customer),
            amount));
    shapes.put("projection that merges rows", project(ORDERS_SCAN, customer));
    shapes.put(
        "division that fails for some rows",
        project(ORDERS_SCAN, orderId, call("int4div", SqlType.INT4, int4(12), customer)));
    shapes.put("join", joined);
    shapes.put("join that shows no key", project(joined, column(joined, 2), column(joined, 5)));
    Plan withLone = outerJoin(ORDERS_SCAN, CUSTOMERS_SCAN, Plan.Kept.LEFT, null, 1, 0);
    shapes.put(
        "left join that shows no key",
        project(withLone, column(withLone, 3), column(withLone, 2), column(withLone, 6)));
    shapes.put(
        "join with residual",
        join(
            ORDERS_SCAN,
            CUSTOMERS_SCAN,
            call(
                "int4gt",
                SqlType.BOOL,
                column(joined, 0),
                call("int4pl", SqlType.INT4, column(joined, 4), int4(2))),
            1,
            0));
    shapes.put(
        "join whose residual fails on pairs",
        join(
            ORDERS_SCAN,
            CUSTOMERS_SCAN,
            call(
                "int4gt",
                SqlType.BOOL,
                call("int4div", SqlType.INT4, int4(100), column(joined, 4)),
                int4(0)),
            1,
            0));
    shapes.put("join on text and number", join(ORDERS_SCAN, CUSTOMERS_SCAN, null, 1, 0, 3, 1));
    shapes.put("cross product", join(CUSTOMERS_SCAN, CUSTOMERS_SCAN, null));
    shapes.put("self join", join(ORDERS_SCAN, ORDERS_SCAN, null, 1, 1));
    shapes.put("self join on different columns", join(ORDERS_SCAN, ORDERS_SCAN, null, 0, 1));
    shapes.put(
        "the same table three times",
        join(join(ORDERS_SCAN, ORDERS_SCAN, null, 1, 1), ORDERS_SCAN, null, 0, 1));
    shapes.put(
        "projected join", project(joined, column(joined, 0), column(joined, 5), column(joined, 2)));
    shapes.put(
        "union all",
        unionAll(
            project(ORDERS_SCAN, orderId, note),
            project(CUSTOMERS_SCAN, column(CUSTOMERS_SCAN, 0), column(CUSTOMERS_SCAN, 1))));
    shapes.put("distinct", new Plan.Distinct(project(ORDERS_SCAN, customer, amount)));
    shapes.put("distinct over a join", new Plan.Distinct(project(joined, column(joined, 5))));
    shapes.put(
        "all aggregates, grouped", group(ORDERS_SCAN, List.of(customer), calls(ORDERS_SCAN)));
    shapes.put("all aggregates, global", group(ORDERS_SCAN, List.of(), calls(ORDERS_SCAN)));
    shapes.put(
        "grouped by a number that looks different",
        group(
            ORDERS_SCAN,
            List.of(amount),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
            aggregate(AggregateCall.Kind.MIN, SqlType.TEXT, note)));
    shapes.put("collected values, grouped", group(ORDERS_SCAN, List.of(customer), collecting()));
    shapes.put("collected values, global", group(ORDERS_SCAN, List.of(), collecting()));
    AggregateCall[] some = {
      aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
      aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, amount)
    };
    shapes.put(
        "grouping sets",
        new Plan.GroupingSets(
            ORDERS_SCAN,
            List.of(customer, note),
            List.of(List.of(0, 1), List.of(1), List.of(), List.of(0), List.of(0)),
            List.of(some),
            List.of(List.of(0, 1), List.of(1)),
            Schema.ofTypes(
                List.of(
                    customer.type(),
                    note.type(),
                    SqlType.INT8,
                    SqlType.NUMERIC,
                    SqlType.INT4,
                    SqlType.INT4))));
    Plan floats =
        group(
            CUSTOMERS_SCAN,
            List.of(column(CUSTOMERS_SCAN, 1)),
            aggregate(AggregateCall.Kind.SUM, SqlType.FLOAT8, column(CUSTOMERS_SCAN, 2)),
            aggregate(AggregateCall.Kind.AVG, SqlType.FLOAT8, column(CUSTOMERS_SCAN, 2)),
            aggregate(AggregateCall.Kind.MAX, SqlType.FLOAT8, column(CUSTOMERS_SCAN, 2)));
    Plan.SortKey byAmount = new Plan.SortKey(amount, true, true);
    Plan.SortKey byNote = new Plan.SortKey(note, false, false);
    shapes.put("top", new Plan.TopK(ORDERS_SCAN, List.of(), List.of(byAmount), 0, 3, false));
    shapes.put(
        "top with ties", new Plan.TopK(ORDERS_SCAN, List.of(), List.of(byAmount), 1, 2, true));
    shapes.put(
        "top with offset",
        new Plan.TopK(ORDERS_SCAN, List.of(), List.of(byNote, byAmount), 4, 5, false));
    shapes.put(
        "all but the first", new Plan.TopK(ORDERS_SCAN, List.of(), List.of(byNote), 2, -1, false));
    shapes.put(
        "distinct on",
        new Plan.TopK(
            ORDERS_SCAN,
            List.of(customer),
            List.of(new Plan.SortKey(customer, false, false), byAmount),
            0,
            1,
            false));
    shapes.put("none at all", new Plan.TopK(ORDERS_SCAN, List.of(), List.of(byAmount), 0, 0, true));
    Plan ofOrders = project(ORDERS_SCAN, customer, amount);
    Plan ofOlder = project(filter(ORDERS_SCAN, large), customer, amount);
    for (Plan.SetOperation.Kind kind : Plan.SetOperation.Kind.values()) {
      for (boolean all : new boolean[] {false, true}) {
        shapes.put(
            kind + (all ? " ALL" : ""),
            new Plan.SetOperation(ofOrders, ofOlder, kind, all, ofOrders.schema()));
      }
    }
    shapes.put("floats", floats);
    shapes.putAll(OuterJoinShapes.all());
    shapes.putAll(SubqueryShapes.all());
    shapes.putAll(WindowShapes.all());
    shapes.putAll(LateralShapes.all());
    shapes.putAll(UnfoldShapes.all());
    shapes.putAll(RecursionShapes.all());
    Plan perRegion =
        group(
            joined,
            List.of(column(joined, 5)),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
            aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, column(joined, 2)));
    shapes.put("join and aggregate", perRegion);
    shapes.put(
        "having",
        filter(
            perRegion,
            call(
                "int8gt", SqlType.BOOL, column(perRegion, 1), new Expr.Literal(2L, SqlType.INT8))));
    shapes.put(
        "aggregate of an aggregate",
        group(
            perRegion,
            List.of(column(perRegion, 1)),
            aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, column(perRegion, 0))));
    shapes.put(
        "aggregate joined with its table",
        join(
            group(
                ORDERS_SCAN,
                List.of(customer),
                aggregate(AggregateCall.Kind.MAX, SqlType.INT4, orderId)),
            ORDERS_SCAN,
            null,
            1,
            0));
    shapes.put(
        "values",
        unionAll(
            new Plan.Values(
                List.of(List.of(int4(1)), List.of(int4(7)), List.of(int4(7))),
                Tables.schema(SqlType.INT4)),
            project(ORDERS_SCAN, orderId)));
    shapes.put(
        "aggregate whose argument fails for some rows",
        group(
            ORDERS_SCAN,
            List.of(note),
            aggregate(
                AggregateCall.Kind.SUM,
                SqlType.INT8,
                call("int4div", SqlType.INT4, int4(12), customer)),
            aggregate(
                AggregateCall.Kind.MAX,
                SqlType.INT4,
                call("int4div", SqlType.INT4, int4(12), customer))));
    return shapes;
  }

  private static AggregateCall[] calls(Plan input) {
    Expr amount = column(input, 2);
    Expr id = column(input, 0);
    Expr note = column(input, 3);
    Expr even = call("int4eq", SqlType.BOOL, call("int4mod", SqlType.INT4, id, int4(2)), int4(0));
    return new AggregateCall[] {
      aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null),
      aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null, false, even),
      aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, note),
      aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, note, true, null),
      aggregate(AggregateCall.Kind.SUM, SqlType.INT8, id),
      aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, amount),
      aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, amount, true, even),
      aggregate(AggregateCall.Kind.AVG, SqlType.NUMERIC, amount),
      aggregate(AggregateCall.Kind.AVG, SqlType.NUMERIC, id, true, null),
      aggregate(AggregateCall.Kind.MIN, SqlType.NUMERIC, amount),
      aggregate(AggregateCall.Kind.MAX, SqlType.NUMERIC, amount, false, even),
      aggregate(AggregateCall.Kind.MIN, SqlType.TEXT, note),
      aggregate(AggregateCall.Kind.MAX, SqlType.TEXT, note),
      aggregate(AggregateCall.Kind.BOOL_AND, SqlType.BOOL, even),
      aggregate(AggregateCall.Kind.BOOL_OR, SqlType.BOOL, even, true, even),
      aggregate(AggregateCall.Kind.BIT_AND, SqlType.INT4, id),
      aggregate(AggregateCall.Kind.BIT_OR, SqlType.INT4, id),
      aggregate(AggregateCall.Kind.BIT_XOR, SqlType.INT4, id, true, null),
      aggregate(AggregateCall.Kind.VAR_POP, SqlType.NUMERIC, id),
      aggregate(AggregateCall.Kind.VAR_SAMP, SqlType.NUMERIC, amount),
      aggregate(AggregateCall.Kind.VAR_SAMP, SqlType.NUMERIC, amount, true, even),
      new AggregateCall(
          AggregateCall.Kind.REGRESSION,
          new Signature(0, "pg_catalog", "regr_sxy", List.of(701, 701), 701, false, 'i'),
          List.of(
              call("float8", SqlType.FLOAT8, id), call("float8", SqlType.FLOAT8, column(input, 1))),
          false,
          null,
          SqlType.FLOAT8),
    };
  }
}
