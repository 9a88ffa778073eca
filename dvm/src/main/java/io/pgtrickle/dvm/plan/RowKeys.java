package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Proves which columns of a plan identify its rows: no two rows have equal values there, NULLs
/// being equal to each other.
///
///     scan       the primary key
///     filter     the keys of the input
///     ask        the keys of the input
///     project    those keys whose columns, or columns equal to them, are all passed on
///     join       a key of each side together; of one side alone where the join equates a whole key
///                of the other
///     left join  likewise, but the kept side's key is needed in any case; a full join has none
///     mark join  the keys of the left side
///     unfold     a key of the input, with the number of the functions' row unless there is only
///     one
///     distinct   the columns it compares, and the keys of the input
///     aggregate  the groups, and keys of the input among them
///     window     the keys of the input; the partition and a row_number() of it
///     intersect, except   the keys of the left side; all columns without ALL
///     top-k      the keys of the input; the partition where it has one row
///     union all  none: its inputs may have rows in common
///
/// What the rest of a key determines is left out, see [Dependency].
public final class RowKeys {
  /// Combinations of keys multiply; beyond this many the first ones are as good as any.
  private static final int MOST = 16;

  private RowKeys() {}

  /// A shortest key, in ascending order, if one is known; it has no columns where there is at most
  /// one row.
  public static Optional<List<Integer>> shortest(Plan plan) {
    List<Dependency> known = Dependency.of(plan);
    return keys(plan).stream()
        .map(key -> Dependency.least(key, known))
        .min((l, r) -> Integer.compare(l.size(), r.size()))
        .map(List::copyOf);
  }

  /// Keys, if any are known: positions of columns.
  public static Set<NavigableSet<Integer>> keys(Plan plan) {
    Set<NavigableSet<Integer>> keys =
        switch (plan) {
          case Plan.Scan scan ->
              scan.key().isEmpty() ? Set.of() : Set.of(new TreeSet<>(scan.key()));
          case Plan.Values _, Plan.UnionAll _, Plan.GroupingSets _, Plan.Working _ -> Set.of();
          case Plan.Recursion recursion ->
              recursion.all() ? Set.of() : Set.of(all(recursion.schema()));
          case Plan.Filter filter -> keys(filter.input());
          case Plan.Project project -> projected(project);
          case Plan.Ask ask -> keys(ask.input());
          case Plan.Join join -> joined(join.left(), join.right(), join.keys(), true, true);
          case Plan.OuterJoin join -> outerJoined(join);
          case Plan.MarkJoin join -> keys(join.left());
          case Plan.Apply apply ->
              apply.question() instanceof Plan.Question.Rows ? Set.of() : keys(apply.input());
          case Plan.Unfold unfold -> unfolded(unfold);
          case Plan.SetOperation operation -> operation(operation);
          case Plan.TopK top -> first(top);
          case Plan.Window window -> numbered(window);
          case Plan.Distinct distinct -> distinct(distinct);
          case Plan.Aggregate aggregate -> grouped(aggregate);
        };
    Set<NavigableSet<Integer>> some = new LinkedHashSet<>();
    keys.stream().limit(MOST).forEach(some::add);
    return some;
  }

  private static Set<NavigableSet<Integer>> projected(Plan.Project project) {
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>();
    for (NavigableSet<Integer> key : keys(project.input())) {
      NavigableSet<Integer> above = new TreeSet<>();
      for (int column : key) {
        passedOn(project, column).ifPresent(above::add);
      }
      if (above.size() == key.size()) {
        keys.add(above);
      }
    }
    return keys;
  }

  private static Optional<Integer> passedOn(Plan.Project project, int column) {
    List<Integer> candidates = new ArrayList<>(List.of(column));
    candidates.addAll(equalTo(project.input(), column));
    for (int candidate : candidates) {
      for (int i = 0; i < project.expressions().size(); i++) {
        Expr expression = project.expressions().get(i);
        if (expression instanceof Expr.Unlabeled(Expr labeled, var _)) {
          // Values of different labels are different.
          expression = labeled;
        }
        if (expression instanceof Expr.Column(int index, var _) && index == candidate) {
          return Optional.of(i);
        }
      }
    }
    return Optional.empty();
  }

