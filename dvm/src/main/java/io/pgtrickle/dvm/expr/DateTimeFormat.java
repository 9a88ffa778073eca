package io.pgtrickle.dvm.expr;

import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.Month;
import java.time.format.TextStyle;
import java.time.temporal.IsoFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// A format of `to_char` for times, as far as it is known to the letter what the server makes of
/// it: the patterns below, with `FM` before them, what stands in double quotes, and characters
/// other than letters, digits and backslashes.
///
/// A format is read as the server does it: at each place the first of all its patterns, of which
/// longer ones stand before their beginnings. One that has a pattern of others (`TZ`, `J`, `RM`,
/// …),
/// a suffix (`TH`, `SP`), or a letter of no pattern, is not known.
final class DateTimeFormat {
  /// All patterns of all versions, in their upper-case forms first.
  private static final List<String> PATTERNS =
      List.of(
          "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "Day", "Dy",
          "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FX", "HH24", "HH12", "HH", "IDDD", "ID",
          "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON", "MS", "Month", "Mon",
          "OF", "P.M.", "PM", "Q", "RM", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W",
          "Y,YYY", "YYYY", "YYY", "YY", "Y", "a.d.", "a.m.", "ad", "am", "b.c.", "bc", "cc", "day",
          "ddd", "dd", "dy", "d", "ff1", "ff2", "ff3", "ff4", "ff5", "ff6", "fx", "hh24", "hh12",
          "hh", "iddd", "id", "iw", "iyyy", "iyy", "iy", "i", "j", "mi", "mm", "month", "mon", "ms",
          "of", "p.m.", "pm", "q", "rm", "sssss", "ssss", "ss", "tzh", "tzm", "tz", "us", "ww", "w",
          "y,yyy", "yyyy", "yyy", "yy", "y");

  private static final List<String> SUFFIXES = List.of("SP", "TH", "th");

  /// Names are padded to the length of the longest.
  private static final int LONGEST_NAME = 9;

  /// A piece of the text.
  private sealed interface Piece {}

  private record Plain(String text) implements Piece {}

  private record Field(String pattern, boolean filled) implements Piece {}

  private final List<Piece> pieces;

  private DateTimeFormat(List<Piece> pieces) {
    this.pieces = pieces;
  }

  /// Reads a format; empty when it is not known.
  static Optional<DateTimeFormat> read(String format) {
    List<Piece> pieces = new ArrayList<>();
    int at = 0;
    while (at < format.length()) {
      char c = format.charAt(at);
      if (c == '"') {
        int end = format.indexOf('"', at + 1);
        String text = end < 0 ? "\\" : format.substring(at + 1, end);
        if (text.contains("\\")) {
          return Optional.empty();
        }
        pieces.add(new Plain(text));
        at = end + 1;
        continue;
      }
      boolean filled = !format.startsWith("FM", at) && !format.startsWith("fm", at);
      at += filled ? 0 : 2;
      Optional<String> pattern = pattern(format, at);
      if (pattern.isPresent()) {
        String known = pattern.get();
        at += known.length();
        int behind = at;
        if (!isKnown(known)
            || SUFFIXES.stream().anyMatch(each -> format.startsWith(each, behind))) {
          return Optional.empty();
        }
        pieces.add(new Field(known, filled));
      } else {
        if (!filled || Character.isLetterOrDigit(c) || c == '\\' || c >= 0x80) {
          return Optional.empty();
        }
        pieces.add(new Plain(String.valueOf(c)));
        at++;
      }
    }
    return pieces.isEmpty() ? Optional.empty() : Optional.of(new DateTimeFormat(pieces));
  }

  private static Optional<String> pattern(String format, int at) {
    return PATTERNS.stream().filter(each -> format.startsWith(each, at)).findFirst();
  }

  private static boolean isKnown(String pattern) {
    return switch (pattern.toUpperCase(Locale.ROOT)) {
      case "YYYY", "YY", "IYYY", "MM", "DD", "DDD", "D", "ID", "Q", "W", "WW", "IW" -> true;
      case "HH24", "HH12", "HH", "MI", "SS", "MS", "US", "AM", "PM" -> true;
      case "MONTH", "MON", "DAY", "DY" -> true;
      default -> false;
    };
  }

