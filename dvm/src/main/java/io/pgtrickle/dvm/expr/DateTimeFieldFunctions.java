package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.Implementation.Ternary;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.PgNumeric;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.time.temporal.IsoFields;
import org.jspecify.annotations.Nullable;

/// `extract`, `date_part` and `date_trunc`.
///
/// `extract` answers numeric with a display scale that depends on the field, `date_part` double
/// precision
/// calculated in floating point.
final class DateTimeFieldFunctions {
  private static final String DATE = "date";
  private static final String TIMESTAMP = "timestamp without time zone";
  private static final String TIMESTAMPTZ = "timestamp with time zone";

  // Since that version date_trunc looks at the unit even where an infinity needs no cutting.
  private static final int CHECKS_INFINITE = 18;

  private static final PgNumeric DAY_MICROS = PgNumeric.of(DateTimes.MICROS_PER_DAY);
  private static final long UNIX_EPOCH = -DateTimes.EPOCH_DAY * DateTimes.MICROS_PER_DAY;

  private DateTimeFieldFunctions() {}

  /// A point in local time: the day, the time of day, and what else a field may ask for.
  ///
  /// @param micros of the timestamp itself, in UTC where it has a time zone
  /// @param offset seconds east of UTC
  private record Moment(long micros, long day, long time, long offset) {
    static Moment of(long micros, long offsetMicros) {
      long local = micros + offsetMicros;
      return new Moment(
          micros,
          Math.floorDiv(local, DateTimes.MICROS_PER_DAY),
          Math.floorMod(local, DateTimes.MICROS_PER_DAY),
          offsetMicros / 1_000_000);
    }

    LocalDate date() {
      return LocalDate.ofEpochDay(day + DateTimes.EPOCH_DAY);
    }

    long secondMicros() {
      return time % 60_000_000;
    }
  }

  static void register(Registry registry) {
    registry.add(
        "extract(text,date) numeric", "a field of a date", DateTimeFieldFunctions::extractDate);
    registry.add(
        "extract(text,timestamp) numeric",
        "a field of a timestamp",
        (String field, Long a) -> extract(field, a, null));
    registry.addZonedBinary(
        "extract(text,timestamptz) numeric",
        "a field of the local time",
        zone -> (String field, Long a) -> extract(field, a, zone));
    registry
        .addVariadic(
            "date_part(text,date) float8",
            "a field of a date",
            _ -> arguments -> datePartOfDate(arguments[0], arguments[1]))
        .inlined();
    registry.add(
        "date_part(text,timestamp) float8",
        "a field of a timestamp",
        (String field, Long a) -> datePart(field, a, null));
    registry.addZonedBinary(
        "date_part(text,timestamptz) float8",
        "a field of the local time",
        zone -> (String field, Long a) -> datePart(field, a, zone));
    registry.addBound(
        "date_trunc(text,timestamp) timestamp",
        "cut to a unit",
        binding -> (Binary<String, Long, Long>) (unit, a) -> truncate(unit, a, null, binding));
    registry
        .addBound(
            "date_trunc(text,timestamptz) timestamptz",
            "cut to a unit in local time",
            binding -> {
              ZoneId zone = binding.settings().zone().orElseThrow();
              return (Binary<String, Long, Long>) (unit, a) -> truncate(unit, a, zone, binding);
            })
        .needs(Requirement.TIME_ZONE);
    registry
        .addBound(
            "date_trunc(text,timestamptz,text) timestamptz",
            "cut to a unit in the time of a constant zone",
            binding -> {
              ZoneId zone = DateTimeFunctions.constantZone(binding, 2);
              return (Ternary<String, Long, String, Long>)
                  (unit, a, _) -> truncate(unit, a, zone, binding);
            })
        .needsConstantZone(2);
  }

  private static @Nullable PgNumeric extractDate(String name, Long date) {
    DateTimeField field = DateTimeField.field(name, DATE);
    switch (field) {
      case MICROSECONDS,
          MILLISECONDS,
          SECOND,
          MINUTE,
          HOUR,
          TIMEZONE,
          TIMEZONE_HOUR,
          TIMEZONE_MINUTE,
          SPECIAL ->
          throw DateTimeField.notSupported(name, DATE);
      case DAY,
          WEEK,
          MONTH,
          QUARTER,
          YEAR,
          DECADE,
          CENTURY,
          MILLENNIUM,
          DOW,
          ISODOW,
          DOY,
          ISOYEAR,
          JULIAN,
          EPOCH -> {}
    }
    if (!DateTimes.isFiniteDate(date)) {
      return infinite(field, date > 0);
    }
    return switch (field) {
      case JULIAN -> PgNumeric.of(date + DateTimes.EPOCH_JULIAN);
      case EPOCH -> PgNumeric.of((date + DateTimes.EPOCH_DAY) * 86_400);
      default -> PgNumeric.of(calendar(field, LocalDate.ofEpochDay(date + DateTimes.EPOCH_DAY)));
    };
  }

