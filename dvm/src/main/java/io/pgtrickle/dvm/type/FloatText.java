package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;

/// The text of floating-point numbers: the shortest decimal that reads back as the same number.
///
/// The JDK finds such decimals too, with two differences that are ironed out here: it prefers two
/// digits
/// where one would do (4.9E-324), and it accepts a decimal exactly midway between two numbers when
/// it
/// reads back by rounding to even, which the server never prints.
public final class FloatText {
  // Below these a number's midpoint with its neighbour has more digits than any shortest decimal.
  private static final double FIRST_SHORT_MIDPOINT_8 = 0x1p52;
  private static final float FIRST_SHORT_MIDPOINT_4 = 0x1p21f;

  private FloatText() {}

  static String print(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "Infinity" : "-Infinity";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0" : "0";
    }
    double magnitude = Math.abs(value);
    BigDecimal decimal = new BigDecimal(Double.toString(magnitude)).stripTrailingZeros();
    if (decimal.precision() == 2) {
      BigDecimal shorter = decimal.round(new MathContext(1, RoundingMode.HALF_EVEN));
      if (shorter.doubleValue() == magnitude) {
        decimal = shorter;
      }
    }
    if (magnitude >= FIRST_SHORT_MIDPOINT_8) {
      BigDecimal exact = new BigDecimal(magnitude);
      BigDecimal below = midpoint(exact, new BigDecimal(Math.nextDown(magnitude)));
      double up = Math.nextUp(magnitude);
      BigDecimal above =
          Double.isInfinite(up)
              ? exact.add(new BigDecimal(Math.ulp(magnitude) / 2))
              : midpoint(exact, new BigDecimal(up));
      decimal = strictlyBetween(decimal, below, exact, above);
    }
    return format(value < 0, decimal.stripTrailingZeros(), 15);
  }

  /// As C's `%g` prints it, which is how messages of the server show a number: six digits at most.
  public static String printShort(double value) {
    if (!Double.isFinite(value) || value == 0) {
      return print(value);
    }
    BigDecimal decimal =
        new BigDecimal(Math.abs(value)).round(new MathContext(6, RoundingMode.HALF_EVEN));
    return format(value < 0, decimal.stripTrailingZeros(), 6);
  }

  static String print(float value) {
    if (Float.isNaN(value)) {
      return "NaN";
    }
    if (Float.isInfinite(value)) {
      return value > 0 ? "Infinity" : "-Infinity";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0" : "0";
    }
    float magnitude = Math.abs(value);
    BigDecimal decimal = new BigDecimal(Float.toString(magnitude)).stripTrailingZeros();
    if (decimal.precision() == 2) {
      BigDecimal shorter = decimal.round(new MathContext(1, RoundingMode.HALF_EVEN));
      if (shorter.floatValue() == magnitude) {
        decimal = shorter;
      }
    }
    if (magnitude >= FIRST_SHORT_MIDPOINT_4) {
      BigDecimal exact = new BigDecimal(magnitude);
      BigDecimal below = midpoint(exact, new BigDecimal(Math.nextDown(magnitude)));
      float up = Math.nextUp(magnitude);
      BigDecimal above =
          Float.isInfinite(up)
              ? exact.add(new BigDecimal(Math.ulp(magnitude) / 2))
              : midpoint(exact, new BigDecimal(up));
      decimal = strictlyBetween(decimal, below, exact, above);
    }
    return format(value < 0, decimal.stripTrailingZeros(), 6);
  }

  private static BigDecimal midpoint(BigDecimal left, BigDecimal right) {
    return left.add(right).divide(BigDecimal.TWO);
  }

  /// The candidate, or the shortest decimal between the bounds if the candidate is on one of them.
  private static BigDecimal strictlyBetween(
      BigDecimal candidate, BigDecimal below, BigDecimal exact, BigDecimal above) {
    if (candidate.compareTo(below) > 0 && candidate.compareTo(above) < 0) {
      return candidate;
    }
    for (int digits = candidate.precision(); ; digits++) {
      BigDecimal rounded = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (rounded.compareTo(below) > 0 && rounded.compareTo(above) < 0) {
        return rounded;
      }
    }
  }

  /// Plain notation for decimal exponents from −4 to below `digits`, scientific outside.
  private static String format(boolean negative, BigDecimal decimal, int digits) {
    String significand = decimal.unscaledValue().toString();
    int exponent = significand.length() - 1 - decimal.scale();
    StringBuilder text = new StringBuilder(24);
    if (negative) {
      text.append('-');
    }
    if (exponent >= -4 && exponent < digits) {
      return text.append(decimal.toPlainString()).toString();
    }
    text.append(significand.charAt(0));
    if (significand.length() > 1) {
      text.append('.').append(significand, 1, significand.length());
    }
    text.append('e').append(exponent < 0 ? '-' : '+');
    int size = Math.abs(exponent);
    if (size < 10) {
      text.append('0');
    }
    return text.append(size).toString();
  }

  static double parseFloat8(String text) {
    String trimmed = Ascii.trim(text);
    double special = special(trimmed);
    if (special != 0) {
      return special;
    }
    String number = trimmed.substring(0, decimalLength(trimmed));
    if (!number.isEmpty()) {
      double value = Double.parseDouble(number);
      // As C's strtod, which looks at what follows the number only afterwards.
      if (Double.isInfinite(value) || (value == 0 && hasNonZeroDigit(number))) {
        throw outOfRange(number, "double precision");
      }
      if (number.length() == trimmed.length()) {
        return value;
      }
    }
    throw Ascii.malformed("double precision", text);
  }

  static float parseFloat4(String text) {
    String trimmed = Ascii.trim(text);
    double special = special(trimmed);
    if (special != 0) {
      return (float) special;
    }
    String number = trimmed.substring(0, decimalLength(trimmed));
    if (!number.isEmpty()) {
      float value = Float.parseFloat(number);
      if (Float.isInfinite(value) || (value == 0 && hasNonZeroDigit(number))) {
        throw outOfRange(number, "real");
      }
      if (number.length() == trimmed.length()) {
        return value;
      }
    }
    throw Ascii.malformed("real", text);
  }

  private static EvaluationFailure outOfRange(String number, String type) {
    return new EvaluationFailure("22003", "\"" + number + "\" is out of range for type " + type);
  }

  /// NaN or an infinity by name, 0 for anything else.
  private static double special(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "nan", "+nan", "-nan" -> Double.NaN;
      case "inf", "+inf", "infinity", "+infinity" -> Double.POSITIVE_INFINITY;
      case "-inf", "-infinity" -> Double.NEGATIVE_INFINITY;
      default -> 0;
    };
  }

  /// The length of the longest decimal literal that the text begins with, 0 when there is none.
  private static int decimalLength(String text) {
    int at = sign(text, 0);
    int digits = digits(text, at);
    int length = digits - at;
    at = digits;
    if (at < text.length() && text.charAt(at) == '.') {
      digits = digits(text, at + 1);
      length += digits - at - 1;
      at = digits;
    }
    if (length == 0) {
      return 0;
    }
    if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
      int exponent = sign(text, at + 1);
      int end = digits(text, exponent);
      return end > exponent ? end : at;
    }
    return at;
  }

  private static int sign(String text, int at) {
    return at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-') ? at + 1 : at;
  }

  private static int digits(String text, int from) {
    int at = from;
    while (at < text.length() && Ascii.isDigit(text.charAt(at))) {
      at++;
    }
    return at;
  }

  private static boolean hasNonZeroDigit(String number) {
    for (int i = 0; i < number.length(); i++) {
      char c = number.charAt(i);
      if (c == 'e' || c == 'E') {
        return false;
      }
      if (c >= '1' && c <= '9') {
        return true;
      }
    }
    return false;
  }
}
