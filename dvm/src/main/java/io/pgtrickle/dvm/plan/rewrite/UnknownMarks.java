package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.List;

/// Marks the rows for which a test is unknown of some row of a subquery.
///
/// The tests of IN, ANY and ALL are comparisons, or several of them in a row: one is unknown only
/// if a value in it is NULL. So two marks do: rows that have a NULL themselves, tested against all
/// rows of the subquery, and all rows, tested against those rows of it that have one. For a single
/// comparison a NULL decides without a test. What cannot be NULL needs no mark.
///
/// @param plan the rows with marks behind their columns
/// @param isUnknown over those rows
record UnknownMarks(Plan plan, Expr isUnknown) {
  /// @param input the rows without marks
  /// @param marked the same with the marks made so far
  /// @param test over the input's columns and those of the correlation
  static UnknownMarks of(Correlation correlation, Plan input, Plan marked, Expr test) {
    int width = input.schema().size();
    List<Expr> ofInput = new ArrayList<>();
    List<Expr> ofSubquery = new ArrayList<>();
    boolean single = test instanceof Expr.Call;
    List<Expr> comparisons =
        switch (test) {
          case Expr.And(var operands) -> operands;
          case Expr.Or(var operands) -> operands;
          default -> List.of(test);
        };
    boolean understood = true;
    for (Expr comparison : comparisons) {
      if (!(comparison instanceof Expr.Call call) || !call.function().strict()) {
        understood = false;
        continue;
      }
      for (Expr operand : call.arguments()) {
        var columns = Expressions.columns(operand);
        if (columns.isEmpty() || columns.last() < width) {
          if (Nullability.mayBeNull(operand, input)) {
            ofInput.add(new Expr.IsNull(operand));
          }
        } else if (columns.first() >= width) {
          if (Nullability.mayBeNull(Expressions.shift(operand, -width), correlation.right())) {
            ofSubquery.add(new Expr.IsNull(operand));
          }
        } else {
          understood = false;
        }
      }
    }
    Expr unknown = new Expr.IsTruth(test, Expr.Truth.UNKNOWN);
    if (!understood) {
      Plan plan =
          correlation.marked(
              marked, width, List.of(unknown), Unnesting.withMark(marked, "unknown"));
      return new UnknownMarks(plan, Unnesting.mark(marked.schema().size()));
    }
    Plan plan = marked;
    List<Expr> marks = new ArrayList<>();
    if (!ofSubquery.isEmpty()) {
      marks.add(Unnesting.mark(plan.schema().size()));
      List<Expr> tests = new ArrayList<>(List.of(any(ofSubquery)));
      if (!single) {
        tests.add(unknown);
      }
      plan = correlation.marked(plan, width, tests, Unnesting.withMark(plan, "unknown"));
    }
    if (!ofInput.isEmpty()) {
      Expr mark = Unnesting.mark(plan.schema().size());
      List<Expr> tests = single ? List.of() : List.of(any(ofInput), unknown);
      marks.add(single ? new Expr.And(List.of(any(ofInput), mark)) : mark);
      plan = correlation.marked(plan, width, tests, Unnesting.withMark(plan, "unknown"));
    }
    return new UnknownMarks(plan, marks.isEmpty() ? Unnesting.literal(false) : any(marks));
  }

  private static Expr any(List<Expr> conditions) {
    return conditions.size() == 1 ? conditions.getFirst() : new Expr.Or(conditions);
  }
}
