package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.markJoin;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MarkPushdownTest {
  private final Plan a = scan(1, 2);
  private final Plan b = scan(2, 2);
  private final Plan s = scan(3, 1);
  private final Plan joined = join(a, b, null, key(col(1), col(0)));

  private static Expr mark(int index) {
    return new Expr.Column(index, SqlType.BOOL);
  }

  private static Plan.MarkJoin marked(Plan plan) {
    return plan instanceof Plan.MarkJoin join ? join : marked(plan.inputs().getFirst());
  }

  @Test
  void aSideIsAskedAboutBeforeItIsJoined() {
    Plan plan = filter(markJoin(joined, s, key(col(0), col(0))), mark(4));
    Plan pushed = MarkPushdown.rewrite(plan);
    assertThat(pushed.schema()).isEqualTo(plan.schema());
    assertThat(marked(pushed).left()).isEqualTo(a);
    Plan other = filter(markJoin(joined, s, key(col(3), col(0))), new Expr.Not(mark(4)));
    Plan ofRight = MarkPushdown.rewrite(other);
    Plan question = filter(markJoin(b, s, key(col(1), col(0))), new Expr.Not(mark(2)));
    assertThat(ofRight)
        .isEqualTo(new Plan.Join(a, question, List.of(key(col(1), col(0))), null, other.schema()));
  }

  @Test
  void whereTheOtherSideIsFilteredTheJoinComesFirst() {
    Plan few = join(a, filter(b, less(col(1), value(5))), null, key(col(1), col(0)));
    Plan plan = filter(markJoin(few, s, key(col(0), col(0))), mark(4));
    assertThat(MarkPushdown.rewrite(plan)).isEqualTo(plan);
    // Also where that is one join further down.
    Plan further = join(a, join(b, filter(scan(4, 2), less(col(1), value(5))), null), null);
    Plan asked = filter(markJoin(further, s, key(col(0), col(0))), mark(6));
    assertThat(MarkPushdown.rewrite(asked)).isEqualTo(asked);
  }

  @Test
  void whatDependsOnBothSidesOrMayFailStays() {
    for (Plan plan :
        List.of(
            filter(markJoin(joined, s, key(col(0), col(0)), key(col(3), col(0))), mark(4)),
            filter(markJoin(joined, s, key(divided(col(0), col(1)), col(0))), mark(4)),
            filter(
                markJoin(
                    join(a, b, equal(divided(col(0), col(2)), value(1))), s, key(col(0), col(0))),
                mark(4)))) {
      assertThat(MarkPushdown.rewrite(plan)).isEqualTo(plan);
    }
  }

  @Test
  void otherConditionsStayAbove() {
    Expr either = new Expr.Or(List.of(mark(4), equal(col(0), value(1))));
    Plan asked = markJoin(joined, s, key(col(0), col(0)));
    assertThat(MarkPushdown.rewrite(filter(asked, either))).isEqualTo(filter(asked, either));
    Plan both = MarkPushdown.rewrite(filter(asked, and(mark(4), either)));
    assertThat(marked(both).left()).isEqualTo(a);
    assertThat(both).isInstanceOf(Plan.Filter.class);
  }
}
