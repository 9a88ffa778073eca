package io.pgtrickle.engine;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.function.LongSupplier;

/// A clock that never goes back, and never stands still.
///
/// Schedules, pauses and windows end at times. On a clock that is set back by an hour none of them
/// would for an hour. This one goes at half its speed instead until the other has come after it.
final class SteadyClock extends Clock {
  private final Clock wall;
  private final LongSupplier nanos;
  private Instant last;
  private long lastNanos;

  /// @param nanos as [System#nanoTime]
  SteadyClock(Clock wall, LongSupplier nanos) {
    this.wall = wall;
    this.nanos = nanos;
    this.last = wall.instant();
    this.lastNanos = nanos.getAsLong();
  }

  @Override
  public synchronized Instant instant() {
    long now = nanos.getAsLong();
    Duration passed = Duration.ofNanos(now - lastNanos);
    Instant shown = wall.instant();
    Instant slowly = last.plus(passed.dividedBy(2));
    last = shown.isAfter(slowly) ? shown : slowly;
    lastNanos = now;
    return last;
  }

  @Override
  public ZoneId getZone() {
    return wall.getZone();
  }

  @Override
  public Clock withZone(ZoneId zone) {
    return new SteadyClock(wall.withZone(zone), nanos);
  }
}
