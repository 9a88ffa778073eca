package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.IntUnaryOperator;

/// A functional dependency among the columns of a plan: rows that are equal in `from` are equal in
/// `to`, NULLs being equal to each other.
///
///     scan         the primary key determines all columns
///     filter, ask, window, mark join, top-k, unfold   those of the input
///     project      those whose columns are passed on
///     join         those of both sides; columns that it equates determine each other
///     outer join   those of the sides that are kept; of another those whose determinant is never
///                  NULL, so that no row of it is taken for a missing one; without a residual the
///                  keys of the kept side determine those of the other
///     distinct     those of the input; what is compared determines all columns
///     aggregate    those of the input among the groups; the groups determine the results
///
/// Not all that hold are found. Used to leave out columns of keys: grouping by a table's key and by
/// other columns of it gives groups that the key tells apart.
///
/// @param certain whether no column of `from` is NULL in any row
record Dependency(NavigableSet<Integer> from, NavigableSet<Integer> to, boolean certain) {

  /// The columns of a key without those that the others determine; of columns that determine each
  /// other the first one stays.
  static NavigableSet<Integer> least(NavigableSet<Integer> key, List<Dependency> known) {
    NavigableSet<Integer> least = new TreeSet<>(key);
    for (int column : key.descendingSet()) {
      NavigableSet<Integer> others = new TreeSet<>(least);
      others.remove(column);
      if (determined(others, known).contains(column)) {
        least = others;
      }
    }
    return least;
  }

  private static NavigableSet<Integer> determined(
      NavigableSet<Integer> columns, List<Dependency> known) {
    NavigableSet<Integer> determined = new TreeSet<>(columns);
    boolean grows = true;
    while (grows) {
      grows = false;
      for (Dependency each : known) {
        grows |= determined.containsAll(each.from) && determined.addAll(each.to);
      }
    }
    return determined;
  }

  /// Those that are known of a plan.
  static List<Dependency> of(Plan plan) {
    return switch (plan) {
      case Plan.Scan scan ->
          scan.key().isEmpty()
              ? List.of()
              : List.of(new Dependency(new TreeSet<>(scan.key()), all(scan), true));
      case Plan.Filter filter -> of(filter.input());
      case Plan.Ask ask -> of(ask.input());
      case Plan.Window window -> of(window.input());
      case Plan.TopK top -> of(top.input());
      case Plan.MarkJoin join -> of(join.left());
      case Plan.Unfold unfold -> of(unfold.input());
      case Plan.Project project -> through(project.expressions(), of(project.input()));
      case Plan.Join join -> joined(join);
      case Plan.OuterJoin join -> outerJoined(join);
      case Plan.Distinct distinct -> distinct(distinct);
      case Plan.Aggregate aggregate -> grouped(aggregate);
      case Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Apply _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.GroupingSets _ ->
          List.of();
    };
  }

  /// Those among expressions over the columns of which these are known. What determines something
  /// by way of columns that are not among them does so itself, if it is one column.
  static List<Dependency> through(List<Expr> expressions, List<Dependency> known) {
    List<Integer> columns = expressions.stream().map(Dependency::telling).toList();
    List<Dependency> all = new ArrayList<>(known);
    for (int column : new TreeSet<>(columns).tailSet(0)) {
      NavigableSet<Integer> from = new TreeSet<>(List.of(column));
      boolean certain = known.stream().anyMatch(each -> each.certain && each.from.contains(column));
      all.add(new Dependency(from, determined(from, known), certain));
    }
    List<Dependency> passed = new ArrayList<>();
    for (Dependency each : all) {
      if (columns.containsAll(each.from)) {
        NavigableSet<Integer> to = new TreeSet<>();
        for (int i = 0; i < columns.size(); i++) {
          // Values of equal labels may differ.
          if (expressions.get(i) instanceof Expr.Column(int column, var _)
              && each.to.contains(column)) {
            to.add(i);
          }
        }
        passed.add(new Dependency(moved(each.from, columns::indexOf), to, each.certain));
      }
    }
    return passed;
  }

