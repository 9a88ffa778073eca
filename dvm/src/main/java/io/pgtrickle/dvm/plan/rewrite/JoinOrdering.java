package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Turns a tree of cross products under conditions into joins by key.
///
/// An inner join is a filtered cross product, and both are associative and commutative; so the
/// inputs of neighbouring joins and all their conditions are taken apart and put together anew. Of
/// all trees whose joins are connected by equalities that is taken whose intermediate results have
/// the fewest rows ([JoinEstimates]), because all of them are kept and every change goes through
/// them; the order of FROM decides where that is equal. What remains unconnected is multiplied
/// last. A condition is placed at the first join that has all of its columns; one that can fail
/// stays above all joins. An equality that can fail, in making its sides, joins only what others
/// have joined before, in the order of FROM: for which rows it fails is the user's choice. Its
/// sides
/// are made of the rows for which the conditions on them are true, those that can fail included, as
/// PostgreSQL does, whose joins see no other rows.
///
/// The search goes through all subsets of the inputs, as that of Selinger and others (1979), and
/// through all ways to part each of them in two.
final class JoinOrdering {
  /// Of more inputs not all trees are looked at.
  private static final int MOST_INPUTS = 10;

  private final List<Plan> inputs = new ArrayList<>();

  /// Conditions over the columns of all inputs, in the order of the tree.
  private final List<Expr> conditions = new ArrayList<>();

  private final List<Equality> equalities = new ArrayList<>();

  /// Conditions that are evaluated above all joins.
  private final List<Expr> above = new ArrayList<>();

  private JoinOrdering() {}

  /// An equality of a side over some inputs and a side over others.
  private record Equality(Expr condition, Plan.Key key, BitSet left, BitSet right) {
    /// Whether its sides cannot fail.
    boolean isSafe() {
      return Expressions.isTotal(key.left()) && Expressions.isTotal(key.right());
    }

    Expr sideOf(BitSet some) {
      return isWithin(left, some) ? key.left() : key.right();
    }

    BitSet members() {
      BitSet both = (BitSet) left.clone();
      both.or(right);
      return both;
    }
  }

  /// Some inputs, joined.
  ///
  /// @param positions where each column of all inputs stands in the plan, −1 when it does not
  private record Part(Plan plan, BitSet members, List<Integer> positions) {}

  static Plan rewrite(Plan plan) {
    return isJoinTree(plan)
        ? new JoinOrdering().reorder(plan)
        : Inputs.map(plan, JoinOrdering::rewrite);
  }

  /// A join that has keys was planned before and is an input like any other.
  static boolean isJoinTree(Plan plan) {
    return switch (plan) {
      case Plan.Join join -> join.keys().isEmpty();
      case Plan.Filter(Plan input, Expr _) -> isJoinTree(input);
      case Plan.Scan _,
          Plan.Values _,
          Plan.Project _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Ask _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          false;
    };
  }

  private void takeApart(Plan plan, int offset) {
    if (plan instanceof Plan.Filter(Plan input, Expr condition) && isJoinTree(plan)) {
      takeApart(input, offset);
      addConditions(condition, offset);
    } else if (plan instanceof Plan.Join join && isJoinTree(plan)) {
      takeApart(join.left(), offset);
      takeApart(join.right(), offset + join.left().schema().size());
      Expr residual = join.residual();
      if (residual != null) {
        addConditions(residual, offset);
      }
    } else {
      inputs.add(rewrite(plan));
    }
  }

  private void addConditions(Expr condition, int offset) {
    for (Expr conjunct : Conjuncts.of(condition)) {
      conditions.add(Expressions.shift(conjunct, offset));
    }
  }

  private Plan reorder(Plan plan) {
    takeApart(plan, 0);
    List<Part> parts = new ArrayList<>();
    int offset = 0;
    for (int i = 0; i < inputs.size(); i++) {
      parts.add(single(i, offset, plan.schema().size()));
      offset += inputs.get(i).schema().size();
    }
    showKeys();
    for (Expr condition : List.copyOf(conditions)) {
      Optional<Equality> equality = equality(condition);
      if (equality.isPresent()) {
        equalities.add(equality.get());
        conditions.remove(condition);
      } else if (!Expressions.isTotal(condition) || Expressions.columns(condition).isEmpty()) {
        above.add(condition);
        conditions.remove(condition);
      }
    }
    for (Expr condition : List.copyOf(conditions)) {
      addImplied(condition);
    }
    parts.replaceAll(this::restrict);
    JoinEstimates estimates = estimates(parts);
    List<Part> components =
        parts.size() <= MOST_INPUTS ? best(parts, estimates) : greedy(parts, estimates);
    Part all = product(connected(components));
    Plan joined = Conjuncts.filter(all.plan(), above.stream().map(c -> moved(c, all)).toList());
    return inOrder(joined, all, plan.schema());
  }

