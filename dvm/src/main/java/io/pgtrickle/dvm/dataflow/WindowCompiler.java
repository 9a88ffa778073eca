package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.operator.Accumulator;
import io.pgtrickle.dvm.operator.RangeDistance;
import io.pgtrickle.dvm.operator.RangeOrder;
import io.pgtrickle.dvm.operator.Window;
import io.pgtrickle.dvm.operator.WindowExtreme;
import io.pgtrickle.dvm.operator.WindowFrame;
import io.pgtrickle.dvm.operator.WindowFunction;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RangeEdge;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// Wires one [Plan.Window]: the rows grouped by partition for the step, a multiset of them in
/// order, and the functions.
final class WindowCompiler {
  private final PlanCompiler compiler;
  private final Plan.Window plan;
  private final Schema input;

  WindowCompiler(PlanCompiler compiler, Plan.Window plan) {
    this.compiler = compiler;
    this.plan = plan;
    input = plan.input().schema();
  }

  Node compile() {
    List<Plan.SortKey> sorted = new ArrayList<>(plan.order());
    sorted.addAll(plan.within());
    if (!plan.tieBreak().equals(new Expr.Image(PlanCompiler.columns(input)))) {
      // Otherwise the order of peers is that of the arrangement.
      sorted.add(Plan.SortKey.ascending(plan.tieBreak()));
    }
    List<Plan.SortKey> peers = new ArrayList<>();
    plan.partition().forEach(by -> peers.add(Plan.SortKey.ascending(by)));
    peers.addAll(plan.order());
    Window operator =
        new Window(
            compiler.sortedKey(peers, input),
            plan.calls().stream().map(this::function).toList(),
            input,
            plan.schema());
    return new KeyedNode(
        compiler.planKey(plan),
        plan.schema(),
        "Window",
        operator,
        List.of(
            compiler.compile(plan.input()),
            compiler.sorted(plan.input(), plan.partition(), sorted)),
        List.of(new KeyedNode.Grouped(compiler.rowKey(plan.partition(), input))),
        operator.hasTotals(),
        false,
        compiler.storage());
  }

  private WindowFunction function(WindowCall call) {
    return switch (call) {
      case WindowCall.Aggregated(AggregateCall aggregate, WindowCall.Frame frame) ->
          new WindowFunction.FrameTotal(accumulator(aggregate), frame(frame));
      case WindowCall.Placed placed -> function(placed);
    };
  }

  private WindowFunction function(WindowCall.Placed call) {
    return switch (call.kind()) {
      case ROW_NUMBER -> new WindowFunction.Numbering(WindowFunction.Counted.ROW_NUMBER);
      case RANK -> new WindowFunction.Numbering(WindowFunction.Counted.RANK);
      case DENSE_RANK -> new WindowFunction.Numbering(WindowFunction.Counted.DENSE_RANK);
      case PERCENT_RANK -> new WindowFunction.Numbering(WindowFunction.Counted.PERCENT_RANK);
      case CUME_DIST -> new WindowFunction.Numbering(WindowFunction.Counted.CUME_DIST);
      case NTILE -> new WindowFunction.Buckets(argument(call));
      case LAG -> shifted(call, false);
      case LEAD -> shifted(call, true);
      case FIRST_VALUE -> ofFrame(WindowFunction.Which.FIRST, call);
      case LAST_VALUE -> ofFrame(WindowFunction.Which.LAST, call);
      case NTH_VALUE -> ofFrame(WindowFunction.Which.NTH, call);
    };
  }

  private Evaluator argument(WindowCall.Placed call) {
    return compiler.evaluator(call.arguments().getFirst(), input);
  }

  private @Nullable Evaluator argument(WindowCall.Placed call, int index) {
    return index < call.arguments().size()
        ? compiler.evaluator(call.arguments().get(index), input)
        : null;
  }

  private WindowFunction shifted(WindowCall.Placed call, boolean forward) {
    return new WindowFunction.Shifted(
        argument(call), argument(call, 1), argument(call, 2), forward, distance(call));
  }

  private static OptionalLong distance(WindowCall.Placed call) {
    if (call.arguments().size() == 1) {
      return OptionalLong.of(1);
    }
    return call.arguments().get(1) instanceof Expr.Literal(Long places, var _)
        ? OptionalLong.of(places)
        : OptionalLong.empty();
  }

