package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The text of floating-point numbers: the shortest decimal that reads back as the same number.
///
/// The JDK finds such decimals too, with two differences that are ironed out here: it prefers two
/// digits
/// where one would do (4.9E-324), and it accepts a decimal exactly midway between two numbers when
/// it
/// reads back by rounding to even, which the server never prints.
final class FloatText {
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
    String number = Ascii.trim(text);
    Double special = special(number);
    if (special != null) {
      return special;
    }
    if (!isDecimal(number)) {
      throw Ascii.malformed("double precision", text);
    }
    double value = Double.parseDouble(number);
    if (Double.isInfinite(value) || (value == 0 && hasNonZeroDigit(number))) {
      throw outOfRange(number, "double precision");
    }
    return value;
  }

  static float parseFloat4(String text) {
    String number = Ascii.trim(text);
    Double special = special(number);
    if (special != null) {
      return special.floatValue();
    }
    if (!isDecimal(number)) {
      throw Ascii.malformed("real", text);
    }
    float value = Float.parseFloat(number);
    if (Float.isInfinite(value) || (value == 0 && hasNonZeroDigit(number))) {
      throw outOfRange(number, "real");
    }
    return value;
  }

  private static EvaluationFailure outOfRange(String number, String type) {
    return new EvaluationFailure("22003", "\"" + number + "\" is out of range for type " + type);
  }

  private static @Nullable Double special(String number) {
    return switch (number.toLowerCase(Locale.ROOT)) {
      case "nan", "+nan", "-nan" -> Double.NaN;
      case "inf", "+inf", "infinity", "+infinity" -> Double.POSITIVE_INFINITY;
      case "-inf", "-infinity" -> Double.NEGATIVE_INFINITY;
      default -> null;
    };
  }

  // The JDK would also read 1d, 0x1p3 and white space inside.
  private static boolean isDecimal(String text) {
    int at = 0;
    int end = text.length();
    if (at < end && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
      at++;
    }
    int digits = 0;
    boolean point = false;
    for (; at < end; at++) {
      char c = text.charAt(at);
      if (Ascii.isDigit(c)) {
        digits++;
      } else if (c == '.' && !point) {
        point = true;
      } else {
        break;
      }
    }
    if (digits == 0 || at == end) {
      return digits > 0;
    }
    if (text.charAt(at) != 'e' && text.charAt(at) != 'E') {
      return false;
    }
    at++;
    if (at < end && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
      at++;
    }
    if (at == end) {
      return false;
    }
    for (; at < end; at++) {
      if (!Ascii.isDigit(text.charAt(at))) {
        return false;
      }
    }
    return true;
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
