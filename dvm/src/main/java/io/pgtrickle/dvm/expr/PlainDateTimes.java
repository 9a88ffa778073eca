package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.TypeKind;
import java.time.LocalDate;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The plain texts of dates and timestamps:
///
///     date       2024-02-29  29.2.2024  2/29/24  20240229  29-Feb-2024  29 Feb 2024  Feb 29, 2024
///     time       12:30  12:30:05  12:30:05.123456  12:30:05 PM
///     zone       +02  +02:00  -03:30:15  +0530  Z  UTC  GMT
///     timestamp  date [space time [zone]] [AD|BC], numeric dates also with T
///     words      epoch  infinity  -infinity
///
/// Numbers are ordered by the captured DateStyle unless the first has the digits of a year. All
/// zones but those that are offsets of nothing are left to the server, which looks for
/// abbreviations in a file first; so are local times outside of the years in which the rules of
/// both sides have been compared.
final class PlainDateTimes {
  private static final int LONGEST = 64;
  private static final int FIRST_COMPARED_YEAR = 1850;
  private static final int END_COMPARED_YEAR = 2100;
  private static final int LARGEST_DISPLACEMENT = 15;
  private static final long MICROS_PER_SECOND = 1_000_000;

  /// The first and the last year that have a Julian day, each in part.
  private static final int FIRST_YEAR = -4713;

  private static final int LAST_YEAR = 5_874_898;

  private static final String SPACE = "[ \\t\\n\\x0B\\f\\r]";
  private static final String ZONE = "[+-]\\d{1,2}(?::\\d\\d(?::\\d\\d)?)?|[+-]\\d{4}|Z|UTC|GMT";
  private static final String TIME =
      "(?<hour>\\d{1,2}):(?<minute>\\d{1,2})(?::(?<second>\\d{1,2})(?:\\.(?<fraction>\\d+))?)?"
          + ("(?:" + SPACE + "*(?<half>[AP]M)(?=" + SPACE + "|$))?")
          + ("(?:" + SPACE + "*(?<zone>" + ZONE + "))?");
  private static final String ERA = "(?:" + SPACE + "+(?<era>AD|BC))?";
  private static final String MONTH =
      "(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april"
          + "|june|july|august|september|october|november|december)";
  private static final String DAY = "(?<day>\\d{1,2})";
  private static final String YEAR = "(?<year>\\d{4})";

  private static final Pattern NUMERIC =
      timestamp(
          "(?:(?<first>\\d{1,2}|\\d{4,7})(?<by>[-/.])(?<middle>\\d{1,2})\\k<by>"
              + "(?<last>\\d{1,2}|\\d{4,7})|(?<compact>\\d{8}))",
          SPACE + "+|T");
  private static final List<Pattern> WORDED =
      List.of(
          timestamp(DAY + "-" + MONTH + "-" + YEAR, SPACE + "+"),
          timestamp(DAY + SPACE + "+" + MONTH + SPACE + "+" + YEAR, SPACE + "+"),
          timestamp(
              MONTH + SPACE + "+" + DAY + "(?:," + SPACE + "*|" + SPACE + "+)" + YEAR,
              SPACE + "+"));

  private static final Pattern WORD =
      Pattern.compile(SPACE + "*(epoch|-?infinity)" + SPACE + "*", Pattern.CASE_INSENSITIVE);

  private static final List<String> MONTHS =
      List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");

  private final TypeKind kind;
  private final DateOrder order;
  private final @Nullable ZoneId zone;

  PlainDateTimes(TypeKind kind, EvaluationSettings settings) {
    this.kind = kind;
    this.order = settings.dateOrder();
    this.zone = settings.zone().orElse(null);
  }

  private static Pattern timestamp(String date, String separator) {
    return Pattern.compile(
        SPACE + "*" + date + "(?:(?:" + separator + ")" + TIME + ")?" + ERA + SPACE + "*",
        Pattern.CASE_INSENSITIVE);
  }

