package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Makes `ARRAY(subquery)` a scalar subquery of an aggregate:
///
///     ARRAY(SELECT x FROM … ORDER BY y)
///       = coalesce((SELECT array_agg(x ORDER BY y) FROM …), '{}')
final class ArraySubqueries {
  private ArraySubqueries() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, ArraySubqueries::rewrite);
    return over instanceof Plan.Apply apply
            && apply.question() instanceof Plan.Question.Array(AggregateCall values, int element)
        ? collected(apply, values, element)
        : over;
  }

  private static Plan collected(Plan.Apply apply, AggregateCall values, int element) {
    SqlType type = values.type();
    Plan array =
        new Plan.Aggregate(
            apply.subquery(),
            List.of(),
            List.of(values),
            new Schema(List.of(new Column("value", type))));
    Schema rows = apply.input().schema();
    List<Column> columns = new ArrayList<>(rows.columns());
    columns.add(new Column("value", type));
    columns.add(new Column("rows", SqlType.INT8));
    Plan answered =
        new Plan.Apply(apply.input(), array, new Plan.Question.Scalar(), new Schema(columns));
    List<Expr> output = Unnesting.columns(rows);
    output.add(
        new Expr.Coalesce(
            List.of(
                new Expr.Column(rows.size(), type),
                new Expr.Literal(ArrayValue.EMPTY.toBytes(SqlType.of(element)), type)),
            type));
    return new Plan.Project(answered, output, apply.schema());
  }
}
