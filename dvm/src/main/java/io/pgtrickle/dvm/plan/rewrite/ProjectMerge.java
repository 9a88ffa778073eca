package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;

/// Makes one projection of two that follow each other, and none of one that changes nothing.
///
/// A computed column that is used twice above stays computed once; unless it can fail and is not
/// used of every row, as under CASE: then it is computed where it is used, as PostgreSQL does.
final class ProjectMerge {
  private ProjectMerge() {}

  static Plan rewrite(Plan plan) {
    return merge(Inputs.map(plan, ProjectMerge::rewrite));
  }

  /// The same for a projection at the top, over a plan in which there is none to merge.
  static Plan merge(Plan plan) {
    if (!(plan instanceof Plan.Project upper)) {
      return plan;
    }
    Plan.Project merged = upper;
    while (merged.input() instanceof Plan.Project lower && composes(merged, lower)) {
      List<Expr> expressions =
          merged.expressions().stream()
              .map(expression -> Expressions.over(expression, lower.expressions()))
              .toList();
      merged = new Plan.Project(lower.input(), expressions, merged.schema());
    }
    return isIdentity(merged) ? merged.input() : merged;
  }

  private static boolean composes(Plan.Project upper, Plan.Project lower) {
    Uses uses = new Uses();
    upper.expressions().forEach(uses::add);
    for (int i = 0; i < lower.expressions().size(); i++) {
      Expr computed = lower.expressions().get(i);
      boolean trivial = computed instanceof Expr.Column || computed instanceof Expr.Literal;
      boolean shared = uses.count(i) > 1 && !trivial;
      boolean wanted = uses.uncertain().contains(i) && !Expressions.isTotal(computed);
      if (shared && !wanted) {
        return false;
      }
    }
    return true;
  }

  /// Names count too: they are what the result is called.
  private static boolean isIdentity(Plan.Project project) {
    Schema below = project.input().schema();
    if (!below.equals(project.schema())) {
      return false;
    }
    for (int i = 0; i < below.size(); i++) {
      if (!(project.expressions().get(i) instanceof Expr.Column(int index, var _)) || index != i) {
        return false;
      }
    }
    return true;
  }
}
