package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ComputedColumnsTest {
  private final Plan.Scan t = (Plan.Scan) scan(1, 3);
  private final Map<Integer, Expr> second = Map.of(1, divided(col(2), col(0)));

  private static Plan.Scan keyed(Plan.Scan scan, Integer... key) {
    return new Plan.Scan(scan.relation(), scan.name(), List.of(key), scan.schema());
  }

  private Plan.Scan narrow(Integer... key) {
    Schema told = new Schema(List.of(t.schema().column(0), t.schema().column(2)));
    return new Plan.Scan(t.relation(), t.name(), List.of(key), told);
  }

  @Test
  void aComputedColumnIsNotScanned() {
    Plan computed =
        new Plan.Project(narrow(1), List.of(col(0), divided(col(1), col(0)), col(1)), t.schema());
    assertThat(ComputedColumns.rewrite(new Plan.Distinct(keyed(t, 2)), _ -> second))
        .isEqualTo(new Plan.Distinct(computed));
  }

  @Test
  void aKeyThatIsComputedIsNone() {
    assertThat(ComputedColumns.rewrite(keyed(t, 0, 1), _ -> second))
        .isInstanceOfSatisfying(
            Plan.Project.class, project -> assertThat(project.input()).isEqualTo(narrow()));
  }

  @Test
  void otherScansStayAsTheyAre() {
    assertThat(ComputedColumns.rewrite(t, _ -> Map.of())).isSameAs(t);
  }
}