  /// The value; empty when the text is not plain.
  Optional<Object> read(String text) {
    if (text.length() > LONGEST) {
      return Optional.empty();
    }
    Matcher numeric = NUMERIC.matcher(text);
    if (numeric.matches()) {
      return numeric(numeric, text);
    }
    for (Pattern pattern : WORDED) {
      Matcher worded = pattern.matcher(text);
      if (worded.matches()) {
        return worded(worded, text);
      }
    }
    Matcher word = WORD.matcher(text);
    return word.matches() ? word(word.group(1).toLowerCase(Locale.ROOT)) : Optional.empty();
  }

  private Optional<Object> word(String word) {
    boolean date = kind == TypeKind.DATE;
    return switch (word) {
      case "epoch" ->
          Optional.of(
              date ? -DateTimes.EPOCH_DAY : -DateTimes.EPOCH_DAY * DateTimes.MICROS_PER_DAY);
      case "infinity" -> Optional.of(date ? DateTimes.DATE_INFINITY : Long.MAX_VALUE);
      case "-infinity" -> Optional.of(date ? DateTimes.DATE_MINUS_INFINITY : Long.MIN_VALUE);
      default -> Optional.empty();
    };
  }

  private Optional<Object> numeric(Matcher parts, String text) {
    String compact = parts.group("compact");
    if (compact != null) {
      return timestamp(
          parts,
          new Day(
              number(compact.substring(0, 4)),
              number(compact.substring(4, 6)),
              number(compact.substring(6))),
          text);
    }
    String first = parts.group("first");
    String middle = parts.group("middle");
    String last = parts.group("last");
    boolean yearFirst = first.length() > 2 || order == DateOrder.YMD;
    String year = yearFirst ? first : last;
    if (year.length() <= 2 && parts.group("era") != null) {
      return Optional.empty();
    }
    Day day =
        yearFirst
            ? new Day(year(year), number(middle), number(last))
            : order == DateOrder.DMY
                ? new Day(year(year), number(middle), number(first))
                : new Day(year(year), number(first), number(middle));
    return timestamp(parts, day, text);
  }

  private Optional<Object> worded(Matcher parts, String text) {
    int day = number(parts.group("day"));
    // What another number is taken for depends on what else is missing.
    if (day < 1 || day > 31) {
      return Optional.empty();
    }
    String month = parts.group("month").substring(0, 3).toLowerCase(Locale.ROOT);
    return timestamp(
        parts, new Day(number(parts.group("year")), MONTHS.indexOf(month) + 1, day), text);
  }

  /// A day as it is written, before it is known to exist.
  private record Day(int year, int month, int day) {
    boolean exists() {
      return month >= 1
          && month <= 12
          && day >= 1
          && day <= YearMonth.of(Year.isLeap(year) ? 4 : 1, month).lengthOfMonth();
    }

    boolean hasJulianDay() {
      return (year > FIRST_YEAR || (year == FIRST_YEAR && month >= 11))
          && (year < LAST_YEAR || (year == LAST_YEAR && month < 6));
    }

    long days() {
      return LocalDate.of(year, month, day).toEpochDay() - DateTimes.EPOCH_DAY;
    }
  }

  // The order of the checks is the server's.
  private Optional<Object> timestamp(Matcher parts, Day written, String text) {
    Time time = time(parts);
    if (!time.exists()) {
      throw fieldOutOfRange(text);
    }
    Displacement displacement = displacement(parts.group("zone"));
    if (displacement.equals(Displacement.OUT_OF_RANGE)) {
      throw new EvaluationFailure("22009", "time zone displacement out of range: \"" + text + "\"");
    }
    boolean beforeChrist = "BC".equalsIgnoreCase(parts.group("era"));
    Day day = beforeChrist ? new Day(1 - written.year(), written.month(), written.day()) : written;
    if (written.year() <= 0 || !day.exists()) {
      throw fieldOutOfRange(text);
    }
    String half = parts.group("half");
    if (half != null) {
      if (time.hour() > 12) {
        throw fieldOutOfRange(text);
      }
      time = time.inHalf(half.equalsIgnoreCase("PM"));
    }
    return value(day, time, displacement, text);
  }