  /// Columns that are equal to a column in every row, by the keys of joins.
  private static List<Integer> equalTo(Plan plan, int column) {
    return switch (plan) {
      case Plan.Filter(Plan input, Expr _) -> equalTo(input, column);
      case Plan.Join join -> {
        int width = join.left().schema().size();
        Set<Integer> equal = new LinkedHashSet<>();
        for (Plan.Key key : join.keys()) {
          if (key.left() instanceof Expr.Column(int left, var leftType)
              && key.right() instanceof Expr.Column(int right, var rightType)
              && leftType.kind() == rightType.kind()) {
            if (column == left) {
              equal.add(right + width);
            } else if (column == right + width) {
              equal.add(left);
            }
          }
        }
        if (column < width) {
          equal.addAll(equalTo(join.left(), column));
        } else {
          equalTo(join.right(), column - width).forEach(i -> equal.add(i + width));
        }
        yield List.copyOf(equal);
      }
      // NULLs for a side without a match are equal to each other, but not to the other side.
      case Plan.OuterJoin join -> {
        int width = join.left().schema().size();
        yield column < width
            ? equalTo(join.left(), column)
            : equalTo(join.right(), column - width).stream().map(i -> i + width).toList();
      }
      case Plan.Apply apply ->
          column < apply.input().schema().size() ? equalTo(apply.input(), column) : List.of();
      case Plan.Unfold unfold ->
          column < unfold.input().schema().size() ? equalTo(unfold.input(), column) : List.of();
      case Plan.MarkJoin join ->
          column < join.left().schema().size() ? equalTo(join.left(), column) : List.of();
      case Plan.Window window ->
          column < window.input().schema().size() ? equalTo(window.input(), column) : List.of();
      case Plan.Ask ask ->
          column < ask.input().schema().size() ? equalTo(ask.input(), column) : List.of();
      case Plan.Scan _,
          Plan.Values _,
          Plan.Project _,
          Plan.UnionAll _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          List.of();
    };
  }

  private static Set<NavigableSet<Integer>> unfolded(Plan.Unfold unfold) {
    Set<NavigableSet<Integer>> keys = keys(unfold.input());
    if (unfold.calls().stream().noneMatch(SetCall::set)) {
      return keys;
    }
    if (!unfold.numbered()) {
      return Set.of();
    }
    Set<NavigableSet<Integer>> numbered = new LinkedHashSet<>();
    for (NavigableSet<Integer> key : keys) {
      NavigableSet<Integer> withNumber = new TreeSet<>(key);
      withNumber.add(unfold.schema().size() - 1);
      numbered.add(withNumber);
    }
    return numbered;
  }

  /// A row of the side that is not kept comes up again, as NULLs, for every row without a match.
  private static Set<NavigableSet<Integer>> outerJoined(Plan.OuterJoin join) {
    return switch (join.kept()) {
      case LEFT -> joined(join.left(), join.right(), join.keys(), true, false);
      case RIGHT -> joined(join.left(), join.right(), join.keys(), false, true);
      case BOTH -> Set.of();
    };
  }

