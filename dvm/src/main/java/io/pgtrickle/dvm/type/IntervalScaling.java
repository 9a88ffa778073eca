package io.pgtrickle.dvm.type;

/// Multiplication and division of intervals by numbers: what is left of a month becomes days of
/// which it has 30, and what is left of a day time. Step by step in the server's floating point.
public final class IntervalScaling {
  private static final double DAYS_PER_MONTH = 30;
  private static final double SECONDS_PER_DAY = 86_400;
  private static final double MICROS_PER_SECOND = 1_000_000;

  private IntervalScaling() {}

  /// The product.
  ///
  /// @param infinite whether there are infinite intervals, so that an infinite factor makes one
  /// @throws EvaluationFailure 22008 out of range
  public static PgInterval times(PgInterval a, double factor, boolean infinite) {
    if (Double.isNaN(factor) || (Double.isInfinite(factor) && !infinite)) {
      throw PgInterval.outOfRange();
    }
    if (!a.isFinite()) {
      if (factor == 0) {
        throw PgInterval.outOfRange();
      }
      return factor < 0 ? a.opposite() : a;
    }
    if (Double.isInfinite(factor)) {
      int sign = a.compareTo(new PgInterval(0, 0, 0));
      if (sign == 0) {
        throw PgInterval.outOfRange();
      }
      return factor > 0 == sign > 0 ? PgInterval.INFINITY : PgInterval.MINUS_INFINITY;
    }
    return spilled(a.months() * factor, a.days() * factor, a.micros() * factor);
  }

  /// The quotient.
  ///
  /// @throws EvaluationFailure 22012 for zero, 22008 out of range
  public static PgInterval divided(PgInterval a, double divisor) {
    if (divisor == 0) {
      throw EvaluationFailure.divisionByZero();
    }
    if (Double.isNaN(divisor)) {
      throw PgInterval.outOfRange();
    }
    if (!a.isFinite()) {
      if (Double.isInfinite(divisor)) {
        throw PgInterval.outOfRange();
      }
      return divisor < 0 ? a.opposite() : a;
    }
    return dividedFinite(a, divisor);
  }

  /// The quotient of an interval that is none of the infinities, whatever its fields are, and a
  /// number that is not 0.
  ///
  /// @throws EvaluationFailure 22008 out of range
  static PgInterval dividedFinite(PgInterval a, double divisor) {
    return spilled(a.months() / divisor, a.days() / divisor, a.micros() / divisor);
  }

  /// Whole months and days; the fraction of a month becomes days, and what is left, with the
  /// fraction of a day, seconds..
  private static PgInterval spilled(double months, double days, double micros) {
    int wholeMonths = toInt(months);
    int wholeDays = toInt(days);
    double monthDays = rounded((months - wholeMonths) * DAYS_PER_MONTH);
    double seconds = rounded((days - wholeDays + monthDays - (int) monthDays) * SECONDS_PER_DAY);
    try {
      if (Math.abs(seconds) >= SECONDS_PER_DAY) {
        int more = (int) (seconds / SECONDS_PER_DAY);
        wholeDays = Math.addExact(wholeDays, more);
        seconds -= more * SECONDS_PER_DAY;
      }
      wholeDays = Math.addExact(wholeDays, (int) monthDays);
    } catch (ArithmeticException overflow) {
      throw PgInterval.outOfRange();
    }
    double time = Math.rint(micros + seconds * MICROS_PER_SECOND);
    if (!(time >= Long.MIN_VALUE && time < -(double) Long.MIN_VALUE)) {
      throw PgInterval.outOfRange();
    }
    return PgInterval.finite(wholeMonths, wholeDays, (long) time);
  }

  private static int toInt(double value) {
    if (!(value >= Integer.MIN_VALUE && value < -(double) Integer.MIN_VALUE)) {
      throw PgInterval.outOfRange();
    }
    return (int) value;
  }

  /// To microseconds.
  private static double rounded(double seconds) {
    return Math.rint(seconds * MICROS_PER_SECOND) / MICROS_PER_SECOND;
  }
}
