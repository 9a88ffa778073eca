package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowOrder;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// Makes what depends on the order of its input say that order, where it says none itself or leaves
/// some of it open:
///
///     γ_{array_agg(x)} f(a)          =   γ_{array_agg(x ORDER BY n)} f(a) WITH ORDINALITY n
///     γ_{array_agg(x)} (A ORDER BY k)  =   γ_{array_agg(x ORDER BY k)} A
///
/// and in the same way for window functions, DISTINCT ON and LIMIT. Nodes that do nothing but sort
/// are gone then. Where another sort stands in between, the server may show rows that tie in it in
/// any order, and this is one.
///
/// @see RowOrder
final class InputOrder {
  private InputOrder() {}

  static Plan rewrite(Plan plan) {
    return switch (plan) {
      case Plan.Aggregate aggregate
          when aggregate.calls().stream().anyMatch(AggregateCall::takesItsInputsOrder) ->
          below(
              RowOrder.of(aggregate.input())
                  .<Plan>map(
                      rows ->
                          new Plan.Aggregate(
                              rows.plan(),
                              aggregate.groups(),
                              sorted(aggregate.calls(), rows.keys()),
                              aggregate.schema()))
                  .orElse(aggregate));
      case Plan.GroupingSets sets
          when sets.calls().stream().anyMatch(AggregateCall::takesItsInputsOrder) ->
          below(
              RowOrder.of(sets.input())
                  .<Plan>map(
                      rows ->
                          new Plan.GroupingSets(
                              rows.plan(),
                              sets.groups(),
                              sets.sets(),
                              sorted(sets.calls(), rows.keys()),
                              sets.questions(),
                              sets.schema()))
                  .orElse(sets));
      case Plan.Window window -> windows(window);
      case Plan.TopK top -> RowOrder.isOnlySorted(top) ? rewrite(top.input()) : chosen(top);
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
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          below(plan);
    };
  }

  private static Plan below(Plan plan) {
    return Inputs.map(plan, InputOrder::rewrite);
  }

  private static List<AggregateCall> sorted(List<AggregateCall> calls, List<Plan.SortKey> order) {
    return calls.stream()
        .map(call -> call.takesItsInputsOrder() ? call.sorted(order) : call)
        .toList();
  }

  private static Plan chosen(Plan.TopK top) {
    Optional<RowOrder> input = RowOrder.tied(top.input());
    if (input.isEmpty() || top.ties()) {
      return below(top);
    }
    List<Plan.SortKey> order = new ArrayList<>(top.order());
    input.get().keys().stream().filter(key -> !order.contains(key)).forEach(order::add);
    Plan wide =
        new Plan.TopK(
            rewrite(input.get().plan()),
            top.partition(),
            order,
            top.tieBreak(),
            top.offset(),
            top.limit(),
            false);
    List<Expr> shown = Unnesting.columns(wide.schema()).subList(0, top.schema().size());
    return shown.size() == wide.schema().size()
        ? wide
        : new Plan.Project(wide, shown, top.schema());
  }

  /// Windows that lie on each other are over the rows below all of them.
  private static Plan windows(Plan.Window outermost) {
    Deque<Plan.Window> windows = new ArrayDeque<>();
    Plan rows = outermost;
    while (rows instanceof Plan.Window window) {
      windows.push(window);
      rows = window.input();
    }
    // What a function returns first is no matter of rows that are sorted otherwise.
    boolean unsorted = windows.stream().allMatch(window -> window.order().isEmpty());
    Optional<RowOrder> order = unsorted ? RowOrder.of(rows) : RowOrder.said(rows);
    if (order.isEmpty()) {
      return below(outermost);
    }
    int width = rows.schema().size();
    Plan plan = rewrite(order.get().plan());
    int hidden = plan.schema().size() - width;
    for (Plan.Window window : windows) {
      List<WindowCall> calls =
          window.calls().stream()
              .map(call -> call.map(each -> behind(each, width, hidden)))
              .toList();
      plan =
          new Plan.Window(
              plan,
              PlanExpressions.map(window.partition(), each -> behind(each, width, hidden)),
              PlanExpressions.mapOrder(window.order(), each -> behind(each, width, hidden)),
              order.get().keys(),
              behind(window.tieBreak(), width, hidden),
              calls,
              widened(plan.schema(), window.schema(), window.calls().size()));
    }
    if (hidden == 0) {
      return plan;
    }
    List<Expr> shown = Unnesting.columns(plan.schema());
    shown.subList(width, width + hidden).clear();
    return new Plan.Project(plan, shown, outermost.schema());
  }

  private static Schema widened(Schema rows, Schema window, int results) {
    List<Column> columns = new ArrayList<>(rows.columns());
    columns.addAll(window.columns().subList(window.size() - results, window.size()));
    return new Schema(columns);
  }

  private static Expr behind(Expr expression, int width, int hidden) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type) && index >= width
                ? new Expr.Column(index + hidden, type)
                : node);
  }
}
