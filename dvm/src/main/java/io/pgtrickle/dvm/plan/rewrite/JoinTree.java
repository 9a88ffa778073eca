package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Neighbouring inner joins as one join of many inputs, its *units*, each equated with others such
/// that these equalities, its *edges*, make a tree of the units.
///
/// Joined two by two, each join keeps the result of the one below arranged by its key. That result
/// need not be kept: what a change of one unit joins with can be looked up in the other units, one
/// after the other, if each of them is arranged by each of its edges. An edge then costs two
/// arrangements of units, as many as a join of two has; so wherever a result is taken apart, a unit
/// of it is arranged in its place. Which of the two is the smaller is guessed for each result on
/// its
/// own, by [JoinEstimates] and the widths of types; never from the data, because a plan must be the
/// same after a restart. Where a filtered unit makes results small, they are kept.
///
/// Only joins are taken apart whose keys and conditions cannot fail, and whose keys equate one unit
/// with one other: for which rows the others would be evaluated is the order's choice. Those of a
/// recursion that read what was found so far are made of two sides, because each iteration has
/// states of its own before and after.
public final class JoinTree {
  /// Each unit has a path to all the others.
  private static final int MOST_UNITS = 8;

  // What an entry of an arrangement takes beside its columns, in bytes, and a column of no fixed
  // size.
  private static final double ENTRY = 20;
  private static final double VARIABLE = 12;

  // Paths to other units cost a little more than a look-up in what was joined beforehand.
  private static final double WORTH = 1.1;

  private final List<Plan> units;
  private final List<Edge> edges;
  private final List<Expr> conditions;
  private final List<Integer> output;
  private final Schema schema;

  /// Says whether something is taken apart, given the bytes of it and of the unit that would be
  /// arranged in its place.
  @FunctionalInterface
  public interface Choice {
    /// What is guessed to take less.
    Choice STORES_LESS = (whole, unit) -> whole > unit * WORTH;

    boolean takesApart(double whole, double unit);
  }

  /// An equality of two units.
  ///
  /// @param keys each of a left side over the row of the left unit and a right one over the right
  ///     unit's
  public record Edge(int left, int right, List<Plan.Key> keys) {
    public Edge {
      keys = List.copyOf(keys);
    }

    private boolean touches(int unit) {
      return left == unit || right == unit;
    }

    /// The unit at the other end.
    public int beyond(int unit) {
      return left == unit ? right : left;
    }

    /// What a unit is arranged by for this edge, over its row.
    public List<Expr> keysOf(int unit) {
      return keys.stream().map(unit == left ? Plan.Key::left : Plan.Key::right).toList();
    }
  }

  /// The way from a unit that was visited to one that was not.
  public record Hop(Edge edge, int from, int to) {}

  private JoinTree(
      List<Plan> units,
      List<Edge> edges,
      List<Expr> conditions,
      List<Integer> output,
      Schema schema) {
    this.units = List.copyOf(units);
    this.edges = List.copyOf(edges);
    this.conditions = List.copyOf(conditions);
    this.output = List.copyOf(output);
    this.schema = schema;
  }

  /// A join as one of more than two units; empty where it is best made of its two sides.
  public static Optional<JoinTree> of(Plan.Join join, Choice choice) {
    return joined(join, choice).filter(tree -> tree.units.size() > 2);
  }

  private static JoinTree whole(Plan plan) {
    return new JoinTree(
        List.of(plan),
        List.of(),
        List.of(),
        IntStream.range(0, plan.schema().size()).boxed().toList(),
        plan.schema());
  }

  // Projections between joins only say which columns go on.
  private static JoinTree opened(Plan plan, Choice choice) {
    if (plan instanceof Plan.Project project && JoinSides.isSelection(project)) {
      JoinTree below = opened(project.input(), choice);
      return new JoinTree(
          below.units,
          below.edges,
          below.conditions,
          project.expressions().stream()
              .map(column -> below.output.get(((Expr.Column) column).index()))
              .toList(),
          project.schema());
    }
    return plan instanceof Plan.Join join
        ? joined(join, choice).orElseGet(() -> whole(plan))
        : whole(plan);
  }

  private static Optional<JoinTree> joined(Plan.Join join, Choice choice) {
    Expr residual = join.residual();
    boolean plain =
        !join.keys().isEmpty()
            && !join.iterates()
            && join.keys().stream()
                .allMatch(
                    key -> Expressions.isTotal(key.left()) && Expressions.isTotal(key.right()))
            && (residual == null
                || (Expressions.isTotal(residual) && !Expressions.readsClock(residual)));
    return plain ? Optional.of(combined(join, choice)) : Optional.empty();
  }

  private static JoinTree combined(Plan.Join join, Choice choice) {
    List<Expr> leftKeys = join.keys().stream().map(Plan.Key::left).toList();
    List<Expr> rightKeys = join.keys().stream().map(Plan.Key::right).toList();
    JoinTree left = side(join.left(), leftKeys, MOST_UNITS - 1, choice);
    JoinTree right = side(join.right(), rightKeys, MOST_UNITS - left.units.size(), choice);
    int units = left.units.size();
    int width = left.width();
    int from = left.unitOf(leftKeys).orElseThrow();
    int to = right.unitOf(rightKeys).orElseThrow();
    List<Edge> edges = new ArrayList<>(left.edges);
    right.edges.forEach(
        edge -> edges.add(new Edge(edge.left + units, edge.right + units, edge.keys)));
    edges.add(
        new Edge(
            from,
            to + units,
            join.keys().stream()
                .map(key -> new Plan.Key(left.over(from, key.left()), right.over(to, key.right())))
                .toList()));
    List<Integer> output = new ArrayList<>(left.output);
    right.output.forEach(column -> output.add(column + width));
    List<Expr> conditions = new ArrayList<>(left.conditions);
    right.conditions.forEach(condition -> conditions.add(Expressions.shift(condition, width)));
    Expr residual = join.residual();
    if (residual != null) {
      Conjuncts.of(residual).forEach(each -> conditions.add(moved(each, output)));
    }
    return new JoinTree(
        Stream.concat(left.units.stream(), right.units.stream()).toList(),
        edges,
        conditions,
        output,
        join.schema());
  }

