package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
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
    output.add(Expressions.over(test, values));
    return new Plan.Project(plan, output, apply.schema());
  }
}
