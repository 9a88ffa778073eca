package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// The order in which the rows of a bound plan come, where somebody has said one: a subquery's
/// ORDER
/// BY, as far as filters and projections pass it on, or the order in which a function returns rows.
///
/// SQL promises neither, but the server has both and people rely on it. Behind joins, groups and
/// windows the order is nobody's.
///
/// @param plan the rows, with what they are sorted by behind their columns, and without the nodes
///     that do nothing but sort
/// @param keys over those
public record RowOrder(Plan plan, List<Plan.SortKey> keys) {
  public RowOrder {
    keys = List.copyOf(keys);
  }

  /// The order of any rows.
  public static Optional<RowOrder> of(Plan plan) {
    return order(plan, true);
  }

  /// The order that an ORDER BY says.
  public static Optional<RowOrder> said(Plan plan) {
    return order(plan, false);
  }

  /// Whether a node does nothing but sort, and so means nothing but to those that ask for an order.
  public static boolean isOnlySorted(Plan.TopK top) {
    return top.partition().isEmpty() && top.offset() == 0 && top.limit() < 0;
  }

  private static Optional<RowOrder> order(Plan plan, boolean functions) {
    return switch (plan) {
      case Plan.Filter(Plan input, Expr condition) ->
          order(input, functions)
              .map(rows -> new RowOrder(new Plan.Filter(rows.plan, condition), rows.keys));
      case Plan.Project project ->
          order(project.input(), functions).map(rows -> carried(project, rows));
      case Plan.TopK top -> top.order().isEmpty() ? inherited(top) : Optional.of(sorted(top));
      // Of functions over functions the order is that of all of them.
      // Nor is what a function makes of each of some rows in order.
      case Plan.Unfold unfold
          when functions && unfoldsOnce(unfold.input()) && said(unfold.input()).isEmpty() ->
          Optional.of(numbered(unfold));
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
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          Optional.empty();
    };
  }

  // The first rows of others that are in order.
  private static Optional<RowOrder> inherited(Plan.TopK top) {
    return top.partition().isEmpty()
        ? said(top.input()).map(rows -> sorted(top, rows))
        : Optional.empty();
  }

  private static RowOrder sorted(Plan.TopK top) {
    return said(top.input())
        .map(rows -> sorted(top, rows))
        .orElseGet(() -> sorted(top, new RowOrder(top.input(), List.of())));
  }

  private static RowOrder sorted(Plan.TopK top, RowOrder input) {
    List<Plan.SortKey> keys = new ArrayList<>(top.order());
    input.keys.stream().filter(key -> !keys.contains(key)).forEach(keys::add);
    if (isOnlySorted(top)) {
      return new RowOrder(input.plan, keys);
    }
    Plan chosen =
        new Plan.TopK(
            input.plan,
            top.partition(),
            top.ties() ? top.order() : keys,
            top.tieBreak(),
            top.offset(),
            top.limit(),
            top.ties());
    return new RowOrder(chosen, keys);
  }

  private static RowOrder carried(Plan.Project project, RowOrder rows) {
    List<Expr> expressions = new ArrayList<>(project.expressions());
    List<Column> columns = new ArrayList<>(project.schema().columns());
    List<Plan.SortKey> keys = new ArrayList<>();
    for (Plan.SortKey key : rows.keys) {
      int at = expressions.indexOf(key.value());
      if (at < 0) {
        at = columns.size();
        expressions.add(key.value());
        columns.add(new Column("order" + at, key.value().type()));
      }
      keys.add(key.over(new Expr.Column(at, columns.get(at).type())));
    }
    return new RowOrder(new Plan.Project(rows.plan, expressions, new Schema(columns)), keys);
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

  /// Rows of several calls come call by call, those of one table row side by side.
  private static RowOrder numbered(Plan.Unfold unfold) {
    Plan.Unfold rows = unfold;
    if (!unfold.numbered()) {
      rows = new Plan.Unfold(unfold.input(), unfold.calls(), true);
      rows = unfold.kept() ? rows.keeping(unfold.condition()) : rows;
    }
    List<Plan.SortKey> order = new ArrayList<>();
    Schema input = unfold.input().schema();
    NavigableSet<Integer> callers = callers(unfold);
    if (!callers.isEmpty()) {
      order.add(
          Plan.SortKey.ascending(
              new Expr.Image(
                  callers.stream()
                      .<Expr>map(index -> new Expr.Column(index, input.column(index).type()))
                      .toList())));
    }
    order.add(Plan.SortKey.ascending(new Expr.Column(rows.schema().size() - 1, SqlType.INT8)));
    return new RowOrder(rows, order);
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
