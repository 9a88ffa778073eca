package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.PgNumeric;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/// `extract` and `date_part` of intervals.
///
/// Years and months are those of the months, the time is hours, minutes and seconds, and days stand
/// by themselves; every field has the sign of what it is taken from. Only the epoch adds them up,
/// with a year of 365.25 days.
final class IntervalFieldFunctions {
  private static final String INTERVAL = "interval";
  private static final int MONTHS_PER_YEAR = 12;

  // Since that version there are weeks, and quarters of less than nothing are negative.
  private static final int WEEKS_SINCE = 18;

  private IntervalFieldFunctions() {}

  static void register(Registry registry) {
    // Before 17 what is infinite since is a value like others.
    registry
        .addBound(
            "extract(text,interval) numeric",
            "a field of an interval",
            binding -> {
              boolean weeks = binding.settings().serverVersion() >= WEEKS_SINCE;
              return (Binary<String, PgInterval, PgNumeric>) (name, a) -> extract(name, a, weeks);
            })
        .needs(Requirement.POSTGRESQL_17);
    registry
        .addBound(
            "date_part(text,interval) float8",
            "a field of an interval",
            binding -> {
              boolean weeks = binding.settings().serverVersion() >= WEEKS_SINCE;
              return (Binary<String, PgInterval, Double>) (name, a) -> datePart(name, a, weeks);
            })
        .needs(Requirement.POSTGRESQL_17);
  }

  private static @Nullable PgNumeric extract(String name, PgInterval a, boolean weeks) {
    DateTimeField field = field(name, a, weeks);
    if (!a.isFinite()) {
      return !grows(field)
          ? null
          : a.equals(PgInterval.INFINITY)
              ? PgNumeric.POSITIVE_INFINITY
              : PgNumeric.NEGATIVE_INFINITY;
    }
    return switch (field) {
      case MILLISECONDS -> PgNumeric.of(BigDecimal.valueOf(a.micros() % 60_000_000, 3));
      case SECOND -> PgNumeric.of(BigDecimal.valueOf(a.micros() % 60_000_000, 6));
      case EPOCH -> epoch(a);
      default -> PgNumeric.of(whole(field, a, weeks));
    };
  }

  private static PgNumeric epoch(PgInterval a) {
    // In quarters of days, so that a year is a whole number of them.
    long quarters =
        1461L * (a.months() / MONTHS_PER_YEAR)
            + 120L * (a.months() % MONTHS_PER_YEAR)
            + 4L * a.days();
    return PgNumeric.of(BigDecimal.valueOf(a.micros(), 6))
        .add(PgNumeric.of(BigDecimal.valueOf(quarters * 21_600)));
  }

  private static @Nullable Double datePart(String name, PgInterval a, boolean weeks) {
    DateTimeField field = field(name, a, weeks);
    if (!a.isFinite()) {
      return !grows(field)
          ? null
          : (Double)
              (a.equals(PgInterval.INFINITY) ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY);
    }
    long seconds = a.micros() / 1_000_000 % 60;
    double fraction = a.micros() % 1_000_000;
    return switch (field) {
      case MILLISECONDS -> seconds * 1000.0 + fraction / 1000.0;
      case SECOND -> seconds + fraction / 1_000_000.0;
      case EPOCH -> {
        int years = a.months() / MONTHS_PER_YEAR;
        int months = a.months() % MONTHS_PER_YEAR;
        double sum = a.micros() / 1_000_000.0;
        sum += 365.25 * 86_400 * years;
        sum += 30.0 * 86_400 * months;
        yield sum + 86_400.0 * a.days();
      }
      default -> (double) whole(field, a, weeks);
    };
  }

  private static DateTimeField field(String name, PgInterval a, boolean weeks) {
    DateTimeField field = DateTimeField.field(name, INTERVAL);
    boolean supported =
        switch (field) {
          case MICROSECONDS,
              MILLISECONDS,
              SECOND,
              MINUTE,
              HOUR,
              DAY,
              MONTH,
              QUARTER,
              YEAR,
              DECADE,
              CENTURY,
              MILLENNIUM,
              EPOCH ->
              true;
          case WEEK -> weeks;
          case TIMEZONE, TIMEZONE_HOUR, TIMEZONE_MINUTE, DOW, ISODOW, DOY, ISOYEAR, JULIAN -> false;
          case SPECIAL -> {
            if (a.isFinite()) {
              throw DateTimeField.notRecognized(name, INTERVAL);
            }
            yield false;
          }
        };
    if (!supported) {
      throw DateTimeField.notSupported(name, INTERVAL);
    }
    return field;
  }

  /// Whether it is infinite for an infinite interval.
  private static boolean grows(DateTimeField field) {
    return switch (field) {
      case HOUR, DAY, YEAR, DECADE, CENTURY, MILLENNIUM, EPOCH -> true;
      default -> false;
    };
  }

  private static long whole(DateTimeField field, PgInterval a, boolean weeks) {
    int years = a.months() / MONTHS_PER_YEAR;
    int months = a.months() % MONTHS_PER_YEAR;
    return switch (field) {
      case MICROSECONDS -> a.micros() % 60_000_000;
      case MINUTE -> a.micros() / 60_000_000 % 60;
      case HOUR -> a.micros() / 3_600_000_000L;
      case DAY -> a.days();
      case WEEK -> a.days() / 7;
      case MONTH -> months;
      case QUARTER ->
          weeks && a.months() < 0 ? -(-a.months() % MONTHS_PER_YEAR / 3 + 1) : months / 3 + 1;
      case YEAR -> years;
      case DECADE -> years / 10;
      case CENTURY -> years / 100;
      case MILLENNIUM -> years / 1000;
      case MILLISECONDS,
          SECOND,
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
          throw new IllegalStateException(field + " is not whole");
    };
  }
}
