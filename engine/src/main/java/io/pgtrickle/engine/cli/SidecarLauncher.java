package io.pgtrickle.engine.cli;

import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.metrics.Meters;
import java.time.Duration;

/// How the commands start the engine.
@FunctionalInterface
interface SidecarLauncher {
  Running start(SidecarConfig config);

  /// A sidecar from its start to its end.
  interface Running extends AutoCloseable {
    int httpPort();

    Meters meters();

    /// Waits until every stream table is live; false when that takes longer.
    boolean awaitReady(Duration timeout) throws InterruptedException;

    /// Waits until it ends by itself.
    void await() throws InterruptedException;

    @Override
    void close();
  }
}
