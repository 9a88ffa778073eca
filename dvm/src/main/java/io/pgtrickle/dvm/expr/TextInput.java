package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The cast from text to another type, by the type's input function.
///
/// The codecs read decimal numbers. The server also takes, since version 16, integers and numerics
/// in
/// hexadecimal, octal and binary and underscores between digits, and ever since the hexadecimal
/// floating
/// point numbers of C.
final class TextInput {
  private static final int UNDERSCORES_SINCE = 16;

  private static final String SPACE = "[ \\t\\n\\u000b\\f\\r]*";

  private static final Pattern NOT_PLAIN = Pattern.compile("[_xXoObB]");
  private static final Pattern INTEGER =
      Pattern.compile(SPACE + "([+-]?)(?:0([xXoObB]))?(.*?)" + SPACE, Pattern.DOTALL);
  private static final Pattern LONE_UNDERSCORE = Pattern.compile("(?<![0-9])_|_(?![0-9])");
  private static final Pattern HEX_FLOAT =
      Pattern.compile(
          SPACE
              + "([+-]?0[xX](?:[0-9a-fA-F]+\\.?[0-9a-fA-F]*|\\.[0-9a-fA-F]+))([pP][+-]?[0-9]+)?"
              + SPACE);
  private static final Pattern NAN =
      Pattern.compile(SPACE + "[+-]?nan\\([0-9a-z_]*\\)" + SPACE, Pattern.CASE_INSENSITIVE);

  private TextInput() {}

  /// Whether text is read exactly as the server reads it; dates are not, for their many forms.
  static boolean isExact(TypeKind kind) {
    return switch (kind) {
      case BOOL, INT2, INT4, INT8, NUMERIC, FLOAT4, FLOAT8, TEXT, VARCHAR, BPCHAR, UUID, BYTEA ->
          true;
      case DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL, OPAQUE, LABELED -> false;
    };
  }

  /// The cast to a type.
  static Function<String, Object> of(SqlType type, EvaluationSettings settings) {
    TypeCodec codec = TypeCodec.of(type);
    boolean extended = settings.serverVersion() >= UNDERSCORES_SINCE;
    return switch (type.kind()) {
      case INT2 -> integer(codec, extended, IntegerFunctions.Width.SMALL);
      case INT4 -> integer(codec, extended, IntegerFunctions.Width.PLAIN);
      case INT8 -> integer(codec, extended, IntegerFunctions.Width.BIG);
      case NUMERIC ->
          text -> extended && isNotPlain(text) ? numeric(codec, text) : codec.fromText(text);
      case FLOAT4, FLOAT8 -> text -> floating(codec, type.kind(), text);
      case BOOL,
          TEXT,
          VARCHAR,
          BPCHAR,
          UUID,
          BYTEA,
          DATE,
          TIMESTAMP,
          TIMESTAMPTZ,
          INTERVAL,
          OPAQUE,
          LABELED ->
          codec::fromText;
    };
  }

  private static boolean isNotPlain(String text) {
    return NOT_PLAIN.matcher(text).find();
  }

  private static Function<String, Object> integer(
      TypeCodec codec, boolean extended, IntegerFunctions.Width width) {
    return text ->
        extended && isNotPlain(text) ? (Long) integer(text, width) : codec.fromText(text);
  }

