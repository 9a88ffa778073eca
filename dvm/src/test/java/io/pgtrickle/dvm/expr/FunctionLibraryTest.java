package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Column;
import io.pgtrickle.dvm.expr.Expr.Extreme;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.expr.Expr.TextCast;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// When the engine refuses to evaluate an expression itself.
final class FunctionLibraryTest {
  private static final Collation GERMAN = Collation.of('c', "de_DE.UTF-8", "de_DE.UTF-8", "", true);
  private static final EvaluationSettings C = EvaluationSettings.of("UTC", Collation.C);
  private static final EvaluationSettings LINGUISTIC = EvaluationSettings.of("UTC", GERMAN);
  private static final Column S = new Column(0, SqlType.TEXT);
  private static final Column TZ = new Column(1, SqlType.TIMESTAMPTZ);

  private static Signature signature(String name, int result, Integer... arguments) {
    return new Signature(0, "pg_catalog", name, List.of(arguments), result, true, 'i');
  }

  private static Call call(Signature function, int collation, Expr... arguments) {
    return new Call(function, List.of(arguments), function.resultType(), collation);
  }

  @Test
  void anOverloadIsFoundByItsExactSignatureOnly() {
    assertThat(FunctionLibrary.find(signature("int4pl", 23, 23, 23))).isPresent();
    assertThat(FunctionLibrary.find(signature("int4pl", 23, 23, 20))).isEmpty();
    assertThat(FunctionLibrary.find(signature("int4pl", 20, 23, 23))).isEmpty();
    Signature other = new Signature(0, "public", "int4pl", List.of(23, 23), 23, true, 'i');
    assertThat(FunctionLibrary.find(other)).isEmpty();
  }

  @Test
  void textOrderIsNativeUnderByteOrderOnly() {
    Expr less = call(signature("text_lt", 16, 25, 25), 100, S, S);
    assertThat(FunctionLibrary.isNative(less, C)).isTrue();
    assertThat(FunctionLibrary.refusals(less, LINGUISTIC))
        .containsExactly(
            "function pg_catalog.text_lt(text, text) under a collation that does not order by"
                + " bytes");
    Expr underC = call(signature("text_lt", 16, 25, 25), 950, S, S);
    assertThat(FunctionLibrary.isNative(underC, LINGUISTIC)).isTrue();
    Expr greatest = new Extreme(true, List.of(S, S), SqlType.TEXT);
    assertThat(FunctionLibrary.isNative(greatest, C)).isTrue();
    assertThat(FunctionLibrary.isNative(greatest, LINGUISTIC)).isFalse();
  }

  @Test
  void textEqualityIsNativeUnderEveryDeterministicCollation() {
    Expr equal = call(signature("texteq", 16, 25, 25), 100, S, S);
    assertThat(FunctionLibrary.isNative(equal, LINGUISTIC)).isTrue();
    EvaluationSettings nondeterministic =
        EvaluationSettings.of("UTC", Collation.of('i', "", "", "und", false));
    assertThat(FunctionLibrary.isNative(equal, nondeterministic)).isFalse();
    EvaluationSettings unknown =
        new EvaluationSettings(18, "UTC", true, DateOrder.MDY, true, true, true, true, Map.of());
    assertThat(FunctionLibrary.isNative(equal, unknown)).isFalse();
  }

  @Test
  void caseIsNativeInAsciiOnly() {
    Expr lower = call(signature("lower", 25, 25), 100, S);
    assertThat(FunctionLibrary.isNative(lower, C)).isTrue();
    assertThat(FunctionLibrary.isNative(lower, LINGUISTIC)).isFalse();
    EvaluationSettings builtin =
        EvaluationSettings.of("UTC", Collation.of('b', "", "", "C.UTF-8", true));
    assertThat(FunctionLibrary.isNative(lower, builtin)).isFalse();
  }

  @Test
  void aTimeZoneMustBeKnownByItsExactName() {
    Expr day = call(signature("date", 1082, 1184), 0, TZ);
    assertThat(FunctionLibrary.isNative(day, EvaluationSettings.of("Europe/Berlin", GERMAN)))
        .isTrue();
    for (String zone : List.of("europe/berlin", "<+02>-02", "+02", "PST8PDT7", "posixrules")) {
      assertThat(FunctionLibrary.refusals(day, EvaluationSettings.of(zone, GERMAN)))
          .containsExactly(
              "function pg_catalog.date(timestamp with time zone) under time zone " + zone);
    }
  }

