package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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

  /// The order of rows that tie where they are sorted: what an ORDER BY says, else that of the
  /// functions that they are of.
  public static Optional<RowOrder> tied(Plan plan) {
    return said(plan).or(() -> CallOrder.of(plan));
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
          order(project.input(), functions).map(rows -> CallOrder.carried(project, rows));
      case Plan.TopK top -> top.order().isEmpty() ? inherited(top) : Optional.of(sorted(top));
      // Of functions over functions the order is that of all of them.
      // Nor is what a function makes of each of some rows in order.
      case Plan.Unfold unfold
          when functions && unfoldsOnce(unfold.input()) && said(unfold.input()).isEmpty() ->
          CallOrder.of(unfold);
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
    return sorted(top, tied(top.input()).orElseGet(() -> new RowOrder(top.input(), List.of())));
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
}
