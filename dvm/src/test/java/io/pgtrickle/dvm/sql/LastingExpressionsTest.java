package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LastingExpressionsTest {
  private static final int POINT = 600;
  private static final int JSON = 114;
  private static final int CSTRING = 2275;

  private static Expr column(int type) {
    return new Expr.Column(0, SqlType.of(type));
  }

  private static Expr call(String name, SqlType type, Expr... arguments) {
    List<Integer> types = IntStream.range(0, arguments.length).mapToObj(_ -> 25).toList();
    Signature function = new Signature(1, "pg_catalog", name, types, type.oid(), true, 'i');
    return new Expr.Call(function, List.of(arguments), type, 0);
  }

  private static Expr verbatim(String before, SqlType type, Expr operand) {
    return new Expr.Verbatim(List.of(before, ")"), List.of(operand), type);
  }

  @ParameterizedTest
  @CsvSource({
    "16, true",
    "20, true",
    "1700, true",
    "1043, true",
    "2950, true",
    "3802, true",
    "701, false",
    "1186, false",
    "17, false",
    "600, false",
    "100000, false"
  })
  void aTextLastsWhereNoSettingHasAPartInIt(int type, boolean lasts) {
    Expr text = new Expr.TextCast(column(type), SqlType.TEXT);
    assertThat(LastingExpressions.isLasting(text)).isEqualTo(lasts);
    assertThat(LastingExpressions.isLasting(call("lower", SqlType.TEXT, text))).isEqualTo(lasts);
    assertThat(LastingExpressions.isLasting(verbatim("JSON_ARRAY(", SqlType.of(JSON), text)))
        .isEqualTo(lasts);
    assertThat(
            LastingExpressions.isLasting(verbatim("JSON_ARRAY(", SqlType.of(JSON), column(type))))
        .isEqualTo(lasts);
  }

  @ParameterizedTest
  @CsvSource({"UTC, true", "GMT, true", "Europe/Berlin, true", "EST, false", "CET, false"})
  void aZoneThatMayBeAnAbbreviationDoesNotLast(String zone, boolean lasts) {
    Expr local =
        call(
            "timezone",
            SqlType.TIMESTAMP,
            new Expr.Literal(zone, SqlType.TEXT),
            new Expr.Column(0, SqlType.TIMESTAMPTZ));
    assertThat(LastingExpressions.isLasting(local)).isEqualTo(lasts);
  }

  @Test
  void functionsThatReadSettingsDoNotLast() {
    Expr text = new Expr.Column(0, SqlType.TEXT);
    assertThat(LastingExpressions.isLasting(call("quote_ident", SqlType.TEXT, text))).isFalse();
    assertThat(LastingExpressions.isLasting(call("quote_literal", SqlType.TEXT, text))).isTrue();
    Expr written = call("point_out", SqlType.of(CSTRING), column(POINT));
    assertThat(LastingExpressions.isLasting(call("textin", SqlType.TEXT, written))).isFalse();
    assertThat(LastingExpressions.isLasting(verbatim("(1 + ", SqlType.FLOAT8, column(POINT))))
        .isTrue();
  }
}
