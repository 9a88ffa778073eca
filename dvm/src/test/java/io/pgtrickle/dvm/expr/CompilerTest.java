package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.expr.Expr.And;
import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Case;
import io.pgtrickle.dvm.expr.Expr.Coalesce;
import io.pgtrickle.dvm.expr.Expr.Extreme;
import io.pgtrickle.dvm.expr.Expr.IsDistinct;
import io.pgtrickle.dvm.expr.Expr.IsNull;
import io.pgtrickle.dvm.expr.Expr.IsTruth;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.NullIf;
import io.pgtrickle.dvm.expr.Expr.Or;
import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.expr.Expr.Truth;
import io.pgtrickle.dvm.expr.Expr.When;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The constructs one by one; [ExpressionServerTest] composes them.
final class CompilerTest {
  private static final EvaluationSettings SETTINGS = EvaluationSettings.of("UTC", Collation.C);

  private static final Schema SCHEMA =
      Schema.of(
          new Column("a", SqlType.BOOL),
          new Column("b", SqlType.BOOL),
          new Column("x", SqlType.INT4),
          new Column("y", SqlType.INT4));

  private static final Expr A = new Expr.Column(0, SqlType.BOOL);
  private static final Expr B = new Expr.Column(1, SqlType.BOOL);
  private static final Expr X = new Expr.Column(2, SqlType.INT4);
  private static final Expr Y = new Expr.Column(3, SqlType.INT4);
  private static final Expr NULL = new Literal(null, SqlType.INT4);

  private static final Expr FAILING = call("int4div", number(1), number(0));
  private static final Expr MAYBE_FAILING = call("int4eq", call("int4div", number(1), X), Y);

  private static Expr number(long value) {
    return new Literal(value, SqlType.INT4);
  }

  private static Call call(String name, Expr left, Expr right) {
    Signature signature = integers(name);
    return new Call(signature, List.of(left, right), signature.resultType(), 0);
  }

  private static Signature integers(String name) {
    boolean comparison = !name.equals("int4div") && !name.equals("int4pl");
    return new Signature(0, "pg_catalog", name, List.of(23, 23), comparison ? 16 : 23, true, 'i');
  }

  private static @Nullable Object evaluate(Expr expression, @Nullable Object... row) {
    return Compiler.compile(expression, SCHEMA, SETTINGS).evaluate(SCHEMA.pack(row));
  }

  private static @Nullable Object of(Expr expression, @Nullable Boolean a, @Nullable Boolean b) {
    return evaluate(expression, a, b, null, null);
  }

  private static @Nullable Object of(Expr expression, @Nullable Long x, @Nullable Long y) {
    return evaluate(expression, null, null, x, y);
  }

  private static @Nullable Boolean truth(String text) {
    return text.equals("null") ? null : Boolean.valueOf(text);
  }

