package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import java.time.ZoneId;

/// Ranges and conversions of dates and timestamps.
///
/// A date reaches further than a timestamp can, so that conversions overflow; the infinities
/// convert to each
/// other.
final class DateTimes {
  /// Days from 1970-01-01 to 2000-01-01.
  static final long EPOCH_DAY = 10_957;

  /// The Julian day of 2000-01-01.
  static final long EPOCH_JULIAN = 2_451_545;

  static final long MICROS_PER_DAY = 86_400_000_000L;

  static final long DATE_INFINITY = Integer.MAX_VALUE;
  static final long DATE_MINUS_INFINITY = Integer.MIN_VALUE;

  private static final long MIN_DATE = -EPOCH_JULIAN;
  private static final long END_DATE = 2_147_483_494L - EPOCH_JULIAN;
  private static final long END_TIMESTAMP_DAY = 109_203_528L - EPOCH_JULIAN;

  /// The range of timestamps in seconds since 1970.
  static final double FIRST_UNIX_SECOND = (MIN_DATE + EPOCH_DAY) * 86_400.0;

  static final double END_UNIX_SECOND = (END_TIMESTAMP_DAY + EPOCH_DAY) * 86_400.0;

  private static final long MIN_TIMESTAMP = MIN_DATE * MICROS_PER_DAY;
  private static final long END_TIMESTAMP = END_TIMESTAMP_DAY * MICROS_PER_DAY;

  private DateTimes() {}

  static boolean isFinite(long micros) {
    return micros != Long.MAX_VALUE && micros != Long.MIN_VALUE;
  }

  static boolean isFiniteDate(long days) {
    return days != DATE_INFINITY && days != DATE_MINUS_INFINITY;
  }

  static boolean isValidDate(long days) {
    return days >= MIN_DATE && days < END_DATE;
  }

  /// Whether a date is later than any timestamp.
  static boolean isBeyondTimestamps(long days) {
    return days >= END_TIMESTAMP_DAY;
  }

  static boolean isValidTimestamp(long micros) {
    return micros >= MIN_TIMESTAMP && micros < END_TIMESTAMP;
  }

  /// The timestamp, which must be in range.
  static long check(long micros) {
    if (!isValidTimestamp(micros)) {
      throw new EvaluationFailure("22008", "timestamp out of range");
    }
    return micros;
  }

  static long dateToTimestamp(long days) {
    if (!isFiniteDate(days)) {
      return infinity(days);
    }
    if (days >= END_TIMESTAMP_DAY) {
      throw dateOutOfRange();
    }
    return days * MICROS_PER_DAY;
  }

  static long dateToTimestamptz(long days, ZoneId zone) {
    long local = dateToTimestamp(days);
    if (!isFinite(local)) {
      return local;
    }
    long micros = local - TimeZones.offsetOfLocal(local, zone);
    if (micros < MIN_TIMESTAMP || micros >= END_TIMESTAMP) {
      throw dateOutOfRange();
    }
    return micros;
  }

  static long timestampToDate(long micros) {
    return micros == Long.MAX_VALUE
        ? DATE_INFINITY
        : micros == Long.MIN_VALUE ? DATE_MINUS_INFINITY : Math.floorDiv(micros, MICROS_PER_DAY);
  }

  static long timestampToTimestamptz(long local, ZoneId zone) {
    return isFinite(local) ? check(local - TimeZones.offsetOfLocal(local, zone)) : local;
  }

  static long timestamptzToTimestamp(long micros, ZoneId zone) {
    return isFinite(micros) ? check(micros + TimeZones.offset(micros, zone)) : micros;
  }

  static long timestamptzToDate(long micros, ZoneId zone) {
    return timestampToDate(isFinite(micros) ? micros + TimeZones.offset(micros, zone) : micros);
  }

  static int compareDateToTimestamp(long days, long micros) {
    if (isFiniteDate(days) && days >= END_TIMESTAMP_DAY) {
      return micros == Long.MAX_VALUE ? -1 : 1;
    }
    return Long.compare(dateToTimestamp(days), micros);
  }

  static int compareDateToTimestamptz(long days, long micros, ZoneId zone) {
    if (isFiniteDate(days) && days >= END_TIMESTAMP_DAY) {
      return micros == Long.MAX_VALUE ? -1 : 1;
    }
    return compareTimestampToTimestamptz(dateToTimestamp(days), micros, zone);
  }

  /// A local time whose instant is out of range still lies between the infinities.
  static int compareTimestampToTimestamptz(long local, long micros, ZoneId zone) {
    if (!isFinite(local)) {
      return Long.compare(local, micros);
    }
    long instant = local - TimeZones.offsetOfLocal(local, zone);
    if (instant >= END_TIMESTAMP) {
      return micros == Long.MAX_VALUE ? -1 : 1;
    }
    if (instant < MIN_TIMESTAMP) {
      return micros == Long.MIN_VALUE ? 1 : -1;
    }
    return Long.compare(instant, micros);
  }

  private static long infinity(long days) {
    return days == DATE_INFINITY ? Long.MAX_VALUE : Long.MIN_VALUE;
  }

  private static EvaluationFailure dateOutOfRange() {
    return new EvaluationFailure("22008", "date out of range for timestamp");
  }
}