  private static @Nullable PgNumeric extract(String name, Long micros, @Nullable ZoneId zone) {
    DateTimeField field = supported(name, micros, zone);
    if (!DateTimes.isFinite(micros)) {
      return infinite(field, micros > 0);
    }
    Moment moment = Moment.of(micros, zone == null ? 0 : TimeZones.offset(micros, zone));
    return switch (field) {
      case MILLISECONDS -> scaled(moment.secondMicros(), 3);
      case SECOND -> scaled(moment.secondMicros(), 6);
      case JULIAN ->
          PgNumeric.of(moment.day() + DateTimes.EPOCH_JULIAN)
              .add(PgNumeric.of(moment.time()).divide(DAY_MICROS));
      case EPOCH -> epoch(micros);
      default -> PgNumeric.of(whole(field, moment));
    };
  }

  private static PgNumeric epoch(long micros) {
    if (micros < Long.MAX_VALUE + UNIX_EPOCH) {
      return scaled(micros - UNIX_EPOCH, 6);
    }
    // Where the difference overflows the server divides as numeric, to fewer digits than it shows.
    return PgNumeric.of(micros)
        .subtract(PgNumeric.of(UNIX_EPOCH))
        .divide(PgNumeric.of(1_000_000))
        .round(6);
  }

  private static @Nullable Double datePart(String name, long micros, @Nullable ZoneId zone) {
    DateTimeField field = supported(name, micros, zone);
    if (!DateTimes.isFinite(micros)) {
      return !field.isMonotonic()
          ? null
          : (Double) (micros > 0 ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY);
    }
    Moment moment = Moment.of(micros, zone == null ? 0 : TimeZones.offset(micros, zone));
    long seconds = moment.time() / 1_000_000;
    double fraction = moment.time() % 1_000_000;
    return switch (field) {
      case MILLISECONDS -> seconds % 60 * 1000.0 + fraction / 1000.0;
      case SECOND -> seconds % 60 + fraction / 1_000_000.0;
      case JULIAN ->
          moment.day() + DateTimes.EPOCH_JULIAN + (seconds + fraction / 1_000_000.0) / 86_400.0;
      case EPOCH ->
          // Near the end of the range the difference overflows, and the server takes it in floating
          // point.
          (micros < Long.MAX_VALUE + UNIX_EPOCH
                  ? (double) (micros - UNIX_EPOCH)
                  : (double) micros - UNIX_EPOCH)
              / 1_000_000.0;
      default -> (double) whole(field, moment);
    };
  }

  /// The server replaces the call by its definition, `date_part($1, $2::timestamp)`, so that the
  /// cast may
  /// fail even when the field is NULL.
  private static @Nullable Double datePartOfDate(@Nullable Object name, @Nullable Object date) {
    if (date == null) {
      return null;
    }
    long micros = DateTimes.dateToTimestamp((Long) date);
    return name == null ? null : datePart((String) name, micros, null);
  }

  /// The field of a name, if it makes sense for the type.
  private static DateTimeField supported(String name, long micros, @Nullable ZoneId zone) {
    String typeName = zone == null ? TIMESTAMP : TIMESTAMPTZ;
    DateTimeField field = DateTimeField.field(name, typeName);
    boolean ofZone =
        field == DateTimeField.TIMEZONE
            || field == DateTimeField.TIMEZONE_HOUR
            || field == DateTimeField.TIMEZONE_MINUTE;
    if (field == DateTimeField.SPECIAL || (ofZone && zone == null && DateTimes.isFinite(micros))) {
      throw DateTimeField.notSupported(name, typeName);
    }
    return field;
  }

  private static @Nullable PgNumeric infinite(DateTimeField field, boolean positive) {
    return !field.isMonotonic()
        ? null
        : positive ? PgNumeric.POSITIVE_INFINITY : PgNumeric.NEGATIVE_INFINITY;
  }

  private static PgNumeric scaled(long unscaled, int scale) {
    return PgNumeric.of(BigDecimal.valueOf(unscaled, scale));
  }

  /// A field that is a whole number.
  private static long whole(DateTimeField field, Moment moment) {
    return switch (field) {
      case MICROSECONDS -> moment.secondMicros();
      case MINUTE -> moment.time() / 60_000_000 % 60;
      case HOUR -> moment.time() / 3_600_000_000L;
      case TIMEZONE -> moment.offset();
      case TIMEZONE_HOUR -> moment.offset() / 3600;
      case TIMEZONE_MINUTE -> moment.offset() / 60 % 60;
      case DAY,
          WEEK,
          MONTH,
          QUARTER,
          YEAR,
          DECADE,
          CENTURY,
          MILLENNIUM,
          DOW,
          ISODOW,
          DOY,
          ISOYEAR ->
          calendar(field, moment.date());
      case MILLISECONDS, SECOND, JULIAN, EPOCH, SPECIAL ->
          throw new IllegalStateException(field + " is not whole");
    };
  }