  private static @Nullable Long integer(String text) {
    return text.equals("null") ? null : Long.valueOf(text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "true  | true  | true  | true ",
        "true  | false | false | true ",
        "true  | null  | null  | true ",
        "false | true  | false | true ",
        "false | false | false | false",
        "false | null  | false | null ",
        "null  | true  | null  | true ",
        "null  | false | false | null ",
        "null  | null  | null  | null "
      })
  void junctionsFollowThreeValuedLogic(String a, String b, String and, String or) {
    assertThat(of(new And(List.of(A, B)), truth(a), truth(b))).isEqualTo(truth(and));
    assertThat(of(new Or(List.of(A, B)), truth(a), truth(b))).isEqualTo(truth(or));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "true  | false | true  | false | false | false",
        "false | true  | false | true  | false | false",
        "null  | null  | false | false | true  | true "
      })
  void testsOfTruth(
      String a, String not, String isTrue, String isFalse, String isUnknown, String isNull) {
    assertThat(of(new Not(A), truth(a), null)).isEqualTo(truth(not));
    assertThat(of(new IsTruth(A, Truth.TRUE), truth(a), null)).isEqualTo(truth(isTrue));
    assertThat(of(new IsTruth(A, Truth.FALSE), truth(a), null)).isEqualTo(truth(isFalse));
    assertThat(of(new IsTruth(A, Truth.UNKNOWN), truth(a), null)).isEqualTo(truth(isUnknown));
    assertThat(of(new IsNull(A), truth(a), null)).isEqualTo(truth(isNull));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1    | 1    | false | null | 1    | 1    | 1   ",
        "1    | 2    | true  | 1    | 1    | 2    | 1   ",
        "1    | null | true  | 1    | 1    | 1    | 1   ",
        "null | 2    | true  | null | 2    | 2    | 2   ",
        "null | null | false | null | null | null | null"
      })
  void nullsInDistinctNullifCoalesceGreatestLeast(
      String x,
      String y,
      String distinct,
      String nullIf,
      String coalesce,
      String greatest,
      String least) {
    Call equality = call("int4eq", X, Y);
    List<Expr> both = List.of(X, Y);
    assertThat(of(new IsDistinct(equality), integer(x), integer(y))).isEqualTo(truth(distinct));
    assertThat(of(new NullIf(equality, SqlType.INT4), integer(x), integer(y)))
        .isEqualTo(integer(nullIf));
    assertThat(of(new Coalesce(both, SqlType.INT4), integer(x), integer(y)))
        .isEqualTo(integer(coalesce));
    assertThat(of(new Extreme(true, both, SqlType.INT4), integer(x), integer(y)))
        .isEqualTo(integer(greatest));
    assertThat(of(new Extreme(false, both, SqlType.INT4), integer(x), integer(y)))
        .isEqualTo(integer(least));
  }

  private static Expr in(boolean negated, Expr... elements) {
    return new Quantified(
        X, integers(negated ? "int4ne" : "int4eq"), 0, negated, List.of(elements));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // x | x IN (2, 3) | NOT IN | x IN (2, NULL) | NOT IN
        "2    | true  | false | true | false",
        "1    | false | true  | null | null ",
        "null | null  | null  | null | null "
      })
  void listsWithAndWithoutNull(String x, String in, String notIn, String inNull, String notInNull) {
    Expr[] plain = {number(2), number(3)};
    Expr[] withNull = {number(2), NULL};
    assertThat(of(in(false, plain), integer(x), null)).isEqualTo(truth(in));
    assertThat(of(in(true, plain), integer(x), null)).isEqualTo(truth(notIn));
    assertThat(of(in(false, withNull), integer(x), null)).isEqualTo(truth(inNull));
    assertThat(of(in(true, withNull), integer(x), null)).isEqualTo(truth(notInNull));
    // The same lists, long enough to be hashed.
    assertThat(of(in(false, longer(plain)), integer(x), null)).isEqualTo(truth(in));
    assertThat(of(in(true, longer(withNull)), integer(x), null)).isEqualTo(truth(notInNull));
  }

  private static Expr[] longer(Expr... elements) {
    List<Expr> longer = new ArrayList<>(List.of(elements));
    LongStream.range(100, 120).forEach(i -> longer.add(number(i)));
    return longer.toArray(Expr[]::new);
  }

  @Test
  void emptyListDecidesEvenForNull() {
    assertThat(of(in(false), (Long) null, null)).isEqualTo(false);
    assertThat(of(in(true), (Long) null, null)).isEqualTo(true);
  }

  @Test
  void longListsOfEqualButDistinguishableValuesAreNotHashed() {
    Schema schema = Schema.of(new Column("n", SqlType.NUMERIC));
    Signature equality =
        new Signature(1718, "pg_catalog", "numeric_eq", List.of(1700, 1700), 16, true, 'i');
    List<Expr> elements = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      elements.add(new Literal(PgNumeric.parse(i + ".0"), SqlType.NUMERIC));
    }
    Evaluator in =
        Compiler.compile(
            new Quantified(new Expr.Column(0, SqlType.NUMERIC), equality, 0, false, elements),
            schema,
            SETTINGS);
    assertThat(in.evaluate(schema.pack(PgNumeric.parse("7.000")))).isEqualTo(true);
    assertThat(in.evaluate(schema.pack(PgNumeric.parse("7.5")))).isEqualTo(false);
  }

  @Test
  void caseTakesTheFirstTrueBranchAndElseNull() {
    Expr first = new Case(List.of(new When(A, X), new When(B, Y)), null, SqlType.INT4);
    assertThat(evaluate(first, true, true, 1L, 2L)).isEqualTo(1L);
    assertThat(evaluate(first, null, true, 1L, 2L)).isEqualTo(2L);
    assertThat(evaluate(first, false, null, 1L, 2L)).isNull();
  }

  @Test
  void lazyConstructsDoNotReachErrorsBehindTheirEnd() {
    assertThat(of(new And(List.of(A, MAYBE_FAILING)), false, null)).isEqualTo(false);
    assertThat(of(new Or(List.of(A, MAYBE_FAILING)), true, null)).isEqualTo(true);
    assertThat(of(new Coalesce(List.of(X, FAILING), SqlType.INT4), 7L, null)).isEqualTo(7L);
    assertThat(
            evaluate(new Case(List.of(new When(A, FAILING)), X, SqlType.INT4), false, null, 3L, 0L))
        .isEqualTo(3L);
  }

  @Test
  void aFailingConstantFailsOnlyForTheRowsThatReachIt() {
    Expr guarded = new Case(List.of(new When(A, FAILING)), X, SqlType.INT4);
    assertThatThrownBy(() -> evaluate(guarded, true, null, 1L, 1L))
        .isInstanceOfSatisfying(
            EvaluationFailure.class,
            failure -> {
              assertThat(failure.sqlState()).isEqualTo("22012");
              assertThat(failure.text()).isEqualTo("division by zero");
            });
  }

  @Test
  void aConstantThatDecidesHidesErrorsBeforeItAsWell() {
    Expr never = new Literal(false, SqlType.BOOL);
    assertThat(of(new And(List.of(MAYBE_FAILING, never)), 0L, 1L)).isEqualTo(false);
  }

  @Test
  void aConstantNullHidesTheOtherArgumentsOfAStrictFunction() {
    assertThat(of(call("int4pl", FAILING, NULL), 0L, 0L)).isNull();
    assertThatThrownBy(() -> of(call("int4pl", FAILING, X), (Long) null, null))
        .isInstanceOf(EvaluationFailure.class);
  }

  @Test
  void predicatesPassOnlyTrue() {
    RowPredicate both = Compiler.compilePredicate(new And(List.of(A, B)), SCHEMA, SETTINGS);
    assertThat(both.test(SCHEMA.pack(true, true, null, null))).isTrue();
    assertThat(both.test(SCHEMA.pack(true, null, null, null))).isFalse();
    RowPredicate less = Compiler.compilePredicate(call("int4lt", X, number(5)), SCHEMA, SETTINGS);
    assertThat(less.test(SCHEMA.pack(null, null, 4L, null))).isTrue();
    assertThat(less.test(SCHEMA.pack(null, null, 5L, null))).isFalse();
    assertThat(less.test(SCHEMA.pack(null, null, null, null))).isFalse();
  }

  @Test
  void aPredicateRaisesTheErrorBehindANull() {
    RowPredicate condition =
        Compiler.compilePredicate(new And(List.of(A, MAYBE_FAILING)), SCHEMA, SETTINGS);
    assertThatThrownBy(() -> condition.test(SCHEMA.pack(null, null, 0L, 1L)))
        .isInstanceOf(EvaluationFailure.class);
    assertThat(condition.test(SCHEMA.pack(false, null, 0L, 1L))).isFalse();
  }

  @Test
  void relabelKeepsTheValue() {
    Schema schema = Schema.of(new Column("s", SqlType.VARCHAR));
    Expr relabel = new Relabel(new Expr.Column(0, SqlType.VARCHAR), SqlType.TEXT);
    assertThat(Compiler.compile(relabel, schema, SETTINGS).evaluate(schema.pack("x ")))
        .isEqualTo("x ");
  }

  @Test
  void whatIsNotNativeIsNotCompiled() {
    Signature toChar =
        new Signature(2049, "pg_catalog", "to_char", List.of(1114, 25), 25, true, 's');
    Expr call =
        new Call(
            toChar,
            List.of(new Literal(0L, SqlType.TIMESTAMP), new Literal("TMMonth", SqlType.TEXT)),
            SqlType.TEXT,
            100);
    assertThatThrownBy(() -> Compiler.compile(call, SCHEMA, SETTINGS))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("function pg_catalog.to_char(timestamp without time zone, text)");
  }

  @Test
  void imagesByKeyAreInTheOrderOfTheValuesAndNotWithinEachOther() {
    Expr image = new Expr.Image(List.of(X, Y), true);
    List<Bytes> images = new ArrayList<>();
    List<@Nullable Long> values = new ArrayList<>();
    for (long value : new long[] {Integer.MIN_VALUE, -257, -1, 0, 1, 255, 256, 65_536}) {
      values.add(value);
    }
    values.add(null);
    for (Long x : values) {
      for (Long y : values) {
        images.add((Bytes) Objects.requireNonNull(evaluate(image, null, null, x, y)));
      }
    }
    assertThat(images).isSorted().doesNotHaveDuplicates();
    for (Bytes each : images) {
      byte[] bytes = each.toArray();
      for (int i = 0; i < bytes.length; i++) {
        assertThat(bytes[i] == 0).isEqualTo(i == bytes.length - 1);
      }
    }
  }
}
