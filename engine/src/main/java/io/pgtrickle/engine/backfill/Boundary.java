package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.refresh.BoundaryTask;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Has the refresh thread do something between two epochs, and waits for it.
///
/// @param loop whose thread it is
record Boundary(RefreshLoop loop) {
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  /// @throws SourceUnavailable when it is not done in time, and then it is not done any more; or
  ///     when it fails without a reason that is known
  <T> T call(BoundaryTask<T> task) throws InterruptedException {
    return await(loop.atBoundary(task));
  }

  /// The same for what has no result.
  void run(Runnable task) throws InterruptedException {
    boolean done =
        call(
            () -> {
              task.run();
              return true;
            });
    assert done;
  }

  /// Waits for what was asked for in another way.
  static <T> T await(CompletableFuture<T> future) throws InterruptedException {
    try {
      return future.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new SourceUnavailable("58000", String.valueOf(e.getCause()), e.getCause());
    } catch (TimeoutException e) {
      // Whoever waited does something else now, and would be surprised.
      future.cancel(false);
      throw new SourceUnavailable(
          "57014", "the refresh thread did not answer within " + PATIENCE, e);
    }
  }
}
