package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.List;

/// A condition as the list of what must all be true.
///
/// A row passes a chain of filters iff every condition is true of it, in any order; only errors
/// tell the order. So conditions that cannot fail are evaluated first, and each one that can fail
/// is a filter of its own above them, in the order of the server ([EvaluationCost]): PostgreSQL too
/// stops at the first condition that is not true, where an AND would go on after NULL.
final class Conjuncts {
  private Conjuncts() {}

  /// The operands of nested ANDs, and what all alternatives of an OR have in common.
  static List<Expr> of(Expr condition) {
    if (condition instanceof Expr.And(List<Expr> operands)) {
      return operands.stream().flatMap(operand -> of(operand).stream()).toList();
    }
    return condition instanceof Expr.Or or ? factored(or) : List.of(condition);
  }

  /// The same, with the keys that are in them where they are of two inputs.
  static List<Expr> withKeys(Expr condition) {
    return of(condition).stream().flatMap(each -> HiddenKeys.shown(each).stream()).toList();
  }

  /// `(a AND b) OR (a AND c)` as a and `b OR c`: a may be what joins two inputs. PostgreSQL does it
  /// too, so that b and c fail for no more rows than there; a must not fail, since it now goes
  /// first.
  private static List<Expr> factored(Expr.Or or) {
    List<List<Expr>> alternatives = or.operands().stream().map(Conjuncts::of).toList();
    List<Expr> common =
        alternatives.getFirst().stream()
            .distinct()
            .filter(Expressions::isTotal)
            .filter(each -> alternatives.stream().allMatch(other -> other.contains(each)))
            .toList();
    if (common.isEmpty()) {
      return List.of(or);
    }
    List<Expr> conjuncts = new ArrayList<>(common);
    List<List<Expr>> rests =
        alternatives.stream()
            .map(each -> each.stream().filter(conjunct -> !common.contains(conjunct)).toList())
            .toList();
    if (rests.stream().noneMatch(List::isEmpty)) {
      conjuncts.add(new Expr.Or(rests.stream().map(Conjuncts::all).toList()));
    }
    return conjuncts;
  }

  /// One condition for several, of which there is at least one.
  static Expr all(List<Expr> conjuncts) {
    return conjuncts.size() == 1 ? conjuncts.getFirst() : new Expr.And(conjuncts);
  }

  /// The same condition with its conjuncts in the order in which they are evaluated.
  static Expr inOrder(Expr condition) {
    List<Expr> conjuncts = of(condition);
    List<Expr> order = new ArrayList<>(total(conjuncts));
    order.addAll(EvaluationCost.ascending(fallible(conjuncts)));
    return all(order);
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
    List<Expr> fallible = new ArrayList<>(fallible(conjuncts));
    // Those that are asked already take part in the order.
    while (!fallible.isEmpty()
        && plan instanceof Plan.Filter(Plan below, Expr condition)
        && !Expressions.isTotal(condition)
        && !Expressions.readsClock(condition)) {
      fallible.add(0, condition);
      plan = below;
    }
    List<Expr> safe = new ArrayList<>(total(conjuncts));
    if (!safe.isEmpty()) {
      // Conditions on the clock stay by themselves.
      if (plan instanceof Plan.Filter(Plan below, Expr first)
          && Expressions.isTotal(first)
          && !Expressions.readsClock(first)) {
        safe.addAll(0, of(first));
        plan = below;
      }
      plan = new Plan.Filter(plan, all(safe.stream().distinct().toList()));
    }
    for (Expr conjunct : EvaluationCost.ascending(fallible)) {
      plan = new Plan.Filter(plan, conjunct);
    }
    return plan;
  }
}
