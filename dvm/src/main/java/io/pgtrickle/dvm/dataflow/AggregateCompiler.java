package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.operator.Accumulator;
import io.pgtrickle.dvm.operator.Aggregate;
import io.pgtrickle.dvm.operator.BitTotal;
import io.pgtrickle.dvm.operator.Collected;
import io.pgtrickle.dvm.operator.Collectors;
import io.pgtrickle.dvm.operator.FloatMean;
import io.pgtrickle.dvm.operator.IntervalTotal;
import io.pgtrickle.dvm.operator.Moments;
import io.pgtrickle.dvm.operator.Quantile;
import io.pgtrickle.dvm.operator.Spread;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.FloatMoments.Measure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Wires one GROUP BY: the rows grouped for the step, an ordered multiset per `min` and `max`, and
/// a distinct stream per function that asks for DISTINCT.
///
/// The latter two are ordinary nodes over rewritten plans, so that they are shared like any other.
final class AggregateCompiler {
  private static final Signature COUNT =
      new Signature(2803, "pg_catalog", "count", List.of(), SqlType.INT8.oid(), false, 'i');

  private static final int INFINITE_INTERVALS_SINCE = 17;

  private final PlanCompiler compiler;
  private final Plan.Aggregate plan;
  private final Schema input;
  private final List<Node> nodes = new ArrayList<>();
  private final List<KeyedNode.Input> wiring = new ArrayList<>();
  private final List<Node> multisets = new ArrayList<>();

  AggregateCompiler(PlanCompiler compiler, Plan.Aggregate plan) {
    this.compiler = compiler;
    this.plan = plan;
    input = plan.input().schema();
  }

  Node compile() {
    nodes.add(compiler.compile(plan.input()));
    wiring.add(new KeyedNode.Grouped(compiler.rowKey(plan.groups(), input)));
    Schema groups = new Schema(plan.schema().columns().subList(0, plan.groups().size()));
    int representatives = -1;
    if (plan.groups().stream().anyMatch(g -> !TypeCodec.of(g.type()).equalMeansIdentical())) {
      representatives = multisets.size();
      multisets.add(
          compiler.arrange(
              plan.input(), plan.groups(), plan.groups(), schema(plan.groups()), false));
    }
    List<Accumulator> functions = new ArrayList<>();
    for (AggregateCall call : plan.calls()) {
      functions.add(accumulator(call));
    }
    Aggregate operator =
        new Aggregate(
            groups,
            compiler.project(plan.groups(), input, groups),
            representatives,
            functions,
            plan.schema());
    List<Node> inputs = new ArrayList<>(nodes);
    inputs.addAll(multisets);
    return new KeyedNode(
        compiler.planKey(plan),
        plan.schema(),
        "Aggregate",
        operator,
        inputs,
        wiring,
        true,
        plan.groups().isEmpty(),
        compiler.storage());
  }

  private Accumulator accumulator(AggregateCall call) {
    return switch (call.kind()) {
      case COUNT_ROWS -> new Accumulator.Count(0, null, filter(call));
      case MIN, MAX -> extreme(call);
      case ANY_VALUE -> first(call);
      case STRING_AGG ->
          call.arguments().getFirst().type().kind() == TypeKind.BYTEA
              ? collected(call, Collectors::bytes)
              : collected(call, Collectors::text);
      case ARRAY_AGG -> collected(call, () -> Collectors.array(call.arguments().getFirst().type()));
      case JSON_AGG -> collected(call, () -> Collectors.json(call.arguments().getFirst().type()));
      case JSONB_AGG -> collected(call, () -> Collectors.jsonb(call.arguments().getFirst().type()));
      case MODE -> mode(call);
      case PERCENTILE_DISC -> quantile(call, false);
      case PERCENTILE_CONT -> quantile(call, true);
      case ASKED, ASKED_WITHIN_GROUP ->
          throw new IllegalArgumentException("the server was not asked for " + call.function());
      case COUNT,
          SUM,
          AVG,
          BOOL_AND,
          BOOL_OR,
          BIT_AND,
          BIT_OR,
          BIT_XOR,
          VAR_POP,
          VAR_SAMP,
          STDDEV_POP,
          STDDEV_SAMP ->
          invertible(call, stream(call), compiler.serverVersion());
      case REGRESSION ->
          regression(
              call,
              compiler.evaluator(call.arguments().getFirst(), input),
              compiler.evaluator(call.arguments().getLast(), input),
              filter(call));
    };
  }

