package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.stream.RepeatedFailure;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a tenure has found out about the log that the next one cannot see in the catalog.
///
/// A slot may look sound and be of no use: somebody moved it on, or there is a message in its log
/// that nobody can read. Who reads by it finds out; without remembering, each tenure would begin
/// with it again.
///
/// Used by one thread.
final class Lessons {
  private final RepeatedFailure failures = new RepeatedFailure();
  private CaptureException.@Nullable SlotLost lost;

  /// Where reading failed, in all tenures.
  RepeatedFailure failures() {
    return failures;
  }

  /// A tenure ended because its slot is of no use any more.
  void learn(CaptureException.SlotLost why) {
    lost = why;
  }

  /// Why a slot is of no use; empty if it may be used.
  Optional<String> objection(String slot) {
    CaptureException.SlotLost known = lost;
    return known != null && known.slot().equals(slot)
        ? Optional.of(String.valueOf(known.getMessage()))
        : Optional.empty();
  }
}