  /// The text of a finite local time.
  String text(long local) {
    LocalDate date =
        LocalDate.ofEpochDay(Math.floorDiv(local, DateTimes.MICROS_PER_DAY) + DateTimes.EPOCH_DAY);
    long time = Math.floorMod(local, DateTimes.MICROS_PER_DAY);
    StringBuilder text = new StringBuilder();
    for (Piece piece : pieces) {
      text.append(
          switch (piece) {
            case Plain(String plain) -> plain;
            case Field(String pattern, boolean filled) -> field(pattern, filled, date, time);
          });
    }
    return text.toString();
  }

  private static String field(String pattern, boolean filled, LocalDate date, long time) {
    long hour = time / 3_600_000_000L;
    return switch (pattern) {
      case "AM", "PM" -> hour >= 12 ? "PM" : "AM";
      case "am", "pm" -> hour >= 12 ? "pm" : "am";
      case "MONTH" -> padded(name(date.getMonth()).toUpperCase(Locale.ROOT), filled);
      case "Month" -> padded(name(date.getMonth()), filled);
      case "month" -> padded(name(date.getMonth()).toLowerCase(Locale.ROOT), filled);
      case "MON" -> name(date.getMonth()).substring(0, 3).toUpperCase(Locale.ROOT);
      case "Mon" -> name(date.getMonth()).substring(0, 3);
      case "mon" -> name(date.getMonth()).substring(0, 3).toLowerCase(Locale.ROOT);
      case "DAY" -> padded(name(date.getDayOfWeek()).toUpperCase(Locale.ROOT), filled);
      case "Day" -> padded(name(date.getDayOfWeek()), filled);
      case "day" -> padded(name(date.getDayOfWeek()).toLowerCase(Locale.ROOT), filled);
      case "DY" -> name(date.getDayOfWeek()).substring(0, 3).toUpperCase(Locale.ROOT);
      case "Dy" -> name(date.getDayOfWeek()).substring(0, 3);
      case "dy" -> name(date.getDayOfWeek()).substring(0, 3).toLowerCase(Locale.ROOT);
      default -> number(pattern.toUpperCase(Locale.ROOT), filled, date, time);
    };
  }

  private static String number(String pattern, boolean filled, LocalDate date, long time) {
    long hour = time / 3_600_000_000L;
    return switch (pattern) {
      case "YYYY" -> digits(year(date.getYear()), filled, 4);
      case "YY" -> digits(year(date.getYear()) % 100, filled, 2);
      case "IYYY" -> digits(year(date.get(IsoFields.WEEK_BASED_YEAR)), filled, 4);
      case "MM" -> digits(date.getMonthValue(), filled, 2);
      case "DD" -> digits(date.getDayOfMonth(), filled, 2);
      case "DDD" -> digits(date.getDayOfYear(), filled, 3);
      case "D" -> digits(date.getDayOfWeek().getValue() % 7 + 1, filled, 1);
      case "ID" -> digits(date.getDayOfWeek().getValue(), filled, 1);
      case "Q" -> digits((date.getMonthValue() - 1) / 3 + 1, filled, 1);
      case "W" -> digits((date.getDayOfMonth() - 1) / 7 + 1, filled, 1);
      case "WW" -> digits((date.getDayOfYear() - 1) / 7 + 1, filled, 2);
      case "IW" -> digits(date.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), filled, 2);
      case "HH24" -> digits(hour, filled, 2);
      case "HH12", "HH" -> digits(hour % 12 == 0 ? 12 : hour % 12, filled, 2);
      case "MI" -> digits(time / 60_000_000 % 60, filled, 2);
      case "SS" -> digits(time / 1_000_000 % 60, filled, 2);
      case "MS" -> digits(time / 1_000 % 1_000, true, 3);
      case "US" -> digits(time % 1_000_000, true, 6);
      default -> throw new IllegalStateException(pattern + " is not a pattern that is known");
    };
  }

  /// There is no year 0, and no sign before those before Christ.
  private static long year(int proleptic) {
    return proleptic <= 0 ? 1L - proleptic : proleptic;
  }

  private static String digits(long number, boolean filled, int width) {
    String digits = String.valueOf(number);
    return filled ? "0".repeat(Math.max(0, width - digits.length())) + digits : digits;
  }

  private static String padded(String name, boolean filled) {
    return filled ? name + " ".repeat(LONGEST_NAME - name.length()) : name;
  }

  private static String name(Month month) {
    return month.getDisplayName(TextStyle.FULL, Locale.ENGLISH);
  }

  private static String name(DayOfWeek day) {
    return day.getDisplayName(TextStyle.FULL, Locale.ENGLISH);
  }
}
