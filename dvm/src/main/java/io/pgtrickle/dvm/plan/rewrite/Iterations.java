package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/// Makes the step of a recursion one for all iterations at once.
///
/// The step is a subquery that is evaluated for each iteration n, over the rows of that iteration.
/// With the rows of all iterations behind their numbers in one relation W, those are
///
///     Wₙ = σ[iteration = n](W)
///
/// so it is a correlated subquery, which [DependentJoin] evaluates for all n there are, and for 0
/// even if the base has no rows: the server evaluates the step once before it looks whether there
/// is anything to go on with. What is grouped, made distinct, sorted or joined is so within an
/// iteration from then on, and
/// incremental maintenance of the step is that of any other plan.
final class Iterations {
  private static final Signature INT4_EQUAL =
      new Signature(65, "pg_catalog", "int4eq", List.of(23, 23), 16, true, 'i');

  private static final Expr FIRST = new Expr.Literal(0L, SqlType.INT4);

  private Iterations() {}

  static Plan numbered(Plan.Recursion recursion) {
    PlanExpressions.forEach(recursion, Iterations::requireOwn);
    Schema numbered = Plan.Recursion.numbered(recursion.schema());
    Plan all = new Plan.Working(numbered);
    Plan perIteration = Inputs.overFound(recursion.step(), working -> current(all, working));
    Plan step =
        new DependentJoin(all, new TreeSet<>(List.of(0)), List.of(FIRST)).over(perIteration);
    List<Expr> kept = new ArrayList<>(List.of(number()));
    for (int i = step.schema().size() - recursion.schema().size(); i < step.schema().size(); i++) {
      kept.add(new Expr.Column(i, step.schema().column(i).type()));
    }
    return new Plan.Recursion(
        recursion.base(),
        new Plan.Project(step, kept, numbered),
        recursion.all(),
        recursion.schema());
  }

  private static Plan current(Plan all, Plan.Working working) {
    List<Expr> columns = Unnesting.columns(all.schema());
    return new Plan.Project(
        new Plan.Filter(all, isCurrent()), columns.subList(1, columns.size()), working.schema());
  }

  /// Whether a row is of the iteration for which the step is evaluated.
  private static Expr isCurrent() {
    Expr here = new Expr.Outer(1, 0, SqlType.INT4);
    return new Expr.Call(INT4_EQUAL, List.of(number(), here), SqlType.BOOL, 0);
  }

  static boolean isCurrent(Expr condition) {
    return condition.equals(isCurrent());
  }

  private static Expr number() {
    return new Expr.Column(0, SqlType.INT4);
  }

  private static void requireOwn(Expr expression) {
    if (Expressions.contains(expression, Expr.Outer.class)) {
      throw QueryRejected.notYet(
          "unsupported_subquery", "WITH RECURSIVE that refers to a row outside of it");
    }
  }
}
