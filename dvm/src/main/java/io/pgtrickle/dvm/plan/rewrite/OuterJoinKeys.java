package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;

/// Sorts the conditions of an outer join: equalities of its sides become keys, and one that
/// concerns only the side that is not kept becomes a filter of that side, because it decides which
/// of its rows match and nothing else. One that can fail does so only where keys of that side can
/// fail too, which are not made of other rows then. The rest stays with the join.
final class OuterJoinKeys {
  private OuterJoinKeys() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, OuterJoinKeys::rewrite);
    return over instanceof Plan.OuterJoin join ? sorted(join) : over;
  }

  private static Plan sorted(Plan.OuterJoin join) {
    Expr residual = join.residual();
    if (residual == null) {
      return join;
    }
    int width = join.left().schema().size();
    List<Plan.Key> keys = new ArrayList<>(join.keys());
    List<Expr> others = new ArrayList<>();
    List<Expr> left = new ArrayList<>();
    List<Expr> right = new ArrayList<>();
    List<Expr> rest = new ArrayList<>();
    for (Expr conjunct : Conjuncts.withKeys(residual)) {
      key(conjunct, width).ifPresentOrElse(keys::add, () -> others.add(conjunct));
    }
    boolean guarding =
        !keys.stream()
            .map(key -> join.kept() == Plan.Kept.LEFT ? key.right() : key.left())
            .allMatch(Expressions::isTotal);
    for (Expr conjunct : others) {
      SortedSet<Integer> columns = Expressions.columns(conjunct);
      boolean movable = !columns.isEmpty() && (guarding || Expressions.isTotal(conjunct));
      if (movable && join.kept() == Plan.Kept.RIGHT && columns.last() < width) {
        left.add(conjunct);
      } else if (movable && join.kept() == Plan.Kept.LEFT && columns.first() >= width) {
        right.add(Expressions.shift(conjunct, -width));
      } else {
        rest.add(conjunct);
      }
    }
    return new Plan.OuterJoin(
        Conjuncts.filter(join.left(), left),
        Conjuncts.filter(join.right(), right),
        join.kept(),
        keys,
        rest.isEmpty() ? null : Conjuncts.all(rest),
        join.schema());
  }

  /// The key that a condition over two inputs side by side is; `width` columns belong to the left.
  static Optional<Plan.Key> key(Expr conjunct, int width) {
    return JoinKeys.of(conjunct)
        .flatMap(
            key -> {
              if (isLeft(key.left(), width) && isRight(key.right(), width)) {
                return Optional.of(
                    new Plan.Key(key.left(), Expressions.shift(key.right(), -width)));
              }
              return isLeft(key.right(), width) && isRight(key.left(), width)
                  ? Optional.of(new Plan.Key(key.right(), Expressions.shift(key.left(), -width)))
                  : Optional.empty();
            });
  }

  private static boolean isLeft(Expr side, int width) {
    SortedSet<Integer> columns = Expressions.columns(side);
    return !columns.isEmpty() && columns.last() < width;
  }

  private static boolean isRight(Expr side, int width) {
    SortedSet<Integer> columns = Expressions.columns(side);
    return !columns.isEmpty() && columns.first() >= width;
  }
}
