package io.pgtrickle.dvm.type;

import java.time.LocalDate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads dates and timestamps as the server prints them under DateStyle ISO.
///
/// The server's input functions take far more (month names, time zone abbreviations, `tomorrow`,
/// julian
/// days). Text in another form is refused with an `IllegalArgumentException`, not an
/// [EvaluationFailure]: it is not known to be an error.
final class DateTimeText {
  private static final Pattern DATE = Pattern.compile("(\\d{4,7})-(\\d\\d)-(\\d\\d)( BC)?");
  private static final Pattern TIMESTAMP =
      Pattern.compile(
          "(\\d{4,7})-(\\d\\d)-(\\d\\d) (\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d{1,6}))?"
              + "(?:([+-])(\\d\\d)(?::(\\d\\d)(?::(\\d\\d))?)?)?( BC)?");

  private DateTimeText() {}

  static long parseDate(String text) {
    if (text.equals("infinity")) {
      return Integer.MAX_VALUE;
    }
    if (text.equals("-infinity")) {
      return Integer.MIN_VALUE;
    }
    Matcher parts = DATE.matcher(text);
    if (!parts.matches()) {
      throw notIso("date", text);
    }
    return days(parts, parts.group(4) != null);
  }

  static long parseTimestamp(String text) {
    return parse(text, false);
  }

  static long parseTimestamptz(String text) {
    return parse(text, true);
  }

  private static long parse(String text, boolean withZone) {
    if (text.equals("infinity")) {
      return Long.MAX_VALUE;
    }
    if (text.equals("-infinity")) {
      return Long.MIN_VALUE;
    }
    Matcher parts = TIMESTAMP.matcher(text);
    if (!parts.matches() || withZone != (parts.group(8) != null)) {
      throw notIso(withZone ? "timestamptz" : "timestamp", text);
    }
    long seconds = number(parts, 4) * 3600 + number(parts, 5) * 60 + number(parts, 6);
    if (withZone) {
      long offset = number(parts, 9) * 3600 + number(parts, 10) * 60 + number(parts, 11);
      seconds += "-".equals(parts.group(8)) ? offset : -offset;
    }
    String fraction = parts.group(7);
    long micros = fraction == null ? 0 : Long.parseLong((fraction + "00000").substring(0, 6));
    return days(parts, parts.group(12) != null) * DisplayText.MICROS_PER_DAY
        + seconds * DisplayText.MICROS_PER_SECOND
        + micros;
  }

  private static long days(Matcher parts, boolean beforeChrist) {
    int year = (int) number(parts, 1);
    return LocalDate.of(
                beforeChrist ? 1 - year : year, (int) number(parts, 2), (int) number(parts, 3))
            .toEpochDay()
        - DisplayText.EPOCH_DAY;
  }

  private static long number(Matcher parts, int group) {
    String digits = parts.group(group);
    return digits == null ? 0 : Long.parseLong(digits);
  }

  private static IllegalArgumentException notIso(String type, String text) {
    return new IllegalArgumentException("a " + type + " in ISO form was expected: " + text);
  }
}
