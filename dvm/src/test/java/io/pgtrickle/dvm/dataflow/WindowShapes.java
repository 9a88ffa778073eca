package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.CUSTOMERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.ORDERS_SCAN;
import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.plan.WindowCall.Bound;
import io.pgtrickle.dvm.plan.WindowCall.Exclusion;
import io.pgtrickle.dvm.plan.WindowCall.Frame;
import io.pgtrickle.dvm.plan.WindowCall.Kind;
import io.pgtrickle.dvm.plan.WindowCall.Mode;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Window functions of [Shapes].
public final class WindowShapes {
  private static final Expr ID = column(ORDERS_SCAN, 0);
  private static final Expr CUSTOMER = column(ORDERS_SCAN, 1);
  private static final Expr AMOUNT = column(ORDERS_SCAN, 2);
  private static final Expr NOTE = column(ORDERS_SCAN, 3);
  private static final Frame WHOLE =
      new Frame(
          Mode.ROWS,
          new Bound.UnboundedPreceding(),
          new Bound.UnboundedFollowing(),
          Exclusion.NONE);

  private WindowShapes() {}

  public static Plan.SortKey ascending(Expr by) {
    return new Plan.SortKey(by, false, false);
  }

  public static Plan window(
      Plan input, List<Expr> partition, List<Plan.SortKey> order, WindowCall... calls) {
    return new Plan.Window(input, partition, order, Plan.Window.tieBreak(input), List.of(calls));
  }

  public static WindowCall placed(Kind kind, SqlType type, Frame frame, Expr... arguments) {
    Signature signature =
        new Signature(0, "pg_catalog", kind.name(), List.of(), type.oid(), false, 'i');
    return new WindowCall.Placed(kind, signature, List.of(arguments), type, frame);
  }

  public static WindowCall placed(Kind kind, SqlType type, Expr... arguments) {
    return placed(kind, type, Frame.DEFAULT, arguments);
  }

  public static WindowCall total(Frame frame, AggregateCall call) {
    return new WindowCall.Aggregated(call, frame);
  }

  public static WindowCall sumOfIds(Frame frame) {
    return total(frame, aggregate(AggregateCall.Kind.SUM, SqlType.INT8, ID));
  }

  public static Frame rows(long preceding, long following) {
    return new Frame(
        Mode.ROWS,
        new Bound.Preceding(int8(preceding)),
        new Bound.Following(int8(following)),
        Exclusion.NONE);
  }

  private static Expr int8(long value) {
    return new Expr.Literal(value, SqlType.INT8);
  }

  private static Expr numeric(String value) {
    return new Expr.Literal(PgNumeric.parse(value), SqlType.NUMERIC);
  }