  // A side of a join: taken apart where that is possible and worth it.
  private static JoinTree side(Plan side, List<Expr> keys, int most, Choice choice) {
    JoinTree apart = opened(side, choice);
    if (apart.units.size() == 1 || apart.units.size() > most) {
      return whole(side);
    }
    Optional<Integer> unit = apart.unitOf(keys);
    if (unit.isEmpty()) {
      return whole(side);
    }
    JoinEstimates estimates = apart.estimates();
    double whole = estimates.rows(apart.all()) * width(side.schema());
    double instead = estimates.rows(only(unit.get())) * width(apart.units.get(unit.get()).schema());
    return choice.takesApart(whole, instead) ? apart : whole(side);
  }

  private static double width(Schema schema) {
    double width = ENTRY;
    for (int i = 0; i < schema.size(); i++) {
      width += schema.slot(i) >= 0 ? schema.codec(i).fixedSize() : VARIABLE;
    }
    return width;
  }

  private static Expr moved(Expr expression, List<Integer> positions) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(positions.get(index), type)
                : node);
  }

  /// The unit that has all columns of some expressions over the output; empty when there is none,
  /// or they have none.
  private Optional<Integer> unitOf(List<Expr> expressions) {
    Set<Integer> found = new HashSet<>();
    for (Expr expression : expressions) {
      NavigableSet<Integer> columns = Expressions.columns(expression);
      if (columns.isEmpty()) {
        // A constant is of any unit.
        continue;
      }
      columns.forEach(column -> found.add(unitOf(output.get(column))));
    }
    if (found.isEmpty() && units.size() == 1) {
      return Optional.of(0);
    }
    return found.size() == 1 ? Optional.of(found.iterator().next()) : Optional.empty();
  }

  private int unitOf(int column) {
    int unit = 0;
    while (column >= from(unit + 1)) {
      unit++;
    }
    return unit;
  }

  // An expression over the output, over the row of the one unit that it reads.
  private Expr over(int unit, Expr expression) {
    return Expressions.shift(moved(expression, output), -from(unit));
  }

  private int width() {
    return from(units.size());
  }

  private BitSet all() {
    BitSet all = new BitSet();
    all.set(0, units.size());
    return all;
  }

  private static BitSet only(int unit) {
    BitSet only = new BitSet();
    only.set(unit);
    return only;
  }

  private JoinEstimates estimates() {
    JoinEstimates estimates = new JoinEstimates(units);
    for (Edge edge : edges) {
      for (Plan.Key key : edge.keys) {
        estimates.equate(edge.left, column(key.left()), edge.right, column(key.right()));
      }
    }
    for (Expr condition : conditions) {
      BitSet read = new BitSet();
      Expressions.columns(condition).forEach(column -> read.set(unitOf(column)));
      estimates.condition(read);
    }
    estimates.complete();
    return estimates;
  }

  private static int column(Expr key) {
    return key instanceof Expr.Column(int index, var _) ? index : -1;
  }

  // ---- what it is made of -----------------------------------------------------------------------

  /// The inputs, in the order of the join.
  public List<Plan> units() {
    return units;
  }

  /// The equalities; one fewer than units.
  public List<Edge> edges() {
    return edges;
  }

  /// What else is true of joined rows; over the columns of all units, one unit after the other.
  public List<Expr> conditions() {
    return conditions;
  }

  /// Which of the columns of all units the join yields.
  public List<Integer> output() {
    return output;
  }

  /// What it yields.
  public Schema schema() {
    return schema;
  }

  /// Where the columns of a unit begin among those of all.
  public int from(int unit) {
    int from = 0;
    for (int i = 0; i < unit; i++) {
      from += units.get(i).schema().size();
    }
    return from;
  }

  /// The units by how many rows they are guessed to have, the fewest first.
  ///
  /// A change meets the others as they are after the step where they come before its own unit, else
  /// as they were. So of a first load all is made by the path of the last unit, and the other paths
  /// end where they meet what was empty.
  public List<Integer> bySize() {
    JoinEstimates estimates = estimates();
    return IntStream.range(0, units.size())
        .boxed()
        .sorted(Comparator.comparingDouble(unit -> estimates.rows(only(unit))))
        .toList();
  }

  /// The way from a unit through all the others, such that the fewest rows are made.
  public List<Hop> path(int start) {
    JoinEstimates estimates = estimates();
    BitSet visited = only(start);
    List<Hop> path = new ArrayList<>();
    while (path.size() < units.size() - 1) {
      @Nullable Hop next = null;
      double fewest = 0;
      for (Edge edge : edges) {
        int from = visited.get(edge.left) ? edge.left : edge.right;
        int to = edge.beyond(from);
        if (visited.get(from) && !visited.get(to)) {
          BitSet with = (BitSet) visited.clone();
          with.set(to);
          double rows = estimates.rows(with);
          if (next == null || rows < fewest) {
            next = new Hop(edge, from, to);
            fewest = rows;
          }
        }
      }
      if (next == null) {
        throw new IllegalStateException("the units are not connected: " + edges);
      }
      visited.set(next.to);
      path.add(next);
    }
    return path;
  }

  /// The edges at a unit.
  public List<Edge> edgesOf(int unit) {
    return edges.stream().filter(edge -> edge.touches(unit)).toList();
  }
}
