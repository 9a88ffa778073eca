package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.PgInterval;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The plain texts of intervals under IntervalStyle `postgres`:
///
///     1 year -2 mons 3 days 04:05:06.7   90 minutes   1.5 seconds   P1Y2M3DT4H5M6.7S
///
/// Whole numbers of units that occur once each, and fractions of seconds. Numbers are so short that
/// nothing overflows. Fractions of larger units have been rounded in more than one way.
final class PlainIntervals {
  private static final int LONGEST = 128;
  private static final long MICROS_PER_SECOND = 1_000_000;

  private static final String SECONDS = "[+-]?\\d{1,8}(?:\\.\\d{1,6})?";
  private static final String SPACE = "[ \\t\\n\\x0B\\f\\r]";
  private static final String TIME =
      "(?<sign>[+-]?)(?<hour>\\d{1,8}):(?<minute>\\d{1,2})"
          + "(?::(?<second>\\d{1,2})(?:\\.(?<fraction>\\d{1,6}))?)?";
  private static final Pattern FIELD =
      Pattern.compile(
          "(?<number>" + SECONDS + ")" + SPACE + "*(?<unit>[a-z]+)", Pattern.CASE_INSENSITIVE);
  private static final Pattern WORDED =
      Pattern.compile(
          SPACE
              + "*(?<fields>(?:"
              + SECONDS
              + SPACE
              + "*[a-z]+(?:"
              + SPACE
              + "+|$))*)(?:"
              + TIME
              + ")?"
              + SPACE
              + "*",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern ISO =
      Pattern.compile(
          "P(?:(?<years>-?\\d{1,8})Y)?(?:(?<months>-?\\d{1,8})M)?(?:(?<weeks>-?\\d{1,8})W)?"
              + "(?:(?<days>-?\\d{1,8})D)?(?:T(?=[-\\d])(?:(?<hours>-?\\d{1,8})H)?"
              + "(?:(?<minutes>-?\\d{1,8})M)?(?:(?<seconds>-?\\d{1,8}(?:\\.\\d{1,6})?)S)?)?");

  private PlainIntervals() {}

  private enum Unit {
    YEAR,
    MONTH,
    WEEK,
    DAY,
    HOUR,
    MINUTE,
    SECOND;

    static @Nullable Unit of(String name) {
      return switch (name.toLowerCase(Locale.ROOT)) {
        case "y", "yr", "yrs", "year", "years" -> YEAR;
        case "mon", "mons", "month", "months" -> MONTH;
        case "w", "week", "weeks" -> WEEK;
        case "d", "day", "days" -> DAY;
        case "h", "hr", "hrs", "hour", "hours" -> HOUR;
        case "m", "min", "mins", "minute", "minutes" -> MINUTE;
        case "s", "sec", "secs", "second", "seconds" -> SECOND;
        default -> null;
      };
    }

    boolean isOfTime() {
      return compareTo(HOUR) >= 0;
    }
  }

  /// The value; empty when the text is not plain.
  static Optional<Object> read(String text) {
    if (text.length() > LONGEST) {
      return Optional.empty();
    }
    Matcher iso = ISO.matcher(text);
    if (iso.matches()) {
      return iso(iso);
    }
    Matcher worded = WORDED.matcher(text);
    return worded.matches() ? worded(worded) : Optional.empty();
  }

  private static Optional<Object> iso(Matcher parts) {
    Map<Unit, String> numbers = new EnumMap<>(Unit.class);
    for (Unit unit : Unit.values()) {
      String number = parts.group(unit.name().toLowerCase(Locale.ROOT) + "s");
      if (number != null) {
        numbers.put(unit, number);
      }
    }
    return numbers.isEmpty() ? Optional.empty() : Optional.of(interval(numbers, 0));
  }

  private static Optional<Object> worded(Matcher parts) {
    Map<Unit, String> numbers = new EnumMap<>(Unit.class);
    Matcher fields = FIELD.matcher(parts.group("fields"));
    while (fields.find()) {
      Unit unit = Unit.of(fields.group("unit"));
      String number = fields.group("number");
      boolean fractional = number.indexOf('.') >= 0;
      if (unit == null
          || (fractional && unit != Unit.SECOND)
          || numbers.put(unit, number) != null) {
        return Optional.empty();
      }
    }
    if (parts.group("hour") == null) {
      return numbers.isEmpty() ? Optional.empty() : Optional.of(interval(numbers, 0));
    }
    String second = parts.group("second");
    if (numbers.keySet().stream().anyMatch(Unit::isOfTime)
        || Integer.parseInt(parts.group("minute")) > 59
        || (second != null && Integer.parseInt(second) > 59)) {
      return Optional.empty();
    }
    long minutes = Long.parseLong(parts.group("hour")) * 60 + Long.parseLong(parts.group("minute"));
    String fraction = parts.group("fraction");
    long micros =
        minutes * 60 * MICROS_PER_SECOND
            + (second == null ? 0 : micros(fraction == null ? second : second + "." + fraction));
    return Optional.of(interval(numbers, parts.group("sign").equals("-") ? -micros : micros));
  }

  private static PgInterval interval(Map<Unit, String> numbers, long time) {
    long minutes = whole(numbers, Unit.HOUR) * 60 + whole(numbers, Unit.MINUTE);
    return new PgInterval(
        Math.toIntExact(whole(numbers, Unit.YEAR) * 12 + whole(numbers, Unit.MONTH)),
        Math.toIntExact(whole(numbers, Unit.WEEK) * 7 + whole(numbers, Unit.DAY)),
        time + minutes * 60 * MICROS_PER_SECOND + micros(numbers.getOrDefault(Unit.SECOND, "0")));
  }

  private static long whole(Map<Unit, String> numbers, Unit unit) {
    return Long.parseLong(numbers.getOrDefault(unit, "0"));
  }

  private static long micros(String seconds) {
    int point = seconds.indexOf('.');
    String whole = point < 0 ? seconds : seconds.substring(0, point);
    String fraction = point < 0 ? "" : seconds.substring(point + 1);
    long micros = Long.parseLong((fraction + "000000").substring(0, 6));
    return Long.parseLong(whole) * MICROS_PER_SECOND + (seconds.startsWith("-") ? -micros : micros);
  }
}
