package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.http.Readiness;
import io.pgtrickle.engine.metrics.Meters;
import java.util.Optional;

/// How the commands start the engine.
@FunctionalInterface
interface SidecarLauncher {
  Running start(SidecarConfig config);

  /// A sidecar from its start to its end.
  interface Running extends AutoCloseable {
    int httpPort();

    Meters meters();

    /// How every stream table is just now.
    Readiness.Report readiness();

    /// Waits until it ends by itself.
    void await() throws InterruptedException;

    /// Why it ended by itself, if somebody has to do something about that.
    Optional<TrickleException> failure();

    @Override
    void close();
  }
}
