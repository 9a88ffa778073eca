package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// Sorts what an aggregate shows one after the other by the place of each row among those that a
/// function returned, where nothing else says an order:
///
///     γ_{array_agg(x)} f(a)   =   γ_{array_agg(x ORDER BY n)} f(a) WITH ORDINALITY n
///
/// SQL promises no order, but the server has this one and people rely on it. Rows of several calls
/// come call by call, those of one table row side by side.
final class FunctionOrder {
  private FunctionOrder() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, FunctionOrder::rewrite);
    return switch (over) {
      case Plan.Aggregate aggregate
          when aggregate.calls().stream().anyMatch(FunctionOrder::takes) ->
          numbered(aggregate.input())
              .<Plan>map(
                  rows ->
                      new Plan.Aggregate(
                          rows.plan(),
                          aggregate.groups(),
                          sorted(aggregate.calls(), rows.order()),
                          aggregate.schema()))
              .orElse(aggregate);
      case Plan.GroupingSets sets when sets.calls().stream().anyMatch(FunctionOrder::takes) ->
          numbered(sets.input())
              .<Plan>map(
                  rows ->
                      new Plan.GroupingSets(
                          rows.plan(),
                          sets.groups(),
                          sets.sets(),
                          sorted(sets.calls(), rows.order()),
                          sets.questions(),
                          sets.schema()))
              .orElse(sets);
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Filter _,
          Plan.Project _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          over;
    };
  }

  // What is distinct is sorted by itself.
  private static boolean takes(AggregateCall call) {
    return call.kind().collects() && !call.distinct() && call.order().isEmpty();
  }

  private static List<AggregateCall> sorted(List<AggregateCall> calls, List<Expr> order) {
    List<Plan.SortKey> keys = order.stream().map(Plan.SortKey::ascending).toList();
    return calls.stream()
        .map(
            call ->
                takes(call)
                    ? new AggregateCall(
                        call.kind(),
                        call.function(),
                        call.arguments(),
                        keys,
                        false,
                        call.filter(),
                        call.type())
                    : call)
        .toList();
  }

  /// Rows with further columns, and the order in which the server has them.
  private record Numbered(Plan plan, List<Expr> order) {}

  /// The rows of one function, filtered and computed with; none where something else may change
  /// their order.
  private static Optional<Numbered> numbered(Plan plan) {
    return switch (plan) {
      case Plan.Filter(Plan input, Expr condition) ->
          numbered(input)
              .map(rows -> new Numbered(new Plan.Filter(rows.plan(), condition), rows.order()));
      case Plan.Project project -> numbered(project.input()).map(rows -> carried(project, rows));
      // Of functions over functions the order is that of all of them.
      case Plan.Unfold unfold when unfoldsOnce(unfold.input()) -> Optional.of(numbered(unfold));
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          Optional.empty();
    };
  }

  private static boolean unfoldsOnce(Plan input) {
    return switch (input) {
      case Plan.Filter filter -> unfoldsOnce(filter.input());
      case Plan.Project project -> unfoldsOnce(project.input());
      case Plan.Apply apply -> unfoldsOnce(apply.input());
      case Plan.Unfold _ -> false;
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          true;
    };
  }

  private static Numbered carried(Plan.Project project, Numbered rows) {
    List<Expr> expressions = new ArrayList<>(project.expressions());
    List<Column> columns = new ArrayList<>(project.schema().columns());
    List<Expr> order = new ArrayList<>();
    for (Expr key : rows.order()) {
      order.add(new Expr.Column(columns.size(), key.type()));
      expressions.add(key);
      columns.add(new Column("order" + columns.size(), key.type()));
    }
    return new Numbered(new Plan.Project(rows.plan(), expressions, new Schema(columns)), order);
  }

  private static Numbered numbered(Plan.Unfold unfold) {
    Plan.Unfold rows = unfold;
    if (!unfold.numbered()) {
      rows = new Plan.Unfold(unfold.input(), unfold.calls(), true);
      rows = unfold.kept() ? rows.keeping(unfold.condition()) : rows;
    }
    List<Expr> order = new ArrayList<>();
    Schema input = unfold.input().schema();
    NavigableSet<Integer> callers = callers(unfold);
    if (!callers.isEmpty()) {
      order.add(
          new Expr.Image(
              callers.stream()
                  .<Expr>map(index -> new Expr.Column(index, input.column(index).type()))
                  .toList()));
    }
    order.add(new Expr.Column(rows.schema().size() - 1, SqlType.INT8));
    return new Numbered(rows, order);
  }

  /// The columns of the input that tell one call from another: the key, or all where there is none.
  private static NavigableSet<Integer> callers(Plan.Unfold unfold) {
    Plan input = unfold.input();
    NavigableSet<Integer> callers = new TreeSet<>(key(input));
    if (callers.isEmpty() && !(input instanceof Plan.Values)) {
      IntStream.range(0, input.schema().size()).forEach(callers::add);
    }
    return callers;
  }

  /// The key of the only table below; empty where there is none.
  private static List<Integer> key(Plan plan) {
    return switch (plan) {
      case Plan.Scan scan -> scan.key();
      case Plan.Filter filter -> key(filter.input());
      case Plan.Project project -> {
        List<Integer> shown = new ArrayList<>();
        for (int column : key(project.input())) {
          int place = 0;
          while (place < project.expressions().size()
              && !(project.expressions().get(place) instanceof Expr.Column(int index, var _)
                  && index == column)) {
            place++;
          }
          shown.add(place);
        }
        yield shown.contains(project.expressions().size()) ? List.of() : shown;
      }
      case Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          List.of();
    };
  }
}
