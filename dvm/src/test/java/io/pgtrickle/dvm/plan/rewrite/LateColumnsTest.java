package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.count;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.cross;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.markJoin;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.outerJoin;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.unionAll;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class LateColumnsTest {
  private final Plan a = scan(1, 2);
  private final Plan b = scan(2, 2);

  /// A view of b: its key, and a quotient.
  private final Plan view = project(b, col(0), divided(col(0), col(1)));

  private static Plan shown(Plan core, Plan as, Expr... columns) {
    return new Plan.Project(core, List.of(columns), as.schema());
  }

  private static Expr negative(Expr quotient) {
    return new Expr.Case(
        List.of(new Expr.When(less(col(0), value(0)), quotient)), null, SqlType.INT4);
  }

  @Test
  void whatMayFailIsComputedAboveAJoin() {
    Plan plan = join(a, view, equal(col(0), col(2)));
    assertThat(LateColumns.rewrite(plan))
        .isEqualTo(
            shown(
                join(a, b, equal(col(0), col(2))),
                plan,
                col(0),
                col(1),
                col(2),
                divided(col(2), col(3))));
  }

  @Test
  void whatCannotFailStaysWhereItIs() {
    Expr total = less(col(0), col(1));
    Plan flags = new Plan.Project(b, List.of(total), new Schema(List.of(bool("f"))));
    for (Plan plan :
        List.of(
            cross(a, flags),
            outerJoin(flags, a, Plan.Kept.LEFT, null, key(col(0), col(0))),
            count(cross(a, project(b, col(1))), col(0)),
            filter(cross(project(a, col(1), col(0)), b), less(col(0), col(2))))) {
      assertThat(LateColumns.rewrite(plan)).isEqualTo(plan);
    }
    Plan both =
        new Plan.Project(
            b,
            List.of(total, divided(col(0), col(1))),
            new Schema(List.of(bool("f"), new Column("q", SqlType.INT4))));
    Plan plan = cross(a, both);
    assertThat(LateColumns.rewrite(plan))
        .isInstanceOfSatisfying(
            Plan.Project.class,
            shown -> {
              assertThat(shown.expressions().getLast()).isEqualTo(divided(col(3), col(4)));
              assertThat(shown.input().inputs().getLast())
                  .isInstanceOfSatisfying(
                      Plan.Project.class,
                      below ->
                          assertThat(below.expressions()).containsExactly(total, col(0), col(1)));
            });
  }

  private static Column bool(String name) {
    return new Column(name, SqlType.BOOL);
  }

  @Test
  void aViewByItselfStaysAsItIs() {
    assertThat(LateColumns.rewrite(view)).isEqualTo(view);
    assertThat(LateColumns.rewrite(count(view, col(0)))).isEqualTo(count(view, col(0)));
  }

  @Test
  void conditionsOnWhatIsComputedAreConditionsOnWhatItIsMadeOf() {
    Expr quotient = divided(col(2), col(3));
    Plan plan = filter(cross(a, view), less(col(3), col(0)));
    assertThat(LateColumns.rewrite(plan))
        .isEqualTo(
            shown(
                filter(cross(a, b), less(quotient, col(0))),
                plan,
                col(0),
                col(1),
                col(2),
                quotient));
    // One on the view alone goes before the join as it would have.
    Plan own = join(a, view, and(less(col(3), value(5)), equal(col(0), col(2))));
    Plan few = filter(b, less(divided(col(0), col(1)), value(5)));
    assertThat(LateColumns.rewrite(own))
        .isEqualTo(
            shown(join(a, few, equal(col(0), col(2))), own, col(0), col(1), col(2), quotient));
  }

  @Test
  void viewsOfViewsAreComputedLateToo() {
    Plan pairs = join(a, view, equal(col(0), col(2)));
    Plan nested = project(pairs, col(1), col(3));
    Plan plan = cross(nested, a);
    assertThat(LateColumns.rewrite(plan))
        .isEqualTo(
            shown(
                cross(join(a, b, equal(col(0), col(2))), a),
                plan,
                col(1),
                divided(col(2), col(3)),
                col(4),
                col(5)));
  }

  @Test
  void ofTheSideThatIsNotKeptOnlyWhatNullsMakeNullIsComputedLate() {
    Plan.Key same = key(col(0), col(0));
    Plan plan = outerJoin(a, view, Plan.Kept.LEFT, null, same);
    Plan late =
        shown(
            outerJoin(a, b, Plan.Kept.LEFT, null, same),
            plan,
            col(0),
            col(1),
            col(2),
            divided(col(2), col(3)));
    assertThat(LateColumns.rewrite(plan)).isEqualTo(late);
    Expr orZero = new Expr.Coalesce(List.of(divided(col(0), col(1)), value(0)), SqlType.INT4);
    Plan never = project(b, col(0), orZero);
    for (Plan.Kept kept : List.of(Plan.Kept.LEFT, Plan.Kept.BOTH)) {
      Plan stays = outerJoin(a, never, kept, null, same);
      assertThat(LateColumns.rewrite(stays)).isEqualTo(stays);
    }
    Plan mirrored = outerJoin(a, never, Plan.Kept.RIGHT, null, same);
    assertThat(LateColumns.rewrite(mirrored)).isInstanceOf(Plan.Project.class);
    Plan constant = project(b, col(0), divided(value(1), value(0)));
    Plan made = outerJoin(a, constant, Plan.Kept.LEFT, null, same);
    assertThat(LateColumns.rewrite(made)).isEqualTo(made);
  }

  @Test
  void theKeyOfAJoinThatKeepsASideIsComputedBefore() {
    Plan outer = outerJoin(view, a, Plan.Kept.LEFT, null, key(col(1), col(0)));
    assertThat(LateColumns.rewrite(outer)).isEqualTo(outer);
    Plan marked = markJoin(view, a, key(col(1), col(0)));
    assertThat(LateColumns.rewrite(marked)).isEqualTo(marked);
    Plan other = markJoin(view, a, key(col(0), col(0)));
    assertThat(LateColumns.rewrite(other))
        .isEqualTo(
            shown(
                markJoin(b, a, key(col(0), col(0))),
                other,
                col(0),
                divided(col(0), col(1)),
                new Expr.Column(2, SqlType.BOOL)));
  }

  @Test
  void theKeyOfAJoinIsComputedBelowIt() {
    Expr tenants = equal(col(0), col(2));
    Expr keys = equal(col(1), col(3));
    Plan keyed = join(a, view, null, key(col(0), col(0)), key(col(1), col(1)));
    for (Plan plan :
        List.of(join(a, view, and(tenants, keys)), filter(cross(a, view), and(tenants, keys)))) {
      assertThat(LateColumns.rewrite(plan)).isEqualTo(plan);
      assertThat(JoinOrdering.rewrite(LateColumns.rewrite(plan))).isEqualTo(keyed);
    }
    // Below all joins, so that they can be reordered.
    Plan three = join(cross(a, view), b, and(equal(col(0), col(4)), equal(col(3), col(5))));
    assertThat(LateColumns.rewrite(three)).isEqualTo(three);
    Plan renamed = filter(cross(a, project(view, col(1), col(0))), equal(col(1), col(2)));
    assertThat(JoinOrdering.rewrite(LateColumns.rewrite(renamed)))
        .isInstanceOfSatisfying(
            Plan.Join.class, join -> assertThat(join.keys()).containsExactly(key(col(1), col(0))));
  }

  @Test
  void theKeyOfAJoinIsComputedOfTheRowsThatConditionsLeave() {
    Plan other = project(b, divided(col(0), col(1)), divided(col(1), col(0)));
    Expr few = less(col(3), value(5));
    Plan plan = join(a, other, and(equal(col(0), col(2)), few));
    Plan late = JoinOrdering.rewrite(LateColumns.rewrite(plan));
    assertThat(late).isInstanceOf(Plan.Project.class);
    assertThat(late.inputs().getFirst())
        .isInstanceOfSatisfying(
            Plan.Join.class,
            join -> {
              assertThat(join.keys()).containsExactly(key(col(0), col(2)));
              assertThat(join.right().inputs())
                  .containsExactly(filter(b, less(divided(col(1), col(0)), value(5))));
            });
  }

  @Test
  void aConditionThatMayFailIsAskedBeforeTheKeyOfAJoinIsComputed() {
    Expr fails = less(divided(col(3), col(2)), value(3));
    Plan plan = filter(join(b, view, equal(col(0), col(3))), fails);
    assertThat(LateColumns.rewrite(plan).inputs().getFirst().inputs().getFirst())
        .isEqualTo(join(b, b, equal(col(0), divided(col(2), col(3)))));
  }

  @Test
  void whatAJoinComparesOtherwiseIsComputedAboveIt() {
    Plan plan = join(a, view, and(equal(col(0), col(2)), less(col(1), col(3))));
    assertThat(JoinOrdering.rewrite(LateColumns.rewrite(plan)))
        .isEqualTo(
            shown(
                filter(
                    join(a, b, null, key(col(0), col(0))), less(col(1), divided(col(2), col(3)))),
                plan,
                col(0),
                col(1),
                col(2),
                divided(col(2), col(3))));
  }

  @Test
  void whatGroupsOrUnitesRowsStopsIt() {
    for (Plan below :
        List.of(
            new Plan.Distinct(view),
            unionAll(view, a),
            new Plan.TopK(view, List.of(), List.of(), 0, 1, false),
            project(count(b, col(0)), col(0), divided(value(1), col(0))))) {
      Plan plan = cross(a, below);
      assertThat(LateColumns.rewrite(plan)).isEqualTo(plan);
    }
  }

  @Test
  void whatAFilterOfAnAggregateTurnsAwayIsNotComputed() {
    assertThat(LateColumns.rewrite(summed(view, col(1), less(col(0), value(3)))))
        .isEqualTo(summed(b, divided(col(0), col(1)), less(col(0), value(3))));
    assertThat(LateColumns.rewrite(summed(view, negative(col(1)), null)))
        .isEqualTo(summed(b, negative(divided(col(0), col(1))), null));
    Plan certain = summed(view, col(1), less(col(1), value(3)));
    assertThat(LateColumns.rewrite(certain)).isEqualTo(certain);
    Plan all = summed(view, col(1), null);
    assertThat(LateColumns.rewrite(all)).isEqualTo(all);
  }

  private static Plan summed(Plan input, Expr argument, @Nullable Expr filter) {
    AggregateCall sum = Algebra.sum(argument);
    return new Plan.Aggregate(
        input,
        List.of(col(0)),
        List.of(
            new AggregateCall(
                sum.kind(), sum.function(), sum.arguments(), false, filter, sum.type())),
        new Schema(List.of(new Column("g", SqlType.INT4), new Column("s", SqlType.INT8))));
  }

  @Test
  void aColumnThatEveryRowNeedsIsComputedOnce() {
    Plan joined = join(a, view, equal(col(0), col(2)));
    Plan plan = project(joined, col(3), divided(col(3), col(0)));
    Plan late = LateColumns.rewrite(plan);
    assertThat(late).isInstanceOf(Plan.Project.class);
    assertThat(late.inputs().getFirst()).isEqualTo(LateColumns.rewrite(joined));
  }
}