  /// The state of an aggregate of one argument from which a row can be taken away again.
  ///
  /// @param serverVersion the major version
  static Accumulator invertible(AggregateCall call, Stream stream, int serverVersion) {
    return switch (call.kind()) {
      case COUNT -> new Accumulator.Count(stream.input, stream.argument, stream.filter);
      case SUM, AVG -> total(call, stream, serverVersion);
      case BOOL_AND, BIT_AND -> bits(call, stream, BitTotal.Result.AND);
      case BOOL_OR, BIT_OR -> bits(call, stream, BitTotal.Result.OR);
      case BIT_XOR -> bits(call, stream, BitTotal.Result.XOR);
      case VAR_POP -> spread(call, stream, Measure.VAR_POP);
      case VAR_SAMP -> spread(call, stream, Measure.VAR_SAMP);
      case STDDEV_POP -> spread(call, stream, Measure.STDDEV_POP);
      case STDDEV_SAMP -> spread(call, stream, Measure.STDDEV_SAMP);
      case COUNT_ROWS,
          MIN,
          MAX,
          REGRESSION,
          ANY_VALUE,
          STRING_AGG,
          ARRAY_AGG,
          JSON_AGG,
          JSONB_AGG,
          MODE,
          PERCENTILE_DISC,
          PERCENTILE_CONT,
          ASKED,
          ASKED_WITHIN_GROUP ->
          throw new IllegalArgumentException(call.kind() + " is no function of a stream of values");
    };
  }

  // Only string_agg passes NULLs over; the others show them.
  private Accumulator collected(AggregateCall call, Supplier<Collected.Collector> collectors) {
    Schema schema = schema(call.arguments());
    Plan rows =
        call.kind() == AggregateCall.Kind.STRING_AGG
            ? counted(call, call.arguments().getFirst())
            : filtered(call);
    multisets.add(compiler.sorted(rows, plan.groups(), order(call), call.arguments(), schema));
    return new Collected(multisets.size() - 1, schema, call.distinct(), collectors, call.type());
  }

  private Accumulator first(AggregateCall call) {
    Schema schema = schema(call.arguments());
    Plan rows = counted(call, call.arguments().getFirst());
    multisets.add(compiler.sorted(rows, plan.groups(), order(call), call.arguments(), schema));
    return new Accumulator.Extreme(multisets.size() - 1, false, schema);
  }

  private static List<Plan.SortKey> order(AggregateCall call) {
    List<Plan.SortKey> order = new ArrayList<>(call.order());
    if (call.distinct()) {
      // As the server does: by ORDER BY, then by the arguments that it does not name.
      call.arguments().stream()
          .filter(argument -> order.stream().noneMatch(by -> by.value().equals(argument)))
          .forEach(argument -> order.add(Plan.SortKey.ascending(argument)));
    }
    return order;
  }

  private Accumulator quantile(AggregateCall call, boolean continuous) {
    Plan.SortKey by = call.order().getFirst();
    List<Expr> stored = List.of(by.value());
    Schema schema = schema(stored);
    multisets.add(
        compiler.sorted(counted(call, by.value()), plan.groups(), List.of(by), stored, schema));
    return new Quantile(
        multisets.size() - 1,
        schema,
        compiler.evaluator(call.arguments().getFirst(), input),
        continuous);
  }

  // The values with their numbers are an aggregate of their own, sorted by number.
  private Accumulator mode(AggregateCall call) {
    Plan.SortKey by = call.order().getFirst();
    List<Expr> groups = new ArrayList<>(plan.groups());
    groups.add(by.value());
    AggregateCall count =
        new AggregateCall(
            AggregateCall.Kind.COUNT_ROWS, COUNT, List.of(), false, null, SqlType.INT8);
    List<Expr> shown = new ArrayList<>(groups);
    shown.add(new Expr.Literal(0L, SqlType.INT8));
    Plan counts =
        new Plan.Aggregate(counted(call, by.value()), groups, List.of(count), schema(shown));
    List<Expr> columns = PlanCompiler.columns(counts.schema());
    Expr value = columns.get(groups.size() - 1);
    Schema schema = schema(List.of(value));
    multisets.add(
        compiler.sorted(
            counts,
            columns.subList(0, groups.size() - 1),
            List.of(new Plan.SortKey(columns.getLast(), true, false), by.over(value)),
            List.of(value),
            schema));
    return new Accumulator.Extreme(multisets.size() - 1, false, schema);
  }

  /// Where a function's rows come from, and how its argument is read there.
  record Stream(int input, Evaluator argument, @Nullable Evaluator filter) {}

  private Stream stream(AggregateCall call) {
    Expr argument = call.arguments().getFirst();
    if (!call.distinct()) {
      return new Stream(0, compiler.evaluator(argument, input), filter(call));
    }
    List<Expr> columns = new ArrayList<>(plan.groups());
    columns.add(argument);
    Schema schema = schema(columns);
    Node distinct =
        compiler.compile(
            new Plan.Distinct(new Plan.Project(counted(call, argument), columns, schema)));
    List<Expr> read = PlanCompiler.columns(schema);
    nodes.add(distinct);
    wiring.add(
        new KeyedNode.Grouped(compiler.rowKey(read.subList(0, plan.groups().size()), schema)));
    return new Stream(nodes.size() - 1, compiler.evaluator(read.getLast(), schema), null);
  }

