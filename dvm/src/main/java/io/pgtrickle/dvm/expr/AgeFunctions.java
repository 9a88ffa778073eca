package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgInterval;
import java.time.LocalDate;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;

/// `age` of two times: the difference field by field, the days that are missing borrowed from the
/// month of the earlier time.
final class AgeFunctions {
  // Infinite intervals.
  private static final int INFINITE_SINCE = 17;

  private AgeFunctions() {}

  static void register(Registry registry) {
    registry.addBound(
        "age(timestamp,timestamp) interval",
        "years, months, days and time between",
        binding -> {
          int version = binding.settings().serverVersion();
          return (Binary<Long, Long, PgInterval>) (l, r) -> between(l, r, null, version);
        });
    registry
        .addBound(
            "age(timestamptz,timestamptz) interval",
            "years, months, days and time between, of local times",
            binding -> {
              int version = binding.settings().serverVersion();
              ZoneId zone = binding.settings().zone().orElseThrow();
              return (Binary<Long, Long, PgInterval>) (l, r) -> between(l, r, zone, version);
            })
        .needs(NativeFunction.Requirement.TIME_ZONE);
  }

  private static PgInterval between(long left, long right, @Nullable ZoneId zone, int version) {
    if (!DateTimes.isFinite(left) || !DateTimes.isFinite(right)) {
      if (version < INFINITE_SINCE) {
        throw new EvaluationFailure("22008", "timestamp out of range");
      }
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