  private void showKeys() {
    List<Expr> shown =
        conditions.stream()
            .flatMap(
                each ->
                    inputsOf(each).cardinality() < 2
                        ? Stream.of(each)
                        : HiddenKeys.shown(each).stream())
            .toList();
    conditions.clear();
    conditions.addAll(shown);
  }

  /// Where each alternative of a condition over several inputs says something of one of them, that
  /// holds of its rows in any case:
  ///
  ///     (n1.name = 'FRANCE' ∧ n2.name = 'GERMANY') ∨ (n1.name = 'GERMANY' ∧ n2.name = 'FRANCE')
  ///       ⇒  n1.name = 'FRANCE' ∨ n1.name = 'GERMANY'
  private void addImplied(Expr condition) {
    BitSet members = inputsOf(condition);
    if (!(condition instanceof Expr.Or(List<Expr> alternatives))
        || members.cardinality() < 2
        || Expressions.readsClock(condition)) {
      return;
    }
    for (int i = members.nextSetBit(0); i >= 0; i = members.nextSetBit(i + 1)) {
      BitSet one = new BitSet();
      one.set(i);
      List<Expr> own = new ArrayList<>();
      for (Expr alternative : alternatives) {
        List<Expr> parts =
            Conjuncts.of(alternative).stream().filter(c -> inputsOf(c).equals(one)).toList();
        if (!parts.isEmpty()) {
          own.add(Conjuncts.all(parts));
        }
      }
      if (own.size() == alternatives.size()) {
        conditions.add(new Expr.Or(own.stream().distinct().toList()));
      }
    }
  }

  private Part single(int index, int offset, int width) {
    Plan input = inputs.get(index);
    List<Integer> positions = new ArrayList<>(Collections.nCopies(width, -1));
    for (int i = 0; i < input.schema().size(); i++) {
      positions.set(offset + i, i);
    }
    BitSet members = new BitSet();
    members.set(index);
    return new Part(input, members, positions);
  }

  /// Filters a single input by the conditions that concern no other.
  private Part restrict(Part part) {
    List<Expr> own = takeConditions(part.members());
    return new Part(
        Conjuncts.filter(part.plan(), own.stream().map(c -> moved(c, part)).toList()),
        part.members(),
        part.positions());
  }

  private List<Expr> takeConditions(BitSet members) {
    List<Expr> taken = conditions.stream().filter(c -> isWithin(inputsOf(c), members)).toList();
    conditions.removeAll(taken);
    return taken;
  }

  private JoinEstimates estimates(List<Part> singles) {
    JoinEstimates estimates = new JoinEstimates(singles.stream().map(Part::plan).toList());
    for (Equality equality : equalities) {
      if (equality.left().cardinality() == 1 && equality.right().cardinality() == 1) {
        int left = equality.left().nextSetBit(0);
        int right = equality.right().nextSetBit(0);
        estimates.equate(
            left,
            column(equality.key().left(), singles.get(left)),
            right,
            column(equality.key().right(), singles.get(right)));
      } else {
        estimates.condition(equality.members());
      }
    }
    conditions.forEach(condition -> estimates.condition(inputsOf(condition)));
    estimates.complete();
    return estimates;
  }

  private static int column(Expr side, Part part) {
    return side instanceof Expr.Column(int index, var _) ? part.positions().get(index) : -1;
  }

  /// The cheapest way to join some inputs: the join of two subsets of them.
  ///
  /// @param right those of the inputs that are the right side, as bits; 0 for a single input
  /// @param cost the rows of all joins below
  private record Way(int right, double cost, double rows) {
    double costAbove() {
      return right == 0 ? 0 : cost + rows;
    }
  }

