package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.count;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Tables have the key 0, which is never NULL; column 1 may be.
final class UnnestingTest {
  private final Plan a = scan(1, 2);
  private final Plan b = scan(2, 2);

  private static Expr outer(int index) {
    return new Expr.Outer(1, index, SqlType.INT4);
  }

  private static Plan asked(Plan input, Plan subquery, Plan.Question question, SqlType... types) {
    List<Column> columns = new ArrayList<>(input.schema().columns());
    for (SqlType type : types) {
      columns.add(new Column("answer", type));
    }
    return new Plan.Apply(input, subquery, question, new Schema(columns));
  }

  private static Plan exists(Plan input, Plan subquery) {
    return asked(input, subquery, new Plan.Question.Exists(), SqlType.BOOL);
  }

  private static long marks(Plan plan) {
    return (plan instanceof Plan.MarkJoin ? 1 : 0)
        + plan.inputs().stream().mapToLong(UnnestingTest::marks).sum();
  }

  private static boolean hasDomain(Plan plan) {
    return plan instanceof Plan.Distinct
        || plan.inputs().stream().anyMatch(UnnestingTest::hasDomain);
  }

  @Test
  void anEqualityBecomesTheKeyOfAMarkJoinAndTheRestItsResidual() {
    Plan subquery =
        filter(b, and(equal(col(1), outer(0)), less(outer(1), col(0)), less(col(1), value(3))));
    assertThat(Unnesting.rewrite(exists(a, subquery)))
        .isInstanceOfSatisfying(
            Plan.MarkJoin.class,
            join -> {
              assertThat(join.left()).isEqualTo(a);
              assertThat(join.right()).isEqualTo(filter(b, less(col(1), value(3))));
              assertThat(join.keys()).containsExactly(key(col(0), col(1)));
              assertThat(join.residual()).isEqualTo(less(col(1), col(2)));
            });
  }

  @Test
  void conditionsThatDoNotAskAreEvaluatedBefore() {
    Expr own = less(col(0), value(9));
    Expr answer = new Expr.Column(2, SqlType.BOOL);
    Plan plan = filter(exists(a, filter(b, equal(col(0), outer(1)))), and(answer, own));
    assertThat(unnested(plan))
        .isInstanceOfSatisfying(
            Plan.Filter.class,
            rest -> {
              assertThat(rest.condition()).isEqualTo(answer);
              assertThat(rest.input().inputs().getFirst()).isEqualTo(filter(a, own));
            });
  }

  @Test
  void conditionsThatMayFailComeBeforeQuestionsThatMayFail() {
    Expr own = less(divided(value(1), col(0)), value(9));
    Expr answer = new Expr.Column(2, SqlType.BOOL);
    Plan total = exists(a, filter(b, equal(col(0), outer(1))));
    Plan fallible = exists(a, filter(b, equal(col(0), divided(outer(1), outer(0)))));
    assertThat(leftOf(unnested(filter(total, and(answer, own))))).isEqualTo(a);
    assertThat(leftOf(unnested(filter(fallible, and(answer, own))))).isEqualTo(filter(a, own));
    Plan.Question.Any any = new Plan.Question.Any(equal(divided(col(0), col(1)), col(2)));
    Plan in = asked(a, narrow(b, 0), any, SqlType.BOOL);
    Plan both = exists(in, filter(b, equal(col(0), outer(0))));
    Plan chosen = filter(both, and(answer, new Expr.Column(3, SqlType.BOOL), own));
    assertThat(contains(unnested(chosen), filter(a, own))).isTrue();
  }

  private static Plan unnested(Plan bound) {
    return Unnesting.rewrite(QuestionGuards.rewrite(bound));
  }

  private static boolean contains(Plan plan, Plan part) {
    return plan.equals(part) || plan.inputs().stream().anyMatch(input -> contains(input, part));
  }

  private static Plan leftOf(Plan filtered) {
    return filtered.inputs().getFirst().inputs().getFirst();
  }

