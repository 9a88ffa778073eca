package io.pgtrickle.cdc.stream;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/// The pauses between attempts: 100 ms, doubled each time up to 30 s, each longer or shorter by up
/// to
/// a fifth, so that many who lost the same server do not come back at once.
///
/// Used by one thread.
public final class Backoff {
  private static final Duration FIRST = Duration.ofMillis(100);
  private static final Duration LONGEST = Duration.ofSeconds(30);
  private static final double JITTER = 0.2;
  private static final int DOUBLINGS = 10;

  private int failures;

  /// Starts with the shortest pause.
  public Backoff() {
    this.failures = 0;
  }

  /// How long to wait after one more failure.
  public Duration next() {
    long nanos = Math.min(LONGEST.toNanos(), FIRST.toNanos() << Math.min(failures, DOUBLINGS));
    failures++;
    return jittered(Duration.ofNanos(nanos));
  }

  /// It worked: the next failure is the first one again.
  public void reset() {
    failures = 0;
  }

  /// A duration give or take a fifth.
  public static Duration jittered(Duration duration) {
    double factor = 1 - JITTER + 2 * JITTER * ThreadLocalRandom.current().nextDouble();
    return Duration.ofNanos((long) (duration.toNanos() * factor));
  }
}
