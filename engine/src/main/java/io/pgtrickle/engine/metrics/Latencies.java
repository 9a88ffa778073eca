package io.pgtrickle.engine.metrics;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/// Percentiles of the recent past: of the running window and the one before it.
///
/// Recording is wait-free and may happen on any thread; reading is for one thread at a time.
final class Latencies {
  private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final int SIGNIFICANT_DIGITS = 2;

  private final Recorder recorder = new Recorder(SIGNIFICANT_DIGITS);
  private Histogram current = new Histogram(SIGNIFICANT_DIGITS);
  private Histogram previous = new Histogram(SIGNIFICANT_DIGITS);
  private long windowStart;

  Latencies(long nowNanos) {
    windowStart = nowNanos;
  }

  void record(long nanos) {
    recorder.recordValue(Math.max(0, nanos));
  }

  synchronized Meters.Percentiles percentiles(long nowNanos) {
    long age = nowNanos - windowStart;
    if (age >= WINDOW_NANOS) {
      previous = age < 2 * WINDOW_NANOS ? current : new Histogram(SIGNIFICANT_DIGITS);
      current = new Histogram(SIGNIFICANT_DIGITS);
      windowStart = nowNanos;
    }
    current.add(recorder.getIntervalHistogram());
    Histogram both = previous.copy();
    both.add(current);
    return new Meters.Percentiles(
        both.getTotalCount(),
        Duration.ofNanos(both.getValueAtPercentile(50)),
        Duration.ofNanos(both.getValueAtPercentile(99)));
  }
}
