package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.count;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.unionAll;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import org.junit.jupiter.api.Test;

final class ColumnPruningTest {
  private final Plan t = scan(1, 4);
  private final Plan u = scan(2, 3);

  @Test
  void scansAreNarrowedToWhatAProjectionUses() {
    assertThat(ColumnPruning.rewrite(project(t, col(3), col(1))))
        .isEqualTo(project(narrow(t, 1, 3), col(1), col(0)));
  }

  @Test
  void inputsOfAJoinKeepKeysResidualsAndWhatIsUsedAbove() {
    Plan plan = project(join(t, u, less(col(1), col(6)), key(col(0), col(1))), col(3));
    Plan joined =
        join(narrow(t, 0, 1, 3), narrow(u, 1, 2), less(col(1), col(4)), key(col(0), col(0)));
    assertThat(ColumnPruning.rewrite(plan)).isEqualTo(project(narrow(joined, 2), col(0)));
  }

  @Test
  void aFilterKeepsItsColumnsBelowAndDropsThemAbove() {
    assertThat(ColumnPruning.rewrite(project(filter(t, less(col(2), value(1))), col(0))))
        .isEqualTo(project(narrow(filter(narrow(t, 0, 2), less(col(1), value(1))), 0), col(0)));
  }

  @Test
  void aGroupingKeepsItsGroups() {
    assertThat(ColumnPruning.rewrite(count(t, col(2)))).isEqualTo(count(narrow(t, 2), col(0)));
    assertThat(ColumnPruning.rewrite(count(t))).isEqualTo(count(narrow(t)));
  }

  @Test
  void unusedAggregatesGo() {
    Plan plan = narrow(count(t, col(2)), 0);
    assertThat(ColumnPruning.rewrite(plan))
        .isInstanceOfSatisfying(
            Plan.Project.class,
            top ->
                assertThat(top.input())
                    .isInstanceOfSatisfying(
                        Plan.Aggregate.class,
                        aggregate -> assertThat(aggregate.calls()).isEmpty()));
  }

  @Test
  void everyInputOfAUnionIsNarrowedAlike() {
    assertThat(ColumnPruning.rewrite(project(unionAll(t, t), col(1))))
        .isEqualTo(project(unionAll(narrow(t, 1), narrow(t, 1)), col(0)));
  }

  @Test
  void everyColumnOfADistinctStays() {
    Plan plan = narrow(new Plan.Distinct(t), 1);
    assertThat(ColumnPruning.rewrite(plan)).isEqualTo(narrow(narrow(new Plan.Distinct(t), 1), 0));
  }

  @Test
  void aPlanThatUsesEverythingStays() {
    Plan plan = join(t, u, null, key(col(0), col(0)));
    assertThat(ColumnPruning.rewrite(plan)).isEqualTo(plan);
  }
}
