package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Joins rows with the value of a scalar subquery and the number of its rows.
///
/// An aggregate without groups always has one row, which is joined as it is. If its conditions
/// equate
/// something of the outer row with something of its own, it becomes an aggregate grouped by the
/// latter, once for all outer rows; provided that nothing in it can fail, for there will be groups
/// that no outer row asks for. Any other subquery is counted, and the count goes along: more than
/// one
/// row is an error only where the value is used.
final class ScalarSubquery {
  private static final AggregateCall COUNT =
      new AggregateCall(
          AggregateCall.Kind.COUNT_ROWS,
          new Signature(2803, "pg_catalog", "count", List.of(), 20, false, 'i'),
          List.of(),
          false,
          null,
          SqlType.INT8);
  private static final Signature EQUAL =
      new Signature(467, "pg_catalog", "int8eq", List.of(20, 20), 16, true, 'i');
  private static final Expr ONE = new Expr.Literal(1L, SqlType.INT8);

  private ScalarSubquery() {}

  static Plan joined(Plan.Apply apply) {
    Plan input = apply.input();
    Plan subquery = apply.subquery();
    if (!PlanExpressions.isCorrelated(subquery)) {
      Plan lifted = PlanExpressions.lifted(subquery);
      return hasOneRow(lifted)
          ? crossed(apply, lifted)
          : crossed(apply, counted(lifted, List.of()));
    }
    return grouped(apply).orElseGet(() -> dependent(apply, input, subquery));
  }

  /// @param row exactly one row: the value, and the number of rows where it is not one
  private static Plan crossed(Plan.Apply apply, Plan row) {
    int width = apply.input().schema().size();
    Plan pairs = new Plan.Join(apply.input(), row, List.of(), null, sideBySide(apply.input(), row));
    Expr value = new Expr.Column(width, row.schema().column(0).type());
    Expr rows = row.schema().size() == 1 ? ONE : new Expr.Column(width + 1, SqlType.INT8);
    return answered(apply, pairs, value, rows);
  }

  private static Plan answered(Plan.Apply apply, Plan plan, Expr value, Expr rows) {
    List<Expr> output = Unnesting.columns(apply.input().schema());
    output.add(value);
    output.add(rows);
    return new Plan.Project(plan, output, apply.schema());
  }

  private static Schema sideBySide(Plan left, Plan right) {
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.addAll(right.schema().columns());
    return new Schema(columns);
  }

  private static boolean hasOneRow(Plan plan) {
    return switch (plan) {
      case Plan.Aggregate aggregate -> aggregate.groups().isEmpty();
      case Plan.Project project -> hasOneRow(project.input());
      case Plan.Window window -> hasOneRow(window.input());
      case Plan.Ask ask -> hasOneRow(ask.input());
      case Plan.Values values -> values.rows().size() == 1;
      case Plan.Scan _,
          Plan.Filter _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Distinct _,
          Plan.GroupingSets _ ->
          false;
    };
  }

  /// Per group the last column's value and the number of rows; the groups come first.
  private static Plan counted(Plan rows, List<Expr> groups) {
    int last = rows.schema().size() - 1;
    SqlType type = rows.schema().column(last).type();
    List<Column> columns = new ArrayList<>();
    for (Expr group : groups) {
      columns.add(new Column("group" + (columns.size() + 1), group.type()));
    }
    if (type.kind() == TypeKind.OPAQUE) {
      return single(rows, groups, columns);
    }
    columns.add(new Column("value", type));
    columns.add(new Column("rows", SqlType.INT8));
    // The least value of a single row is its value.
    AggregateCall value =
        new AggregateCall(
            AggregateCall.Kind.MIN,
            new Signature(0, "pg_catalog", "min", List.of(type.oid()), type.oid(), true, 'i'),
            List.of(new Expr.Column(last, type)),
            false,
            null,
            type);
    return new Plan.Aggregate(rows, groups, List.of(value, COUNT), new Schema(columns));
  }

