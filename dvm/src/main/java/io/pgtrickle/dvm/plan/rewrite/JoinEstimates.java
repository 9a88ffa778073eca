package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowKeys;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;

/// Guesses how many rows joins of some inputs have, by what holds whatever the data are: keys,
/// conditions, and who refers to whom.
///
/// An input whose columns equal a key of another refers to it, and is taken to have ten times as
/// many rows. So the tables of facts come out largest and the ends of the chains of dimensions
/// smallest. Statistics of the server would be better and are not used, because they change, and a
/// plan must not.
final class JoinEstimates {
  private static final double SMALLEST = 100;
  private static final double FANOUT = 10;
  private static final double CONDITION = 0.5;

  private final int size;
  private final List<Set<NavigableSet<Integer>>> keys = new ArrayList<>();
  private final Map<Pair, Equated> equated =
      new TreeMap<>(Comparator.comparingInt(Pair::left).thenComparingInt(Pair::right));
  private final List<BitSet> conditions = new ArrayList<>();
  private final double[] shares;
  private final double[] whole;
  private List<Edge> edges = List.of();

  private record Pair(int left, int right) {}

  /// The columns of a pair of inputs that are equal in joined rows.
  private record Equated(Set<Integer> left, Set<Integer> right) {}

  /// @param selectivity the share of all pairs of rows that match
  private record Edge(Pair pair, double selectivity) {}

  JoinEstimates(List<Plan> inputs) {
    size = inputs.size();
    shares = new double[size];
    whole = new double[size];
    for (int i = 0; i < size; i++) {
      keys.add(RowKeys.keys(inputs.get(i)));
      shares[i] = Selectivity.of(inputs.get(i));
    }
  }

  /// A column of an input equals one of another; −1 for an expression that is no column.
  void equate(int left, int leftColumn, int right, int rightColumn) {
    boolean straight = left < right;
    Pair pair = straight ? new Pair(left, right) : new Pair(right, left);
    Equated columns =
        equated.computeIfAbsent(pair, _ -> new Equated(new HashSet<>(), new HashSet<>()));
    columns.left.add(straight ? leftColumn : rightColumn);
    columns.right.add(straight ? rightColumn : leftColumn);
  }

  /// Joined rows of these inputs fulfil one more condition.
  void condition(BitSet inputs) {
    conditions.add(inputs);
  }

  /// Everything was told.
  void complete() {
    int[] levels = new int[size];
    for (int pass = 0; pass < size; pass++) {
      equated.forEach(
          (pair, columns) -> {
            boolean toLeft = identifies(pair.left, columns.left);
            boolean toRight = identifies(pair.right, columns.right);
            if (toRight && !toLeft) {
              levels[pair.left] = Math.max(levels[pair.left], levels[pair.right] + 1);
            } else if (toLeft && !toRight) {
              levels[pair.right] = Math.max(levels[pair.right], levels[pair.left] + 1);
            }
          });
    }
    for (int i = 0; i < size; i++) {
      boolean single = keys.get(i).stream().anyMatch(Set::isEmpty);
      whole[i] = single ? 1 : SMALLEST;
      for (int level = 0; !single && level < Math.min(levels[i], size); level++) {
        whole[i] *= FANOUT;
      }
    }
    List<Edge> all = new ArrayList<>();
    equated.forEach((pair, columns) -> all.add(new Edge(pair, selectivity(pair, columns))));
    all.sort(
        Comparator.comparingDouble(Edge::selectivity)
            .thenComparingInt(edge -> edge.pair.left)
            .thenComparingInt(edge -> edge.pair.right));
    edges = all;
  }

  private boolean identifies(int input, Set<Integer> columns) {
    return keys.get(input).stream().anyMatch(columns::containsAll);
  }

  private double selectivity(Pair pair, Equated columns) {
    double left = whole[pair.left];
    double right = whole[pair.right];
    boolean toLeft = identifies(pair.left, columns.left);
    boolean toRight = identifies(pair.right, columns.right);
    if (toLeft || toRight) {
      return 1 / (toLeft && toRight ? Math.max(left, right) : toRight ? right : left);
    }
    // Each row of both has many partners: what comes of it is larger than both, mostly.
    return Math.min(1, FANOUT * FANOUT / Math.max(left, right));
  }

  /// The rows of the join of some inputs.
  double rows(BitSet inputs) {
    double rows = 1;
    for (int i = inputs.nextSetBit(0); i >= 0; i = inputs.nextSetBit(i + 1)) {
      rows *= whole[i] * shares[i];
    }
    // What follows from other equalities must not count twice: those that close a circle count as
    // any condition does.
    int[] groups = new int[size];
    for (int i = 0; i < size; i++) {
      groups[i] = i;
    }
    for (Edge edge : edges) {
      if (inputs.get(edge.pair.left) && inputs.get(edge.pair.right)) {
        int left = groups[edge.pair.left];
        int right = groups[edge.pair.right];
        rows *= left == right ? CONDITION : edge.selectivity;
        for (int i = 0; i < size; i++) {
          groups[i] = groups[i] == right ? left : groups[i];
        }
      }
    }
    for (BitSet members : conditions) {
      if (JoinOrdering.isWithin(members, inputs)) {
        rows *= CONDITION;
      }
    }
    return rows;
  }
}
