package io.pgtrickle.dvm.expr;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/// Floats as C's `%g` prints them, which messages of the server do: six digits, without zeros at
/// the end.
final class PrintfG {
  private static final MathContext DIGITS = new MathContext(6, RoundingMode.HALF_EVEN);

  private PrintfG() {}

  static String of(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0" : "0";
    }
    BigDecimal rounded = new BigDecimal(value).round(DIGITS).stripTrailingZeros();
    int exponent = rounded.precision() - rounded.scale() - 1;
    if (exponent >= -4 && exponent < DIGITS.getPrecision()) {
      return rounded.toPlainString();
    }
    return "%se%s%02d"
        .formatted(
            rounded.movePointLeft(exponent).toPlainString(),
            exponent < 0 ? "-" : "+",
            Math.abs(exponent));
  }

  /// Of at least two characters, zeros in front.
  static String ofTwo(double value) {
    String text = of(value);
    return text.length() < 2 ? "0" + text : text;
  }
}
