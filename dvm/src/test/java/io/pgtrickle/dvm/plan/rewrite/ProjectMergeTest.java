package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
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
  void whatMayFailIsComputedWhereItIsUsedIfNotEveryRowNeedsIt() {
    Plan plan = project(project(t, col(0), divided(value(9), col(0))), some(col(1)), some(col(1)));
    Expr quotient = divided(value(9), col(0));
    assertThat(ProjectMerge.rewrite(plan)).isEqualTo(project(t, some(quotient), some(quotient)));
    Plan needed = project(project(t, col(0), quotient), some(col(1)), col(1));
    assertThat(ProjectMerge.rewrite(needed)).isEqualTo(needed);
    Plan total = project(project(t, col(0), some(col(0))), some(col(1)), some(col(1)));
    assertThat(ProjectMerge.rewrite(total)).isEqualTo(total);
  }

  /// A value that is only asked for where column 0 is less than 5.
  private static Expr some(Expr value) {
    return new Expr.Case(List.of(new Expr.When(less(col(0), value(5)), value)), null, SqlType.INT4);
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
