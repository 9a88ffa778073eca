package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.List;

/// Says what the server would be asked about in other nodes, where these are native.
///
/// @see Expr.Paraphrase
final class SpelledOut {
  private SpelledOut() {}

  /// @param settings those under which the plan will run
  static Plan rewrite(Plan plan, EvaluationSettings settings) {
    return PlanExpressions.map(
        plan, expression -> Expressions.map(expression, each -> spelledOut(each, settings)));
  }

  private static Expr spelledOut(Expr node, EvaluationSettings settings) {
    if (!(node instanceof Expr.Verbatim verbatim)
        || !(verbatim.meaning() instanceof Expr.Paraphrase(Expr meaning))
        || !(isCallOf(verbatim.operands(), meaning)
            || verbatim.operands().stream().allMatch(Expressions::isTotal))) {
      return node;
    }
    Expr said = Expressions.over(meaning, verbatim.operands());
    return FunctionLibrary.isNative(said, settings) ? said : node;
  }

  /// Whether each operand is evaluated once whatever the others are, so that it may also fail.
  private static boolean isCallOf(List<Expr> operands, Expr meaning) {
    if (!(meaning instanceof Expr.Call call)) {
      return false;
    }
    List<Expr> columns = new ArrayList<>(call.arguments());
    columns.removeIf(Expr.Literal.class::isInstance);
    return columns.stream().allMatch(Expr.Column.class::isInstance)
        && columns.size() == operands.size()
        && Expressions.columns(meaning).size() == operands.size();
  }
}
