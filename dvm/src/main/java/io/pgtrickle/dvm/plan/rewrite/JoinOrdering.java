package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/// Turns a tree of cross products under conditions into joins by key.
///
/// An inner join is a filtered cross product, and both are associative and commutative; so the
/// inputs of neighbouring joins and all their conditions are taken apart and put together anew:
/// inputs that are connected by equalities are joined in the order of FROM, and what remains
/// unconnected is multiplied last. A condition is placed at the first join that has all of its
/// columns; one that can fail stays above all joins.
final class JoinOrdering {
  private final List<Plan> inputs = new ArrayList<>();

  /// Conditions over the columns of all inputs, in the order of the tree.
  private final List<Expr> conditions = new ArrayList<>();

  private final List<Equality> equalities = new ArrayList<>();

  /// Conditions that are evaluated above all joins.
  private final List<Expr> above = new ArrayList<>();

  private JoinOrdering() {}

  /// An equality of a side over some inputs and a side over others.
  private record Equality(Expr condition, Plan.Key key, BitSet left, BitSet right) {
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
  private static boolean isJoinTree(Plan plan) {
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
    parts.replaceAll(this::restrict);
    Part all = product(components(parts));
    Plan joined = Conjuncts.filter(all.plan(), above.stream().map(c -> moved(c, all)).toList());
    return inOrder(joined, all, plan.schema());
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

  /// Joins what equalities connect, starting from the first input and adding the first connected
  /// one in the order of FROM, again and again.
  private List<Part> components(List<Part> singles) {
    List<Part> rest = new ArrayList<>(singles);
    List<Part> components = new ArrayList<>();
    while (!rest.isEmpty()) {
      Part component = rest.removeFirst();
      Optional<Part> next = firstConnected(component, rest);
      while (next.isPresent()) {
        rest.remove(next.get());
        component = join(component, next.get());
        next = firstConnected(component, rest);
      }
      components.add(component);
    }
    return components;
  }

  private Optional<Part> firstConnected(Part part, List<Part> candidates) {
    return candidates.stream()
        .filter(candidate -> equalities.stream().anyMatch(e -> connects(e, part, candidate)))
        .findFirst();
  }

  private static boolean connects(Equality equality, Part left, Part right) {
    return (isWithin(equality.left(), left.members())
            && isWithin(equality.right(), right.members()))
        || (isWithin(equality.left(), right.members())
            && isWithin(equality.right(), left.members()));
  }

  private Part product(List<Part> components) {
    Part all = components.getFirst();
    for (Part next : components.subList(1, components.size())) {
      all = join(all, next);
    }
    return all;
  }

  private Part join(Part left, Part right) {
    List<Plan.Key> keys = new ArrayList<>();
    for (Equality equality : List.copyOf(equalities)) {
      if (connects(equality, left, right)) {
        boolean straight = isWithin(equality.left(), left.members());
        Expr ofLeft = straight ? equality.key().left() : equality.key().right();
        Expr ofRight = straight ? equality.key().right() : equality.key().left();
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

  private static boolean isWithin(BitSet some, BitSet all) {
    BitSet outside = (BitSet) some.clone();
    outside.andNot(all);
    return outside.isEmpty();
  }
}