  /// Joins what equalities connect.
  private List<Part> best(List<Part> singles, JoinEstimates estimates) {
    int n = singles.size();
    @Nullable Way[] ways = new @Nullable Way[1 << n];
    for (int set = 1; set < ways.length; set++) {
      ways[set] = Integer.bitCount(set) == 1 ? new Way(0, 0, 0) : way(set, ways, estimates);
    }
    List<Part> components = new ArrayList<>();
    for (int rest = ways.length - 1; rest != 0; ) {
      int component = largest(rest, ways);
      components.add(built(component, ways, singles));
      rest &= ~component;
    }
    return components;
  }

  // The first of those that cost the least, in an order that begins with that of FROM.
  private @Nullable Way way(int set, @Nullable Way[] ways, JoinEstimates estimates) {
    int others = set & (set - 1);
    double rows = estimates.rows(bits(set));
    Way best = null;
    for (int rest = others; rest != 0; rest &= ~Integer.highestOneBit(rest)) {
      best = better(best, set, Integer.highestOneBit(rest), ways, rows);
    }
    for (int right = others; right != 0; right = (right - 1) & others) {
      if (Integer.bitCount(right) > 1) {
        best = better(best, set, right, ways, rows);
      }
    }
    return best;
  }

  private @Nullable Way better(
      @Nullable Way best, int set, int right, @Nullable Way[] ways, double rows) {
    Way leftWay = ways[set & ~right];
    Way rightWay = ways[right];
    if (leftWay == null || rightWay == null) {
      return best;
    }
    double cost = leftWay.costAbove() + rightWay.costAbove();
    boolean better = best == null || cost < best.cost * (1 - 1e-9);
    BitSet left = bits(set & ~right);
    BitSet others = bits(right);
    return better && safe().anyMatch(e -> connects(e, left, others))
        ? new Way(right, cost, rows)
        : best;
  }

  // The largest connected set that has the first of the inputs that are left.
  private static int largest(int rest, @Nullable Way[] ways) {
    int first = Integer.lowestOneBit(rest);
    int largest = first;
    for (int set = rest; set != 0; set = (set - 1) & rest) {
      boolean larger = Integer.bitCount(set) > Integer.bitCount(largest);
      if (larger && (set & first) != 0 && ways[set] != null) {
        largest = set;
      }
    }
    return largest;
  }

  private Part built(int set, @Nullable Way[] ways, List<Part> singles) {
    int right = Objects.requireNonNull(ways[set]).right();
    return right == 0
        ? singles.get(Integer.numberOfTrailingZeros(set))
        : join(built(set & ~right, ways, singles), built(right, ways, singles), false);
  }

  private static BitSet bits(int set) {
    return BitSet.valueOf(new long[] {set});
  }

  /// Joins what equalities connect, one input after the other, that which makes the fewest rows
  /// first.
  private List<Part> greedy(List<Part> singles, JoinEstimates estimates) {
    List<Part> rest = new ArrayList<>(singles);
    List<Part> components = new ArrayList<>();
    while (!rest.isEmpty()) {
      Part component = rest.removeFirst();
      Optional<Part> next = next(component, rest, estimates);
      while (next.isPresent()) {
        rest.remove(next.get());
        component = join(component, next.get(), false);
        next = next(component, rest, estimates);
      }
      components.add(component);
    }
    return components;
  }

  private Optional<Part> next(Part part, List<Part> candidates, JoinEstimates estimates) {
    return candidates.stream()
        .filter(candidate -> safe().anyMatch(e -> connects(e, part.members(), candidate.members())))
        .min(Comparator.comparingDouble(candidate -> rows(part, candidate, estimates)));
  }

  private Stream<Equality> safe() {
    return equalities.stream().filter(Equality::isSafe);
  }

  /// Joins what the equalities that are left connect, one after the other.
  private List<Part> connected(List<Part> parts) {
    List<Part> rest = new ArrayList<>(parts);
    List<Part> components = new ArrayList<>();
    while (!rest.isEmpty()) {
      Part component = rest.removeFirst();
      for (int i = 0; i < rest.size(); ) {
        BitSet members = component.members();
        BitSet others = rest.get(i).members();
        if (equalities.stream().anyMatch(e -> connects(e, members, others))) {
          component = join(component, rest.remove(i), true);
          i = 0;
        } else {
          i++;
        }
      }
      components.add(component);
    }
    return components;
  }

  private static double rows(Part part, Part candidate, JoinEstimates estimates) {
    BitSet both = (BitSet) part.members().clone();
    both.or(candidate.members());
    return estimates.rows(both);
  }

  private static boolean connects(Equality equality, BitSet left, BitSet right) {
    return (isWithin(equality.left(), left) && isWithin(equality.right(), right))
        || (isWithin(equality.left(), right) && isWithin(equality.right(), left));
  }

