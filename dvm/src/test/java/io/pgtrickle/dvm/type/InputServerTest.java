package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Odd and malformed text: what the server's input functions take, and how they complain.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class InputServerTest {
  private final TestServer server;

  InputServerTest() throws SQLException {
    server = TestServer.connect();
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
        "bool   | ` tfTFrueyesno10lasf`",
        "int2   | ` 012356789+-`",
        "int4   | ` 12345678900000+-`",
        "int8   | ` 0123456789000000+-`",
        "float4 | ` 0123456789.eE+-naif`",
        "float8 | ` 0123456789.eE+-naif`",
        "bytea  | `\\x01237aF g`",
        "uuid   | `0123456789abcDEF-{}g`"
      })
  void randomTextOfAnAlphabet(String type, String alphabet) throws SQLException {
    TypeCodec codec =
        TypeCodec.of(SqlType.of(TypeKind.valueOf(type.toUpperCase(Locale.ROOT)).oid()));
    SplittableRandom random = new SplittableRandom(type.hashCode());
    List<String> texts = new ArrayList<>(special(type));
    for (int i = 0; i < 4_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(random.nextInt(1, 24) + 1); n > 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      texts.add(text.toString());
    }
    List<String> theirs =
        server.evaluate(texts.stream().map(text -> TestServer.quote(text) + "::" + type).toList());
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i);
      String expected = theirs.get(i);
      String answer = read(codec, text);
      if (server.majorVersion() < 18 && type.startsWith("float") && expected.startsWith("22003")) {
        // Older servers quote more of the text around a number that is out of range.
        expected = expected.substring(0, 5);
        answer = answer.substring(0, 5);
      }
      assertThat(answer).as("%s from <%s>", type, text).isEqualTo(expected);
    }
  }

  private static String read(TypeCodec codec, String text) {
    try {
      Object value = codec.fromText(text);
      // The cast to text spells a boolean out, its output function does not.
      return value instanceof Boolean truth ? String.valueOf(truth) : codec.toText(value);
    } catch (EvaluationFailure e) {
      return e.sqlState() + " " + e.text();
    }
  }

  private static List<String> special(String type) {
    return switch (type) {
      case "bool" ->
          List.of(
              "true", "TRUE", "tr", "fals", "f", "yes", "Y", "no", "n", "on", "ON", "o", "of",
              "off", "1", "0", "01", "", " ", " true ", "truee", "\tf\n", "tru e");
      case "int2" -> List.of("32767", "32768", "-32768", "-32769", "+32767", "00032767");
      case "int4" -> List.of("2147483647", "2147483648", "-2147483648", "-2147483649", "- 1");
      case "int8" ->
          List.of(
              "9223372036854775807",
              "9223372036854775808",
              "-9223372036854775808",
              "-9223372036854775809",
              "99999999999999999999999",
              "18446744073709551617");
      case "float4", "float8" ->
          List.of(
              "nan",
              "+nan",
              "-nan",
              "inf",
              "-inf",
              "+Infinity",
              "INFINITY",
              "infinit",
              "1e400",
              "-1e400",
              "1e-400",
              "0e-400",
              "1e39",
              "1e-46",
              "1d",
              "1f",
              "1.",
              ".5",
              ".",
              "",
              " 1 ",
              "1 2",
              "-0",
              "1e5x",
              "4.9e-324",
              "2e-324",
              "3e-324",
              "1e",
              "1e+",
              "3.4028236e38",
              "3.4028235677973366e38",
              "7.0064923216240854e-46",
              "7.006492321624086e-46",
              "1.7976931348623158e308",
              "1.7976931348623159e308");
      case "bytea" ->
          List.of(
              "",
              "\\x",
              "\\x0",
              "\\x00",
              "\\x0 0",
              "\\x00 11",
              "\\x00  1g",
              "a\\000b",
              "\\\\",
              "\\",
              "\\400",
              "\\377",
              "\\37",
              "é",
              "\\xé",
              "a\\\\b");
      case "uuid" ->
          List.of(
              "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
              "{a0eebc999c0b4ef8bb6d6bb9bd380a11}",
              "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
              "a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11",
              "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
              "{a0eebc999c0b4ef8bb6d6bb9bd380a11",
              "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
              "a0eebc999c0b4ef8bb6d6bb9bd380a1",
              " a0eebc999c0b4ef8bb6d6bb9bd380a11",
              "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11");
      default -> throw new IllegalArgumentException(type);
    };
  }
}
