package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Makes joins of subqueries.
///
///     EXISTS      a mark join
///     x op ANY    a mark join for "true of some", another for "unknown of some"
///     x op ALL    the same of the opposite
///     scalar      a left join with the subquery's row, see [ScalarSubquery]
///     LATERAL     a join, see [LateralJoin]
///     recursion   the step of all iterations, see [Iterations]
///
/// A subquery that refers to the row it is evaluated for is first freed of that, see [Correlation]:
/// by taking its conditions into the join where it is a selection of joins, by [DependentJoin]
/// otherwise. Subqueries inside of it come first.
///
/// An answer that is unknown is told from a false one by a second mark. Where nobody can see the
/// difference, as directly under WHERE, [TruthTests] lets it go, and the second join with it.
final class Unnesting {
  private Unnesting() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(sunk(plan), Unnesting::rewrite);
    return switch (over) {
      case Plan.Apply apply -> joined(apply);
      case Plan.Recursion recursion -> Iterations.numbered(recursion);
      default -> over;
    };
  }

  /// Conditions that do not ask for an answer come before it: fewer rows have one. One that can
  /// fail
  /// does so where the question can fail too: PostgreSQL asks of no row that another condition
  /// turns
  /// away.
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
    List<Expr> made = new ArrayList<>(tests(apply.question()));
    addReferring(apply.subquery(), made);
    return !made.stream().allMatch(Expressions::isTotal)
        || (apply.input() instanceof Plan.Apply below && mayFail(below));
  }

  private static List<Expr> tests(Plan.Question question) {
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

  private static Plan joined(Plan.Apply apply) {
    return switch (apply.question()) {
      case Plan.Question.Exists _ ->
          Correlation.of(apply.input(), apply.subquery())
              .marked(apply.input(), List.of(), apply.schema());
      case Plan.Question.Any(Expr test) -> quantified(apply, test, true);
      case Plan.Question.All(Expr test) -> quantified(apply, test, false);
      case Plan.Question.Scalar _ -> ScalarSubquery.joined(apply);
      case Plan.Question.Array _, Plan.Question.Compared _ ->
          throw new IllegalArgumentException("a scalar subquery by now: " + apply.question());
      case Plan.Question.Rows rows -> LateralJoin.joined(apply, rows);
    };
  }

  /// `ANY` is decided by a row for which the test is true, `ALL` by one for which it is false; a
  /// row for which it is unknown makes the answer unknown otherwise.
  private static Plan quantified(Plan.Apply apply, Expr test, boolean any) {
    Plan input = apply.input();
    int width = input.schema().size();
    Correlation correlation = Correlation.of(input, apply.subquery());
    Expr tested = correlation.test(test, width);
    Expr decisive = any ? tested : isFalse(tested);
    Plan marked = correlation.marked(input, List.of(decisive), withMark(input, "decided"));
    Expr decided = mark(width);
    UnknownMarks unknown = UnknownMarks.of(correlation, input, marked, tested);
    Expr answer =
        new Expr.Case(
            List.of(
                new Expr.When(decided, literal(any)),
                new Expr.When(unknown.isUnknown(), new Expr.Literal(null, SqlType.BOOL))),
            literal(!any),
            SqlType.BOOL);
    List<Expr> output = columns(input.schema());
    output.add(answer);
    return new Plan.Project(unknown.plan(), output, apply.schema());
  }

  private static Expr isFalse(Expr test) {
    return test instanceof Expr.Or(List<Expr> operands)
        ? new Expr.And(operands.stream().map(Unnesting::isFalse).toList())
        : new Expr.IsTruth(test, Expr.Truth.FALSE);
  }

  static Expr mark(int index) {
    return new Expr.Column(index, SqlType.BOOL);
  }

  static Expr literal(boolean value) {
    return new Expr.Literal(value, SqlType.BOOL);
  }

  static Schema withMark(Plan input, String name) {
    List<Column> columns = new ArrayList<>(input.schema().columns());
    columns.add(new Column(name, SqlType.BOOL));
    return new Schema(columns);
  }

  static List<Expr> columns(Schema schema) {
    List<Expr> columns = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      columns.add(new Expr.Column(i, schema.column(i).type()));
    }
    return columns;
  }
}
