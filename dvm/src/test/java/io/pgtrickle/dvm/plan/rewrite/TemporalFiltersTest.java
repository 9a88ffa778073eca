package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.count;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.cross;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TemporalFiltersTest {
  private final Plan t = scan(1, 3);
  private final Plan u = scan(2, 2);

  /// The days since the year 2000 by the clock, an integer.
  private static Expr days(Expr.Reading reading) {
    Signature difference =
        new Signature(1140, "pg_catalog", "date_mi", List.of(1082, 1082), 23, true, 'i');
    Expr start = new Expr.Literal(0L, SqlType.DATE);
    return new Expr.Call(difference, List.of(date(reading), start), SqlType.INT4, 0);
  }

  private static Expr date(Expr.Reading reading) {
    Expr clock = new Expr.Clock(reading);
    Signature cast = new Signature(0, "pg_catalog", "date", List.of(1184), 1082, true, 's');
    return reading == Expr.Reading.CURRENT_DATE
        ? clock
        : new Expr.Call(cast, List.of(clock), SqlType.DATE, 0);
  }

  private static Expr today() {
    return days(Expr.Reading.CURRENT_DATE);
  }

  private static Expr asRun() {
    return days(Expr.Reading.NOW);
  }

  @Test
  void asksFirstWhatDoesNotDependOnTheTime() {
    assertThat(
            TemporalFilters.rewrite(filter(t, and(less(col(0), today()), equal(col(1), value(1))))))
        .isEqualTo(filter(filter(t, equal(col(1), value(1))), and(less(col(0), asRun()))));
  }

  @Test
  void takesAnEqualityForTwoBounds() {
    Plan plan = TemporalFilters.rewrite(filter(t, equal(col(0), today())));
    assertThat(plan).isInstanceOf(Plan.Filter.class);
    Expr condition = ((Plan.Filter) plan).condition();
    assertThat(Expressions.children(condition))
        .extracting(each -> ((Expr.Call) each).function().name())
        .containsExactly("int4le", "int4ge");
  }

  @Test
  void liftsAConditionOnPairsAboveTheirJoin() {
    Plan plan = join(t, u, and(less(col(0), today()), equal(col(1), col(3))));
    assertThat(TemporalFilters.rewrite(plan))
        .isEqualTo(filter(join(t, u, equal(col(1), col(3))), and(less(col(0), asRun()))));
  }

  @Test
  void aConditionOnOneTableSinksToIt() {
    Plan plan = Rewrites.apply(filter(cross(t, u), less(col(0), today())));
    assertThat(plan.inputs()).anyMatch(input -> input instanceof Plan.Filter);
  }

  @Test
  void leavesAPlanWithoutAClockAlone() {
    Plan plan = count(filter(join(t, u, less(col(0), col(3))), less(col(0), col(1))), col(2));
    assertThat(TemporalFilters.rewrite(plan)).isEqualTo(plan);
  }

  @Test
  void rejectsAClockThatIsShownOrComparedInTwoDirections() {
    for (Plan plan :
        List.of(
            project(t, today()),
            count(t, today()),
            filter(t, new Expr.Or(List.of(less(col(0), today()), less(today(), col(1))))),
            filter(t, new Expr.Not(equal(col(0), today()))))) {
      assertThatThrownBy(() -> TemporalFilters.rewrite(plan))
          .isInstanceOfSatisfying(
              QueryRejected.class,
              rejected -> assertThat(rejected.reasonCode()).isEqualTo("stable_expression"))
          .hasMessageContaining("CURRENT_DATE");
    }
  }
}
