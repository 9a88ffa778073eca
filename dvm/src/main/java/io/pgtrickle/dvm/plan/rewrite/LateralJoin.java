package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Joins rows with the rows of a LATERAL subquery, freed of its references to them.
///
/// A column that the subquery computes is computed above the join, since it may refer to both
/// sides. Where the join has made up a row of NULLs it must be NULL too, which is told by a column
/// that is true in all rows of the subquery.
final class LateralJoin {
  private LateralJoin() {}

  static Plan joined(Plan.Apply apply, Plan.Question.Rows rows) {
    Plan input = apply.input();
    int width = input.schema().size();
    Correlation correlation = Correlation.of(input, apply.subquery());
    List<Expr> conditions = new ArrayList<>(correlation.conditions());
    Expr condition = rows.condition();
    if (condition != null) {
      conditions.add(correlation.test(condition, width));
    }
    Plan right = rows.kept() ? marked(correlation.right()) : correlation.right();
    List<Column> columns = new ArrayList<>(input.schema().columns());
    columns.addAll(right.schema().columns());
    Schema both = new Schema(columns);
    Expr residual = conditions.isEmpty() ? null : Conjuncts.all(conditions);
    Plan join =
        rows.kept()
            ? new Plan.OuterJoin(input, right, Plan.Kept.LEFT, List.of(), residual, both)
            : new Plan.Join(input, right, List.of(), residual, both);
    List<Expr> output = Unnesting.columns(input.schema());
    for (Expr column : correlation.outputs()) {
      output.add(rows.kept() ? ofMatch(column, width, both.size() - 1) : column);
    }
    return new Plan.Project(join, output, apply.schema());
  }

  private static Plan marked(Plan right) {
    List<Expr> expressions = Unnesting.columns(right.schema());
    expressions.add(Unnesting.literal(true));
    return new Plan.Project(right, expressions, Unnesting.withMark(right, "match"));
  }

  private static Expr ofMatch(Expr output, int width, int mark) {
    if (output instanceof Expr.Column(int index, var _) && index >= width) {
      return output;
    }
    Expr isMatch = new Expr.Not(new Expr.IsNull(new Expr.Column(mark, SqlType.BOOL)));
    return new Expr.Case(
        List.of(new Expr.When(isMatch, output)),
        new Expr.Literal(null, output.type()),
        output.type());
  }
}
