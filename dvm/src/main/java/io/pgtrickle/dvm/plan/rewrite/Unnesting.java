package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

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
    Plan over = Inputs.map(plan, Unnesting::rewrite);
    return switch (over) {
      case Plan.Apply apply -> joined(apply);
      case Plan.Recursion recursion -> Iterations.numbered(recursion);
      default -> over;
    };
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
