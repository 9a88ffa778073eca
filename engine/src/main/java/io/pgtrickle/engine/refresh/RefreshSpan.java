package io.pgtrickle.engine.refresh;

import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.DeltaWriter.Written;
import io.pgtrickle.engine.catalog.History;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The refreshes of one stream table within some seconds, which become one row of the history.
final class RefreshSpan {
  private static final long[] BOUNDS_MILLIS = {1, 2, 5, 10, 20, 50, 100, 500, 1_000, 5_000};

  private final LiveTable table;
  private final Instant start;
  private final Map<Long, Integer> histogram = new TreeMap<>();
  private Instant end;
  private int refreshes;
  private long inserted;
  private long deleted;
  private Duration took = Duration.ZERO;
  private LiveTable.Released released;

  RefreshSpan(LiveTable table, Instant start) {
    this.table = table;
    this.start = start;
    this.end = start;
    this.released = table.released();
  }

  void add(Written written, Duration duration, Instant at) {
    refreshes++;
    inserted += written.inserted();
    deleted += written.deleted();
    took = took.plus(duration);
    end = at;
    released = table.released();
    histogram.merge(bound(duration.toMillis()), 1, Integer::sum);
  }

  private static long bound(long millis) {
    for (long bound : BOUNDS_MILLIS) {
      if (millis <= bound) {
        return bound;
      }
    }
    return Long.MAX_VALUE;
  }

  History.Entry entry() {
    String buckets =
        histogram.entrySet().stream()
            .map(
                e ->
                    "\""
                        + (e.getKey() == Long.MAX_VALUE ? "+Inf" : e.getKey())
                        + "\": "
                        + e.getValue())
            .collect(Collectors.joining(", ", "{", "}"));
    return entry(History.Outcome.COMPLETED, History.Initiator.SCHEDULER, buckets, null);
  }

  /// The row of a refresh that has one of its own.
  History.Entry single(History.Initiator initiator) {
    return entry(History.Outcome.COMPLETED, initiator, null, null);
  }

  History.Entry failed(Failure failure, Instant at) {
    refreshes = 1;
    end = at;
    return entry(History.Outcome.FAILED, History.Initiator.SCHEDULER, null, failure);
  }

  private History.Entry entry(
      History.Outcome outcome,
      History.Initiator initiator,
      @Nullable String buckets,
      @Nullable Failure failure) {
    return new History.Entry(
        table.id(),
        table.refreshId(),
        released.time(),
        start,
        end,
        table.differential() ? History.Action.DIFFERENTIAL : History.Action.FULL,
        outcome,
        initiator,
        table.reasonCode().orElse(null),
        refreshes,
        inserted,
        deleted,
        took.toNanos() / 1e6,
        buckets,
        released.frontier(),
        failure == null ? null : failure.sqlState(),
        failure == null ? null : failure.message());
  }
}
