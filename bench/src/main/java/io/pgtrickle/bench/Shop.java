package io.pgtrickle.bench;

import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/// Plans over [Samples] without a server, and dataflows filled with them.
final class Shop {
  static final int ORDERS_OID = 1;
  static final int CUSTOMERS_OID = 2;
  static final long VIEW = 1;
  static final EvaluationSettings SETTINGS = EvaluationSettings.of("UTC", Collation.C);

  private static final int STORAGE_OID = 3;
  private static final int LOAD_ROWS = 50_000;

  private static final Plan.Scan ORDERS =
      new Plan.Scan(ORDERS_OID, "public.orders", List.of(0), Samples.ORDERS);
  private static final Plan.Scan CUSTOMERS =
      new Plan.Scan(CUSTOMERS_OID, "public.customers", List.of(0), Samples.CUSTOMERS);

  private Shop() {}

  /// `SELECT * FROM orders o JOIN customers c ON c.id = o.customer`.
  static Plan join() {
    List<Column> columns = new ArrayList<>(Samples.ORDERS.columns());
    columns.addAll(Samples.CUSTOMERS.columns());
    return new Plan.Join(
        ORDERS,
        CUSTOMERS,
        List.of(new Plan.Key(column(Samples.ORDERS, 1), column(Samples.CUSTOMERS, 0))),
        null,
        new Schema(columns));
  }

  /// `SELECT region, count(*), sum(amount) FROM (join) GROUP BY region`.
  static Plan aggregate() {
    Plan join = join();
    Expr amount = column(join.schema(), 3);
    return new Plan.Aggregate(
        join,
        List.of(column(join.schema(), 7)),
        List.of(
            new AggregateCall(
                AggregateCall.Kind.COUNT_ROWS,
                signature("count", SqlType.INT8),
                List.of(),
                false,
                null,
                SqlType.INT8),
            new AggregateCall(
                AggregateCall.Kind.SUM,
                signature("sum", SqlType.NUMERIC, amount),
                List.of(amount),
                false,
                null,
                SqlType.NUMERIC)),
        Schema.of(
            new Column("region", SqlType.TEXT),
            new Column("orders", SqlType.INT8),
            new Column("revenue", SqlType.NUMERIC)));
  }

  static Expr column(Schema schema, int index) {
    return new Expr.Column(index, schema.column(index).type());
  }

  static Expr call(String name, SqlType result, Expr... arguments) {
    boolean text = Arrays.stream(arguments).anyMatch(argument -> argument.type().kind().isText());
    return new Expr.Call(
        signature(name, result, arguments),
        List.of(arguments),
        result,
        text ? SqlType.DEFAULT_COLLATION : 0);
  }

  private static Signature signature(String name, SqlType result, Expr... arguments) {
    return new Signature(
        0,
        "pg_catalog",
        name,
        Arrays.stream(arguments).map(argument -> argument.type().oid()).toList(),
        result.oid(),
        true,
        'i');
  }

  /// A dataflow that keeps one view of so many orders of a tenth as many customers.
  ///
  /// Long merges run in the thread that steps: their cost is part of what is measured.
  static Dataflow dataflow(Plan plan, int orders) {
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(VIEW, STORAGE_OID, "public.view", plan, SETTINGS));
    ZSet.Builder customers = new ZSet.Builder();
    for (int id = 0; id < orders / 10; id++) {
      customers.add(Samples.customer(id), 1);
    }
    dataflow.load(Map.of(CUSTOMERS_OID, customers.build()));
    for (int from = 0; from < orders; from += LOAD_ROWS) {
      ZSet.Builder rows = new ZSet.Builder(LOAD_ROWS);
      for (int id = from; id < Math.min(from + LOAD_ROWS, orders); id++) {
        rows.add(Samples.order(id, orders / 10), 1);
      }
      dataflow.load(Map.of(ORDERS_OID, rows.build()));
    }
    dataflow.step(Map.of(), view -> true);
    return dataflow;
  }

  /// The update of `batch` orders scattered over all, as a delta: back and forth between two
  /// amounts, so that it can be applied for ever.
  static ZSet update(int orders, int batch, boolean forth) {
    ZSet.Builder delta = new ZSet.Builder(2 * batch);
    for (int i = 0; i < batch; i++) {
      int id = i * (orders / batch);
      delta.add(Samples.order(id, orders / 10, 0), forth ? -1 : 1);
      delta.add(Samples.order(id, orders / 10, 1), forth ? 1 : -1);
    }
    return delta.build();
  }
}
