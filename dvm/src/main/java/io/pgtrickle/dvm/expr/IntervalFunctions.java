package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.Implementation.Ternary;
import io.pgtrickle.dvm.expr.Implementation.Unary;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.IntervalScaling;
import io.pgtrickle.dvm.type.PgInterval;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// Arithmetic of intervals among themselves and with dates and timestamps.
///
/// Months, days and time are added one after the other, each in the calendar; what an intermediate
/// result cannot be is an error even if the next field would lead back.
final class IntervalFunctions {
  private static final int DAYS_PER_MONTH = 30;

  // Infinite intervals, and differences of infinite timestamps with them.
  private static final int INFINITE_SINCE = 17;

  // Before, a difference of more than 292,471 years wraps around without a word.
  private static final int CHECKS_DIFFERENCES_SINCE = 16;

  private IntervalFunctions() {}

  static void register(Registry registry) {
    among(registry);
    withDates(registry);
    withTimestamps(registry);
    for (String type : new String[] {"timestamp", "timestamptz"}) {
      registry.add(
          "date_bin(interval,%1$s,%1$s) %1$s".formatted(type),
          "cut to a multiple of an interval since an origin",
          (Ternary<PgInterval, Long, Long, Long>) IntervalFunctions::bin);
    }
  }

  private static void among(Registry registry) {
    registry.add("interval_pl(interval,interval) interval", "addition", IntervalFunctions::plus);
    registry.add(
        "interval_mi(interval,interval) interval", "subtraction", IntervalFunctions::minus);
    registry.add("interval_um(interval) interval", "negation", IntervalFunctions::negated);
    registry.addBound(
        "interval_mul(interval,float8) interval",
        "multiplication, fractions spilling into smaller fields",
        binding -> {
          boolean infinite = binding.settings().serverVersion() >= INFINITE_SINCE;
          return (Binary<PgInterval, Double, PgInterval>)
              (a, factor) -> IntervalScaling.times(a, factor, infinite);
        });
    registry.addBound(
        "mul_d_interval(float8,interval) interval",
        "multiplication, fractions spilling into smaller fields",
        binding -> {
          boolean infinite = binding.settings().serverVersion() >= INFINITE_SINCE;
          return (Binary<Double, PgInterval, PgInterval>)
              (factor, a) -> IntervalScaling.times(a, factor, infinite);
        });
    registry.add(
        "interval_div(interval,float8) interval",
        "division, fractions spilling into smaller fields",
        IntervalScaling::divided);
    registry
        .add(
            "isfinite(interval) bool",
            "not an infinity",
            (Unary<PgInterval, Boolean>) a -> a.isFinite())
        .needs(Requirement.POSTGRESQL_17)
        .neverFails();
    registry
        .add(
            "justify_hours(interval) interval",
            "24 hours become a day",
            IntervalFunctions::justifiedHours)
        .needs(Requirement.POSTGRESQL_17);
    registry
        .add(
            "justify_days(interval) interval",
            "30 days become a month",
            IntervalFunctions::justifiedDays)
        .needs(Requirement.POSTGRESQL_17);
    registry
        .add(
            "justify_interval(interval) interval",
            "24 hours become a day, 30 days a month, all of one sign",
            IntervalFunctions::justified)
        .needs(Requirement.POSTGRESQL_17);
    registry
        .addVariadic(
            "make_interval(int4,int4,int4,int4,int4,int4,float8) interval",
            "an interval of years, months, weeks, days, hours, minutes and seconds",
            _ -> IntervalFunctions::made)
        .needs(Requirement.POSTGRESQL_17);
  }

  private static void withDates(Registry registry) {
    registry.add(
        "date_pl_interval(date,interval) timestamp",
        "an interval later",
        (Long a, PgInterval span) -> later(DateTimes.dateToTimestamp(a), span, null));
    registry.add(
        "date_mi_interval(date,interval) timestamp",
        "an interval earlier",
        (Long a, PgInterval span) -> later(DateTimes.dateToTimestamp(a), negated(span), null));
    registry.add(
        "interval_pl_date(interval,date) timestamp",
        "an interval later",
        (PgInterval span, Long a) -> later(DateTimes.dateToTimestamp(a), span, null));
  }

