package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// How often some expressions read each column, and whether they read it of every row: a branch of
/// CASE or the second operand of COALESCE, AND and OR is evaluated only where those before it leave
/// the answer open.
final class Uses {
  private final Map<Integer, Integer> counts = new HashMap<>();
  private final Set<Integer> certain = new HashSet<>();

  void add(Expr expression) {
    addUncertain(expression);
    addCertain(expression);
  }

  /// Adds an expression that not every row is asked for.
  void addUncertain(Expr expression) {
    Expressions.forEach(
        expression,
        node -> {
          if (node instanceof Expr.Column(int index, var _)) {
            counts.merge(index, 1, Integer::sum);
          }
        });
  }

  private void addCertain(Expr expression) {
    if (expression instanceof Expr.Column(int index, var _)) {
      certain.add(index);
    }
    List<Expr> children = Expressions.children(expression);
    boolean onlyFirst =
        expression instanceof Expr.And
            || expression instanceof Expr.Or
            || expression instanceof Expr.Coalesce
            || expression instanceof Expr.Case;
    (onlyFirst ? children.subList(0, 1) : children).forEach(this::addCertain);
  }

  int count(int column) {
    return counts.getOrDefault(column, 0);
  }

  /// The columns that are read of every row, and more than once.
  Set<Integer> certainAndShared() {
    Set<Integer> shared = new HashSet<>(certain);
    shared.removeIf(column -> count(column) < 2);
    return shared;
  }

  /// The columns that are read, but not of every row.
  Set<Integer> uncertain() {
    Set<Integer> uncertain = new HashSet<>(counts.keySet());
    uncertain.removeAll(certain);
    return uncertain;
  }
}
