package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.cross;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.recursion;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.unionAll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import org.junit.jupiter.api.Test;

final class IterationsTest {
  private final Plan t = scan(1, 2);
  private final Plan base = narrow(t, 0);

  private Plan numbered(Plan recursion) {
    return Rewrites.apply(recursion);
  }

  private static Plan step(Plan plan) {
    if (plan instanceof Plan.Recursion recursion) {
      return recursion.step();
    }
    throw new AssertionError("not a recursion: " + plan);
  }

  private static long count(Plan plan, Class<? extends Plan> kind) {
    return (kind.isInstance(plan) ? 1 : 0)
        + plan.inputs().stream().mapToLong(input -> count(input, kind)).sum();
  }

  @Test
  void theStepStartsWithTheNumberOfTheIteration() {
    Plan plan =
        numbered(
            recursion(
                base, false, found -> narrow(filter(cross(found, t), equal(col(0), col(1))), 2)));
    assertThat(step(plan).schema()).isEqualTo(Plan.Recursion.numbered(base.schema()));
    assertThat(plan.schema()).isEqualTo(base.schema());
    assertThat(step(plan).iterates()).isTrue();
    assertThat(plan.iterates()).isFalse();
  }

  @Test
  void aJoinWithSomethingElseCarriesTheNumberOnly() {
    Plan plan =
        numbered(
            recursion(
                base, false, found -> narrow(filter(cross(found, t), equal(col(0), col(1))), 2)));
    assertThat(count(plan, Plan.Join.class)).isEqualTo(1);
    assertThat(count(plan, Plan.Distinct.class)).isZero();
    assertThat(count(plan, Plan.Working.class)).isEqualTo(1);
  }

  @Test
  void rowsOfOneIterationAreJoinedWithEachOther() {
    Plan plan =
        numbered(
            recursion(
                base,
                false,
                found -> narrow(filter(cross(found, found), equal(col(0), col(1))), 1)));
    Plan.Join join = join(step(plan));
    assertThat(join.keys()).hasSize(2);
    assertThat(count(plan, Plan.Working.class)).isEqualTo(2);
  }

  private static Plan.Join join(Plan plan) {
    if (plan instanceof Plan.Join join) {
      return join;
    }
    return join(plan.inputs().getFirst());
  }

  @Test
  void groupsAndBranchesThatReadNothingFoundAreThoseOfAnIteration() {
    Plan grouped =
        numbered(recursion(base, true, found -> narrow(Algebra.count(found, col(0)), 0)));
    assertThat(groups(step(grouped))).isGreaterThan(1);

    Plan branches = numbered(recursion(base, false, found -> unionAll(found, narrow(t, 1))));
    // Once per iteration that there is.
    assertThat(count(branches, Plan.Distinct.class)).isEqualTo(1);
    assertThat(count(branches, Plan.Join.class)).isEqualTo(1);
  }

  private static int groups(Plan plan) {
    return plan instanceof Plan.Aggregate aggregate
        ? aggregate.groups().size()
        : groups(plan.inputs().getFirst());
  }

  @Test
  void aReferenceOutOfTheRecursionIsRefused() {
    Plan outside =
        recursion(
            base, false, found -> filter(found, equal(col(0), new Expr.Outer(1, 0, SqlType.INT4))));
    assertThatThrownBy(() -> numbered(outside))
        .isInstanceOf(QueryRejected.class)
        .hasMessageContaining("WITH RECURSIVE that refers to a row outside of it");
  }

  @Test
  void anUnneededColumnOfTheResultIsStillFound() {
    Plan two = recursion(t, false, found -> found);
    Plan narrowed = ColumnPruning.rewrite(narrow(Unnesting.rewrite(two), 1));
    Plan below = narrowed;
    while (!(below instanceof Plan.Recursion)) {
      below = below.inputs().getFirst();
    }
    assertThat(below.schema()).isEqualTo(t.schema());
  }
}