  private static void withTimestamps(Registry registry) {
    registry.add(
        "timestamp_pl_interval(timestamp,interval) timestamp",
        "an interval later",
        (Long a, PgInterval span) -> later(a, span, null));
    registry.add(
        "timestamp_mi_interval(timestamp,interval) timestamp",
        "an interval earlier",
        (Long a, PgInterval span) -> later(a, negated(span), null));
    registry.add(
        "interval_pl_timestamp(interval,timestamp) timestamp",
        "an interval later",
        (PgInterval span, Long a) -> later(a, span, null));
    registry.addZonedBinary(
        "timestamptz_pl_interval(timestamptz,interval) timestamptz",
        "an interval later in local time",
        zone -> (Long a, PgInterval span) -> later(a, span, zone));
    registry.addZonedBinary(
        "timestamptz_mi_interval(timestamptz,interval) timestamptz",
        "an interval earlier in local time",
        zone -> (Long a, PgInterval span) -> later(a, negated(span), zone));
    registry.addZonedBinary(
        "interval_pl_timestamptz(interval,timestamptz) timestamptz",
        "an interval later in local time",
        zone -> (PgInterval span, Long a) -> later(a, span, zone));
    for (String type : new String[] {"timestamp", "timestamptz"}) {
      registry.addBound(
          "%1$s_mi(%1$s,%1$s) interval".formatted(type),
          "days and time between",
          binding -> {
            int version = binding.settings().serverVersion();
            return (Binary<Long, Long, PgInterval>) (l, r) -> between(l, r, version);
          });
    }
  }

  /// @param zone in whose local time months and days are counted; none for a time without zone
  static long later(long micros, PgInterval span, @Nullable ZoneId zone) {
    if (!span.isFinite()) {
      long infinity = span.equals(PgInterval.INFINITY) ? Long.MAX_VALUE : Long.MIN_VALUE;
      if (!DateTimes.isFinite(micros) && micros != infinity) {
        throw timestampOutOfRange();
      }
      return infinity;
    }
    if (!DateTimes.isFinite(micros)) {
      return micros;
    }
    long result = micros;
    if (span.months() != 0) {
      result = inCalendar(result, zone, day -> plusMonths(day, span.months()));
    }
    if (span.days() != 0) {
      result = inCalendar(result, zone, day -> day + span.days());
    }
    try {
      return DateTimes.check(Math.addExact(result, span.micros()));
    } catch (ArithmeticException overflow) {
      throw timestampOutOfRange();
    }
  }

  /// Moves the local day, keeping the local time of day.
  private static long inCalendar(long micros, @Nullable ZoneId zone, LongUnaryOperator move) {
    long local = zone == null ? micros : micros + TimeZones.offset(micros, zone);
    long day = move.applyAsLong(Math.floorDiv(local, DateTimes.MICROS_PER_DAY));
    if (!DateTimes.isValidDate(day) || DateTimes.isBeyondTimestamps(day)) {
      throw timestampOutOfRange();
    }
    long moved = day * DateTimes.MICROS_PER_DAY + Math.floorMod(local, DateTimes.MICROS_PER_DAY);
    return DateTimes.check(zone == null ? moved : moved - TimeZones.offsetOfLocal(moved, zone));
  }

  /// The same day of another month, or its last one.
  private static long plusMonths(long day, int months) {
    return LocalDate.ofEpochDay(day + DateTimes.EPOCH_DAY).plusMonths(months).toEpochDay()
        - DateTimes.EPOCH_DAY;
  }