  // The input rows that count: those that pass the filter and have an argument, which is evaluated
  // for no other row.
  private Plan counted(AggregateCall call, Expr argument) {
    return new Plan.Filter(filtered(call), new Expr.Not(new Expr.IsNull(argument)));
  }

  private Plan filtered(AggregateCall call) {
    Expr filter = call.filter();
    return filter == null ? plan.input() : new Plan.Filter(plan.input(), filter);
  }

  private static Schema schema(List<Expr> columns) {
    List<Column> list = new ArrayList<>();
    for (int i = 0; i < columns.size(); i++) {
      list.add(new Column("c" + i, columns.get(i).type()));
    }
    return new Schema(list);
  }

  private @Nullable Evaluator filter(AggregateCall call) {
    Expr filter = call.filter();
    return filter == null ? null : compiler.evaluator(filter, input);
  }

  private static Accumulator total(AggregateCall call, Stream stream, int serverVersion) {
    boolean average = call.kind() == AggregateCall.Kind.AVG;
    TypeKind kind = call.arguments().getFirst().type().kind();
    SqlType expected;
    if (kind.isInteger() || kind == TypeKind.NUMERIC) {
      expected =
          !average && (kind == TypeKind.INT2 || kind == TypeKind.INT4)
              ? SqlType.INT8
              : SqlType.NUMERIC;
    } else if (kind.isFloat()) {
      expected = average || kind == TypeKind.FLOAT8 ? SqlType.FLOAT8 : SqlType.FLOAT4;
    } else if (kind == TypeKind.INTERVAL) {
      expected = SqlType.INTERVAL;
    } else {
      throw new IllegalArgumentException(call.function() + " is not an aggregate over numbers");
    }
    if (call.type().kind() != expected.kind()) {
      throw new IllegalArgumentException(
          call.function() + " was bound with result " + call.type() + ", not " + expected);
    }
    if (kind == TypeKind.INTERVAL) {
      return new IntervalTotal(
          stream.input, stream.argument, stream.filter, ofIntervals(average, serverVersion));
    }
    if (kind.isFloat()) {
      return average
          ? new FloatMean(stream.input, stream.argument, stream.filter)
          : new Accumulator.FloatTotal(
              stream.input, stream.argument, stream.filter, kind == TypeKind.FLOAT4);
    }
    return new Accumulator.NumericTotal(
        stream.input,
        stream.argument,
        stream.filter,
        average
            ? Accumulator.NumericResult.AVERAGE
            : expected.kind() == TypeKind.INT8
                ? Accumulator.NumericResult.BIGINT_SUM
                : Accumulator.NumericResult.NUMERIC_SUM);
  }

  private static IntervalTotal.Result ofIntervals(boolean average, int serverVersion) {
    if (serverVersion < INFINITE_INTERVALS_SINCE) {
      return average ? IntervalTotal.Result.AVERAGE_OF_FINITE : IntervalTotal.Result.SUM_OF_FINITE;
    }
    return average ? IntervalTotal.Result.AVERAGE : IntervalTotal.Result.SUM;
  }

  private static Accumulator bits(AggregateCall call, Stream stream, BitTotal.Result result) {
    return new BitTotal(
        stream.input, stream.argument, stream.filter, result, call.arguments().getFirst().type());
  }

  private static Accumulator spread(AggregateCall call, Stream stream, Measure measure) {
    if (call.arguments().getFirst().type().kind().isFloat()) {
      return new Moments(stream.input, stream.argument, null, stream.filter, measure);
    }
    boolean sample = measure == Measure.VAR_SAMP || measure == Measure.STDDEV_SAMP;
    boolean root = measure == Measure.STDDEV_POP || measure == Measure.STDDEV_SAMP;
    return new Spread(stream.input, stream.argument, stream.filter, sample, root);
  }

  /// An aggregate of two floats, from which a row can be taken away again.
  static Accumulator regression(
      AggregateCall call, Evaluator y, Evaluator x, @Nullable Evaluator filter) {
    Measure measure = Measure.valueOf(call.function().name().toUpperCase(Locale.ROOT));
    return new Moments(0, x, y, filter, measure);
  }

  // DISTINCT makes no difference to an extreme.
  private Accumulator extreme(AggregateCall call) {
    Expr argument = call.arguments().getFirst();
    List<Expr> order = new ArrayList<>(plan.groups());
    order.add(argument);
    List<Expr> stored = List.of(argument);
    Schema schema = schema(stored);
    multisets.add(compiler.arrange(counted(call, argument), order, stored, schema, false));
    return new Accumulator.Extreme(
        multisets.size() - 1, call.kind() == AggregateCall.Kind.MAX, schema);
  }
}
