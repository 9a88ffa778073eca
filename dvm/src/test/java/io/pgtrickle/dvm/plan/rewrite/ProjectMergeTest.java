package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.plan.Plan;
import org.junit.jupiter.api.Test;

final class ProjectMergeTest {
  private final Plan t = scan(1, 3);

  @Test
  void twoProjectionsBecomeOne() {
    assertThat(ProjectMerge.rewrite(project(project(t, col(2), col(0)), divided(col(0), col(1)))))
        .isEqualTo(project(t, divided(col(2), col(0))));
  }

  @Test
  void whatIsComputedOnceStaysComputedOnce() {
    Plan plan = project(project(t, divided(col(0), col(1))), divided(col(0), col(0)));
    assertThat(ProjectMerge.rewrite(plan)).isEqualTo(plan);
  }

  @Test
  void aProjectionThatChangesNothingGoes() {
    assertThat(ProjectMerge.rewrite(new Plan.Distinct(narrow(t, 0, 1, 2))))
        .isEqualTo(new Plan.Distinct(t));
  }

  @Test
  void aProjectionThatOnlyRenamesStays() {
    Plan plan = project(t, col(0), col(1), col(2));
    assertThat(ProjectMerge.rewrite(plan)).isEqualTo(plan);
  }
}
