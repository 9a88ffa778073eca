package io.pgtrickle.engine.refresh;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/// How a live stream table is, for readiness and metrics.
///
/// @param name with its schema
/// @param populated whether its contents are those of its query
/// @param failed whether an error keeps it from following its sources
/// @param held whether it cannot be written for now
/// @param lag how long released rows have been waiting to become visible
/// @param problem why it failed or is held
public record TableStatus(
    String name,
    boolean populated,
    boolean failed,
    boolean held,
    Duration lag,
    @Nullable String problem) {
  static TableStatus of(LiveTable table, Instant now) {
    boolean failed = table.error().isPresent();
    String problem = null;
    if (failed) {
      problem = table.error().get().message();
    } else if (table.hold().isPresent()) {
      problem = table.hold().get().failure().message();
    }
    Duration lag =
        table.carried().isEmpty()
            ? Duration.ZERO
            : Duration.between(
                table.hold().map(LiveTable.Hold::since).orElse(table.lastRelease()), now);
    return new TableStatus(
        table.storage().catalogName(),
        table.populated(),
        failed,
        table.hold().isPresent(),
        lag,
        problem);
  }
}