  /// As [#counted], of values that cannot be compared: the value is that of the row which is alone.
  private static Plan single(Plan rows, List<Expr> groups, List<Column> columns) {
    int width = rows.schema().size();
    int last = groups.size();
    List<Column> counted = new ArrayList<>(columns);
    counted.add(new Column("rows", SqlType.INT8));
    Plan counts = new Plan.Aggregate(rows, groups, List.of(COUNT), new Schema(counted));
    Expr isOne =
        new Expr.Call(EQUAL, List.of(new Expr.Column(last, SqlType.INT8), ONE), SqlType.BOOL, 0);
    List<Plan.Key> ofRows = new ArrayList<>();
    List<Plan.Key> ofCounts = new ArrayList<>();
    List<Expr> alone = new ArrayList<>();
    List<Expr> answer = new ArrayList<>();
    for (int i = 0; i < last; i++) {
      Expr group = new Expr.Column(i, groups.get(i).type());
      ofRows.add(new Plan.Key(groups.get(i), group));
      ofCounts.add(new Plan.Key(group, group));
      alone.add(new Expr.Column(width + i, group.type()));
      answer.add(group);
    }
    SqlType type = rows.schema().column(width - 1).type();
    alone.add(new Expr.Column(width - 1, type));
    columns.add(new Column("value", type));
    Plan ones = new Plan.Filter(counts, isOne);
    Plan values =
        new Plan.Project(
            new Plan.Join(rows, ones, ofRows, null, sideBySide(rows, ones)),
            alone,
            new Schema(columns));
    Plan both = leftJoin(counts, values, ofCounts);
    answer.add(new Expr.Column(2 * last + 1, type));
    answer.add(new Expr.Column(last, SqlType.INT8));
    columns.add(new Column("rows", SqlType.INT8));
    return new Plan.Project(both, answer, new Schema(columns));
  }

  private static Plan dependent(Plan.Apply apply, Plan input, Plan subquery) {
    DependentJoin dependent = new DependentJoin(input, PlanExpressions.outer(subquery));
    Plan rows = dependent.over(subquery);
    Plan answers = hasOneRow(subquery) ? rows : counted(rows, List.of(dependent.image()));
    int image = hasOneRow(subquery) ? dependent.width() - 1 : 0;
    Plan.Key same = new Plan.Key(dependent.imageOfRow(), new Expr.Column(image, SqlType.BYTEA));
    Plan all = leftJoin(input, answers, List.of(same));
    int at = input.schema().size() + image + 1;
    Expr value = new Expr.Column(at, answers.schema().column(image + 1).type());
    return answered(apply, all, value, hasOneRow(subquery) ? ONE : orNone(at + 1));
  }

  private static Expr orNone(int index) {
    Expr none = new Expr.Literal(0L, SqlType.INT8);
    return new Expr.Coalesce(List.of(new Expr.Column(index, SqlType.INT8), none), SqlType.INT8);
  }

  private static Plan leftJoin(Plan left, Plan right, List<Plan.Key> keys) {
    return new Plan.OuterJoin(left, right, Plan.Kept.LEFT, keys, null, sideBySide(left, right));
  }