  /// A field of a day. There is no year, decade, century or millennium 0.
  private static long calendar(DateTimeField field, LocalDate date) {
    int year = date.getYear();
    return switch (field) {
      case DAY -> date.getDayOfMonth();
      case WEEK -> date.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR);
      case MONTH -> date.getMonthValue();
      case QUARTER -> (date.getMonthValue() - 1) / 3 + 1;
      case YEAR -> year > 0 ? year : year - 1;
      case DECADE -> Math.floorDiv(year, 10);
      case CENTURY -> year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100);
      case MILLENNIUM -> year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000);
      case DOW -> date.getDayOfWeek().getValue() % 7;
      case ISODOW -> date.getDayOfWeek().getValue();
      case DOY -> date.getDayOfYear();
      case ISOYEAR -> {
        int isoYear = date.get(IsoFields.WEEK_BASED_YEAR);
        yield isoYear > 0 ? isoYear : isoYear - 1;
      }
      case MICROSECONDS,
          MILLISECONDS,
          SECOND,
          MINUTE,
          HOUR,
          TIMEZONE,
          TIMEZONE_HOUR,
          TIMEZONE_MINUTE,
          JULIAN,
          EPOCH,
          SPECIAL ->
          throw new IllegalStateException(field + " is not a field of a day");
    };
  }

  /// `date_trunc` of a time without zone, or in the time of a zone.
  static Long truncate(String name, Long micros, @Nullable ZoneId zone, Binding binding) {
    if (!DateTimes.isFinite(micros) && binding.settings().serverVersion() < CHECKS_INFINITE) {
      return micros;
    }
    String typeName = zone == null ? TIMESTAMP : TIMESTAMPTZ;
    DateTimeField unit = DateTimeField.unit(name, typeName);
    long offset = zone == null || !DateTimes.isFinite(micros) ? 0 : TimeZones.offset(micros, zone);
    Moment moment = Moment.of(DateTimes.isFinite(micros) ? micros : 0, offset);
    long unitMicros =
        switch (unit) {
          case MICROSECONDS -> 1;
          case MILLISECONDS -> 1_000;
          case SECOND -> 1_000_000;
          case MINUTE -> 60_000_000;
          case HOUR -> 3_600_000_000L;
          case DAY, WEEK, MONTH, QUARTER, YEAR, DECADE, CENTURY, MILLENNIUM -> 0;
          case TIMEZONE,
              TIMEZONE_HOUR,
              TIMEZONE_MINUTE,
              DOW,
              ISODOW,
              DOY,
              ISOYEAR,
              JULIAN,
              EPOCH,
              SPECIAL ->
              throw DateTimeField.notSupported(name, typeName);
        };
    if (!DateTimes.isFinite(micros)) {
      return micros;
    }
    if (unitMicros > 0) {
      long time = moment.time() - moment.time() % unitMicros;
      return DateTimes.check(moment.day() * DateTimes.MICROS_PER_DAY + time - offset);
    }
    long day = truncatedDay(unit, moment.date()).toEpochDay() - DateTimes.EPOCH_DAY;
    long local = Math.multiplyExact(day, DateTimes.MICROS_PER_DAY);
    // Midnight may have another offset than the time that was cut.
    return DateTimes.check(zone == null ? local : local - TimeZones.offsetOfLocal(local, zone));
  }

  private static LocalDate truncatedDay(DateTimeField unit, LocalDate date) {
    int year = date.getYear();
    return switch (unit) {
      case DAY -> date;
      case WEEK -> date.minus(date.getDayOfWeek().getValue() - 1, ChronoUnit.DAYS);
      case MONTH -> date.withDayOfMonth(1);
      case QUARTER -> LocalDate.of(year, (date.getMonthValue() - 1) / 3 * 3 + 1, 1);
      case YEAR -> LocalDate.of(year, 1, 1);
      case DECADE -> LocalDate.of(Math.floorDiv(year, 10) * 10, 1, 1);
      case CENTURY -> LocalDate.of(Math.floorDiv(year - 1, 100) * 100 + 1, 1, 1);
      case MILLENNIUM -> LocalDate.of(Math.floorDiv(year - 1, 1000) * 1000 + 1, 1, 1);
      case MICROSECONDS,
          MILLISECONDS,
          SECOND,
          MINUTE,
          HOUR,
          TIMEZONE,
          TIMEZONE_HOUR,
          TIMEZONE_MINUTE,
          DOW,
          ISODOW,
          DOY,
          ISOYEAR,
          JULIAN,
          EPOCH,
          SPECIAL ->
          throw new IllegalStateException(unit + " does not cut to a day");
    };
  }
}
