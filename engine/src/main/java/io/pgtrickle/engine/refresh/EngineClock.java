package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.dataflow.Dataflow;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/// The one `now()` of the engine: the time of the frontier.
///
/// It is the server's clock, which writers see, as told by the answer to the last recorded frontier
/// and by what has passed here since; and it is never before the commits of an epoch. It never goes
/// back, whatever the clocks do: it stands still until they have come after it.
///
/// While nothing commits it goes on by itself, and when that makes rows come or go, an epoch is
/// made for it, at most one per [#TICK].
///
/// Used by the refresh thread only.
final class EngineClock {
  private static final Duration TICK = Duration.ofSeconds(1);

  private final Ledger ledger;
  private final Dataflow dataflow;
  private Instant time = Instant.EPOCH;
  private Instant ticked = Instant.MIN;

  EngineClock(Ledger ledger, Dataflow dataflow) {
    this.ledger = ledger;
    this.dataflow = dataflow;
  }

  /// The time of the frontier.
  Instant time() {
    return time;
  }

  /// Begins with the server's time, or with a later one from before.
  void start() {
    ledger.readClock();
    moveTo(server());
  }

  /// Is no earlier than a time that was.
  void moveTo(Instant earlier) {
    if (earlier.isAfter(time)) {
      time = earlier;
    }
  }

  /// Goes on with an epoch that has events.
  ///
  /// @param commits when its transactions committed, by the server's clock
  void advance(List<Instant> commits) {
    Instant now = server();
    Instant latest = now;
    for (Instant commit : commits) {
      // Sessions with a replication origin have commits of any time.
      if (commit.isAfter(latest) && commit.isBefore(now.plus(TICK))) {
        latest = commit;
      }
    }
    if (changesBy(latest)) {
      ticked = latest;
    }
    moveTo(latest);
  }

  /// Goes on by itself, as far as rows do not come and go too often.
  void advance() {
    Instant now = server();
    if (!changesBy(now)) {
      moveTo(now);
    } else if (ticks(now)) {
      ticked = now;
      moveTo(now);
    }
  }

  /// Whether rows come or go by now, so that it is time for an epoch.
  boolean isDue() {
    Instant now = server();
    return now.isAfter(time) && ticks(now) && changesBy(now);
  }

  private Instant server() {
    return ledger.serverTime().truncatedTo(ChronoUnit.MICROS);
  }

  private boolean ticks(Instant now) {
    return !ticked.plus(TICK).isAfter(now);
  }

  private boolean changesBy(Instant now) {
    return dataflow.nextChange().filter(change -> !change.isAfter(now)).isPresent();
  }
}