  /// The aggregate of a selection that is tied to the outer row by equalities alone.
  private static Optional<Plan> grouped(Plan.Apply apply) {
    List<Expr> above = Unnesting.columns(apply.subquery().schema());
    Plan plan = apply.subquery();
    while (plan instanceof Plan.Project(Plan below, var expressions, var _)) {
      above = PlanExpressions.map(above, each -> Expressions.over(each, expressions));
      plan = below;
    }
    if (!(plan instanceof Plan.Aggregate aggregate) || !aggregate.groups().isEmpty()) {
      return Optional.empty();
    }
    Plan input = apply.input();
    int width = input.schema().size();
    Correlation.Selection selection = Correlation.Selection.of(aggregate.input());
    if (PlanExpressions.isCorrelated(selection.core())
        || !isTotal(selection.core())
        || selection.conditions().isEmpty()) {
      return Optional.empty();
    }
    List<AggregateCall> calls = new ArrayList<>();
    for (AggregateCall call : aggregate.calls()) {
      AggregateCall over =
          PlanExpressions.map(call, each -> Expressions.over(each, selection.outputs()));
      if (!isTotal(over)) {
        return Optional.empty();
      }
      calls.add(PlanExpressions.map(over, each -> Expressions.map(each, PlanExpressions::lifted)));
    }
    List<Plan.Key> keys = new ArrayList<>();
    List<Expr> groups = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (Expr condition : selection.conditions()) {
      Optional<Plan.Key> key = OuterJoinKeys.key(Correlation.beside(condition, width), width);
      if (key.isEmpty() || !Expressions.isTotal(condition)) {
        return Optional.empty();
      }
      SqlType type = key.get().right().type();
      if (!groups.contains(key.get().right())) {
        groups.add(key.get().right());
        columns.add(new Column("group" + groups.size(), type));
      }
      int group = groups.indexOf(key.get().right());
      keys.add(new Plan.Key(key.get().left(), new Expr.Column(group, type)));
    }
    columns.addAll(aggregate.schema().columns());
    Plan answers =
        new Plan.Aggregate(
            PlanExpressions.lifted(selection.core()), groups, calls, new Schema(columns));
    Plan all = leftJoin(input, answers, keys);
    List<Expr> results = new ArrayList<>();
    for (AggregateCall call : calls) {
      Expr result = new Expr.Column(width + groups.size() + results.size(), call.type());
      results.add(DependentJoin.orEmpty(call, result));
    }
    Expr value =
        Expressions.map(
            above.getFirst(),
            node -> {
              if (node instanceof Expr.Column(int index, var _)) {
                return results.get(index);
              }
              return node instanceof Expr.Outer(int level, int index, var type) && level == 1
                  ? new Expr.Column(index, type)
                  : PlanExpressions.lifted(node);
            });
    return Optional.of(answered(apply, all, value, ONE));
  }

  /// Whether no row of a plan can fail.
  private static boolean isTotal(Plan plan) {
    boolean node =
        switch (plan) {
          case Plan.Scan _,
              Plan.Values _,
              Plan.Working _,
              Plan.Filter _,
              Plan.Project _,
              Plan.Join _,
              Plan.OuterJoin _,
              Plan.MarkJoin _,
              Plan.UnionAll _,
              Plan.SetOperation _,
              Plan.TopK _,
              Plan.Distinct _ ->
              true;
          case Plan.Aggregate aggregate ->
              aggregate.calls().stream().allMatch(ScalarSubquery::isTotal);
          case Plan.GroupingSets sets -> sets.calls().stream().allMatch(ScalarSubquery::isTotal);
          // Functions in FROM and frames of windows fail of their own, and a recursion may not end.
          case Plan.Unfold _, Plan.Window _, Plan.Recursion _, Plan.Ask _, Plan.Apply _ -> false;
        };
    List<Expr> own = new ArrayList<>();
    PlanExpressions.forEachOwn(plan, own::add);
    return node
        && own.stream().allMatch(Expressions::isTotal)
        && plan.inputs().stream().allMatch(ScalarSubquery::isTotal);
  }

  /// Floats may add up to more than a float, and intervals to more than an interval; other sums
  /// would need more rows than a table has.
  private static boolean isTotal(AggregateCall call) {
    boolean fails =
        switch (call.kind()) {
          case SUM, AVG, VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP ->
              call.arguments().getFirst().type().kind().isFloat()
                  || call.arguments().getFirst().type().kind() == TypeKind.INTERVAL;
          case REGRESSION -> true;
          case COUNT_ROWS,
              COUNT,
              MIN,
              MAX,
              BOOL_AND,
              BOOL_OR,
              BIT_AND,
              BIT_OR,
              BIT_XOR,
              ANY_VALUE,
              STRING_AGG,
              ARRAY_AGG,
              JSON_AGG,
              JSONB_AGG,
              MODE ->
              false;
          // Their direct argument may be none that is possible.
          case PERCENTILE_DISC, PERCENTILE_CONT -> true;
          case ASKED, ASKED_WITHIN_GROUP ->
              throw new IllegalArgumentException("not gathered: " + call.function());
        };
    return !fails
        && call.expressions()
            .allMatch(each -> Expressions.isTotal(each) && !PlanExpressions.isCorrelated(each));
  }
}
