package io.pgtrickle.engine.refresh;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// How a live stream table is, for readiness and metrics.
///
/// @param name with its schema
/// @param populated whether its contents are those of its query
/// @param failed whether an error keeps it from following its sources
/// @param held whether it cannot be written for now
/// @param lag how long it, or one that it reads, could not be written; 0 if it can
/// @param problem why it failed or is held
public record TableStatus(
    String name,
    boolean populated,
    boolean failed,
    boolean held,
    Duration lag,
    @Nullable String problem) {
  /// @param since from when on it, or one that it reads, could not be written
  static TableStatus of(LiveTable table, Optional<Instant> since, Instant now) {
    boolean failed = table.error().isPresent();
    String problem = null;
    if (failed) {
      problem = table.error().get().message();
    } else if (table.hold().isPresent()) {
      problem = table.hold().get().failure().message();
    }
    Instant waiting = since.orElse(table.carried().isEmpty() ? now : table.lastRelease());
    return new TableStatus(
        table.storage().catalogName(),
        table.populated(),
        failed,
        table.hold().isPresent(),
        Duration.between(waiting, now),
        problem);
  }
}
