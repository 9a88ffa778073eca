package io.pgtrickle.dvm.type;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The text of intervals under IntervalStyle `postgres`: `1 year 2 mons -3 days +04:05:06.7`.
final class IntervalText {
  private static final int MONTHS_PER_YEAR = 12;
  private static final long SECONDS_PER_HOUR = 3600;

  private static final Pattern SHOWN =
      Pattern.compile(
          "(?:([+-]?\\d+) years? ?)?(?:([+-]?\\d+) mons? ?)?(?:([+-]?\\d+) days? ?)?"
              + "(?:([+-]?)(\\d+):(\\d\\d):(\\d\\d)(?:\\.(\\d{1,6}))?)?");

  private IntervalText() {}

  static String text(PgInterval interval) {
    if (!interval.isFinite()) {
      return interval.equals(PgInterval.INFINITY) ? "infinity" : "-infinity";
    }
    StringBuilder text = new StringBuilder(32);
    boolean afterNegative = append(interval.months() / MONTHS_PER_YEAR, "year", false, text);
    afterNegative = append(interval.months() % MONTHS_PER_YEAR, "mon", afterNegative, text);
    afterNegative = append(interval.days(), "day", afterNegative, text);
    if (text.isEmpty() || interval.micros() != 0) {
      text.append(text.isEmpty() ? "" : " ");
      text.append(interval.micros() < 0 ? "-" : afterNegative ? "+" : "");
      appendTime(interval.micros(), text);
    }
    return text.toString();
  }

  /// Appends a field that is not zero; true when the next one must show its sign.
  private static boolean append(int value, String unit, boolean afterNegative, StringBuilder text) {
    if (value == 0) {
      return afterNegative;
    }
    text.append(text.isEmpty() ? "" : " ");
    text.append(afterNegative && value > 0 ? "+" : "");
    text.append(value).append(' ').append(unit).append(value == 1 ? "" : "s");
    return value < 0;
  }

  private static void appendTime(long micros, StringBuilder text) {
    // The quotients are taken before the signs: the smallest number has no positive.
    long seconds = Math.abs(micros / DisplayText.MICROS_PER_SECOND);
    long fraction = Math.abs(micros % DisplayText.MICROS_PER_SECOND);
    appendTwoDigits(seconds / SECONDS_PER_HOUR, text);
    text.append(':');
    appendTwoDigits(seconds / 60 % 60, text);
    text.append(':');
    appendTwoDigits(seconds % 60, text);
    if (fraction != 0) {
      text.append('.').append(String.valueOf(DisplayText.MICROS_PER_SECOND + fraction), 1, 7);
      while (text.charAt(text.length() - 1) == '0') {
        text.setLength(text.length() - 1);
      }
    }
  }

  private static void appendTwoDigits(long number, StringBuilder text) {
    text.append(number < 10 ? "0" : "").append(number);
  }

  /// Reads what [#text] and the server under that style write.
  static PgInterval parse(String text) {
    if (text.equals("infinity")) {
      return PgInterval.INFINITY;
    }
    if (text.equals("-infinity")) {
      return PgInterval.MINUS_INFINITY;
    }
    Matcher parts = SHOWN.matcher(text);
    if (text.isEmpty() || !parts.matches()) {
      throw new IllegalArgumentException(
          "an interval in the style of postgres was expected: " + text);
    }
    long months = number(parts.group(1)) * MONTHS_PER_YEAR + number(parts.group(2));
    long micros = 0;
    if (parts.group(5) != null) {
      String fraction = parts.group(8) == null ? "" : parts.group(8);
      long sign = "-".equals(parts.group(4)) ? -1 : 1;
      micros =
          sign
                  * (number(parts.group(5)) * SECONDS_PER_HOUR
                      + number(parts.group(6)) * 60
                      + number(parts.group(7)))
                  * DisplayText.MICROS_PER_SECOND
              + sign * Long.parseLong((fraction + "000000").substring(0, 6));
    }
    return new PgInterval(Math.toIntExact(months), Math.toIntExact(number(parts.group(3))), micros);
  }

  private static long number(@Nullable String digits) {
    return digits == null ? 0 : Long.parseLong(digits);
  }
}
