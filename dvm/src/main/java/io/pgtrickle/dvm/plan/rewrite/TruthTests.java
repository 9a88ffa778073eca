package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.List;
import java.util.Optional;

/// Simplifies the three-valued answers of subqueries where a filter only asks whether one is true.
///
/// [Unnesting] writes an answer as `CASE WHEN decided THEN a WHEN unknown THEN NULL ELSE b END`
/// with
/// a and b true and false or the other way round. Through AND, OR and NOT the question whether the
/// whole is true becomes the one whether an operand is true, or whether it is false; and that one
/// of
/// an answer is `decided`, or neither `decided` nor `unknown`. A mark that is no longer asked for,
/// pruning removes with the join that makes it.
final class TruthTests {
  private TruthTests() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, TruthTests::rewrite);
    return over instanceof Plan.Filter(Plan input, Expr condition)
        ? new Plan.Filter(input, simplified(condition, true))
        : over;
  }

  /// What is true iff the condition has the wanted truth value.
  private static Expr simplified(Expr condition, boolean wanted) {
    if (condition instanceof Expr.Not(Expr operand)) {
      return simplified(operand, !wanted);
    }
    if (condition instanceof Expr.And(var operands)) {
      List<Expr> each = operands.stream().map(operand -> simplified(operand, wanted)).toList();
      return wanted ? new Expr.And(each) : new Expr.Or(each);
    }
    if (condition instanceof Expr.Or(var operands)) {
      List<Expr> each = operands.stream().map(operand -> simplified(operand, wanted)).toList();
      return wanted ? new Expr.Or(each) : new Expr.And(each);
    }
    Optional<Answer> answer = Answer.of(condition);
    if (answer.isPresent()) {
      return answer.get().is(wanted);
    }
    return wanted ? condition : new Expr.Not(condition);
  }

  /// @param deciding the truth value that a decided answer has
  private record Answer(Expr decided, Expr unknown, boolean deciding) {
    static Optional<Answer> of(Expr expression) {
      if (!(expression instanceof Expr.Case(var branches, var otherwise, var _))
          || branches.size() != 2
          || !(otherwise instanceof Expr.Literal(Boolean last, var _))
          || !(branches.getFirst().result() instanceof Expr.Literal(Boolean first, var _))
          || !branches.getLast().result().equals(new Expr.Literal(null, expression.type()))
          || first.equals(last)
          || !branches.stream().allMatch(branch -> Expressions.isTotal(branch.condition()))) {
        return Optional.empty();
      }
      return Optional.of(
          new Answer(branches.getFirst().condition(), branches.getLast().condition(), first));
    }

    // Marks are true or false, but conditions of somebody's own CASE may be unknown: it goes on
    // then, as if they were false. Where they can fail, only CASE itself has the right order.
    Expr is(boolean wanted) {
      return wanted == deciding
          ? decided
          : new Expr.And(List.of(isNotTrue(decided), isNotTrue(unknown)));
    }

    private static Expr isNotTrue(Expr condition) {
      return new Expr.Not(new Expr.IsTruth(condition, Expr.Truth.TRUE));
    }
  }
}