  @Test
  void anArgumentThatIsATimeZoneMustBeAConstantOfOneMeaning() {
    Signature atTimeZone = signature("timezone", 1114, 25, 1184);
    assertThat(FunctionLibrary.isNative(call(atTimeZone, 100, zone("Asia/Tokyo"), TZ), C)).isTrue();
    assertThat(FunctionLibrary.isNative(call(atTimeZone, 100, S, TZ), C)).isFalse();
    // An abbreviation to the server, a zone with summer time to Java.
    assertThat(FunctionLibrary.isNative(call(atTimeZone, 100, zone("CET"), TZ), C)).isFalse();
  }

  private static Expr zone(String name) {
    return new Literal(name, SqlType.TEXT);
  }

  @Test
  void datesArePrintedUnderIsoOnly() {
    Expr cast = new TextCast(new Column(2, SqlType.DATE), SqlType.TEXT);
    assertThat(FunctionLibrary.isNative(cast, C)).isTrue();
    EvaluationSettings german =
        new EvaluationSettings(
            18, "UTC", false, DateOrder.MDY, true, true, true, true, Map.of(100, Collation.C));
    assertThat(FunctionLibrary.refusals(cast, german)).containsExactly("output of type date");
  }

  @Test
  void floatsArePrintedWithAllTheirDigitsOnly() {
    EvaluationSettings rounded = output(false, true);
    for (SqlType type : List.of(SqlType.FLOAT4, SqlType.FLOAT8)) {
      Expr cast = new TextCast(new Column(0, type), SqlType.TEXT);
      assertThat(FunctionLibrary.isNative(cast, C)).isTrue();
      assertThat(FunctionLibrary.isNative(cast, rounded)).isFalse();
      Expr read = new TextCast(S, type);
      assertThat(FunctionLibrary.isNative(read, rounded)).isTrue();
      Expr concatenated = call(signature("concat", 25, 2276), 100, new Column(0, type));
      assertThat(FunctionLibrary.isNative(concatenated, C)).isTrue();
      assertThat(FunctionLibrary.isNative(concatenated, rounded)).isFalse();
    }
  }

  @Test
  void bytesArePrintedInHexadecimalOnly() {
    EvaluationSettings escaped = output(true, false);
    Expr cast = new TextCast(new Column(0, SqlType.BYTEA), SqlType.TEXT);
    assertThat(FunctionLibrary.isNative(cast, C)).isTrue();
    assertThat(FunctionLibrary.refusals(cast, escaped)).containsExactly("output of type bytea");
  }

  private static EvaluationSettings output(boolean exactFloats, boolean hexBytes) {
    return new EvaluationSettings(
        18,
        "UTC",
        true,
        DateOrder.MDY,
        true,
        exactFloats,
        hexBytes,
        true,
        Map.of(100, Collation.C));
  }

  @Test
  void charactersAreNativeInUtf8DatabasesOnly() {
    EvaluationSettings latin =
        new EvaluationSettings(
            18, "UTC", true, DateOrder.MDY, true, true, true, false, Map.of(100, Collation.C));
    assertThat(FunctionLibrary.isNative(call(signature("length", 23, 25), 100, S), latin))
        .isFalse();
  }

  @Test
  void valuesThatAreNotUnderstoodAreCarriedButNotComputedWith() {
    SqlType json = SqlType.of(114);
    Expr carried = new Expr.IsNull(new Column(0, json));
    assertThat(FunctionLibrary.isNative(carried, C)).isTrue();
    assertThat(FunctionLibrary.refusals(new TextCast(new Column(0, json), SqlType.TEXT), C))
        .containsExactly("output of type json");
    assertThat(
            FunctionLibrary.refusals(new Relabel(new Column(0, SqlType.INT4), SqlType.of(26)), C))
        .containsExactly("cast from integer to oid");
    assertThat(FunctionLibrary.refusals(new TextCast(S, SqlType.DATE), C))
        .containsExactly("cast from text to date");
  }
}
