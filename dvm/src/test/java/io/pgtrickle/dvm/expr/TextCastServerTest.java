package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.Samples;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Casts through text against the server: what it accepts beyond plain decimals, and what it
/// prints.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class TextCastServerTest {
  private final TestServer server;
  private final int version;

  TextCastServerTest() throws SQLException {
    server = TestServer.connect();
    version = server.majorVersion();
  }

  @AfterAll
  void disconnect() throws SQLException {
    server.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "int2    | ` 01_xob37f-+`",
        "int4    | ` 01_xob37f-+`",
        "int8    | ` 01_xob37f-+`",
        "int8    | `0123456789_`",
        "numeric | ` 01_xob37f-+`",
        "numeric | `01_.e-5`",
        "float4  | `0x1p.aF-+ `",
        "float8  | `0x1p.aF-+ `",
        "float8  | `nan()_1+ `",
        "bool    | `tTrueyso10 `",
        "uuid    | `0123456789abcdEF-{}`",
        "bytea   | `\\x0127aF`"
      })
  void textIsReadAsTheServerReadsIt(String typeName, String alphabet) throws SQLException {
    SqlType type = SqlType.of(TypeKind.valueOf(typeName.toUpperCase(Locale.ROOT)).oid());
    List<String> texts =
        new ArrayList<>(
            List.of(
                "",
                "0x",
                "0x_1",
                "0b_",
                "0o17",
                "0X1F",
                "1_000",
                "0xFFFFFFFFFFFFFFFF",
                "0x8000000000000000",
                "-0x8000000000000000",
                "0x7fffffff",
                "-0x80000000",
                "0x80000000",
                "-0x8000",
                "0x8000",
                "1__0",
                "_1",
                "1_",
                "1_.5",
                "1._5",
                "1.5_5",
                "1e1_0",
                "1e_1",
                "0x1.8p1",
                "0x.8",
                "0x1p99999",
                "0x1p-99999",
                "0x0p5",
                "nan(12)",
                "nan(",
                "99999999999999999999x",
                "0b12",
                "0o8",
                "0xg",
                "+0x1",
                "- 1"));
    SplittableRandom random = new SplittableRandom((typeName + alphabet).hashCode());
    for (int i = 0; i < 3_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(1, random.nextInt(2, 22)); n > 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      texts.add((random.nextBoolean() ? "0x" : "") + text);
    }
    Schema schema = Schema.of(new Column("a", SqlType.TEXT));
    Evaluator cast =
        Compiler.compile(
            new Expr.TextCast(new Expr.Column(0, SqlType.TEXT), type),
            schema,
            EvaluationSettings.of(version, "UTC", Collation.C));
    List<String> theirs =
        server.evaluate(
            texts.stream().map(text -> TestServer.quote(text) + "::text::" + typeName).toList());
    for (int i = 0; i < texts.size(); i++) {
      String expected = theirs.get(i);
      String answer = answer(cast, schema, texts.get(i), type);
      if (version < 18 && type.kind().isFloat() && expected.startsWith("22003")) {
        // Older servers quote more of the text around a number that is out of range.
        expected = expected.substring(0, 5);
        answer = answer.substring(0, 5);
      }
      assertThat(answer).as("%s from <%s>", typeName, texts.get(i)).isEqualTo(expected);
    }
  }

  private static String answer(Evaluator cast, Schema schema, String text, SqlType type) {
    try {
      Object value = cast.evaluate(schema.pack(text));
      return value instanceof Boolean truth
          ? String.valueOf(truth)
          : TypeCodec.of(type).toText(java.util.Objects.requireNonNull(value));
    } catch (EvaluationFailure failure) {
      return failure.sqlState() + " " + failure.text();
    }
  }

  static List<SqlType> types() {
    return Samples.types();
  }

  @ParameterizedTest
  @MethodSource("types")
  void valuesArePrintedAsTheServerPrintsThem(SqlType type) throws SQLException {
    String typeName = type.kind().name().toLowerCase(Locale.ROOT);
    List<Object> values = server.known(type, Samples.of(type, 7, 500));
    Schema schema = Schema.of(new Column("a", type));
    TypeCodec codec = TypeCodec.of(type);
    for (String zone : List.of("UTC", "Europe/Berlin", "America/St_Johns")) {
      Evaluator cast =
          Compiler.compile(
              new Expr.TextCast(new Expr.Column(0, type), SqlType.TEXT),
              schema,
              EvaluationSettings.of(version, zone, Collation.C));
      try (Statement statement = server.connection().createStatement()) {
        statement.execute("SET TIME ZONE " + TestServer.quote(zone));
      }
      List<String> theirs =
          server
              .query(
                  "SELECT format('%s', e::"
                      + typeName
                      + ") FROM unnest(?::text[]) WITH ORDINALITY u(e, n) ORDER BY n",
                  values.stream().map(codec::toText).toList())
              .stream()
              .map(row -> String.valueOf(row[0]))
              .toList();
      for (int i = 0; i < values.size(); i++) {
        assertThat(cast.evaluate(schema.pack(values.get(i)))).isEqualTo(theirs.get(i));
      }
    }
  }
}