  static Map<String, Plan> all() {
    Map<String, Plan> shapes = new LinkedHashMap<>();
    shapes.put(
        "window: numbers",
        window(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            List.of(ascending(AMOUNT)),
            placed(Kind.ROW_NUMBER, SqlType.INT8),
            placed(Kind.RANK, SqlType.INT8),
            placed(Kind.DENSE_RANK, SqlType.INT8),
            placed(Kind.PERCENT_RANK, SqlType.FLOAT8),
            placed(Kind.CUME_DIST, SqlType.FLOAT8),
            placed(Kind.NTILE, SqlType.INT4, int4(3)),
            placed(Kind.NTILE, SqlType.INT4, int4(7))));
    shapes.put(
        "window: running",
        window(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            List.of(new Plan.SortKey(AMOUNT, true, false)),
            placed(Kind.ROW_NUMBER, SqlType.INT8),
            placed(Kind.RANK, SqlType.INT8),
            placed(Kind.DENSE_RANK, SqlType.INT8),
            placed(Kind.FIRST_VALUE, SqlType.TEXT, NOTE),
            placed(Kind.LAST_VALUE, SqlType.TEXT, NOTE),
            placed(Kind.LAG, SqlType.INT4, ID, int4(2)),
            placed(Kind.LEAD, SqlType.INT4, ID),
            sumOfIds(Frame.DEFAULT),
            total(Frame.DEFAULT, aggregate(AggregateCall.Kind.MIN, SqlType.NUMERIC, AMOUNT)),
            total(Frame.DEFAULT, aggregate(AggregateCall.Kind.AVG, SqlType.NUMERIC, AMOUNT)),
            total(
                new Frame(
                    Mode.ROWS,
                    new Bound.UnboundedPreceding(),
                    new Bound.CurrentRow(),
                    Exclusion.NONE),
                aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, NOTE))));
    shapes.put(
        "window: numbers of the whole table",
        window(
            ORDERS_SCAN,
            List.of(),
            List.of(new Plan.SortKey(NOTE, true, true), ascending(ID)),
            placed(Kind.ROW_NUMBER, SqlType.INT8),
            placed(Kind.RANK, SqlType.INT8)));
    shapes.put(
        "window: shifted",
        window(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            List.of(ascending(ID)),
            placed(Kind.LAG, SqlType.NUMERIC, AMOUNT),
            placed(Kind.LEAD, SqlType.NUMERIC, AMOUNT, int4(2)),
            placed(Kind.LAG, SqlType.NUMERIC, AMOUNT, int4(-1), numeric("0.5")),
            placed(Kind.LEAD, SqlType.INT4, ID, int4(3), ID)));
    shapes.put(
        "window: shifted by a column",
        window(
            ORDERS_SCAN,
            List.of(NOTE),
            List.of(ascending(ID)),
            placed(Kind.LAG, SqlType.NUMERIC, AMOUNT, CUSTOMER, numeric("-1"))));
    for (Mode mode : Mode.values()) {
      for (Exclusion exclusion : Exclusion.values()) {
        shapes.put("window: " + mode + " EXCLUDE " + exclusion, frames(mode, exclusion));
      }
    }
    shapes.put(
        "window: RANGE of numerics, descending",
        window(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            List.of(new Plan.SortKey(AMOUNT, true, true)),
            sumOfIds(
                new Frame(
                    Mode.RANGE,
                    new Bound.Preceding(numeric("1.5")),
                    new Bound.Following(numeric("0.500")),
                    Exclusion.NONE)),
            sumOfIds(
                new Frame(
                    Mode.RANGE,
                    new Bound.Following(numeric("1")),
                    new Bound.UnboundedFollowing(),
                    Exclusion.NONE))));
    AggregateCall score =
        aggregate(AggregateCall.Kind.MAX, SqlType.FLOAT8, column(CUSTOMERS_SCAN, 2));
    shapes.put(
        "window: RANGE of floats",
        window(
            CUSTOMERS_SCAN,
            List.of(column(CUSTOMERS_SCAN, 1)),
            List.of(ascending(column(CUSTOMERS_SCAN, 2))),
            total(
                new Frame(
                    Mode.RANGE,
                    new Bound.Preceding(new Expr.Literal(1.25, SqlType.FLOAT8)),
                    new Bound.CurrentRow(),
                    Exclusion.NONE),
                score)));
    // Orders by the day that their number stands for.
    Expr day =
        call(
            "date_pl_interval",
            SqlType.TIMESTAMP,
            call("date_pli", SqlType.DATE, new Expr.Literal(8_000L, SqlType.DATE), ID),
            new Expr.Literal(new PgInterval(0, 0, 3_600_000_000L), SqlType.INTERVAL));
    for (boolean descending : new boolean[] {false, true}) {
      shapes.put(
          "window: RANGE of times" + (descending ? ", descending" : ""),
          window(
              ORDERS_SCAN,
              List.of(CUSTOMER),
              List.of(new Plan.SortKey(day, descending, descending)),
              sumOfIds(
                  new Frame(
                      Mode.RANGE,
                      new Bound.Preceding(
                          new Expr.Literal(new PgInterval(0, 2, 1), SqlType.INTERVAL)),
                      new Bound.Following(
                          new Expr.Literal(new PgInterval(0, 1, -1), SqlType.INTERVAL)),
                      Exclusion.NONE))));
    }
    shapes.put(
        "window: every aggregate", window(ORDERS_SCAN, List.of(CUSTOMER), List.of(), all(WHOLE)));
    shapes.put(
        "window: every aggregate, sliding",
        window(ORDERS_SCAN, List.of(), List.of(ascending(ID)), all(rows(2, 1))));
    Expr failing = call("int4div", SqlType.INT4, int4(12), CUSTOMER);
    shapes.put(
        "window: arguments that fail",
        window(
            ORDERS_SCAN,
            List.of(NOTE),
            List.of(ascending(ID)),
            placed(Kind.LAG, SqlType.INT4, failing),
            total(rows(1, 0), aggregate(AggregateCall.Kind.SUM, SqlType.INT8, failing)),
            total(rows(1, 1), aggregate(AggregateCall.Kind.MIN, SqlType.INT4, failing))));
    shapes.put(
        "window: the n-th of a column",
        window(
            ORDERS_SCAN,
            List.of(NOTE),
            List.of(ascending(ID)),
            placed(Kind.NTH_VALUE, SqlType.NUMERIC, WHOLE, AMOUNT, CUSTOMER)));
    Plan first =
        window(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            List.of(ascending(AMOUNT)),
            placed(Kind.ROW_NUMBER, SqlType.INT8));
    shapes.put(
        "window: over a window",
        window(first, List.of(column(first, 4)), List.of(), sumOfIds(WHOLE)));
    Plan counted =
        group(
            ORDERS_SCAN,
            List.of(CUSTOMER),
            aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null));
    shapes.put(
        "window: over groups",
        window(
            counted,
            List.of(),
            List.of(new Plan.SortKey(column(counted, 1), true, true)),
            placed(Kind.RANK, SqlType.INT8)));
    shapes.put(
        "window: the first of each",
        filter(first, call("int8eq", SqlType.BOOL, column(first, 4), int8(1))));
    return shapes;
  }

  private static Plan frames(Mode mode, Exclusion exclusion) {
    Expr by = mode == Mode.RANGE ? int4(1) : int8(1);
    Expr further = mode == Mode.RANGE ? int4(3) : int8(3);
    List<Frame> frames = new ArrayList<>();
    Bound first = new Bound.UnboundedPreceding();
    Bound current = new Bound.CurrentRow();
    Bound last = new Bound.UnboundedFollowing();
    Bound before = new Bound.Preceding(by);
    Bound longBefore = new Bound.Preceding(further);
    Bound after = new Bound.Following(by);
    Bound longAfter = new Bound.Following(further);
    Bound[][] bounds = {
      {first, before}, {first, current}, {first, after}, {first, last},
      {longBefore, before}, {before, longBefore}, {before, current}, {before, after},
      {before, last}, {current, current}, {current, longAfter}, {current, last},
      {after, longAfter}, {longAfter, after}, {after, last}
    };
    for (Bound[] each : bounds) {
      frames.add(new Frame(mode, each[0], each[1], exclusion));
    }
    List<WindowCall> calls = new ArrayList<>();
    for (Frame frame : frames) {
      calls.add(sumOfIds(frame));
      calls.add(
          switch (calls.size() % 3) {
            case 0 -> placed(Kind.FIRST_VALUE, SqlType.TEXT, frame, NOTE);
            case 1 -> placed(Kind.LAST_VALUE, SqlType.TEXT, frame, NOTE);
            default -> placed(Kind.NTH_VALUE, SqlType.NUMERIC, frame, AMOUNT, int4(2));
          });
    }
    return window(
        ORDERS_SCAN,
        List.of(),
        List.of(new Plan.SortKey(CUSTOMER, false, true)),
        calls.toArray(new WindowCall[0]));
  }

  private static WindowCall[] all(Frame frame) {
    Expr even = call("int4eq", SqlType.BOOL, call("int4mod", SqlType.INT4, ID, int4(2)), int4(0));
    return new WindowCall[] {
      total(frame, aggregate(AggregateCall.Kind.COUNT_ROWS, SqlType.INT8, null, false, even)),
      total(frame, aggregate(AggregateCall.Kind.COUNT, SqlType.INT8, NOTE)),
      total(frame, aggregate(AggregateCall.Kind.SUM, SqlType.NUMERIC, AMOUNT)),
      total(frame, aggregate(AggregateCall.Kind.AVG, SqlType.NUMERIC, ID)),
      total(frame, aggregate(AggregateCall.Kind.MIN, SqlType.NUMERIC, AMOUNT)),
      total(frame, aggregate(AggregateCall.Kind.MAX, SqlType.TEXT, NOTE, false, even)),
      total(frame, aggregate(AggregateCall.Kind.BOOL_AND, SqlType.BOOL, even)),
      total(frame, aggregate(AggregateCall.Kind.BOOL_OR, SqlType.BOOL, even)),
      total(frame, aggregate(AggregateCall.Kind.BIT_AND, SqlType.INT4, ID)),
      total(frame, aggregate(AggregateCall.Kind.BIT_OR, SqlType.INT4, ID)),
      total(frame, aggregate(AggregateCall.Kind.BIT_XOR, SqlType.INT4, ID)),
      total(frame, aggregate(AggregateCall.Kind.VAR_POP, SqlType.NUMERIC, AMOUNT)),
      total(frame, aggregate(AggregateCall.Kind.VAR_SAMP, SqlType.NUMERIC, ID))
    };
  }
}
