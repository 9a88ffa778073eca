package io.pgtrickle.dvm.type;

/// A value of type `interval`: months, days and microseconds, which do not convert into each other.
///
/// Only order and equality take a month for 30 days and a day for 24 hours, so that intervals may
/// be
/// equal and still display differently. The extreme values of all three fields are the infinities
/// that came with version 17.
public record PgInterval(int months, int days, long micros) implements Comparable<PgInterval> {
  public static final PgInterval INFINITY =
      new PgInterval(Integer.MAX_VALUE, Integer.MAX_VALUE, Long.MAX_VALUE);
  public static final PgInterval MINUS_INFINITY =
      new PgInterval(Integer.MIN_VALUE, Integer.MIN_VALUE, Long.MIN_VALUE);

  private static final int DAYS_PER_MONTH = 30;

  public boolean isFinite() {
    return !equals(INFINITY) && !equals(MINUS_INFINITY);
  }

  /// An interval that is none of the infinities.
  ///
  /// @throws EvaluationFailure 22008 where the fields are those of one
  public static PgInterval finite(int months, int days, long micros) {
    PgInterval result = new PgInterval(months, days, micros);
    if (!result.isFinite()) {
      throw outOfRange();
    }
    return result;
  }

  /// The other one of the infinities.
  public PgInterval opposite() {
    return equals(INFINITY) ? MINUS_INFINITY : INFINITY;
  }

  public static EvaluationFailure outOfRange() {
    return new EvaluationFailure("22008", "interval out of range");
  }

  /// The whole days that order and equality count.
  long wholeDays() {
    return (long) months * DAYS_PER_MONTH
        + days
        + Math.floorDiv(micros, DisplayText.MICROS_PER_DAY);
  }

  /// What is left beyond the whole days, never negative.
  long microsOfDay() {
    return Math.floorMod(micros, DisplayText.MICROS_PER_DAY);
  }

  /// PostgreSQL's order, in which values that are not [#equals] may be equal.
  @Override
  public int compareTo(PgInterval other) {
    int byDays = Long.compare(wholeDays(), other.wholeDays());
    return byDays != 0 ? byDays : Long.compare(microsOfDay(), other.microsOfDay());
  }
}
