package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// Asks whether a row has a match before it is joined with others, where only that row's columns
/// decide and only some answers are wanted:
///
///     σ_mark ((A ⋈ B) ⊳ S on A's columns)  =  σ_mark (A ⊳ S) ⋈ B
///
/// A mark join keeps its left side, which is A then and not the join. Where the other side or the
/// join is filtered it may have fewer rows than A, and nothing is moved.
final class MarkPushdown {
  private MarkPushdown() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, MarkPushdown::rewrite);
    if (!(over instanceof Plan.Filter(Plan.MarkJoin join, Expr condition))
        || join.residual() != null
        || !join.keys().stream().allMatch(key -> Expressions.isTotal(key.left()))) {
      return over;
    }
    int mark = join.left().schema().size();
    List<Expr> wanted = new ArrayList<>();
    List<Expr> others = new ArrayList<>();
    for (Expr conjunct : Conjuncts.of(condition)) {
      boolean ofMark = Expressions.columns(conjunct).equals(new TreeSet<>(List.of(mark)));
      (ofMark && Expressions.isTotal(conjunct) ? wanted : others).add(conjunct);
    }
    if (wanted.isEmpty()) {
      return over;
    }
    Expr asked = Expressions.shift(Conjuncts.all(wanted), -mark);
    return new Question(join.right(), join.schema().column(mark), asked)
        .pushed(join.left(), join.keys())
        .map(pushed -> Conjuncts.filter(pushed, others))
        .orElse(over);
  }

  /// What is asked of rows: a mark, and which of its values are wanted.
  ///
  /// @param wanted a condition on column 0, the mark
  private record Question(Plan right, Column mark, Expr wanted) {

    /// The rows of a plan with their mark behind them, the wanted ones only; empty where it is best
    /// asked here.
    Optional<Plan> pushed(Plan plan, List<Plan.Key> keys) {
      return switch (plan) {
        case Plan.Project(Plan input, var expressions, var schema) -> {
          List<Plan.Key> below =
              keys.stream()
                  .map(key -> new Plan.Key(Expressions.over(key.left(), expressions), key.right()))
                  .toList();
          boolean total = below.stream().allMatch(key -> Expressions.isTotal(key.left()));
          boolean harmless = expressions.stream().allMatch(Expressions::isTotal);
          yield total && harmless
              ? pushed(input, below)
                  .map(
                      rows -> {
                        List<Expr> columns = new ArrayList<>(expressions);
                        columns.add(new Expr.Column(input.schema().size(), mark.type()));
                        return new Plan.Project(rows, columns, withMark(schema));
                      })
              : Optional.empty();
        }
        case Plan.Join join -> pushed(join, keys);
        default -> Optional.empty();
      };
    }

    private Optional<Plan> pushed(Plan.Join join, List<Plan.Key> keys) {
      Expr residual = join.residual();
      boolean harmless =
          (residual == null || Expressions.isTotal(residual))
              && join.keys().stream()
                  .allMatch(
                      key -> Expressions.isTotal(key.left()) && Expressions.isTotal(key.right()));
      if (!harmless) {
        return Optional.empty();
      }
      int width = join.left().schema().size();
      NavigableSet<Integer> columns = new TreeSet<>();
      keys.forEach(key -> columns.addAll(Expressions.columns(key.left())));
      if (columns.isEmpty()) {
        return Optional.empty();
      }
      if (columns.last() < width && isWhole(join.right())) {
        return Optional.of(intoLeft(join, keys));
      }
      if (columns.first() >= width && isWhole(join.left())) {
        return Optional.of(intoRight(join, keys, width));
      }
      return Optional.empty();
    }

    // Whether nothing is known that takes rows away.
    private static boolean isWhole(Plan plan) {
      return switch (plan) {
        case Plan.Project project -> isWhole(project.input());
        case Plan.Ask ask -> isWhole(ask.input());
        case Plan.Window window -> isWhole(window.input());
        case Plan.MarkJoin join -> isWhole(join.left());
        case Plan.Join join ->
            join.residual() == null && isWhole(join.left()) && isWhole(join.right());
        case Plan.Filter _, Plan.TopK _, Plan.Unfold _, Plan.Apply _ -> false;
        case Plan.Scan _,
            Plan.Values _,
            Plan.Working _,
            Plan.Recursion _,
            Plan.OuterJoin _,
            Plan.UnionAll _,
            Plan.SetOperation _,
            Plan.Distinct _,
            Plan.Aggregate _,
            Plan.GroupingSets _ ->
            true;
      };
    }

    // The mark comes to stand between the columns of both sides.
    private Plan intoLeft(Plan.Join join, List<Plan.Key> keys) {
      int width = join.left().schema().size();
      int all = join.schema().size();
      Plan left = pushed(join.left(), keys).orElseGet(() -> asked(join.left(), keys));
      List<Column> columns = new ArrayList<>(left.schema().columns());
      columns.addAll(join.schema().columns().subList(width, all));
      Expr residual = join.residual();
      Plan joined =
          new Plan.Join(
              left,
              join.right(),
              join.keys(),
              residual == null
                  ? null
                  : Expressions.map(
                      residual,
                      node ->
                          node instanceof Expr.Column(int index, var type) && index >= width
                              ? new Expr.Column(index + 1, type)
                              : node),
              new Schema(columns));
      List<Expr> order =
          IntStream.range(0, all + 1)
              .map(i -> i < width ? i : i < all ? i + 1 : width)
              .<Expr>mapToObj(i -> new Expr.Column(i, columns.get(i).type()))
              .toList();
      return new Plan.Project(joined, order, withMark(join.schema()));
    }

    private Plan intoRight(Plan.Join join, List<Plan.Key> keys, int width) {
      List<Plan.Key> ofRight =
          keys.stream()
              .map(key -> new Plan.Key(Expressions.shift(key.left(), -width), key.right()))
              .toList();
      Plan right = pushed(join.right(), ofRight).orElseGet(() -> asked(join.right(), ofRight));
      return new Plan.Join(
          join.left(), right, join.keys(), join.residual(), withMark(join.schema()));
    }

    private Plan asked(Plan input, List<Plan.Key> keys) {
      Plan marked = new Plan.MarkJoin(input, right, keys, null, withMark(input.schema()));
      return Conjuncts.filter(marked, List.of(Expressions.shift(wanted, input.schema().size())));
    }

    private Schema withMark(Schema schema) {
      List<Column> columns = new ArrayList<>(schema.columns());
      columns.add(mark);
      return new Schema(columns);
    }
  }
}
