package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// Arithmetic and conversions of numerics against the server, text for text and error for error.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class NumericServerTest {
  private static final int PAIRS = 4_000;

  private final TestServer server;
  private final List<String> expressions = new ArrayList<>();
  private final List<String> ours = new ArrayList<>();

  NumericServerTest() throws SQLException {
    server = TestServer.connect();
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  private void expect(String expression, Supplier<?> value) {
    expressions.add(expression);
    String shown;
    try {
      shown = String.valueOf(value.get());
    } catch (EvaluationFailure e) {
      shown = e.sqlState() + " " + e.text();
    }
    ours.add(shown);
  }

  private void compareAll() throws SQLException {
    List<String> theirs = server.evaluate(expressions);
    assertThat(theirs).hasSameSizeAs(ours);
    for (int i = 0; i < ours.size(); i++) {
      assertThat(ours.get(i)).as(expressions.get(i)).isEqualTo(theirs.get(i));
    }
  }

  @AfterEach
  void forget() {
    expressions.clear();
    ours.clear();
  }

  private static String literal(PgNumeric value) {
    return "'" + value + "'::numeric";
  }

  @Test
  void arithmeticOfPairs() throws SQLException {
    SplittableRandom random = new SplittableRandom(11);
    List<PgNumeric> pool = finiteOrSpecial(11);
    for (int i = 0; i < PAIRS; i++) {
      PgNumeric l = i % 3 == 0 ? pool.get(random.nextInt(pool.size())) : Samples.numeric(random);
      PgNumeric r = i % 4 == 0 ? pool.get(random.nextInt(pool.size())) : Samples.numeric(random);
      String a = literal(l);
      String b = literal(r);
      expect(a + " + " + b, () -> l.add(r));
      expect(a + " - " + b, () -> l.subtract(r));
      expect(a + " * " + b, () -> l.multiply(r));
      expect(a + " / " + b, () -> l.divide(r));
      expect(a + " % " + b, () -> l.remainder(r));
      expect("div(" + a + ", " + b + ")", () -> l.divideTruncating(r));
    }
    compareAll();
  }

  @Test
  void operandsOfThousandsOfDigits() throws SQLException {
    List<PgNumeric> large = new ArrayList<>();
    for (String text :
        List.of(
            "9.99e131071",
            "1e-16383",
            "7e65536",
            "-0.00000",
            "12345.678",
            "1e-1000",
            "-3e-8000",
            "Infinity",
            "NaN")) {
      large.add(PgNumeric.parse(text));
    }
    for (PgNumeric l : large) {
      for (PgNumeric r : large) {
        String a = literal(l);
        String b = literal(r);
        expect(a + " + " + b, () -> l.add(r));
        expect(a + " * " + b, () -> l.multiply(r));
        expect(a + " / " + b, () -> l.divide(r));
        expect(a + " % " + b, () -> l.remainder(r));
        expect("div(" + a + ", " + b + ")", () -> l.divideTruncating(r));
      }
    }
    compareAll();
  }

  @Test
  void functionsOfOneValue() throws SQLException {
    SplittableRandom random = new SplittableRandom(12);
    List<PgNumeric> values = finiteOrSpecial(12);
    for (int i = 0; i < PAIRS; i++) {
      values.add(Samples.numeric(random));
    }
    for (PgNumeric value : values) {
      String a = literal(value);
      int scale = random.nextInt(-20, 30);
      expect("- " + a, value::negate);
      expect("abs(" + a + ")", value::abs);
      expect("sign(" + a + ")", value::sign);
      expect("ceil(" + a + ")", value::ceil);
      expect("floor(" + a + ")", value::floor);
      expect("round(" + a + ", " + scale + ")", () -> value.round(scale));
      expect("trunc(" + a + ", " + scale + ")", () -> value.truncate(scale));
    }
    for (int scale : new int[] {-200_000, -131_073, -131_072, -131_071, 16_383, 16_384, 100_000}) {
      for (String text : List.of("5e131071", "4e131071", "1.5", "-15e-16383", "0", "NaN")) {
        PgNumeric value = PgNumeric.parse(text);
        expect("round(" + literal(value) + ", " + scale + ")", () -> value.round(scale));
        expect("trunc(" + literal(value) + ", " + scale + ")", () -> value.truncate(scale));
      }
    }
    compareAll();
  }

  @Test
  void conversionsToOtherTypes() throws SQLException {
    SplittableRandom random = new SplittableRandom(13);
    List<PgNumeric> values = finiteOrSpecial(13);
    for (String text :
        List.of(
            "32767.4",
            "32767.5",
            "-32768.5",
            "-32768.49",
            "2147483647.5",
            "-2147483648.4",
            "2.5",
            "-2.5",
            "9223372036854775807.4",
            "9223372036854775807.5",
            "-9223372036854775808.5",
            "1e-400",
            "1e400",
            "1e39",
            "1e-46",
            "3.5e38",
            "1.7976931348623158e308",
            "4.9e-324",
            "2e-324")) {
      values.add(PgNumeric.parse(text));
    }
    for (int i = 0; i < PAIRS; i++) {
      values.add(Samples.numeric(random));
    }
    TypeCodec float4 = TypeCodec.of(SqlType.FLOAT4);
    TypeCodec float8 = TypeCodec.of(SqlType.FLOAT8);
    for (PgNumeric value : values) {
      String a = literal(value);
      expect(a + "::int2", value::toInt2);
      expect(a + "::int4", value::toInt4);
      expect(a + "::int8", value::toInt8);
      expect(a + "::float4", () -> float4.toText(value.toFloat4()));
      expect(a + "::float8", () -> float8.toText(value.toFloat8()));
    }
    compareAll();
  }

  @Test
  void conversionsFromOtherTypes() throws SQLException {
    for (Object value : Samples.of(SqlType.FLOAT4, 14, 6_000)) {
      String text = TypeCodec.of(SqlType.FLOAT4).toText(value);
      expect("'" + text + "'::float4::numeric", () -> PgNumeric.ofFloat4((Float) value));
    }
    for (Object value : Samples.of(SqlType.FLOAT8, 15, 12_000)) {
      String text = TypeCodec.of(SqlType.FLOAT8).toText(value);
      expect("'" + text + "'::float8::numeric", () -> PgNumeric.ofFloat8((Double) value));
    }
    for (Object value : Samples.of(SqlType.INT8, 16, 500)) {
      expect("'" + value + "'::int8::numeric", () -> PgNumeric.of((Long) value));
    }
    compareAll();
  }

  @Test
  void precisionAndScaleOfAColumn() throws SQLException {
    SplittableRandom random = new SplittableRandom(17);
    boolean anyScale = server.majorVersion() >= 15;
    List<PgNumeric> values = finiteOrSpecial(17);
    for (int i = 0; i < PAIRS; i++) {
      PgNumeric value =
          random.nextBoolean()
              ? Samples.numeric(random)
              : values.get(random.nextInt(values.size()));
      int precision = random.nextInt(1, random.nextBoolean() ? 12 : 1001);
      int scale =
          anyScale && random.nextInt(3) == 0
              ? random.nextInt(-1000, 1001)
              : random.nextInt(0, precision + 1);
      int typmod = ((precision << 16) | (scale & 0x7FF)) + 4;
      expect(
          literal(value) + "::numeric(" + precision + ", " + scale + ")",
          () -> value.withTypmod(typmod));
    }
    compareAll();
  }

  @Test
  void inputSyntax() throws SQLException {
    for (String text :
        List.of(
            "",
            " ",
            "1",
            " 1 ",
            "\t1\n",
            "+1",
            "-1",
            "--1",
            "+-1",
            "1.",
            ".1",
            ".",
            "-.5",
            "-.",
            "1.2.3",
            "1e",
            "1e+",
            "1e5",
            "1E-5",
            "1e+5",
            "1.5e3",
            "1.5e-3",
            "1e 5",
            "1 e5",
            "1a",
            "a",
            "nan",
            "NaN",
            "+nan",
            "-nan",
            "nanx",
            "inf",
            "-inf",
            "+Inf",
            "infinity",
            "-INFINITY",
            "infinit",
            "infinityx",
            "0e100",
            "0e-20",
            "0e-16383",
            "0e-16384",
            "1e131071",
            "1e131072",
            "10e131071",
            "1e-16383",
            "1e-16384",
            "10e-16384",
            "0.1e-16383",
            "1e1073741823",
            "1e1073741824",
            "1e-1073741823",
            "1e-1073741824",
            "1e99999999999999999999",
            "0e1073741824",
            "00000.00000",
            "-0",
            "-0.00",
            "000123",
            "00.1e1",
            "1e-0",
            "1,5",
            "0.0e131072",
            "1 1")) {
      expectRead(text);
    }
    SplittableRandom random = new SplittableRandom(18);
    String alphabet = "0011259.eE+-naifty ";
    for (int i = 0; i < 4_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(1, 8); n > 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      expectRead(text.toString());
    }
    compareAll();
  }

  private void expectRead(String text) throws SQLException {
    // Before 16 the exponent was read by strtol, which skips blanks.
    if (server.majorVersion() >= 16 || !text.matches("(?s).*[eE]\\s.*")) {
      expect(TestServer.quote(text) + "::numeric", () -> PgNumeric.parse(text));
    }
  }

  @Test
  void sumsAndAveragesOfColumns() throws SQLException {
    SplittableRandom random = new SplittableRandom(19);
    for (int i = 0; i < 400; i++) {
      NumericSum sum = new NumericSum();
      List<String> values = new ArrayList<>();
      PgNumeric gone = Samples.numeric(random);
      sum.add(gone, 3);
      for (int n = random.nextInt(1, 8); n > 0; n--) {
        PgNumeric value = Samples.numeric(random);
        sum.add(value, 1);
        values.add(value.toString());
      }
      sum.add(gone, -3);
      String column = "unnest('{" + String.join(",", values) + "}'::numeric[]) u(v)";
      expect("SELECT sum(v) FROM " + column, sum::sum);
      expect("SELECT avg(v) FROM " + column, sum::average);
    }
    compareAll();
  }

  private static List<PgNumeric> finiteOrSpecial(long seed) {
    List<PgNumeric> values = new ArrayList<>();
    for (Object value : Samples.of(SqlType.NUMERIC, seed, 300)) {
      // The longest ones have a test of their own.
      PgNumeric numeric = (PgNumeric) value;
      if (!numeric.isFinite() || numeric.decimal().precision() < 2_000) {
        values.add(numeric);
      }
    }
    return values;
  }
}