  /// The column that is equal where an expression is, not the other way round; -1 if none is known.
  private static int telling(Expr expression) {
    return switch (expression) {
      case Expr.Column(int index, var _) -> index;
      // Values of different labels are different.
      case Expr.Unlabeled(Expr.Column(int index, var _), var _) -> index;
      default -> -1;
    };
  }

  private static List<Dependency> joined(Plan.Join join) {
    int width = join.left().schema().size();
    List<Dependency> known = new ArrayList<>(of(join.left()));
    of(join.right()).forEach(each -> known.add(each.shifted(width)));
    for (Plan.Key key : join.keys()) {
      if (key.left() instanceof Expr.Column(int left, var leftType)
          && key.right() instanceof Expr.Column(int right, var rightType)
          && leftType.kind() == rightType.kind()) {
        known.add(of(left, right + width));
        known.add(of(right + width, left));
      }
    }
    return known;
  }

  // What an inner join equates is not NULL.
  private static Dependency of(int from, int to) {
    return new Dependency(new TreeSet<>(List.of(from)), new TreeSet<>(List.of(to)), true);
  }

  private static List<Dependency> outerJoined(Plan.OuterJoin join) {
    int width = join.left().schema().size();
    List<Dependency> known = new ArrayList<>();
    for (Dependency each : of(join.left())) {
      each.always(!join.kept().right()).ifPresent(known::add);
    }
    for (Dependency each : of(join.right())) {
      each.always(!join.kept().left()).ifPresent(left -> known.add(left.shifted(width)));
    }
    if (join.residual() == null && join.kept() != Plan.Kept.BOTH) {
      matched(join, width).ifPresent(known::add);
    }
    return known;
  }

  // Whether a row of the kept side has a match is then a matter of its keys.
  private static Optional<Dependency> matched(Plan.OuterJoin join, int width) {
    NavigableSet<Integer> left = new TreeSet<>();
    NavigableSet<Integer> right = new TreeSet<>();
    for (Plan.Key key : join.keys()) {
      if (!(key.left() instanceof Expr.Column(int l, var leftType)
          && key.right() instanceof Expr.Column(int r, var rightType)
          && leftType.kind() == rightType.kind())) {
        return Optional.empty();
      }
      left.add(l);
      right.add(r + width);
    }
    return Optional.of(
        join.kept() == Plan.Kept.LEFT
            ? new Dependency(left, right, false)
            : new Dependency(right, left, false));
  }

  /// What is left of it where rows of its side may be missing, with NULLs in all columns.
  ///
  /// @param present whether none is
  private Optional<Dependency> always(boolean present) {
    if (present) {
      return Optional.of(this);
    }
    return certain ? Optional.of(new Dependency(from, to, false)) : Optional.empty();
  }

  private static List<Dependency> distinct(Plan.Distinct distinct) {
    List<Dependency> known = new ArrayList<>(of(distinct.input()));
    NavigableSet<Integer> compared = new TreeSet<>();
    for (Expr key : distinct.keys()) {
      if (!(key instanceof Expr.Column(int column, var _))) {
        return known;
      }
      compared.add(column);
    }
    known.add(new Dependency(compared, all(distinct), false));
    return known;
  }

  private static List<Dependency> grouped(Plan.Aggregate aggregate) {
    List<Dependency> known = new ArrayList<>(through(aggregate.groups(), of(aggregate.input())));
    NavigableSet<Integer> groups = new TreeSet<>();
    for (int i = 0; i < aggregate.groups().size(); i++) {
      groups.add(i);
    }
    known.add(new Dependency(groups, all(aggregate), false));
    return known;
  }

  private static NavigableSet<Integer> all(Plan plan) {
    NavigableSet<Integer> all = new TreeSet<>();
    for (int i = 0; i < plan.schema().size(); i++) {
      all.add(i);
    }
    return all;
  }

  private Dependency shifted(int by) {
    return new Dependency(moved(from, i -> i + by), moved(to, i -> i + by), certain);
  }

  private static NavigableSet<Integer> moved(NavigableSet<Integer> columns, IntUnaryOperator to) {
    NavigableSet<Integer> moved = new TreeSet<>();
    columns.forEach(column -> moved.add(to.applyAsInt(column)));
    return moved;
  }
}