  private WindowFunction ofFrame(WindowFunction.Which which, WindowCall.Placed call) {
    return new WindowFunction.FrameValue(
        which, argument(call), argument(call, 1), frame(call.frame()));
  }

  private Accumulator accumulator(AggregateCall call) {
    Expr condition = call.filter();
    @Nullable Evaluator filter = condition == null ? null : compiler.evaluator(condition, input);
    if (call.kind() == AggregateCall.Kind.COUNT_ROWS) {
      return new Accumulator.Count(0, null, filter);
    }
    Expr argument = call.arguments().getFirst();
    Evaluator value = compiler.evaluator(argument, input);
    return switch (call.kind()) {
      case REGRESSION ->
          AggregateCompiler.regression(
              call, value, compiler.evaluator(call.arguments().getLast(), input), filter);
      case MIN -> new WindowExtreme(value, filter, argument.type(), false);
      case MAX -> new WindowExtreme(value, filter, argument.type(), true);
      case COUNT_ROWS,
          COUNT,
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
          AggregateCompiler.invertible(
              call, new AggregateCompiler.Stream(0, value, filter), compiler.serverVersion());
      case ANY_VALUE,
          STRING_AGG,
          ARRAY_AGG,
          JSON_AGG,
          JSONB_AGG,
          MODE,
          PERCENTILE_DISC,
          PERCENTILE_CONT,
          ASKED,
          ASKED_WITHIN_GROUP ->
          throw new IllegalArgumentException(call.kind() + " over a window is bound as FULL");
    };
  }

  private WindowFrame frame(WindowCall.Frame frame) {
    return new WindowFrame(
        bound(frame.start(), frame.mode()),
        bound(frame.end(), frame.mode()),
        switch (frame.exclusion()) {
          case NONE -> WindowFrame.Exclusion.NONE;
          case CURRENT_ROW -> WindowFrame.Exclusion.CURRENT_ROW;
          case GROUP -> WindowFrame.Exclusion.GROUP;
          case TIES -> WindowFrame.Exclusion.TIES;
        });
  }

  private WindowFrame.Bound bound(WindowCall.Bound bound, WindowCall.Mode mode) {
    return switch (bound) {
      case WindowCall.Bound.UnboundedPreceding _, WindowCall.Bound.UnboundedFollowing _ ->
          new WindowFrame.Bound.Unbounded();
      case WindowCall.Bound.CurrentRow _ ->
          mode == WindowCall.Mode.ROWS
              ? new WindowFrame.Bound.Rows(0)
              : new WindowFrame.Bound.Groups(0);
      case WindowCall.Bound.Preceding(Expr offset) -> distance(offset, mode, true);
      case WindowCall.Bound.Following(Expr offset) -> distance(offset, mode, false);
    };
  }

  private WindowFrame.Bound edge(Plan.SortKey key, RangeEdge edge) {
    return new WindowFrame.Bound.Range(
        compiler.evaluator(edge.value(), input),
        compiler.evaluator(edge.edge(), input),
        new RangeOrder(edge.value().type(), key.descending(), key.nullsFirst()));
  }

  private WindowFrame.Bound number(Plan.SortKey key, Object offset, boolean preceding) {
    Evaluator value = compiler.evaluator(key.value(), input);
    return new WindowFrame.Bound.Range(
        value,
        value,
        new RangeDistance(
            key.value().type().kind(), offset, preceding, key.descending(), key.nullsFirst()));
  }

  private WindowFrame.Bound distance(Expr offset, WindowCall.Mode mode, boolean preceding) {
    Schema none = new Schema(List.of());
    Object constant = compiler.evaluator(offset, none).evaluate(none.pack());
    if (constant == null) {
      throw new IllegalArgumentException("the offset of a frame is NULL");
    }
    return switch (mode) {
      case ROWS -> new WindowFrame.Bound.Rows(signed(constant, preceding));
      case GROUPS -> new WindowFrame.Bound.Groups(signed(constant, preceding));
      case RANGE -> {
        Plan.SortKey key = plan.order().getFirst();
        Optional<RangeEdge> edge = RangeEdge.of(key, offset, preceding);
        yield edge.isPresent() ? edge(key, edge.get()) : number(key, constant, preceding);
      }
    };
  }

  private static long signed(Object offset, boolean preceding) {
    return preceding ? -(Long) offset : (Long) offset;
  }
}