  private static PgInterval between(long left, long right, int version) {
    if (!DateTimes.isFinite(left) || !DateTimes.isFinite(right)) {
      if (version < INFINITE_SINCE) {
        throw new EvaluationFailure("22008", "cannot subtract infinite timestamps");
      }
      if (left == right) {
        throw PgInterval.outOfRange();
      }
      return left == Long.MAX_VALUE || right == Long.MIN_VALUE
          ? PgInterval.INFINITY
          : PgInterval.MINUS_INFINITY;
    }
    if (version < CHECKS_DIFFERENCES_SINCE) {
      return justifiedHours(new PgInterval(0, 0, left - right));
    }
    try {
      return justifiedHours(new PgInterval(0, 0, Math.subtractExact(left, right)));
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static PgInterval justifiedHours(PgInterval a) {
    if (!a.isFinite()) {
      return a;
    }
    try {
      int days = Math.addExact(a.days(), (int) (a.micros() / DateTimes.MICROS_PER_DAY));
      long micros = a.micros() % DateTimes.MICROS_PER_DAY;
      if (days > 0 && micros < 0) {
        return new PgInterval(a.months(), days - 1, micros + DateTimes.MICROS_PER_DAY);
      }
      return days < 0 && micros > 0
          ? new PgInterval(a.months(), days + 1, micros - DateTimes.MICROS_PER_DAY)
          : new PgInterval(a.months(), days, micros);
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static PgInterval justifiedDays(PgInterval a) {
    if (!a.isFinite()) {
      return a;
    }
    int months = plusMonths(a.months(), a.days() / DAYS_PER_MONTH);
    int days = a.days() % DAYS_PER_MONTH;
    if (months > 0 && days < 0) {
      return new PgInterval(months - 1, days + DAYS_PER_MONTH, a.micros());
    }
    return months < 0 && days > 0
        ? new PgInterval(months + 1, days - DAYS_PER_MONTH, a.micros())
        : new PgInterval(months, days, a.micros());
  }

  private static int plusMonths(int months, int more) {
    try {
      return Math.addExact(months, more);
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static PgInterval justified(PgInterval a) {
    if (!a.isFinite()) {
      return a;
    }
    int months = a.months();
    int days = a.days();
    long micros = a.micros();
    if ((days > 0 && micros > 0) || (days < 0 && micros < 0)) {
      // Beforehand, so that the days of the time fit.
      months = plusMonths(months, days / DAYS_PER_MONTH);
      days %= DAYS_PER_MONTH;
    }
    days += (int) (micros / DateTimes.MICROS_PER_DAY);
    micros %= DateTimes.MICROS_PER_DAY;
    months = plusMonths(months, days / DAYS_PER_MONTH);
    days %= DAYS_PER_MONTH;
    if (months > 0 && (days < 0 || (days == 0 && micros < 0))) {
      days += DAYS_PER_MONTH;
      months--;
    } else if (months < 0 && (days > 0 || (days == 0 && micros > 0))) {
      days -= DAYS_PER_MONTH;
      months++;
    }
    if (days > 0 && micros < 0) {
      micros += DateTimes.MICROS_PER_DAY;
      days--;
    } else if (days < 0 && micros > 0) {
      micros -= DateTimes.MICROS_PER_DAY;
      days++;
    }
    return new PgInterval(months, days, micros);
  }

  /// Arguments that are left out are 0.
  private static PgInterval made(@Nullable Object[] arguments) {
    int[] fields = new int[6];
    for (int i = 0; i < Math.min(fields.length, arguments.length); i++) {
      fields[i] = (int) Values.number(arguments[i]);
    }
    double seconds = arguments.length == 7 && arguments[6] instanceof Double last ? last : 0;
    if (!Double.isFinite(seconds)) {
      throw PgInterval.outOfRange();
    }
    try {
      int months = Math.addExact(Math.multiplyExact(fields[0], 12), fields[1]);
      int days = Math.addExact(Math.multiplyExact(fields[2], 7), fields[3]);
      double micros = Math.rint(seconds * 1_000_000);
      if (Double.isInfinite(micros)) {
        throw new EvaluationFailure("22003", "value out of range: overflow");
      }
      if (!(micros >= Long.MIN_VALUE && micros < -(double) Long.MIN_VALUE)) {
        throw PgInterval.outOfRange();
      }
      long time = fields[4] * 3_600_000_000L + fields[5] * 60_000_000L;
      return PgInterval.finite(months, days, Math.addExact(time, (long) micros));
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static PgInterval plus(PgInterval left, PgInterval right) {
    if (!left.isFinite() || !right.isFinite()) {
      if (!left.isFinite() && !right.isFinite() && !left.equals(right)) {
        throw PgInterval.outOfRange();
      }
      return left.isFinite() ? right : left;
    }
    try {
      return PgInterval.finite(
          Math.addExact(left.months(), right.months()),
          Math.addExact(left.days(), right.days()),
          Math.addExact(left.micros(), right.micros()));
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static PgInterval minus(PgInterval left, PgInterval right) {
    if (!left.isFinite() || !right.isFinite()) {
      if (left.equals(right)) {
        throw PgInterval.outOfRange();
      }
      return left.isFinite() ? right.opposite() : left;
    }
    try {
      return PgInterval.finite(
          Math.subtractExact(left.months(), right.months()),
          Math.subtractExact(left.days(), right.days()),
          Math.subtractExact(left.micros(), right.micros()));
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static PgInterval negated(PgInterval a) {
    if (!a.isFinite()) {
      return a.opposite();
    }
    try {
      return PgInterval.finite(
          Math.negateExact(a.months()), Math.negateExact(a.days()), Math.negateExact(a.micros()));
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
  }

  private static long bin(PgInterval stride, long micros, long origin) {
    if (!DateTimes.isFinite(micros)) {
      return micros;
    }
    if (!DateTimes.isFinite(origin)) {
      throw new EvaluationFailure("22008", "origin out of range");
    }
    if (!stride.isFinite()) {
      throw new EvaluationFailure("22008", "timestamps cannot be binned into infinite intervals");
    }
    if (stride.months() != 0) {
      throw new EvaluationFailure(
          "0A000", "timestamps cannot be binned into intervals containing months or years");
    }
    long width;
    long distance;
    try {
      width =
          Math.addExact(
              Math.multiplyExact((long) stride.days(), DateTimes.MICROS_PER_DAY), stride.micros());
      if (width <= 0) {
        throw new EvaluationFailure("22008", "stride must be greater than zero");
      }
      distance = Math.subtractExact(micros, origin);
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
    long start = origin + (distance - distance % width);
    if (distance % width < 0) {
      try {
        return DateTimes.check(Math.subtractExact(start, width));
      } catch (ArithmeticException overflow) {
        throw timestampOutOfRange();
      }
    }
    return start;
  }

  private static EvaluationFailure timestampOutOfRange() {
    return new EvaluationFailure("22008", "timestamp out of range");
  }
}
