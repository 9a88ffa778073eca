package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Small plans over tables of int4 columns.
final class Algebra {
  private static final Signature EQUAL =
      new Signature(65, "pg_catalog", "int4eq", List.of(23, 23), 16, true, 'i');
  private static final Signature LESS =
      new Signature(66, "pg_catalog", "int4lt", List.of(23, 23), 16, true, 'i');
  private static final Signature DIVIDE =
      new Signature(154, "pg_catalog", "int4div", List.of(23, 23), 23, true, 'i');
  private static final Signature COUNT =
      new Signature(2803, "pg_catalog", "count", List.of(), 20, false, 'i');

  private Algebra() {}

  static Plan scan(int relation, int width) {
    return new Plan.Scan(relation, "t" + relation, List.of(0), ints("t" + relation, width));
  }

  private static Schema ints(String prefix, int width) {
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < width; i++) {
      columns.add(new Column(prefix + "_" + i, SqlType.INT4));
    }
    return new Schema(columns);
  }

  static Expr col(int index) {
    return new Expr.Column(index, SqlType.INT4);
  }

  static Expr value(long value) {
    return new Expr.Literal(value, SqlType.INT4);
  }

  static Expr equal(Expr left, Expr right) {
    return new Expr.Call(EQUAL, List.of(left, right), SqlType.BOOL, 0);
  }

  static Expr less(Expr left, Expr right) {
    return new Expr.Call(LESS, List.of(left, right), SqlType.BOOL, 0);
  }

  /// May fail.
  static Expr divided(Expr left, Expr right) {
    return new Expr.Call(DIVIDE, List.of(left, right), SqlType.INT4, 0);
  }

  static Expr and(Expr... operands) {
    return new Expr.And(List.of(operands));
  }

  /// The plan with its filters as far down as they go, where the database's collation is `C`.
  static Plan sunk(Plan plan) {
    return FilterPushdown.rewrite(plan, EvaluationSettings.of("UTC", Collation.C));
  }

  static Plan filter(Plan input, Expr condition) {
    return new Plan.Filter(input, condition);
  }

  static Plan project(Plan input, Expr... expressions) {
    return new Plan.Project(input, List.of(expressions), ints("p", expressions.length));
  }

  /// A projection that passes columns on under their names.
  static Plan narrow(Plan input, int... columns) {
    List<Expr> expressions = new ArrayList<>();
    List<Column> names = new ArrayList<>();
    for (int column : columns) {
      expressions.add(col(column));
      names.add(input.schema().column(column));
    }
    return new Plan.Project(input, expressions, new Schema(names));
  }

  static Plan cross(Plan left, Plan right) {
    return join(left, right, null);
  }

  static Plan join(Plan left, Plan right, @Nullable Expr residual, Plan.Key... keys) {
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.addAll(right.schema().columns());
    return new Plan.Join(left, right, List.of(keys), residual, new Schema(columns));
  }

  static Plan outerJoin(
      Plan left, Plan right, Plan.Kept kept, @Nullable Expr residual, Plan.Key... keys) {
    return new Plan.OuterJoin(
        left, right, kept, List.of(keys), residual, cross(left, right).schema());
  }

  static Plan markJoin(Plan left, Plan right, Plan.Key... keys) {
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.add(new Column("mark", SqlType.BOOL));
    return new Plan.MarkJoin(left, right, List.of(keys), null, new Schema(columns));
  }

  static Plan.Key key(Expr left, Expr right) {
    return new Plan.Key(left, right);
  }

  static Plan unionAll(Plan... inputs) {
    return new Plan.UnionAll(Arrays.asList(inputs), inputs[0].schema());
  }

  /// A recursion whose step is made of the rows found before.
  static Plan recursion(Plan base, boolean all, UnaryOperator<Plan> step) {
    Plan found = step.apply(new Plan.Working(base.schema()));
    return new Plan.Recursion(base, found, all, base.schema());
  }

  static AggregateCall sum(Expr argument) {
    return new AggregateCall(
        AggregateCall.Kind.SUM,
        new Signature(2108, "pg_catalog", "sum", List.of(23), 20, false, 'i'),
        List.of(argument),
        false,
        null,
        SqlType.INT8);
  }

  /// Groups with a count of rows.
  static Plan count(Plan input, Expr... groups) {
    List<Column> columns = new ArrayList<>(ints("g", groups.length).columns());
    columns.add(new Column("n", SqlType.INT8));
    AggregateCall call =
        new AggregateCall(
            AggregateCall.Kind.COUNT_ROWS, COUNT, List.of(), false, null, SqlType.INT8);
    return new Plan.Aggregate(input, List.of(groups), List.of(call), new Schema(columns));
  }
}
