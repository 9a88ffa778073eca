package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Makes a comparison of a row with the only one of a subquery one of values:
///
///     (a, b) < (SELECT x, y FROM …)  =  (a, b) < ((SELECT x FROM …), (SELECT y FROM …))
///
/// Each of them finds the same row, and the same error where there are several.
final class RowSubqueries {
  private static final Signature EQUAL =
      new Signature(467, "pg_catalog", "int8eq", List.of(20, 20), 16, true, 'i');

  private RowSubqueries() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, RowSubqueries::rewrite);
    return over instanceof Plan.Apply apply
            && apply.question() instanceof Plan.Question.Compared(Expr test)
        ? compared(apply, test)
        : over;
  }

  private static Plan compared(Plan.Apply apply, Expr test) {
    Schema rows = apply.input().schema();
    Schema fields = apply.subquery().schema();
    Plan plan = apply.input();
    List<Expr> values = new ArrayList<>(Unnesting.columns(rows));
    for (int i = 0; i < fields.size(); i++) {
      SqlType type = fields.column(i).type();
      int at = plan.schema().size();
      List<Column> columns = new ArrayList<>(plan.schema().columns());
      columns.add(new Column("value", type));
      columns.add(new Column("rows", SqlType.INT8));
      Plan field =
          new Plan.Project(
              apply.subquery(),
              List.of(new Expr.Column(i, type)),
              new Schema(List.of(fields.column(i))));
      plan = new Plan.Apply(plan, field, new Plan.Question.Scalar(), new Schema(columns));
      values.add(new Expr.Single(new Expr.Column(at, type), new Expr.Column(at + 1, SqlType.INT8)));
    }
    List<Expr> output = Unnesting.columns(rows);
    Expr compared = Expressions.over(test, values);
    output.add(
        refersOut(apply.subquery(), 1) && !Expressions.isTotal(compared)
            ? unlessNone(compared, plan.schema().size() - 1)
            : compared);
    return new Plan.Project(plan, output, apply.schema());
  }

  /// Whether a subquery, so many levels further in, refers to the row it is evaluated for.
  private static boolean refersOut(Plan plan, int level) {
    List<Expr> own = new ArrayList<>();
    if (plan instanceof Plan.Apply apply) {
      own.addAll(QuestionGuards.tests(apply.question()));
      return own.stream().anyMatch(each -> refersOut(each, level))
          || refersOut(apply.input(), level)
          || refersOut(apply.subquery(), level + 1);
    }
    PlanExpressions.forEachOwn(plan, own::add);
    return own.stream().anyMatch(each -> refersOut(each, level))
        || plan.inputs().stream().anyMatch(input -> refersOut(input, level));
  }

  private static boolean refersOut(Expr expression, int level) {
    List<Expr> found = new ArrayList<>();
    Expressions.forEach(
        expression,
        node -> {
          if (node instanceof Expr.Outer outer && outer.level() == level) {
            found.add(node);
          }
        });
    return !found.isEmpty();
  }

  /// Without a row to compare with, the server does not look at the other one; it does where the
  /// subquery is evaluated once for all.
  private static Expr unlessNone(Expr compared, int rows) {
    Expr none =
        new Expr.Call(
            EQUAL,
            List.of(new Expr.Column(rows, SqlType.INT8), new Expr.Literal(0L, SqlType.INT8)),
            SqlType.BOOL,
            0);
    return new Expr.Case(
        List.of(new Expr.When(none, new Expr.Literal(null, SqlType.BOOL))), compared, SqlType.BOOL);
  }
}
