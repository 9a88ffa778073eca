package io.pgtrickle.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

final class TypedLiteralsTest {
  @Test
  void findsLiteralsOfEveryKindOfTypeName() {
    assertThat(
            literals(
                "SELECT '1'::inet, 'a''b'::public.\"Odd \"\"t\"[], '1'::bit(8), B'01'::\"bit\","
                    + " '20:00'::time(2) with time zone, '0'::bit varying(3)[], E'\\\\x'::x.y"))
        .containsExactly(
            "'1'::inet",
            "'a''b'::public.\"Odd \"\"t\"[]",
            "'1'::bit(8)",
            "'1'::\"bit\"",
            "B'01'::\"bit\"",
            "'20:00'::time(2) with time zone",
            "'0'::bit varying(3)[]",
            "'0'::bit varying[]",
            "E'\\\\x'::x.y");
  }

  @Test
  void takesNoQuoteWithinANameOrATextForTheStartOfALiteral() {
    assertThat(
            literals(
                "SELECT t.\"it's\" || ' ''::inet ' || E'\\'::inet' || 'c'::money, \"x\"\"'\" FROM"
                    + " t"))
        .containsExactly("'c'::money");
  }

  @Test
  void aBackslashMeansItselfWhateverTheSettings() {
    assertThat(literals("SELECT '\\d''\\'::x.\"\\\"")).containsExactly("E'\\\\d''\\\\'::x.\"\\\"");
  }

  @Test
  void longTextsTakeNoStack() {
    String text = "it''s ".repeat(200_000);
    String escapes = "\\\\".repeat(200_000);
    assertThat(
            literals(
                "SELECT '%s'::xml, E'%s'::xml, \"%s\", 'a'::inet".formatted(text, escapes, text)))
        .containsExactly("'" + text + "'::xml", "E'" + escapes + "'::xml", "'a'::inet");
  }

  @Test
  void leavesLiteralsWithoutATypeOut() {
    assertThat(literals("SELECT 'a', 'b' || 'c', a::text")).isEmpty();
  }

  private static List<String> literals(String sql) {
    return TypedLiterals.in(sql).stream().map(TypedLiterals.Literal::sql).toList();
  }
}
