package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.count;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.cross;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.project;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.recursion;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.sunk;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.unionAll;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FilterPushdownTest {
  private final Plan t = scan(1, 3);
  private final Plan u = scan(2, 2);
  private final Expr fails = equal(divided(value(1), col(0)), value(1));

  @Test
  void movesBelowProjectionsByWhatTheyCompute() {
    assertThat(sunk(filter(project(t, col(2), col(1)), equal(col(0), value(1)))))
        .isEqualTo(project(filter(t, equal(col(2), value(1))), col(2), col(1)));
  }

  @Test
  void movesBelowProjectionsEvenWhenItMayFail() {
    assertThat(sunk(filter(project(t, col(1)), fails)))
        .isEqualTo(project(filter(t, equal(divided(value(1), col(1)), value(1))), col(1)));
  }

  @Test
  void movesIntoEveryInputOfAUnion() {
    assertThat(sunk(filter(unionAll(t, t), fails)))
        .isEqualTo(unionAll(filter(t, fails), filter(t, fails)));
  }

  @Test
  void staysAboveARecursionButMovesWithinItsTerms() {
    Plan plan =
        filter(
            recursion(
                filter(project(u, col(1)), less(col(0), value(1))),
                false,
                found -> filter(project(cross(found, u), col(2)), less(col(0), value(2)))),
            less(col(0), value(3)));
    assertThat(sunk(plan))
        .isEqualTo(
            filter(
                recursion(
                    project(filter(u, less(col(1), value(1))), col(1)),
                    false,
                    found -> project(cross(found, filter(u, less(col(1), value(2)))), col(2))),
                less(col(0), value(3))));
  }

  @Test
  void movesToTheSideOfAJoinThatHasItsColumns() {
    Plan plan =
        filter(
            cross(t, u), and(less(col(0), value(1)), less(col(4), value(2)), less(col(1), col(3))));
    assertThat(sunk(plan))
        .isEqualTo(
            filter(
                cross(filter(t, less(col(0), value(1))), filter(u, less(col(1), value(2)))),
                less(col(1), col(3))));
  }

  @Test
  void staysAboveAJoinWhenItMayFail() {
    Plan plan = filter(cross(t, u), fails);
    assertThat(sunk(plan)).isEqualTo(plan);
  }

  @Test
  void movesIntoAJoinWithOneThatMayFailOnlyThere() {
    // The server asks the cheapest first, of the columns that the view is made of.
    Expr guard = less(value(0), divided(col(0), col(1)));
    Expr quotient = divided(divided(col(2), col(1)), col(0));
    Plan view = project(t, col(0), col(1), quotient);
    Expr onView = less(col(2), value(5));
    Plan few = filter(filter(t, guard), less(quotient, value(5)));
    assertThat(Algebra.sunk(filter(cross(view, u), and(onView, guard))))
        .isEqualTo(cross(project(few, col(0), col(1), quotient), u));
    Plan total = project(t, col(0), col(1), col(2));
    assertThat(Algebra.sunk(filter(cross(total, u), and(onView, guard))))
        .isEqualTo(filter(cross(project(filter(t, onView), col(0), col(1), col(2)), u), guard));
  }

  @Test
  void movesBelowAGroupingWhenItConcernsGroupsOnly() {
    assertThat(sunk(filter(count(t, col(2)), equal(col(0), value(1)))))
        .isEqualTo(count(filter(t, equal(col(2), value(1))), col(2)));
  }

  @Test
  void staysAboveAGroupingWhenItConcernsResultsOrNothing() {
    Plan onResult = filter(count(t, col(2)), new Expr.IsNull(col(1)));
    assertThat(sunk(onResult)).isEqualTo(onResult);
    Plan global = filter(count(t), equal(value(1), value(2)));
    assertThat(sunk(global)).isEqualTo(global);
  }

  @Test
  void movesBelowADistinctWhenItCannotFail() {
    assertThat(sunk(filter(new Plan.Distinct(t), less(col(0), value(1)))))
        .isEqualTo(new Plan.Distinct(filter(t, less(col(0), value(1)))));
    Plan stays = filter(new Plan.Distinct(t), fails);
    assertThat(sunk(stays)).isEqualTo(stays);
  }

  @Test
  void conditionsThatMayFailComeAfterThoseThatGuardThem() {
    assertThat(sunk(filter(t, and(fails, less(value(0), col(0))))))
        .isEqualTo(filter(filter(t, less(value(0), col(0))), fails));
  }

  @Test
  void aFilterOnAScanStays() {
    Plan plan = filter(t, less(col(0), value(1)));
    assertThat(sunk(plan)).isEqualTo(plan);
  }

  @Test
  void movesBelowAnExceptWhenItIsTrueOfAllEqualRowsOrOfNone() {
    Expr condition = new Expr.Not(new Expr.IsNull(col(0)));
    assertThat(sunk(filter(operation(t, t, Plan.SetOperation.Kind.EXCEPT), condition)))
        .isEqualTo(
            operation(filter(t, condition), filter(t, condition), Plan.SetOperation.Kind.EXCEPT));
  }

  @Test
  void staysAboveAnExceptWhenItMayTellEqualRowsApart() {
    int nondeterministic = 16_400;
    for (SqlType type :
        List.of(
            SqlType.NUMERIC,
            SqlType.FLOAT8,
            SqlType.INTERVAL,
            SqlType.of(SqlType.TEXT.oid(), -1, nondeterministic))) {
      Plan some = new Plan.Scan(7, "some", List.of(), Schema.ofTypes(List.of(type)));
      Expr condition = new Expr.IsNull(new Expr.Column(0, type));
      Plan except = filter(operation(some, some, Plan.SetOperation.Kind.EXCEPT), condition);
      assertThat(sunk(except)).as("%s", type).isEqualTo(except);
    }
  }

  @Test
  void goesBelowAnIntersectWhereTheServerTakesItThere() {
    Plan some = new Plan.Scan(7, "some", List.of(), Schema.ofTypes(List.of(SqlType.NUMERIC)));
    Expr condition = new Expr.IsNull(new Expr.Column(0, SqlType.NUMERIC));
    assertThat(sunk(filter(operation(some, some, Plan.SetOperation.Kind.INTERSECT), condition)))
        .isEqualTo(
            operation(
                filter(some, condition),
                filter(some, condition),
                Plan.SetOperation.Kind.INTERSECT));
  }

  @Test
  void staysWhereTextsThatLookDifferentAreOneClass() {
    SqlType type = SqlType.of(SqlType.TEXT.oid(), -1, 16_400);
    Plan some = new Plan.Scan(7, "some", List.of(), Schema.ofTypes(List.of(type)));
    Expr condition = new Expr.IsNull(new Expr.Column(0, type));
    for (Plan classes :
        List.of(
            new Plan.Distinct(some),
            operation(some, some, Plan.SetOperation.Kind.INTERSECT),
            count(some, new Expr.Column(0, type)))) {
      Plan plan = filter(classes, condition);
      assertThat(sunk(plan)).isEqualTo(plan);
    }
  }

  private static Plan operation(Plan left, Plan right, Plan.SetOperation.Kind kind) {
    return new Plan.SetOperation(left, right, kind, false, left.schema());
  }
}
