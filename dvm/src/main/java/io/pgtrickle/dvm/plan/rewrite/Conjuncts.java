package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.List;

/// A condition as the list of what must all be true.
///
/// A row passes a chain of filters iff every condition is true of it, in any order; only errors
/// tell
/// the order. So conditions that cannot fail are evaluated first, and each one that can fail is a
/// filter of its own above them: PostgreSQL too stops at the first condition that is not true,
/// where
/// an AND would go on after NULL.
final class Conjuncts {
  private Conjuncts() {}

  /// The operands of nested ANDs.
  static List<Expr> of(Expr condition) {
    if (condition instanceof Expr.And(List<Expr> operands)) {
      return operands.stream().flatMap(operand -> of(operand).stream()).toList();
    }
    return List.of(condition);
  }

  /// One condition for several, of which there is at least one.
  static Expr all(List<Expr> conjuncts) {
    return conjuncts.size() == 1 ? conjuncts.getFirst() : new Expr.And(conjuncts);
  }

  static List<Expr> total(List<Expr> conjuncts) {
    return conjuncts.stream().filter(Expressions::isTotal).toList();
  }

  static List<Expr> fallible(List<Expr> conjuncts) {
    return conjuncts.stream().filter(conjunct -> !Expressions.isTotal(conjunct)).toList();
  }

  /// The rows of which all conditions are true.
  static Plan filter(Plan input, List<Expr> conjuncts) {
    Plan plan = input;
    List<Expr> safe = new ArrayList<>(total(conjuncts));
    if (!safe.isEmpty()) {
      if (plan instanceof Plan.Filter(Plan below, Expr first) && Expressions.isTotal(first)) {
        safe.addAll(0, of(first));
        plan = below;
      }
      plan = new Plan.Filter(plan, all(safe.stream().distinct().toList()));
    }
    for (Expr conjunct : fallible(conjuncts)) {
      plan = new Plan.Filter(plan, conjunct);
    }
    return plan;
  }
}
