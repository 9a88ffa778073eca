package io.pgtrickle.dvm.type;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.zone.ZoneRules;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The text of dates and timestamps under DateStyle ISO.
public final class DisplayText {
  /// Days from 1970-01-01 to 2000-01-01.
  static final long EPOCH_DAY = 10_957;

  static final long MICROS_PER_SECOND = 1_000_000;
  static final long MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND;

  // Release 2024b made these aliases of cities with other histories, which the JDK has not
  // followed.
  private static final Set<String> REDEFINED = Set.of("CET", "EET", "MET", "WET");

  private DisplayText() {}

  /// A date, days since 2000-01-01.
  public static String date(long days) {
    if (days == Integer.MAX_VALUE) {
      return "infinity";
    }
    if (days == Integer.MIN_VALUE) {
      return "-infinity";
    }
    StringBuilder text = new StringBuilder(16);
    boolean beforeChrist = appendDate(days, text);
    return text.append(beforeChrist ? " BC" : "").toString();
  }

  /// A timestamp without time zone, microseconds since 2000-01-01.
  public static String timestamp(long micros) {
    String infinity = infinity(micros);
    if (infinity != null) {
      return infinity;
    }
    StringBuilder text = new StringBuilder(32);
    boolean beforeChrist = appendLocal(micros, text);
    return text.append(beforeChrist ? " BC" : "").toString();
  }

  /// The zone of a `TimeZone` setting, if it names a region of the time zone database.
  ///
  /// Empty for everything else the server takes: POSIX zones, abbreviations, bare offsets, names in
  /// another case. What `UTC+5` means, for one, is the opposite in Java.
  ///
  /// The server and the JVM bring a time zone database each. Where their releases differ, so do
  /// recent or future offsets of the regions that changed their law in between; a caller that
  /// promises
  /// exactness compares the offsets with the server's.
  public static Optional<ZoneId> zone(String setting) {
    return ZoneId.getAvailableZoneIds().contains(setting) && !REDEFINED.contains(setting)
        ? Optional.of(ZoneId.of(setting))
        : Optional.empty();
  }

  /// A timestamp with time zone as a session whose TimeZone is `zone` shows it.
  public static String timestamptz(long micros, ZoneId zone) {
    return timestamptz(micros, zone.getRules());
  }

  /// A timestamp with time zone as a session in a zone of these rules shows it.
  public static String timestamptz(long micros, ZoneRules rules) {
    String infinity = infinity(micros);
    if (infinity != null) {
      return infinity;
    }
    long second = Math.floorDiv(micros, MICROS_PER_SECOND) + EPOCH_DAY * 86_400;
    int offset = rules.getOffset(Instant.ofEpochSecond(second)).getTotalSeconds();
    StringBuilder text = new StringBuilder(40);
    boolean beforeChrist = appendLocal(micros + offset * MICROS_PER_SECOND, text);
    appendOffset(offset, text);
    return text.append(beforeChrist ? " BC" : "").toString();
  }

  private static @Nullable String infinity(long micros) {
    return micros == Long.MAX_VALUE ? "infinity" : micros == Long.MIN_VALUE ? "-infinity" : null;
  }

  /// Appends year, month and day; true when the year is before Christ.
  private static boolean appendDate(long days, StringBuilder text) {
    LocalDate date = LocalDate.ofEpochDay(days + EPOCH_DAY);
    // The year 0 of the proleptic calendar is 1 BC.
    int year = date.getYear() > 0 ? date.getYear() : 1 - date.getYear();
    appendPadded(year, 4, text);
    text.append('-');
    appendPadded(date.getMonthValue(), 2, text);
    text.append('-');
    appendPadded(date.getDayOfMonth(), 2, text);
    return date.getYear() <= 0;
  }

  private static boolean appendLocal(long micros, StringBuilder text) {
    boolean beforeChrist = appendDate(Math.floorDiv(micros, MICROS_PER_DAY), text);
    long time = Math.floorMod(micros, MICROS_PER_DAY);
    int second = (int) (time / MICROS_PER_SECOND);
    text.append(' ');
    appendPadded(second / 3600, 2, text);
    text.append(':');
    appendPadded(second / 60 % 60, 2, text);
    text.append(':');
    appendPadded(second % 60, 2, text);
    int fraction = (int) (time % MICROS_PER_SECOND);
    if (fraction != 0) {
      text.append('.');
      appendPadded(fraction, 6, text);
      while (text.charAt(text.length() - 1) == '0') {
        text.setLength(text.length() - 1);
      }
    }
    return beforeChrist;
  }

  private static void appendOffset(int seconds, StringBuilder text) {
    int size = Math.abs(seconds);
    text.append(seconds < 0 ? '-' : '+');
    appendPadded(size / 3600, 2, text);
    if (size % 3600 != 0) {
      text.append(':');
      appendPadded(size / 60 % 60, 2, text);
      if (size % 60 != 0) {
        text.append(':');
        appendPadded(size % 60, 2, text);
      }
    }
  }

  private static void appendPadded(int number, int width, StringBuilder text) {
    String digits = Integer.toString(number);
    for (int i = digits.length(); i < width; i++) {
      text.append('0');
    }
    text.append(digits);
  }
}