  private Optional<Object> value(Day day, Time time, Displacement displacement, String text) {
    boolean date = kind == TypeKind.DATE;
    if (!day.hasJulianDay()
        || (date ? !DateTimes.isValidDate(day.days()) : isFarBeyondTimestamps(day.days()))) {
      throw outOfRange(date ? "date" : "timestamp", text);
    }
    if (date) {
      return Optional.of(day.days());
    }
    long micros = day.days() * DateTimes.MICROS_PER_DAY + time.wholeMicros();
    if (kind == TypeKind.TIMESTAMPTZ) {
      if (displacement.isGiven()) {
        micros -= displacement.seconds() * MICROS_PER_SECOND;
      } else if (zone == null || !isCompared(day, zone)) {
        return Optional.empty();
      } else {
        micros -= TimeZones.offsetOfLocal(micros, zone);
      }
    }
    micros += time.fraction();
    if (!DateTimes.isValidTimestamp(micros)) {
      throw outOfRange("timestamp", text);
    }
    return Optional.of(micros);
  }

  // So far that a number of microseconds may not hold it, and no zone brings it back.
  private static boolean isFarBeyondTimestamps(long days) {
    return DateTimes.isBeyondTimestamps(days - 1);
  }

  private static boolean isCompared(Day day, ZoneId zone) {
    return zone.getRules().isFixedOffset()
        || (day.year() > FIRST_COMPARED_YEAR && day.year() < END_COMPARED_YEAR - 1);
  }

  /// A time of day as it is written.
  ///
  /// @param fraction in microseconds, up to a whole second
  private record Time(int hour, int minute, int second, long fraction) {
    boolean exists() {
      return hour <= 24
          && minute <= 59
          && second <= 60
          && wholeMicros() + fraction <= DateTimes.MICROS_PER_DAY;
    }

    long wholeMicros() {
      return (hour * 3600L + minute * 60L + second) * MICROS_PER_SECOND;
    }

    Time inHalf(boolean afternoon) {
      return new Time(hour % 12 + (afternoon ? 12 : 0), minute, second, fraction);
    }
  }

  private static Time time(Matcher parts) {
    if (parts.group("hour") == null) {
      return new Time(0, 0, 0, 0);
    }
    String second = parts.group("second");
    String fraction = parts.group("fraction");
    return new Time(
        number(parts.group("hour")),
        number(parts.group("minute")),
        second == null ? 0 : number(second),
        // The server multiplies in floating point, too.
        fraction == null
            ? 0
            : (long) Math.rint(Double.parseDouble("0." + fraction) * MICROS_PER_SECOND));
  }

  /// How far a text is ahead of UTC.
  private record Displacement(boolean isGiven, long seconds) {
    static final Displacement NONE = new Displacement(false, 0);
    static final Displacement OUT_OF_RANGE = new Displacement(false, Long.MAX_VALUE);
  }

  private static Displacement displacement(@Nullable String zone) {
    if (zone == null) {
      return Displacement.NONE;
    }
    if (Character.isLetter(zone.charAt(0))) {
      return new Displacement(true, 0);
    }
    String[] fields = zone.substring(1).split(":", -1);
    boolean compact = fields.length == 1 && fields[0].length() > 2;
    int hour = compact ? number(fields[0]) / 100 : number(fields[0]);
    int minute = compact ? number(fields[0]) % 100 : fields.length > 1 ? number(fields[1]) : 0;
    int second = fields.length > 2 ? number(fields[2]) : 0;
    if (hour > LARGEST_DISPLACEMENT || minute > 59 || second > 59) {
      return Displacement.OUT_OF_RANGE;
    }
    long seconds = hour * 3600L + minute * 60L + second;
    return new Displacement(true, zone.charAt(0) == '-' ? -seconds : seconds);
  }

  // A year of up to two digits is one of 1970 to 2069.
  private static int year(String digits) {
    int year = number(digits);
    return digits.length() > 2 ? year : year < 70 ? year + 2000 : year + 1900;
  }

  private static int number(String digits) {
    return Integer.parseInt(digits);
  }

  private static EvaluationFailure fieldOutOfRange(String text) {
    return new EvaluationFailure("22008", "date/time field value out of range: \"" + text + "\"");
  }

  private static EvaluationFailure outOfRange(String type, String text) {
    return new EvaluationFailure("22008", type + " out of range: \"" + text + "\"");
  }
}
