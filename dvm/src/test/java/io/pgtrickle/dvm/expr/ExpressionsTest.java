package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Case;
import io.pgtrickle.dvm.expr.Expr.Column;
import io.pgtrickle.dvm.expr.Expr.IsDistinct;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Expr.TextCast;
import io.pgtrickle.dvm.expr.Expr.When;
import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

final class ExpressionsTest {
  private static final Column X = new Column(2, SqlType.INT4);
  private static final Column Y = new Column(3, SqlType.INT4);

  private static Call call(String name, int result, Expr left, Expr right) {
    Signature signature = new Signature(0, "pg_catalog", name, List.of(23, 23), result, true, 'i');
    return new Call(signature, List.of(left, right), signature.resultType(), 0);
  }

  @Test
  void columnsAreReplacedEverywhere() {
    Expr sum = call("int4pl", 23, X, Y);
    Expr tree =
        new Case(
            List.of(
                new When(new IsDistinct(call("int4eq", 16, X, Y)), X),
                new When(
                    new Quantified(X, call("int4eq", 16, X, X).function(), 0, false, List.of(Y)),
                    Y)),
            sum,
            SqlType.INT4);
    List<Expr> projection = List.of(Y, Y, new Column(0, SqlType.INT4), sum);
    Expr composed = Expressions.over(tree, projection);
    assertThat(Expressions.columns(tree)).containsExactly(2, 3);
    assertThat(Expressions.columns(composed)).containsExactly(0, 2, 3);
    assertThat(Expressions.over(Y, projection)).isEqualTo(sum);
  }

  @Test
  void shiftMovesColumns() {
    assertThat(Expressions.columns(Expressions.shift(call("int4pl", 23, X, Y), -2)))
        .containsExactly(0, 1);
  }

  @Test
  void mapSeesOperandsFirst() {
    List<Expr> seen = new ArrayList<>();
    Expr not = new Not(call("int4eq", 16, X, Y));
    Expressions.map(
        not,
        node -> {
          seen.add(node);
          return node;
        });
    assertThat(seen).containsExactly(X, Y, call("int4eq", 16, X, Y), not);
  }

  @RepeatedTest(50)
  void identityMapRebuildsAnEqualTree(RepetitionInfo repetition) {
    Expr tree = new RandomExpressions(repetition.getCurrentRepetition()).of(SqlType.BOOL, 4).tree();
    assertThat(Expressions.map(tree, node -> node)).isEqualTo(tree);
    assertThat(Expressions.shift(Expressions.shift(tree, 5), -5)).isEqualTo(tree);
  }

  @Test
  void comparisonsAreTotalArithmeticIsNot() {
    assertThat(Expressions.isTotal(call("int4lt", 16, X, Y))).isTrue();
    assertThat(Expressions.isTotal(call("int4lt", 16, call("int4pl", 23, X, Y), Y))).isFalse();
    assertThat(Expressions.isTotal(call("no_such_function", 23, X, Y))).isFalse();
    assertThat(Expressions.isTotal(new TextCast(X, SqlType.TEXT))).isTrue();
    assertThat(Expressions.isTotal(new TextCast(new Literal("1", SqlType.TEXT), SqlType.INT4)))
        .isFalse();
  }
}
