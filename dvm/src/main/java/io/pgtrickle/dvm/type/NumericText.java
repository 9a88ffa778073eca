package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.BigInteger;

/// The input syntax of `numeric`: a decimal literal with an optional exponent, NaN, or an infinity.
final class NumericText {
  private static final int MAX_EXPONENT = Integer.MAX_VALUE / 2;

  private NumericText() {}

  static PgNumeric parse(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && Ascii.isSpace(text.charAt(start))) {
      start++;
    }
    while (end > start && Ascii.isSpace(text.charAt(end - 1))) {
      end--;
    }
    int at = start;
    boolean negative = false;
    if (at < end && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
      negative = text.charAt(at) == '-';
      at++;
    }
    if (at == end) {
      throw malformed(text);
    }
    if (!Ascii.isDigit(text.charAt(at)) && text.charAt(at) != '.') {
      if (at == start && "nan".equalsIgnoreCase(text.substring(at, end))) {
        return PgNumeric.NAN;
      }
      String word = text.substring(at, end);
      if ("infinity".equalsIgnoreCase(word) || "inf".equalsIgnoreCase(word)) {
        return negative ? PgNumeric.NEGATIVE_INFINITY : PgNumeric.POSITIVE_INFINITY;
      }
      throw malformed(text);
    }
    return decimal(text, at, end, negative);
  }

  private static PgNumeric decimal(String text, int from, int end, boolean negative) {
    StringBuilder digits = new StringBuilder(end - from);
    int at = from;
    long scale = 0;
    boolean point = false;
    // The point may lead, but then a digit must follow; a trailing point is fine.
    if (text.charAt(at) == '.' && (at + 1 == end || !Ascii.isDigit(text.charAt(at + 1)))) {
      throw malformed(text);
    }
    for (; at < end; at++) {
      char c = text.charAt(at);
      if (Ascii.isDigit(c)) {
        digits.append(c);
        scale += point ? 1 : 0;
      } else if (c == '.' && !point) {
        point = true;
      } else {
        break;
      }
    }
    if (at < end) {
      scale -= exponent(text, at, end);
    }
    int significant = 0;
    while (significant < digits.length() && digits.charAt(significant) == '0') {
      significant++;
    }
    long integerDigits = digits.length() - significant - scale;
    boolean zero = significant == digits.length();
    // Refused before the digits are built: 1e1000000000 must not cost a gigabyte.
    if (scale > PgNumeric.MAX_SCALE || (!zero && integerDigits > 131_072)) {
      throw new EvaluationFailure("22003", "value overflows numeric format");
    }
    if (zero) {
      return PgNumeric.of(BigDecimal.valueOf(0, (int) Math.max(0, scale)));
    }
    BigInteger unscaled = new BigInteger(digits.substring(significant));
    return PgNumeric.of(new BigDecimal(negative ? unscaled.negate() : unscaled, (int) scale));
  }

  private static long exponent(String text, int from, int end) {
    int at = from;
    if (text.charAt(at) != 'e' && text.charAt(at) != 'E') {
      throw malformed(text);
    }
    at++;
    boolean negative = false;
    if (at < end && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
      negative = text.charAt(at) == '-';
      at++;
    }
    if (at == end) {
      throw malformed(text);
    }
    long exponent = 0;
    for (; at < end; at++) {
      if (!Ascii.isDigit(text.charAt(at))) {
        throw malformed(text);
      }
      exponent = exponent * 10 + (text.charAt(at) - '0');
      if (exponent > MAX_EXPONENT) {
        throw new EvaluationFailure("22003", "value overflows numeric format");
      }
    }
    return negative ? -exponent : exponent;
  }

  private static EvaluationFailure malformed(String text) {
    return Ascii.malformed("numeric", text);
  }
}