  @Test
  void aConditionOfASubqueryOnTheRowDecidesWhetherItsKeyIsMade() {
    Expr own = less(divided(value(1), outer(0)), value(9));
    Plan subquery = filter(b, and(equal(col(0), divided(outer(1), outer(0))), own));
    Plan split = ResidualSplit.rewrite(Unnesting.rewrite(exists(a, subquery)));
    assertThat(split.inputs().getLast().inputs().getFirst().inputs().getFirst())
        .isEqualTo(filter(a, less(divided(value(1), col(0)), value(9))));
  }

  @Test
  void anAggregateTiedByAnEqualityIsGroupedOnceForAllRows() {
    Plan subquery = count(filter(b, equal(col(1), outer(0))));
    Plan plan =
        Unnesting.rewrite(
            asked(a, subquery, new Plan.Question.Scalar(), SqlType.INT8, SqlType.INT8));
    assertThat(hasDomain(plan)).isFalse();
    assertThat(plan.inputs().getFirst())
        .isInstanceOfSatisfying(
            Plan.OuterJoin.class,
            join -> {
              assertThat(join.kept()).isEqualTo(Plan.Kept.LEFT);
              assertThat(join.right()).isInstanceOf(Plan.Aggregate.class);
            });
  }

  @Test
  void whatCouldFailForGroupsNobodyAsksForIsEvaluatedForTheDomainOnly() {
    Plan subquery =
        count(filter(project(b, divided(value(1), col(0)), col(1)), equal(col(1), outer(0))));
    Plan guarded =
        new Plan.Aggregate(
            subquery.inputs().getFirst(),
            List.of(),
            List.of(Algebra.sum(col(0))),
            new Schema(List.of(new Column("s", SqlType.INT8))));
    Plan plan =
        Unnesting.rewrite(
            asked(a, guarded, new Plan.Question.Scalar(), SqlType.INT8, SqlType.INT8));
    assertThat(hasDomain(plan)).isTrue();
  }

  @Test
  void aConditionThatCouldFailForGroupsNobodyAsksForIsEvaluatedForTheDomainOnly() {
    Expr tied = equal(col(1), outer(0));
    for (Expr condition :
        List.of(
            and(tied, less(divided(value(10), col(0)), value(1))),
            equal(divided(value(10), col(0)), outer(0)),
            equal(col(1), divided(value(10), outer(0))))) {
      Plan plan =
          Unnesting.rewrite(
              asked(
                  a,
                  count(filter(b, condition)),
                  new Plan.Question.Scalar(),
                  SqlType.INT8,
                  SqlType.INT8));
      assertThat(hasDomain(plan)).as("%s", condition).isTrue();
    }
  }

  @Test
  void aSubqueryThatIsNoSelectionGetsADomain() {
    Plan subquery = new Plan.Distinct(filter(b, equal(col(1), outer(0))));
    assertThat(hasDomain(Unnesting.rewrite(exists(a, subquery)))).isTrue();
    assertThat(PlanExpressions.isCorrelated(Unnesting.rewrite(exists(a, subquery)))).isFalse();
  }

  @Test
  void whatCannotBeNullNeedsOneMarkAndWhatCanBeThree() {
    Plan never = asked(a, narrow(b, 0), new Plan.Question.Any(equal(col(0), col(2))), SqlType.BOOL);
    assertThat(marks(Unnesting.rewrite(never))).isEqualTo(1);
    Plan both = asked(a, narrow(b, 1), new Plan.Question.Any(equal(col(1), col(2))), SqlType.BOOL);
    assertThat(marks(Unnesting.rewrite(both))).isEqualTo(3);
  }

  @Test
  void aFilterThatOnlyAsksForTrueNeedsOneMark() {
    Plan in = asked(a, narrow(b, 1), new Plan.Question.Any(equal(col(1), col(2))), SqlType.BOOL);
    Expr answer = new Expr.Column(2, SqlType.BOOL);
    assertThat(marks(Rewrites.apply(narrow(filter(in, answer), 0)))).isEqualTo(1);
    assertThat(marks(Rewrites.apply(narrow(filter(in, new Expr.Not(answer)), 0)))).isEqualTo(3);
    assertThat(marks(Rewrites.apply(narrow(filter(in, new Expr.IsNull(answer)), 0)))).isEqualTo(3);
  }
}
