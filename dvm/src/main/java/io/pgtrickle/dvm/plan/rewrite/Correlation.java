package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;

/// A subquery freed of its references to the row it is evaluated for: its rows for that row are
/// those rows of `right` for which the conditions are true, with some columns.
///
/// Conditions and outputs are over the columns of the row followed by those of `right`.
record Correlation(Plan right, List<Expr> conditions, List<Expr> outputs) {
  /// Takes the conditions out of a selection of inner joins; whatever else refers to the row makes
  /// a dependent join.
  static Correlation of(Plan input, Plan subquery) {
    int width = input.schema().size();
    Selection selection = Selection.of(subquery);
    if (!PlanExpressions.isCorrelated(selection.core())) {
      return new Correlation(
          PlanExpressions.lifted(selection.core()),
          PlanExpressions.map(selection.conditions(), each -> beside(each, width)),
          PlanExpressions.map(selection.outputs(), each -> beside(each, width)));
    }
    DependentJoin dependent = new DependentJoin(input, PlanExpressions.outer(subquery));
    Plan right = dependent.over(subquery);
    List<Expr> outputs = new ArrayList<>();
    for (int i = dependent.width(); i < right.schema().size(); i++) {
      outputs.add(new Expr.Column(width + i, right.schema().column(i).type()));
    }
    return new Correlation(right, List.of(dependent.sameRow(width)), outputs);
  }

  /// A subquery as conditions on rows of something that is no selection.
  ///
  /// Conditions are those that refer to the outer row; they and the outputs are over the core.
  record Selection(Plan core, List<Expr> conditions, List<Expr> outputs) {
    static Selection of(Plan plan) {
      return switch (plan) {
        case Plan.Project(Plan input, var expressions, var _) -> {
          Selection below = of(input);
          yield new Selection(below.core, below.conditions, over(expressions, below.outputs));
        }
        case Plan.Filter(Plan input, Expr condition) -> of(input).filtered(condition);
        case Plan.Join join when join.keys().isEmpty() -> {
          Selection pairs = of(join.left()).times(of(join.right()));
          Expr residual = join.residual();
          yield residual == null ? pairs : pairs.filtered(residual);
        }
        case Plan.Scan _,
            Plan.Values _,
            Plan.Join _,
            Plan.OuterJoin _,
            Plan.MarkJoin _,
            Plan.Ask _,
            Plan.Apply _,
            Plan.Unfold _,
            Plan.UnionAll _,
            Plan.Working _,
            Plan.Recursion _,
            Plan.SetOperation _,
            Plan.TopK _,
            Plan.Window _,
            Plan.Distinct _,
            Plan.Aggregate _,
            Plan.GroupingSets _ ->
            new Selection(plan, List.of(), Unnesting.columns(plan.schema()));
      };
    }

    private static List<Expr> over(List<Expr> expressions, List<Expr> columns) {
      return PlanExpressions.map(expressions, each -> Expressions.over(each, columns));
    }

    private Selection filtered(Expr condition) {
      List<Expr> own = new ArrayList<>();
      List<Expr> correlated = new ArrayList<>(conditions);
      for (Expr conjunct : over(Conjuncts.of(condition), outputs)) {
        (PlanExpressions.isCorrelated(conjunct) ? correlated : own).add(conjunct);
      }
      return new Selection(Conjuncts.filter(core, own), correlated, outputs);
    }

    private Selection times(Selection other) {
      int width = core.schema().size();
      List<Column> columns = new ArrayList<>(core.schema().columns());
      columns.addAll(other.core.schema().columns());
      List<Expr> all = new ArrayList<>(conditions);
      other.conditions.forEach(each -> all.add(Expressions.shift(each, width)));
      List<Expr> both = new ArrayList<>(outputs);
      other.outputs.forEach(each -> both.add(Expressions.shift(each, width)));
      return new Selection(
          new Plan.Join(core, other.core, List.of(), null, new Schema(columns)), all, both);
    }
  }

  /// An expression of the subquery over the row's columns followed by its own.
  static Expr beside(Expr expression, int width) {
    return Expressions.map(
        expression,
        node -> {
          if (node instanceof Expr.Column(int index, var type)) {
            return new Expr.Column(index + width, type);
          }
          return node instanceof Expr.Outer(int level, int index, var type) && level == 1
              ? new Expr.Column(index, type)
              : PlanExpressions.lifted(node);
        });
  }

  /// A test over the row's columns and the subquery's, over the columns of `right` instead.
  Expr test(Expr test, int width) {
    return Expressions.map(
        test,
        node ->
            node instanceof Expr.Column(int index, var _) && index >= width
                ? outputs.get(index - width)
                : node);
  }

  /// The rows, marked by whether the subquery has a row for which the tests are true.
  Plan marked(Plan rows, List<Expr> tests, Schema schema) {
    return marked(rows, rows.schema().size(), tests, schema);
  }

  /// @param rows the row's columns, and marks behind them
  /// @param width how many columns the row has without the marks
  Plan marked(Plan rows, int width, List<Expr> tests, Schema schema) {
    int marks = rows.schema().size() - width;
    List<Plan.Key> keys = new ArrayList<>();
    List<Expr> ofRight = new ArrayList<>();
    List<Expr> residual = new ArrayList<>();
    List<Expr> all = new ArrayList<>(conditions);
    all.addAll(tests);
    for (Expr condition : all) {
      for (Expr conjunct : Conjuncts.withKeys(condition)) {
        Optional<Plan.Key> key = OuterJoinKeys.key(conjunct, width);
        SortedSet<Integer> columns = Expressions.columns(conjunct);
        if (key.isPresent()) {
          keys.add(key.get());
        } else if (!columns.isEmpty()
            && columns.first() >= width
            && Expressions.isTotal(conjunct)) {
          ofRight.add(Expressions.shift(conjunct, -width));
        } else {
          residual.add(past(conjunct, width, marks));
        }
      }
    }
    return new Plan.MarkJoin(
        rows,
        Conjuncts.filter(right, ofRight),
        keys,
        residual.isEmpty() ? null : Conjuncts.all(residual),
        schema);
  }

  // Marks stand between the row's columns and those of the right side.
  private static Expr past(Expr expression, int width, int marks) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type) && index >= width
                ? new Expr.Column(index + marks, type)
                : node);
  }
}
