package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.outerJoin;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.sunk;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import org.junit.jupiter.api.Test;

final class OuterJoinRewritesTest {
  private final Plan a = scan(1, 2);
  private final Plan b = scan(2, 2);

  @Test
  void equalitiesOfTheSidesBecomeKeys() {
    Expr on = and(equal(col(2), col(1)), less(col(0), col(3)));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.BOTH, on)))
        .isEqualTo(outerJoin(a, b, Plan.Kept.BOTH, less(col(0), col(3)), key(col(1), col(0))));
  }

  @Test
  void aConditionOnTheSideThatIsNotKeptFiltersIt() {
    Expr onRight = less(col(3), value(5));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.LEFT, onRight)))
        .isEqualTo(outerJoin(a, filter(b, less(col(1), value(5))), Plan.Kept.LEFT, null));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.RIGHT, onRight)))
        .isEqualTo(outerJoin(a, b, Plan.Kept.RIGHT, onRight));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.BOTH, onRight)))
        .isEqualTo(outerJoin(a, b, Plan.Kept.BOTH, onRight));
  }

  @Test
  void aConditionThatMayFailStaysWithTheJoin() {
    Expr fallible = less(divided(value(1), col(3)), value(5));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.LEFT, fallible)))
        .isEqualTo(outerJoin(a, b, Plan.Kept.LEFT, fallible));
  }

  @Test
  void aConditionThatMayFailDecidesOfWhichRowsAKeyThatMayFailIsMade() {
    Expr guard = less(divided(value(1), col(3)), value(5));
    Expr on = and(equal(col(0), divided(col(2), col(3))), guard);
    Plan.Key made = key(col(0), divided(col(0), col(1)));
    Plan guarded = filter(b, less(divided(value(1), col(1)), value(5)));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.LEFT, on)))
        .isEqualTo(outerJoin(a, guarded, Plan.Kept.LEFT, null, made));
    assertThat(OuterJoinKeys.rewrite(outerJoin(a, b, Plan.Kept.BOTH, on)))
        .isEqualTo(outerJoin(a, b, Plan.Kept.BOTH, guard, made));
  }

  @Test
  void aFilterThatMayFailSinksWhereTheJoinMayFail() {
    Expr fallible = less(divided(value(1), col(1)), value(5));
    Plan.Key made = key(divided(col(0), col(1)), col(0));
    Plan joined = outerJoin(a, b, Plan.Kept.LEFT, null, made);
    assertThat(Algebra.sunk(filter(joined, fallible)))
        .isEqualTo(outerJoin(filter(a, fallible), b, Plan.Kept.LEFT, null, made));
    Plan harmless = outerJoin(a, b, Plan.Kept.LEFT, null, key(col(0), divided(col(0), col(1))));
    assertThat(Algebra.sunk(filter(harmless, fallible))).isEqualTo(filter(harmless, fallible));
    Plan marked = Algebra.markJoin(a, b, made);
    assertThat(Algebra.sunk(filter(marked, fallible)))
        .isEqualTo(Algebra.markJoin(filter(a, fallible), b, made));
  }

  @Test
  void aFilterSinksIntoTheKeptSideOnly() {
    Expr onLeft = less(col(0), value(5));
    Expr onRight = less(col(2), value(5));
    Plan left = outerJoin(a, b, Plan.Kept.LEFT, null, key(col(0), col(0)));
    assertThat(sunk(filter(left, onLeft)))
        .isEqualTo(outerJoin(filter(a, onLeft), b, Plan.Kept.LEFT, null, key(col(0), col(0))));
    assertThat(sunk(filter(left, onRight))).isEqualTo(filter(left, onRight));
    Plan full = outerJoin(a, b, Plan.Kept.BOTH, null, key(col(0), col(0)));
    assertThat(sunk(filter(full, onLeft))).isEqualTo(filter(full, onLeft));
  }

  @Test
  void aResidualConditionMakesASumOfPairsAndLonelyRows() {
    Plan join = outerJoin(a, b, Plan.Kept.BOTH, less(col(1), col(3)), key(col(0), col(0)));
    assertThat(ResidualSplit.rewrite(join))
        .isInstanceOfSatisfying(
            Plan.UnionAll.class,
            sum -> {
              assertThat(sum.inputs()).hasSize(3);
              assertThat(sum.inputs().getFirst()).isInstanceOf(Plan.Join.class);
              assertThat(sum.schema()).isEqualTo(join.schema());
            });
    Plan bare = outerJoin(a, b, Plan.Kept.BOTH, null, key(col(0), col(0)));
    assertThat(ResidualSplit.rewrite(bare)).isEqualTo(bare);
  }

  @Test
  void aMarkThatNobodyAsksForIsNotMade() {
    Plan marked = Algebra.markJoin(a, b, key(col(0), col(1)));
    assertThat(ColumnPruning.rewrite(Algebra.narrow(marked, 1)))
        .isEqualTo(Algebra.narrow(Algebra.narrow(a, 1), 0));
  }
}