  private Part product(List<Part> components) {
    Part all = components.getFirst();
    for (Part next : components.subList(1, components.size())) {
      all = join(all, next, true);
    }
    return all;
  }

  /// @param all whether equalities that can fail are keys, too, rather than conditions above all
  ///     joins
  private Part join(Part one, Part other, boolean all) {
    Part left = all ? guarded(one, other) : one;
    Part right = all ? guarded(other, one) : other;
    List<Plan.Key> keys = new ArrayList<>();
    for (Equality equality : List.copyOf(equalities)) {
      if (connects(equality, left.members(), right.members()) && (all || equality.isSafe())) {
        Expr ofLeft = equality.sideOf(left.members());
        Expr ofRight = equality.sideOf(right.members());
        keys.add(new Plan.Key(moved(ofLeft, left), moved(ofRight, right)));
        equalities.remove(equality);
      }
    }
    BitSet members = (BitSet) left.members().clone();
    members.or(right.members());
    for (Equality equality : List.copyOf(equalities)) {
      // Each of its sides spans both inputs, so that it is no key of any join.
      if (isWithin(equality.members(), members)) {
        (Expressions.isTotal(equality.condition()) ? conditions : above).add(equality.condition());
        equalities.remove(equality);
      }
    }
    int width = left.plan().schema().size();
    List<Integer> positions = new ArrayList<>(left.positions());
    for (int i = 0; i < positions.size(); i++) {
      if (right.positions().get(i) >= 0) {
        positions.set(i, right.positions().get(i) + width);
      }
    }
    List<Column> columns = new ArrayList<>(left.plan().schema().columns());
    columns.addAll(right.plan().schema().columns());
    Schema schema = new Schema(columns);
    Part cross = new Part(left.plan(), members, positions);
    List<Expr> residual = takeConditions(members).stream().map(c -> moved(c, cross)).toList();
    Plan plan =
        new Plan.Join(
            left.plan(),
            right.plan(),
            keys,
            residual.isEmpty() ? null : Conjuncts.all(residual),
            schema);
    return new Part(plan, members, positions);
  }

  /// The rows of a part for which all conditions on it are true, where keys that can fail are made
  /// of them.
  private Part guarded(Part part, Part other) {
    boolean mayFail =
        equalities.stream()
            .filter(equality -> connects(equality, part.members(), other.members()))
            .map(equality -> equality.sideOf(part.members()))
            .anyMatch(side -> !Expressions.isTotal(side));
    if (!mayFail) {
      return part;
    }
    List<Expr> own =
        above.stream()
            .filter(c -> !inputsOf(c).isEmpty() && isWithin(inputsOf(c), part.members()))
            .toList();
    above.removeAll(own);
    return new Part(
        Conjuncts.filter(part.plan(), own.stream().map(c -> moved(c, part)).toList()),
        part.members(),
        part.positions());
  }

  private static Expr moved(Expr expression, Part part) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(part.positions().get(index), type)
                : node);
  }

  /// Puts the columns back where the tree had them.
  private static Plan inOrder(Plan joined, Part all, Schema schema) {
    List<Expr> expressions = new ArrayList<>();
    boolean sameOrder = true;
    for (int i = 0; i < schema.size(); i++) {
      int position = all.positions().get(i);
      sameOrder &= position == i;
      expressions.add(new Expr.Column(position, schema.column(i).type()));
    }
    return sameOrder ? joined : new Plan.Project(joined, expressions, schema);
  }

  private Optional<Equality> equality(Expr condition) {
    return JoinKeys.of(condition)
        .map(key -> new Equality(condition, key, inputsOf(key.left()), inputsOf(key.right())))
        .filter(e -> !e.left().isEmpty() && !e.right().isEmpty())
        .filter(e -> !e.left().intersects(e.right()));
  }

  private BitSet inputsOf(Expr expression) {
    BitSet members = new BitSet();
    for (int column : Expressions.columns(expression)) {
      int input = 0;
      int rest = column;
      while (rest >= inputs.get(input).schema().size()) {
        rest -= inputs.get(input++).schema().size();
      }
      members.set(input);
    }
    return members;
  }

  static boolean isWithin(BitSet some, BitSet all) {
    BitSet outside = (BitSet) some.clone();
    outside.andNot(all);
    return outside.isEmpty();
  }
}
