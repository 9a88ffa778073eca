package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.type.EvaluationFailure;
import java.time.LocalDate;
import java.time.Month;
import java.time.ZoneId;
import java.time.chrono.IsoChronology;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Casts and arithmetic of date, timestamp and timestamptz. Those with intervals are
/// [IntervalFunctions].
final class DateTimeFunctions {
  private static final int MAX_PRECISION = 6;

  private DateTimeFunctions() {}

  static void register(Registry registry) {
    dates(registry);
    casts(registry);
    zones(registry);
    for (String type : List.of("timestamp", "timestamptz")) {
      registry
          .add("isfinite(" + type + ") bool", "not an infinity", (Long a) -> DateTimes.isFinite(a))
          .neverFails();
      registry.add(
          type + "(" + type + ",int4) " + type,
          "cast to a number of fractional digits",
          DateTimeFunctions::withPrecision);
    }
  }

  private static void dates(Registry registry) {
    registry.add("date_pli(date,int4) date", "days later", DateTimeFunctions::plusDays);
    registry.add(
        "integer_pl_date(int4,date) date", "days later", (Long n, Long a) -> plusDays(a, n));
    registry.add("date_mii(date,int4) date", "days earlier", (Long a, Long n) -> plusDays(a, -n));
    registry.add("date_mi(date,date) int4", "days between", DateTimeFunctions::daysBetween);
    registry.add(
        "make_date(int4,int4,int4) date",
        "a date of year, month and day",
        DateTimeFunctions::makeDate);
    registry.addVariadic(
        "make_timestamp(int4,int4,int4,int4,int4,float8) timestamp",
        "a timestamp of year, month, day, hour, minute and seconds",
        _ -> DateTimeFunctions::makeTimestamp);
    registry.add(
        "to_timestamp(float8) timestamptz",
        "a time of seconds since 1970",
        DateTimeFunctions::ofUnixEpoch);
    registry
        .add("isfinite(date) bool", "not an infinity", (Long a) -> DateTimes.isFiniteDate(a))
        .neverFails();
  }

  private static void casts(Registry registry) {
    registry.add(
        "timestamp(date) timestamp", "cast: midnight", (Long a) -> DateTimes.dateToTimestamp(a));
    registry
        .add("date(timestamp) date", "cast: the day", (Long a) -> DateTimes.timestampToDate(a))
        .neverFails();
    registry.addZoned(
        "timestamptz(date) timestamptz",
        "cast: local midnight",
        zone -> (Long a) -> DateTimes.dateToTimestamptz(a, zone));
    registry
        .addZoned(
            "date(timestamptz) date",
            "cast: the local day",
            zone -> (Long a) -> DateTimes.timestamptzToDate(a, zone))
        .neverFails();
    registry.addZoned(
        "timestamptz(timestamp) timestamptz",
        "cast: as local time",
        zone -> (Long a) -> DateTimes.timestampToTimestamptz(a, zone));
    registry.addZoned(
        "timestamp(timestamptz) timestamp",
        "cast: local time",
        zone -> (Long a) -> DateTimes.timestamptzToTimestamp(a, zone));
  }

  private static void zones(Registry registry) {
    registry.addZoned(
        "timezone(timestamptz) timestamp",
        "AT LOCAL",
        zone -> (Long a) -> DateTimes.timestamptzToTimestamp(a, zone));
    registry.addZoned(
        "timezone(timestamp) timestamptz",
        "AT LOCAL",
        zone -> (Long a) -> DateTimes.timestampToTimestamptz(a, zone));
    registry
        .addBound(
            "timezone(text,timestamptz) timestamp",
            "AT TIME ZONE, for a constant zone",
            binding -> {
              ZoneId zone = constantZone(binding, 0);
              return (Binary<String, Long, Long>)
                  (_, a) -> DateTimes.timestamptzToTimestamp(a, zone);
            })
        .needsConstantZone(0);
    registry
        .addBound(
            "timezone(text,timestamp) timestamptz",
            "AT TIME ZONE, for a constant zone",
            binding -> {
              ZoneId zone = constantZone(binding, 0);
              return (Binary<String, Long, Long>)
                  (_, a) -> DateTimes.timestampToTimestamptz(a, zone);
            })
        .needsConstantZone(0);
  }

  /// The zone that a literal argument names, which the library has made sure of.
  static ZoneId constantZone(Binding binding, int argument) {
    return binding.arguments().get(argument) instanceof Expr.Literal literal
            && literal.value() != null
        ? TimeZones.namedZone(literal.value()).orElseThrow()
        : ZoneId.of("UTC");
  }

  private static Long plusDays(Long date, Long days) {
    if (!DateTimes.isFiniteDate(date)) {
      return date;
    }
    long sum = date + days;
    if (!DateTimes.isValidDate(sum)) {
      throw new EvaluationFailure("22008", "date out of range");
    }
    return sum;
  }

