package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.cross;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.narrow;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class JoinOrderingTest {
  private final Plan a = scan(1, 2);
  private final Plan b = scan(2, 2);
  private final Plan c = scan(3, 2);

  @Test
  void equalitiesBecomeKeysAndTheRestStaysResidual() {
    assertThat(JoinOrdering.rewrite(join(a, b, and(equal(col(2), col(1)), less(col(0), col(3))))))
        .isEqualTo(join(a, b, less(col(0), col(3)), key(col(1), col(0))));
  }

  @Test
  void conditionsOfWhereCountLikeThoseOfOn() {
    assertThat(JoinOrdering.rewrite(filter(cross(a, b), equal(col(0), col(2)))))
        .isEqualTo(join(a, b, null, key(col(0), col(0))));
  }

  @Test
  void connectedInputsAreJoinedBeforeUnconnectedOnes() {
    // a, b, c with a = c only: (a ⋈ c) × b, columns put back in the order of FROM.
    Plan plan = filter(cross(cross(a, b), c), equal(col(0), col(4)));
    Plan expected = narrow(cross(join(a, c, null, key(col(0), col(0))), b), 0, 1, 4, 5, 2, 3);
    assertThat(JoinOrdering.rewrite(plan)).isEqualTo(expected);
  }

  @Test
  void aConditionThatSpansIsPlacedAtTheFirstJoinThatHasItsColumns() {
    Plan plan =
        filter(
            cross(cross(a, b), c),
            and(equal(col(0), col(2)), equal(col(2), col(4)), less(col(1), col(3))));
    assertThat(JoinOrdering.rewrite(plan))
        .isEqualTo(
            join(
                join(a, b, less(col(1), col(3)), key(col(0), col(0))),
                c,
                null,
                key(col(2), col(0))));
  }

  @Test
  void aConditionOnOneInputFiltersIt() {
    assertThat(JoinOrdering.rewrite(join(a, b, and(equal(col(0), col(2)), less(col(3), value(5))))))
        .isEqualTo(join(a, filter(b, less(col(1), value(5))), null, key(col(0), col(0))));
  }

  @Test
  void aConditionThatMayFailStaysAboveAllJoins() {
    Expr fails = less(divided(col(0), col(1)), value(3));
    assertThat(JoinOrdering.rewrite(join(a, b, and(fails, equal(col(0), col(2))))))
        .isEqualTo(filter(join(a, b, null, key(col(0), col(0))), fails));
  }

  @Test
  void aConditionOfTheServerThatCannotFailFiltersItsInput() {
    Signature contains =
        new Signature(4046, "pg_catalog", "jsonb_contains", List.of(3802, 3802), 16, true, 'i');
    SqlType jsonb = SqlType.of(3802);
    Expr constant = new Expr.Verbatim(List.of("'{}'::jsonb"), List.of(), jsonb);
    Expr asked =
        new Expr.Call(contains, List.of(new Expr.Column(3, jsonb), constant), SqlType.BOOL, 0);
    assertThat(JoinOrdering.rewrite(join(a, b, and(asked, equal(col(0), col(2))))))
        .isEqualTo(join(a, filter(b, Expressions.shift(asked, -2)), null, key(col(0), col(0))));
  }

  @Test
  void theSidesOfAKeyMayFail() {
    assertThat(JoinOrdering.rewrite(join(a, b, equal(divided(col(0), col(1)), col(2)))))
        .isEqualTo(join(a, b, null, key(divided(col(0), col(1)), col(0))));
  }

  @Test
  void aConditionThatMayFailComesBeforeAKeyThatMayFail() {
    Expr fails = less(divided(col(1), col(0)), value(3));
    Expr equality = equal(divided(col(0), col(1)), col(2));
    assertThat(JoinOrdering.rewrite(join(a, b, and(equality, fails))))
        .isEqualTo(join(filter(a, fails), b, null, key(divided(col(0), col(1)), col(0))));
    // Of the other side every row is asked for its column, which does no harm.
    Expr ofOther = less(divided(col(3), col(2)), value(3));
    assertThat(JoinOrdering.rewrite(join(a, b, and(equality, ofOther))))
        .isEqualTo(filter(join(a, b, null, key(divided(col(0), col(1)), col(0))), ofOther));
  }

  @Test
  void aConditionThatMayFailComesBeforeAKeyOfWhatIsJoinedAlready() {
    Expr fails = less(divided(col(3), col(2)), value(3));
    Plan plan =
        filter(
            cross(cross(a, b), c),
            and(equal(divided(col(0), col(2)), col(4)), equal(col(1), col(2)), fails));
    Plan joined = join(a, b, null, key(col(1), col(0)));
    assertThat(JoinOrdering.rewrite(plan))
        .isEqualTo(join(filter(joined, fails), c, null, key(divided(col(0), col(2)), col(0))));
  }

  @Test
  void anEqualityWhoseSidesNoJoinSeparatesIsACondition() {
    Signature plus = new Signature(177, "pg_catalog", "int4pl", List.of(23, 23), 23, true, 'i');
    Expr sum = new Expr.Call(plus, List.of(col(0), col(2)), SqlType.INT4, 0);
    // a and c are joined by a key first; then a + b = c has no side that is b alone.
    Plan plan = filter(cross(cross(a, b), c), and(equal(col(0), col(4)), equal(sum, col(5))));
    Expr moved = new Expr.Call(plus, List.of(col(0), col(4)), SqlType.INT4, 0);
    Plan product = cross(join(a, c, null, key(col(0), col(0))), b);
    assertThat(JoinOrdering.rewrite(plan))
        .isEqualTo(narrow(filter(product, equal(moved, col(3))), 0, 1, 4, 5, 2, 3));
  }

  @Test
  void aFilteredDimensionIsJoinedBeforeOthers() {
    // Facts b refer to a and to c, of which few rows are wanted.
    Plan facts = scan(4, 3);
    Plan plan =
        filter(
            cross(cross(a, facts), c),
            and(equal(col(3), col(0)), equal(col(4), col(5)), less(col(6), value(9))));
    Plan few = filter(c, less(col(1), value(9)));
    Plan joined = join(facts, few, null, key(col(2), col(0)));
    assertThat(JoinOrdering.rewrite(plan)).isEqualTo(join(a, joined, null, key(col(0), col(1))));
  }

  @Test
  void whatMayFailJoinsOnlyWhatOthersHaveJoined() {
    // c is filtered and would come first; but then the quotient would be computed for rows of a
    // that have no partner in b.
    Plan plan =
        filter(
            cross(cross(a, b), c),
            and(
                equal(col(1), col(2)),
                equal(divided(col(0), col(1)), col(4)),
                equal(col(5), value(9))));
    assertThat(JoinOrdering.rewrite(plan))
        .isEqualTo(
            join(
                join(a, b, null, key(col(1), col(0))),
                filter(c, equal(col(1), value(9))),
                null,
                key(divided(col(0), col(1)), col(0))));
  }

  @Test
  void whatMayFailIsAskedAboveTheJoinsThatOthersMake() {
    Plan plan =
        filter(
            cross(cross(a, b), c),
            and(
                equal(col(1), col(2)),
                equal(col(3), col(4)),
                equal(divided(col(0), col(1)), col(5))));
    Plan joined = join(a, join(b, c, null, key(col(1), col(0))), null, key(col(1), col(0)));
    assertThat(JoinOrdering.rewrite(plan))
        .isEqualTo(filter(joined, equal(divided(col(0), col(1)), col(5))));
  }

  @Test
  void dimensionsOfDimensionsAreJoinedByThemselves() {
    // Facts refer to b, b to c; of c few rows are wanted, and so of b.
    Plan facts = scan(4, 2);
    Plan plan =
        filter(
            cross(cross(facts, b), c),
            and(equal(col(1), col(2)), equal(col(3), col(4)), equal(col(5), value(9))));
    Plan few = filter(c, equal(col(1), value(9)));
    assertThat(JoinOrdering.rewrite(plan))
        .isEqualTo(join(facts, join(b, few, null, key(col(1), col(0))), null, key(col(1), col(0))));
  }

  @Test
  void whatAllAlternativesSayOfOneInputFiltersIt() {
    Expr first = and(equal(col(1), value(1)), equal(col(3), value(2)));
    Expr second = and(equal(col(1), value(2)), equal(col(3), value(1)));
    Expr either = new Expr.Or(List.of(first, second));
    Expr oneOfThem = new Expr.Or(List.of(equal(col(1), value(1)), equal(col(1), value(2))));
    Expr oneOfThose = new Expr.Or(List.of(equal(col(1), value(2)), equal(col(1), value(1))));
    assertThat(JoinOrdering.rewrite(join(a, b, and(either, equal(col(0), col(2))))))
        .isEqualTo(join(filter(a, oneOfThem), filter(b, oneOfThose), either, key(col(0), col(0))));
    // The second alternative says nothing of a.
    Expr open = new Expr.Or(List.of(first, equal(col(3), value(1))));
    Expr ofB = new Expr.Or(List.of(equal(col(1), value(2)), equal(col(1), value(1))));
    assertThat(JoinOrdering.rewrite(join(a, b, and(open, equal(col(0), col(2))))))
        .isEqualTo(join(a, filter(b, ofB), open, key(col(0), col(0))));
  }

  @Test
  void manyInputsAreJoinedToo() {
    int inputs = 14;
    Plan product = scan(1, 2);
    List<Expr> chain = new ArrayList<>();
    for (int i = 1; i < inputs; i++) {
      product = cross(product, scan(i + 1, 2));
      chain.add(equal(col(2 * i - 1), col(2 * i)));
    }
    Plan joined = JoinOrdering.rewrite(filter(product, new Expr.And(chain)));
    assertThat(joined.schema()).isEqualTo(product.schema());
    int joins = 0;
    for (Plan plan = joined; !plan.inputs().isEmpty(); plan = plan.inputs().getFirst()) {
      if (plan instanceof Plan.Join join) {
        joins++;
        assertThat(join.keys()).isNotEmpty();
      }
    }
    assertThat(joins).isEqualTo(inputs - 1);
  }

  @Test
  void aSelfEqualityIsNoKey() {
    Plan plan = join(a, b, equal(col(0), col(1)));
    assertThat(JoinOrdering.rewrite(plan)).isEqualTo(cross(filter(a, equal(col(0), col(1))), b));
  }

  @Test
  void aPlannedJoinIsLeftAlone() {
    Plan plan = join(a, b, less(col(1), col(3)), key(col(0), col(0)));
    assertThat(JoinOrdering.rewrite(plan)).isEqualTo(plan);
  }

  @Test
  void rewritingTwiceChangesNothingMore() {
    Plan plan = filter(cross(cross(a, b), c), and(equal(col(0), col(4)), less(col(1), col(3))));
    Plan once = JoinOrdering.rewrite(plan);
    assertThat(JoinOrdering.rewrite(once)).isEqualTo(once);
  }

  @Test
  void keysNeedTheSameEncoding() {
    assertThat(JoinKeys.of(equality(158, 21, 23))).isPresent();
    assertThat(JoinKeys.of(equality(852, 23, 20))).isPresent();
    assertThat(JoinKeys.of(equality(67, 25, 25))).isPresent();
    assertThat(JoinKeys.of(equality(1048, 1042, 1042))).isPresent();
    // date = timestamp, and an operator that is no equality.
    assertThat(JoinKeys.of(equality(2340, 1082, 1114))).isEmpty();
    assertThat(JoinKeys.of(equality(66, 23, 23))).isEmpty();
  }

  @Test
  void floatsOfTwoWidthsMeetAsTheWiderOne() {
    assertThat(JoinKeys.of(equality(299, 700, 701)))
        .hasValueSatisfying(
            key -> {
              assertThat(key.left().type().kind()).isEqualTo(TypeKind.FLOAT8);
              assertThat(key.left()).isInstanceOf(Expr.Call.class);
              assertThat(key.right()).isInstanceOf(Expr.Column.class);
            });
  }

  private static Expr equality(int function, int left, int right) {
    Signature signature =
        new Signature(function, "pg_catalog", "eq", List.of(left, right), 16, true, 'i');
    return new Expr.Call(
        signature,
        List.of(new Expr.Column(0, SqlType.of(left)), new Expr.Column(1, SqlType.of(right))),
        SqlType.BOOL,
        0);
  }
}
