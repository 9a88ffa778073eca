package io.pgtrickle.dvm.plan.rewrite;

import static io.pgtrickle.dvm.plan.rewrite.Algebra.col;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.divided;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.filter;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.less;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.scan;
import static io.pgtrickle.dvm.plan.rewrite.Algebra.value;
import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ConstantFoldingTest {
  private static final EvaluationSettings SETTINGS = EvaluationSettings.of("UTC", Collation.C);
  private static final Signature REPEAT =
      new Signature(1622, "pg_catalog", "repeat", List.of(25, 23), 25, true, 'i');
  private static final Signature UNKNOWN =
      new Signature(99_999, "public", "f", List.of(23), 23, true, 'i');

  private static Expr folded(Expr expression) {
    Plan plan = ConstantFolding.rewrite(filter(scan(1, 2), expression), SETTINGS);
    return plan instanceof Plan.Filter(Plan _, Expr condition) ? condition : expression;
  }

  @Test
  void callsOfConstantsAreTheirValues() {
    Expr condition = less(col(0), divided(divided(value(40), value(2)), value(3)));
    assertThat(Expressions.isTotal(less(col(0), divided(col(1), value(0))))).isFalse();
    assertThat(folded(condition)).isEqualTo(less(col(0), value(6)));
  }

  @Test
  void whatFailsIsLeftToFail() {
    Expr condition = less(divided(value(1), value(0)), divided(value(8), value(2)));
    assertThat(folded(condition)).isEqualTo(less(divided(value(1), value(0)), value(4)));
  }

  @Test
  void whatHasColumnsOrIsNotNativeStays() {
    Expr asked = new Expr.Call(UNKNOWN, List.of(value(1)), SqlType.INT4, 0);
    assertThat(folded(less(asked, col(1)))).isEqualTo(less(asked, col(1)));
    assertThat(folded(less(divided(col(0), value(2)), col(1))))
        .isEqualTo(less(divided(col(0), value(2)), col(1)));
  }

  @Test
  void aCollationOfItsOwnAndTheNameOfAZoneStay() {
    Expr text = new Expr.Literal("m", SqlType.TEXT);
    Expr collated = new Expr.Relabel(text, SqlType.of(25, -1, 12_345));
    assertThat(folded(new Expr.IsNull(collated))).isEqualTo(new Expr.IsNull(collated));
    Expr zone =
        new Expr.Call(
            REPEAT, List.of(new Expr.Literal("UTC", SqlType.TEXT), value(1)), SqlType.TEXT, 100);
    assertThat(folded(new Expr.IsNull(zone))).isEqualTo(new Expr.IsNull(zone));
  }

  @Test
  void longTextsStayCalls() {
    Expr text = new Expr.Literal("ab", SqlType.TEXT);
    Expr many = new Expr.Call(REPEAT, List.of(text, value(100_000)), SqlType.TEXT, 100);
    Expr few = new Expr.Call(REPEAT, List.of(text, value(2)), SqlType.TEXT, 100);
    assertThat(folded(new Expr.IsNull(many))).isEqualTo(new Expr.IsNull(many));
    assertThat(folded(new Expr.IsNull(few)))
        .isEqualTo(new Expr.IsNull(new Expr.Literal("abab", SqlType.TEXT)));
  }

  @Test
  void aConstantMayMakeAFunctionHarmless() {
    assertThat(Expressions.isTotal(divided(col(0), value(7)))).isTrue();
    assertThat(Expressions.isTotal(divided(col(0), value(-1)))).isFalse();
    assertThat(Expressions.isTotal(divided(col(0), col(1)))).isFalse();
    assertThat(Expressions.isTotal(like("100\\%"))).isTrue();
    assertThat(Expressions.isTotal(like("100\\\\"))).isTrue();
    assertThat(Expressions.isTotal(like("100\\"))).isFalse();
    // Under a collation that is not known the server may refuse any pattern.
    assertThat(Expressions.isTotal(like("a%", 12_345))).isFalse();
  }

  private static Expr like(String pattern) {
    return like(pattern, 100);
  }

  private static Expr like(String pattern, int collation) {
    Signature like = new Signature(850, "pg_catalog", "textlike", List.of(25, 25), 16, true, 'i');
    return new Expr.Call(
        like,
        List.of(new Expr.Column(0, SqlType.TEXT), new Expr.Literal(pattern, SqlType.TEXT)),
        SqlType.BOOL,
        collation);
  }
}
