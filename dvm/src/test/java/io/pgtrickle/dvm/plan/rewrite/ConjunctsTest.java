package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.and;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.equal;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.join;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.key;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ConjunctsTest {
  private final Expr a = equal(col(0), col(2));
  private final Expr b = less(col(1), value(5));
  private final Expr c = less(col(3), value(7));
  private final Expr fails = equal(divided(value(1), col(0)), value(1));

  private static Expr or(Expr... operands) {
    return new Expr.Or(List.of(operands));
  }

  @Test
  void nestedAndsAreOneList() {
    assertThat(Conjuncts.of(and(a, and(b, c)))).containsExactly(a, b, c);
  }

  @Test
  void whatAllAlternativesHaveInCommonIsAConditionOfItsOwn() {
    assertThat(Conjuncts.of(or(and(a, b), and(c, a)))).containsExactly(a, or(b, c));
    assertThat(Conjuncts.of(or(and(a, b, c), and(c, b, fails))))
        .containsExactly(b, c, or(a, fails));
  }

  @Test
  void anAlternativeWithoutMoreAbsorbsTheOthers() {
    assertThat(Conjuncts.of(or(and(a, b), a))).containsExactly(a);
  }

  @Test
  void alternativesWithNothingInCommonStay() {
    assertThat(Conjuncts.of(or(a, and(b, c)))).containsExactly(or(a, and(b, c)));
  }

  @Test
  void whatMayFailIsNotPutFirst() {
    Expr either = or(and(a, fails), and(b, fails));
    assertThat(Conjuncts.of(either)).containsExactly(either);
  }

  @Test
  void whatMayFailIsAskedInTheOrderOfItsCost() {
    Plan t = scan(1, 4);
    Expr cheap = less(value(0), divided(col(1), col(0)));
    Expr asCheap = less(value(1), divided(col(1), col(0)));
    Expr dear = less(value(2), divided(divided(col(1), col(0)), col(2)));
    Plan sorted = filter(filter(filter(filter(t, b), cheap), asCheap), dear);
    assertThat(Conjuncts.filter(t, List.of(dear, cheap, b, asCheap))).isEqualTo(sorted);
    assertThat(Conjuncts.filter(Conjuncts.filter(t, List.of(dear, cheap)), List.of(asCheap, b)))
        .isEqualTo(sorted);
    assertThat(Conjuncts.filter(t, List.of(fails, dear, cheap)))
        .isEqualTo(filter(filter(filter(t, cheap), fails), dear));
  }

  @Test
  void whereACostIsNotKnownTheOrderIsThatOfTheText() {
    Plan t = scan(1, 4);
    Expr dear = less(value(2), divided(divided(col(1), col(0)), col(2)));
    Expr cheap = less(value(0), divided(col(1), col(0)));
    Signature users = new Signature(16_400, "public", "f", List.of(23), 16, true, 'i');
    Expr unknown = new Expr.Call(users, List.of(col(0)), SqlType.BOOL, 0);
    assertThat(Conjuncts.filter(t, List.of(dear, unknown, cheap)))
        .isEqualTo(filter(filter(filter(t, dear), unknown), cheap));
  }

  @Test
  void theConditionsOfAJoinAreAskedInThatOrderToo() {
    Expr cheap = less(value(0), divided(col(1), col(0)));
    Expr dear = less(value(2), divided(divided(col(1), col(0)), col(2)));
    assertThat(Conjuncts.inOrder(and(dear, cheap, b))).isEqualTo(and(b, cheap, dear));
    Plan left = scan(1, 2);
    Plan right = scan(2, 2);
    assertThat(ConditionOrder.rewrite(join(left, right, and(dear, cheap, b))))
        .isEqualTo(join(left, right, and(b, cheap, dear)));
  }

  @Test
  void castsThroughTextCostTwoCalls() {
    Expr cast = new Expr.TextCast(new Expr.Column(0, SqlType.TEXT), SqlType.INT4);
    assertThat(EvaluationCost.of(cast)).hasValue(2);
    assertThat(EvaluationCost.of(less(value(5), cast))).hasValue(3);
    assertThat(EvaluationCost.of(and(fails, new Expr.IsNull(col(0))))).hasValue(2);
  }

  @Test
  void alternativesThatShareAnEqualityAreJoinedByIt() {
    Plan left = scan(1, 2);
    Plan right = scan(2, 2);
    assertThat(JoinOrdering.rewrite(join(left, right, or(and(a, b), and(a, c)))))
        .isEqualTo(join(left, right, or(b, c), key(col(0), col(0))));
  }
}
