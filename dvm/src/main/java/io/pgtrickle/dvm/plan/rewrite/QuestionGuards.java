package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Asks subqueries only about rows that the conditions without subqueries beside the question let
/// pass, where asking can fail: PostgreSQL asks about no row that a cheaper condition turns away.
/// Several questions are asked in the order of the text, whatever they cost, and all of them.
///
///     σ_{p(a) ∧ s(a)} A                =   σ_s (σ_p A with s)
///     A ⟕_{p(a, b) ∧ s(a)} B           =   A' ⟕_{p ∧ s} B
///     A' = (σ_{∃b. p} A with s)  +  (σ_{∄b. p} A with NULL for s)
///
/// Of the second kind, no row without any pair for which p is true has one for which p and s are;
/// so what is said of s there has no part in the result.
final class QuestionGuards {
  private QuestionGuards() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(sunk(plan), QuestionGuards::rewrite);
    return over instanceof Plan.OuterJoin join && join.residual() != null
        ? guarded(join, join.residual())
        : over;
  }

  /// Conditions that do not ask for an answer come before it: fewer rows have one. One that can
  /// fail does so where the question can fail too.
  private static Plan sunk(Plan plan) {
    if (!(plan instanceof Plan.Filter(Plan.Apply apply, Expr condition))) {
      return plan;
    }
    int width = apply.input().schema().size();
    boolean guarding = mayFail(apply);
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : Conjuncts.of(condition)) {
      var columns = Expressions.columns(conjunct);
      boolean movable =
          !columns.isEmpty()
              && columns.last() < width
              && (guarding || Expressions.isTotal(conjunct));
      (movable ? below : stay).add(conjunct);
    }
    if (below.isEmpty()) {
      return plan;
    }
    Plan input = sunk(new Plan.Filter(apply.input(), Conjuncts.all(below)));
    Plan asked = new Plan.Apply(input, apply.subquery(), apply.question(), apply.schema());
    return stay.isEmpty() ? asked : new Plan.Filter(asked, Conjuncts.all(stay));
  }

  /// Whether what is made of a row's values in asking can fail, here or in questions below.
  private static boolean mayFail(Plan.Apply apply) {
    return asks(apply) || (apply.input() instanceof Plan.Apply below && mayFail(below));
  }

  private static boolean asks(Plan.Apply apply) {
    List<Expr> made = new ArrayList<>(tests(apply.question()));
    addReferring(apply.subquery(), made);
    return !made.stream().allMatch(Expressions::isTotal);
  }

  /// What is compared in asking.
  static List<Expr> tests(Plan.Question question) {
    return switch (question) {
      case Plan.Question.Any(Expr test) -> List.of(test);
      case Plan.Question.All(Expr test) -> List.of(test);
      case Plan.Question.Compared(Expr test) -> List.of(test);
      case Plan.Question.Rows(boolean _, @Nullable Expr condition) ->
          condition == null ? List.of() : List.of(condition);
      case Plan.Question.Exists _, Plan.Question.Scalar _, Plan.Question.Array _ -> List.of();
    };
  }

  private static void addReferring(Plan subquery, List<Expr> referring) {
    Consumer<Expr> visitor =
        each -> {
          if (Expressions.contains(each, Expr.Outer.class)) {
            referring.add(each);
          }
        };
    if (subquery instanceof Plan.Apply apply) {
      tests(apply.question()).forEach(visitor);
    } else {
      PlanExpressions.forEachOwn(subquery, visitor);
    }
    subquery.inputs().forEach(input -> addReferring(input, referring));
  }

  private static Plan guarded(Plan.OuterJoin join, Expr condition) {
    Side left = Side.of(join.left());
    Side right = Side.of(join.right());
    if (!left.mayFail() && !right.mayFail()) {
      return join;
    }
    List<Expr> conjuncts = Conjuncts.of(condition);
    int width = join.left().schema().size();
    List<Expr> turned =
        conjuncts.stream().map(each -> swapped(each, width, join.right().schema().size())).toList();
    Plan first =
        join.kept().left()
            ? left.beside(right, conjuncts, join.kept().right())
            : left.alone(conjuncts);
    Plan second =
        join.kept().right() ? right.beside(left, turned, join.kept().left()) : right.alone(turned);
    return new Plan.OuterJoin(first, second, join.kept(), join.keys(), condition, join.schema());
  }

  private static Expr swapped(Expr conjunct, int left, int right) {
    return Expressions.map(
        conjunct,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(index < left ? index + right : index - left, type)
                : node);
  }

  /// One side of a join.
  ///
  /// @param rows without answers
  /// @param questions that are asked about them, the first one on top
  private record Side(Plan rows, Deque<Plan.Apply> questions) {
    static Side of(Plan plan) {
      Deque<Plan.Apply> questions = new ArrayDeque<>();
      Plan rows = plan;
      while (rows instanceof Plan.Apply apply
          && !(apply.question() instanceof Plan.Question.Rows)) {
        questions.push(apply);
        rows = apply.input();
      }
      return new Side(rows, questions);
    }

    boolean mayFail() {
      return questions.stream().anyMatch(QuestionGuards::asks);
    }

    /// The rows with answers, the columns of which are behind them.
    private Plan asked(Plan some) {
      Plan plan = some;
      for (Plan.Apply question : questions) {
        plan = new Plan.Apply(plan, question.subquery(), question.question(), question.schema());
      }
      return plan;
    }

    private int answered() {
      return questions.isEmpty() ? rows.schema().size() : questions.getLast().schema().size();
    }

    /// The side that is not kept, whose own conditions the server evaluates before it joins it.
    Plan alone(List<Expr> conjuncts) {
      List<Expr> own = new ArrayList<>();
      for (Expr conjunct : conjuncts) {
        var columns = Expressions.columns(conjunct);
        if (mayFail() && !columns.isEmpty() && columns.last() < rows.schema().size()) {
          own.add(conjunct);
        }
      }
      return asked(Conjuncts.filter(rows, own));
    }

    /// A kept side, of which conditions on pairs decide what is asked about.
    ///
    /// @param conjuncts over this side's columns with answers and then those of the other one
    Plan beside(Side other, List<Expr> conjuncts, boolean otherKept) {
      if (!mayFail()) {
        return asked(rows);
      }
      int width = rows.schema().size();
      int answered = answered();
      int bare = answered + other.rows().schema().size();
      List<Expr> guards = new ArrayList<>();
      int asking = 0;
      for (Expr conjunct : conjuncts) {
        var columns = Expressions.columns(conjunct);
        if (!columns.subSet(width, answered).isEmpty()) {
          asking++;
        } else if (otherKept && !columns.tailSet(bare).isEmpty()) {
          asking = 2;
        } else if (Expressions.isTotal(conjunct)
            || OuterJoinKeys.key(conjunct, answered).isPresent()) {
          guards.add(shifted(conjunct, answered, width - answered));
        } else {
          asking = 2;
        }
      }
      if (asking > 1) {
        throw QueryRejected.notYet(
            "unsupported_subquery",
            "a subquery of what may fail beside other conditions that may, or have subqueries, in"
                + " the condition of an outer join");
      }
      Plan partners = otherKept ? other.rows() : other.asked(other.rows());
      Plan marked =
          new Correlation(partners, guards, List.of())
              .marked(rows, List.of(), Unnesting.withMark(rows, "guarded"));
      Expr mark = Unnesting.mark(width);
      Plan with = asked(narrowed(marked, mark));
      Plan without = narrowed(marked, new Expr.Not(mark));
      List<Expr> columns = Unnesting.columns(rows.schema());
      for (int i = width; i < answered; i++) {
        columns.add(new Expr.Literal(null, with.schema().column(i).type()));
      }
      return new Plan.UnionAll(
          List.of(with, new Plan.Project(without, columns, with.schema())), with.schema());
    }

    private Plan narrowed(Plan marked, Expr condition) {
      return new Plan.Project(
          new Plan.Filter(marked, condition), Unnesting.columns(rows.schema()), rows.schema());
    }

    private static Expr shifted(Expr conjunct, int from, int distance) {
      return Expressions.map(
          conjunct,
          node ->
              node instanceof Expr.Column(int index, var type) && index >= from
                  ? new Expr.Column(index + distance, type)
                  : node);
    }
  }
}
