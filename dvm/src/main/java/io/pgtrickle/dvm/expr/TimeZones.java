package io.pgtrickle.dvm.expr;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.util.Optional;
import java.util.Set;

/// Time zone rules as the server applies them, from the tz database of the JVM.
///
/// The two databases may be of different releases; a rule that changed between them gives other
/// results.
final class TimeZones {
  private static final long EPOCH_SECOND = DateTimes.EPOCH_DAY * 86_400;

  private TimeZones() {}

  /// The zone of a TimeZone setting.
  static Optional<ZoneId> zone(String name) {
    return ZoneId.getAvailableZoneIds().contains(name)
        ? Optional.of(ZoneId.of(name))
        : Optional.empty();
  }

  /// The zone that an argument names; a name that could also be an abbreviation, which the server
  /// looks for
  /// first, is taken only where both mean the same.
  static Optional<ZoneId> namedZone(Object name) {
    return name instanceof String text
            && (text.contains("/") || Set.of("UTC", "GMT").contains(text))
        ? zone(text)
        : Optional.empty();
  }

  /// The offset in microseconds of a time zone at a finite instant.
  static long offset(long micros, ZoneId zone) {
    Instant instant = Instant.ofEpochSecond(Math.floorDiv(micros, 1_000_000) + EPOCH_SECOND);
    return zone.getRules().getOffset(instant).getTotalSeconds() * 1_000_000L;
  }

  /// The offset in microseconds that the server gives a local time: of a time that was skipped, the
  /// one
  /// before the gap; of a time that occurred twice, the later one.
  static long offsetOfLocal(long micros, ZoneId zone) {
    LocalDateTime local =
        LocalDateTime.ofEpochSecond(
            Math.floorDiv(micros, 1_000_000) + EPOCH_SECOND, 0, ZoneOffset.UTC);
    ZoneOffsetTransition transition = zone.getRules().getTransition(local);
    ZoneOffset offset =
        transition == null
            ? zone.getRules().getOffset(local)
            : transition.isGap() ? transition.getOffsetBefore() : transition.getOffsetAfter();
    return offset.getTotalSeconds() * 1_000_000L;
  }
}