  private static Long daysBetween(Long left, Long right) {
    if (!DateTimes.isFiniteDate(left) || !DateTimes.isFiniteDate(right)) {
      throw new EvaluationFailure("22008", "cannot subtract infinite dates");
    }
    return left - right;
  }

  /// A negative year is before Christ; there is no year 0.
  private static Long makeDate(Long year, Long month, Long day) {
    long proleptic = year < 0 && year > Integer.MIN_VALUE ? year + 1 : year;
    String shown = "%d-%02d-%02d".formatted(proleptic, month, day);
    if (year == 0 || year == Integer.MIN_VALUE || !isDayOfMonth(proleptic, month, day)) {
      throw new EvaluationFailure("22008", "date field value out of range: " + shown);
    }
    if (Math.abs(proleptic) < 10_000_000) {
      long days =
          LocalDate.of((int) proleptic, (int) (long) month, (int) (long) day).toEpochDay()
              - DateTimes.EPOCH_DAY;
      if (DateTimes.isValidDate(days)) {
        return days;
      }
    }
    throw new EvaluationFailure("22008", "date out of range: " + shown);
  }

  private static Long makeTimestamp(@Nullable Object[] arguments) {
    long year = Values.number(arguments[0]);
    long month = Values.number(arguments[1]);
    long day = Values.number(arguments[2]);
    String date = "%d-%02d-%02d".formatted(year, month, day);
    long proleptic = year < 0 ? year + 1 : year;
    if (year == 0 || year == Integer.MIN_VALUE || !isDayOfMonth(proleptic, month, day)) {
      throw new EvaluationFailure("22008", "date field value out of range: " + date);
    }
    long days = Long.MAX_VALUE;
    if (Math.abs(proleptic) < 10_000_000) {
      days =
          LocalDate.of((int) proleptic, (int) month, (int) day).toEpochDay() - DateTimes.EPOCH_DAY;
    }
    if (!DateTimes.isValidDate(days)) {
      throw new EvaluationFailure("22008", "date out of range: " + date);
    }
    long hour = Values.number(arguments[3]);
    long minute = Values.number(arguments[4]);
    double seconds = arguments[5] instanceof Double given ? given : Double.NaN;
    String time = "%d:%02d:%s".formatted(hour, minute, PrintfG.ofTwo(seconds));
    double micros = Math.rint(seconds * 1_000_000);
    long whole = (hour * 60 + minute) * 60_000_000 + (long) micros;
    if (hour < 0
        || hour > 24
        || minute < 0
        || minute > 59
        || !(micros >= 0 && micros <= 60_000_000)
        || whole > DateTimes.MICROS_PER_DAY) {
      throw new EvaluationFailure("22008", "time field value out of range: " + time);
    }
    if (DateTimes.isBeyondTimestamps(days)
        || !DateTimes.isValidTimestamp(days * DateTimes.MICROS_PER_DAY + whole)) {
      throw new EvaluationFailure("22008", "timestamp out of range: " + date + " " + time);
    }
    return days * DateTimes.MICROS_PER_DAY + whole;
  }

  private static Long ofUnixEpoch(Double seconds) {
    if (seconds.isNaN()) {
      throw new EvaluationFailure("22008", "timestamp cannot be NaN");
    }
    if (seconds.isInfinite()) {
      return seconds > 0 ? Long.MAX_VALUE : Long.MIN_VALUE;
    }
    if (seconds >= DateTimes.FIRST_UNIX_SECOND && seconds < DateTimes.END_UNIX_SECOND) {
      long micros = (long) Math.rint((seconds - DateTimes.EPOCH_DAY * 86_400) * 1_000_000);
      if (DateTimes.isValidTimestamp(micros)) {
        return micros;
      }
    }
    throw new EvaluationFailure("22008", "timestamp out of range: \"" + PrintfG.of(seconds) + "\"");
  }

  private static boolean isDayOfMonth(long year, long month, long day) {
    return month >= 1
        && month <= 12
        && day >= 1
        && day <= Month.of((int) month).length(IsoChronology.INSTANCE.isLeapYear(year));
  }

  private static Long withPrecision(Long micros, Long precision) {
    if (!DateTimes.isFinite(micros) || precision == -1 || precision == MAX_PRECISION) {
      return micros;
    }
    if (precision < 0 || precision > MAX_PRECISION) {
      throw new EvaluationFailure(
          "22023",
          "timestamp(%d) precision must be between 0 and %d".formatted(precision, MAX_PRECISION));
    }
    long unit = 1;
    for (long i = precision; i < MAX_PRECISION; i++) {
      unit *= 10;
    }
    // Half away from zero, that is from 2000-01-01.
    return micros >= 0 ? (micros + unit / 2) / unit * unit : -((-micros + unit / 2) / unit * unit);
  }
}