  private static long integer(String text, IntegerFunctions.Width width) {
    Matcher parts = INTEGER.matcher(text);
    if (!parts.matches()) {
      throw malformed(width.typeName(), text);
    }
    int base = base(parts.group(2));
    String digits = parts.group(3);
    long limit = -(width.min() / base);
    long magnitude = 0;
    // A leading underscore is taken after a base, not before a decimal.
    boolean afterDigit = base != 10;
    for (int i = 0; i < digits.length(); i++) {
      int digit = digit(digits.charAt(i), base);
      if (digit < 0) {
        boolean separates =
            digits.charAt(i) == '_'
                && afterDigit
                && i + 1 < digits.length()
                && digit(digits.charAt(i + 1), base) >= 0;
        if (!separates) {
          throw malformed(width.typeName(), text);
        }
        afterDigit = false;
        continue;
      }
      // Too many digits end the reading, before anything malformed behind them is seen.
      if (Long.compareUnsigned(magnitude, limit) > 0) {
        throw outOfRange(width.typeName(), text);
      }
      magnitude = magnitude * base + digit;
      afterDigit = true;
    }
    if (digits.isEmpty()) {
      throw malformed(width.typeName(), text);
    }
    boolean negative = parts.group(1).equals("-");
    long largest = negative ? -width.min() : -(width.min() + 1);
    if (Long.compareUnsigned(magnitude, largest) > 0) {
      throw outOfRange(width.typeName(), text);
    }
    return negative ? -magnitude : magnitude;
  }

  private static Object numeric(TypeCodec codec, String text) {
    Matcher parts = INTEGER.matcher(text);
    if (parts.matches() && parts.group(2) != null) {
      int base = base(parts.group(2));
      String digits = parts.group(3);
      StringBuilder plain = new StringBuilder(digits.length());
      for (int i = 0; i < digits.length(); i++) {
        char c = digits.charAt(i);
        if (c == '_' && i + 1 < digits.length() && digit(digits.charAt(i + 1), base) >= 0) {
          continue;
        }
        if (digit(c, base) < 0) {
          throw malformed("numeric", text);
        }
        plain.append(c);
      }
      if (plain.isEmpty()) {
        throw malformed("numeric", text);
      }
      BigDecimal value = new BigDecimal(new BigInteger(plain.toString(), base));
      return PgNumeric.of(parts.group(1).equals("-") ? value.negate() : value);
    }
    if (LONE_UNDERSCORE.matcher(text).find()) {
      throw malformed("numeric", text);
    }
    try {
      return codec.fromText(text.replace("_", ""));
    } catch (EvaluationFailure failure) {
      throw failure.sqlState().equals("22P02") ? malformed("numeric", text) : failure;
    }
  }

  private static Object floating(TypeCodec codec, TypeKind kind, String text) {
    if (NAN.matcher(text).matches()) {
      return kind == TypeKind.FLOAT4 ? (Object) Float.NaN : (Object) Double.NaN;
    }
    Matcher hex = HEX_FLOAT.matcher(text);
    if (!hex.matches()) {
      return codec.fromText(text);
    }
    String exponent = hex.group(2) == null ? "p0" : hex.group(2);
    String number = hex.group(1) + exponent;
    boolean zero =
        !hex.group(1).substring(hex.group(1).indexOf('x') + 1).matches(".*[1-9a-fA-F].*");
    if (kind == TypeKind.FLOAT4) {
      float value = Float.parseFloat(number);
      if (Float.isInfinite(value) || (value == 0 && !zero)) {
        throw floatOutOfRange("real", text);
      }
      return value;
    }
    double value = Double.parseDouble(number);
    if (Double.isInfinite(value) || (value == 0 && !zero)) {
      throw floatOutOfRange("double precision", text);
    }
    return value;
  }

  private static int base(@Nullable String letter) {
    return switch (letter == null ? "" : letter) {
      case "x", "X" -> 16;
      case "o", "O" -> 8;
      case "b", "B" -> 2;
      default -> 10;
    };
  }

  private static int digit(char c, int base) {
    return c < 128 ? Character.digit(c, base) : -1;
  }

  private static EvaluationFailure malformed(String typeName, String text) {
    return new EvaluationFailure(
        "22P02", "invalid input syntax for type " + typeName + ": \"" + text + "\"");
  }

  // The server quotes the number alone.
  private static EvaluationFailure floatOutOfRange(String typeName, String text) {
    return new EvaluationFailure(
        "22003", "\"" + text.strip() + "\" is out of range for type " + typeName);
  }

  private static EvaluationFailure outOfRange(String typeName, String text) {
    return new EvaluationFailure(
        "22003", "value \"" + text + "\" is out of range for type " + typeName);
  }
}
