package io.pgtrickle.cdc.slot;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/// How patiently to ask for a lock on a user's table.
///
/// Whoever waits for a strong lock blocks everybody who comes later, so each wait is short and is
/// given up and repeated rather than sat out.
///
/// @param timeout of one attempt
/// @param attempts how often to try
/// @param pause between two attempts, in which the users' statements that queued behind us proceed
/// @param report is told after each attempt that failed who holds locks that are in the way
public record LockPolicy(
    Duration timeout, int attempts, Duration pause, Consumer<List<Blocker>> report) {

  /// Half a second, up to twenty times, with half a second for the others in between.
  public static final LockPolicy POLITE =
      new LockPolicy(Duration.ofMillis(500), 20, Duration.ofMillis(500));

  public LockPolicy(Duration timeout, int attempts, Duration pause) {
    this(timeout, attempts, pause, blockers -> {});
  }

  public LockPolicy {
    if (timeout.toMillis() < 1 || attempts < 1 || pause.isNegative()) {
      throw new IllegalArgumentException(
          "a lock is asked for at least once and for at least 1 ms, not "
              + attempts
              + " times "
              + timeout);
    }
  }

  /// The same, telling somebody who is in the way.
  public LockPolicy telling(Consumer<List<Blocker>> somebody) {
    return new LockPolicy(timeout, attempts, pause, somebody);
  }
}
