package io.pgtrickle.engine.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/// From when on a stream table may release its output, as a function of what was and nothing else.
public final class Due {
  private static final Duration SHORTEST_FULL_PAUSE = Duration.ofSeconds(1);
  private static final int FULL_PAUSE_FACTOR = 10;

  private Due() {}

  /// When output that is maintained differentially is released next; empty if only on demand, or
  /// never.
  ///
  /// @param last when it was released last, or initialized
  public static Optional<Instant> differential(Schedule schedule, Instant last) {
    return switch (schedule) {
      case Schedule.Calculated() -> Optional.of(last);
      case Schedule.Manual() -> Optional.empty();
      case Schedule.Every(Duration interval) -> Optional.of(last.plus(interval));
      case Schedule.At(Cron cron) -> cron.nextAfter(last);
    };
  }

  /// When the whole query is evaluated next. Without a schedule of its own it pauses ten times as
  /// long as it took, so that it never takes more than a tenth of the server.
  ///
  /// @param last when the last evaluation ended
  /// @param took how long that was
  public static Optional<Instant> full(Schedule schedule, Instant last, Duration took) {
    if (schedule instanceof Schedule.Calculated) {
      Duration pause = took.multipliedBy(FULL_PAUSE_FACTOR);
      return Optional.of(
          last.plus(pause.compareTo(SHORTEST_FULL_PAUSE) > 0 ? pause : SHORTEST_FULL_PAUSE));
    }
    return differential(schedule, last);
  }

  /// Whether a time that was computed above has come.
  public static boolean isDue(Optional<Instant> due, Instant now) {
    return due.isPresent() && !now.isBefore(due.get());
  }
}
