package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.PgInterval;
import java.time.LocalDate;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;

/// `age` of two times: the difference field by field, the days that are missing borrowed from the
/// month of the earlier time.
final class AgeFunctions {
  private AgeFunctions() {}

  // Before 17 an infinity is a time in the year 294277.
  static void register(Registry registry) {
    registry
        .add(
            "age(timestamp,timestamp) interval",
            "years, months, days and time between",
            (Binary<Long, Long, PgInterval>) (l, r) -> between(l, r, null))
        .needs(Requirement.POSTGRESQL_17);
    registry
        .addZonedBinary(
            "age(timestamptz,timestamptz) interval",
            "years, months, days and time between, of local times",
            zone -> (Long l, Long r) -> between(l, r, zone))
        .needs(Requirement.POSTGRESQL_17);
  }

  private static PgInterval between(long left, long right, @Nullable ZoneId zone) {
    if (!DateTimes.isFinite(left) || !DateTimes.isFinite(right)) {
      if (left == right) {
        throw PgInterval.outOfRange();
      }
      return left == Long.MAX_VALUE || right == Long.MIN_VALUE
          ? PgInterval.INFINITY
          : PgInterval.MINUS_INFINITY;
    }
    long localLeft = local(left, zone);
    long localRight = local(right, zone);
    // The earlier one is told by the moments, whatever the clocks showed.
    return left < right
        ? negated(elapsed(localRight, localLeft, localLeft))
        : elapsed(localLeft, localRight, localRight);
  }

  private static long local(long micros, @Nullable ZoneId zone) {
    return zone == null ? micros : micros + TimeZones.offset(micros, zone);
  }

  /// @param borrowed the time of whose month missing days are borrowed
  private static PgInterval elapsed(long later, long earlier, long borrowed) {
    LocalDate end = date(later);
    LocalDate start = date(earlier);
    long time =
        Math.floorMod(later, DateTimes.MICROS_PER_DAY)
            - Math.floorMod(earlier, DateTimes.MICROS_PER_DAY);
    int days = end.getDayOfMonth() - start.getDayOfMonth();
    int months =
        12 * (end.getYear() - start.getYear()) + end.getMonthValue() - start.getMonthValue();
    if (time < 0) {
      time += DateTimes.MICROS_PER_DAY;
      days--;
    }
    while (days < 0) {
      days += date(borrowed).lengthOfMonth();
      months--;
    }
    return new PgInterval(months, days, time);
  }

  private static LocalDate date(long micros) {
    return LocalDate.ofEpochDay(
        Math.floorDiv(micros, DateTimes.MICROS_PER_DAY) + DateTimes.EPOCH_DAY);
  }

  private static PgInterval negated(PgInterval a) {
    return new PgInterval(-a.months(), -a.days(), -a.micros());
  }
}