  /// @param leftAlone whether a key of the left side may do where each left row has one match
  /// @param rightAlone likewise for the right side
  private static Set<NavigableSet<Integer>> joined(
      Plan left, Plan right, List<Plan.Key> by, boolean leftAlone, boolean rightAlone) {
    int width = left.schema().size();
    NavigableSet<Integer> leftEquated = new TreeSet<>();
    NavigableSet<Integer> rightEquated = new TreeSet<>();
    for (Plan.Key key : by) {
      if (key.left() instanceof Expr.Column(int index, var _)) {
        leftEquated.add(index);
      }
      if (key.right() instanceof Expr.Column(int index, var _)) {
        rightEquated.add(index);
      }
    }
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>();
    Set<NavigableSet<Integer>> lefts = keys(left);
    Set<NavigableSet<Integer>> rights = keys(right);
    for (NavigableSet<Integer> key : rights) {
      if (leftAlone && rightEquated.containsAll(key)) {
        keys.addAll(lefts);
      }
    }
    for (NavigableSet<Integer> leftKey : lefts) {
      for (NavigableSet<Integer> rightKey : rights) {
        NavigableSet<Integer> shifted = new TreeSet<>();
        rightKey.forEach(i -> shifted.add(i + width));
        if (rightAlone && leftEquated.containsAll(leftKey)) {
          keys.add(shifted);
        }
        NavigableSet<Integer> both = new TreeSet<>(leftKey);
        both.addAll(shifted);
        keys.add(both);
      }
    }
    return keys;
  }

  /// Rows keep what identifies them; within a partition their numbers do.
  private static Set<NavigableSet<Integer>> numbered(Plan.Window window) {
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>(keys(window.input()));
    NavigableSet<Integer> partition = new TreeSet<>();
    for (Expr by : window.partition()) {
      if (!(by instanceof Expr.Column(int index, var _))) {
        return keys;
      }
      partition.add(index);
    }
    for (int i = 0; i < window.calls().size(); i++) {
      if (window.calls().get(i) instanceof WindowCall.Placed placed
          && placed.kind() == WindowCall.Kind.ROW_NUMBER) {
        NavigableSet<Integer> key = new TreeSet<>(partition);
        key.add(window.input().schema().size() + i);
        keys.add(key);
      }
    }
    return keys;
  }

  /// One row per partition is identified by it.
  private static Set<NavigableSet<Integer>> first(Plan.TopK top) {
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>(keys(top.input()));
    NavigableSet<Integer> partition = new TreeSet<>();
    for (Expr by : top.partition()) {
      if (by instanceof Expr.Column(int index, var _)) {
        partition.add(index);
      }
    }
    boolean identifies =
        top.limit() == 1 && !top.ties() && partition.size() == top.partition().size();
    if (identifies) {
      keys.add(partition);
    }
    return keys;
  }

  /// There are no more rows of a class than on the left.
  private static Set<NavigableSet<Integer>> operation(Plan.SetOperation operation) {
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>(keys(operation.left()));
    if (!operation.all()) {
      keys.add(all(operation.schema()));
    }
    return keys;
  }

  /// All columns.
  static NavigableSet<Integer> all(Schema schema) {
    NavigableSet<Integer> all = new TreeSet<>();
    for (int i = 0; i < schema.size(); i++) {
      all.add(i);
    }
    return all;
  }

  private static Set<NavigableSet<Integer>> distinct(Plan.Distinct distinct) {
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>(keys(distinct.input()));
    NavigableSet<Integer> compared = new TreeSet<>();
    for (Expr key : distinct.keys()) {
      if (!(key instanceof Expr.Column(int index, var _))) {
        return keys;
      }
      compared.add(index);
    }
    keys.add(Dependency.least(compared, Dependency.of(distinct.input())));
    return keys;
  }

  private static Set<NavigableSet<Integer>> grouped(Plan.Aggregate aggregate) {
    Set<NavigableSet<Integer>> keys = new LinkedHashSet<>();
    List<Integer> columns = new ArrayList<>();
    NavigableSet<Integer> all = new TreeSet<>();
    for (int i = 0; i < aggregate.groups().size(); i++) {
      all.add(i);
      columns.add(aggregate.groups().get(i) instanceof Expr.Column(int index, var _) ? index : -1);
    }
    for (NavigableSet<Integer> key : keys(aggregate.input())) {
      if (columns.containsAll(key)) {
        NavigableSet<Integer> among = new TreeSet<>();
        key.forEach(column -> among.add(columns.indexOf(column)));
        keys.add(among);
      }
    }
    keys.add(
        Dependency.least(
            all, Dependency.through(aggregate.groups(), Dependency.of(aggregate.input()))));
    return keys;
  }
}
