package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;

/// Proves that an expression is NULL in no row: primary keys, counts, constants, and what is built
/// of them.
final class Nullability {
  private Nullability() {}

  static boolean mayBeNull(Expr expression, Plan input) {
    return switch (expression) {
      case Expr.Column(int index, var _) -> mayBeNull(index, input);
      case Expr.Literal(var value, var _) -> value == null;
      case Expr.Relabel(Expr operand, var _) -> mayBeNull(operand, input);
      case Expr.Unlabeled(Expr operand, var _) -> mayBeNull(operand, input);
      case Expr.IsNull _, Expr.IsTruth _, Expr.IsDistinct _, Expr.Image _, Expr.Clock _ -> false;
      case Expr.Coalesce(var operands, var _) ->
          operands.stream().allMatch(operand -> mayBeNull(operand, input));
      case Expr.Call _,
          Expr.Outer _,
          Expr.Single _,
          Expr.Answered _,
          Expr.Verbatim _,
          Expr.Row _,
          Expr.Timeless _,
          Expr.TextCast _,
          Expr.And _,
          Expr.Or _,
          Expr.Not _,
          Expr.NullIf _,
          Expr.Extreme _,
          Expr.Case _,
          Expr.Quantified _ ->
          true;
    };
  }

  private static boolean mayBeNull(int column, Plan plan) {
    return switch (plan) {
      case Plan.Scan scan -> !scan.key().contains(column);
      case Plan.Values(var rows, var _) ->
          rows.stream().anyMatch(row -> mayBeNull(row.get(column), plan));
      case Plan.Filter(Plan input, Expr condition) ->
          !isTested(column, condition) && mayBeNull(column, input);
      case Plan.Project(Plan input, var expressions, var _) ->
          mayBeNull(expressions.get(column), input);
      case Plan.Join join -> ofSides(column, join.left(), join.right(), false, false);
      case Plan.OuterJoin join ->
          ofSides(column, join.left(), join.right(), join.kept().right(), join.kept().left());
      case Plan.MarkJoin join ->
          column < join.left().schema().size() && mayBeNull(column, join.left());
      case Plan.Apply apply ->
          column >= apply.input().schema().size() || mayBeNull(column, apply.input());
      case Plan.Unfold unfold ->
          column < unfold.input().schema().size()
              ? mayBeNull(column, unfold.input())
              : unfold.kept() || !unfold.numbered() || column < unfold.schema().size() - 1;
      case Plan.Working _, Plan.Recursion _ -> true;
      case Plan.UnionAll union ->
          union.inputs().stream().anyMatch(input -> mayBeNull(column, input));
      case Plan.TopK top -> mayBeNull(column, top.input());
      case Plan.Window window -> {
        int width = window.input().schema().size();
        yield column < width
            ? mayBeNull(column, window.input())
            : mayBeNull(window.calls().get(column - width));
      }
      case Plan.Ask ask -> column >= ask.input().schema().size() || mayBeNull(column, ask.input());
      case Plan.SetOperation operation -> mayBeNull(column, operation.left());
      case Plan.Distinct(Plan input, var _) -> mayBeNull(column, input);
      case Plan.GroupingSets sets -> column < sets.groups().size() + sets.calls().size();
      case Plan.Aggregate aggregate -> {
        int groups = aggregate.groups().size();
        yield column < groups
            ? mayBeNull(aggregate.groups().get(column), aggregate.input())
            : !isCount(aggregate.calls().get(column - groups).kind());
      }
    };
  }

  private static boolean mayBeNull(WindowCall call) {
    return switch (call) {
      case WindowCall.Aggregated(AggregateCall aggregate, var _) -> !isCount(aggregate.kind());
      case WindowCall.Placed placed ->
          switch (placed.kind()) {
            case ROW_NUMBER, RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST -> false;
            case NTILE, LAG, LEAD, FIRST_VALUE, LAST_VALUE, NTH_VALUE -> true;
          };
    };
  }

  private static boolean isCount(AggregateCall.Kind kind) {
    return kind == AggregateCall.Kind.COUNT_ROWS || kind == AggregateCall.Kind.COUNT;
  }

  private static boolean ofSides(
      int column, Plan left, Plan right, boolean leftIsPadded, boolean rightIsPadded) {
    int width = left.schema().size();
    return column < width
        ? leftIsPadded || mayBeNull(column, left)
        : rightIsPadded || mayBeNull(column - width, right);
  }

  // `x IS NOT NULL`, which is what is written where it matters.
  private static boolean isTested(int column, Expr condition) {
    return Conjuncts.of(condition).stream()
        .anyMatch(
            conjunct ->
                conjunct instanceof Expr.Not(Expr.IsNull(Expr.Column(int index, var _)))
                    && index == column);
  }
}
