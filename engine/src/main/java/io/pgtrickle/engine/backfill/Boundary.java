package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.engine.refresh.Asked;
import io.pgtrickle.engine.refresh.BoundaryTask;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/// Has the refresh thread do something between two epochs, and waits for it.
///
/// @param loop whose thread it is
record Boundary(RefreshLoop loop) {
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  private static final Duration LOOK = Duration.ofSeconds(1);

  /// @throws SourceUnavailable when it is not begun in time, and then it is not done any more; or
  ///     when it fails without a reason that is known
  <T> T call(BoundaryTask<T> task) throws InterruptedException {
    return call(task, _ -> {});
  }

  /// The same for what has to be closed.
  ///
  /// @param untaken closes it, if this thread is interrupted meanwhile
  <T> T call(BoundaryTask<T> task, Consumer<T> untaken) throws InterruptedException {
    Asked<T> asked = loop.atBoundary(task, untaken);
    try {
      return get(asked, PATIENCE);
    } catch (TimeoutException e) {
      return withdraw(asked, late(e));
    }
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

  /// The same for those who have something that takes room.
  ///
  /// @throws StorageUnavailable when the stream waits for room, and then it is not done any more
  void runWhileThereIsRoom(Runnable task) throws InterruptedException {
    awaitWhileThereIsRoom(
        loop.atBoundary(
            () -> {
              task.run();
              return true;
            }));
  }

  /// Waits in the same way for what was asked for in another one.
  void awaitWhileThereIsRoom(Asked<Boolean> asked) throws InterruptedException {
    boolean done = false;
    for (long looks = PATIENCE.dividedBy(LOOK); !done; looks--) {
      try {
        done = get(asked, LOOK);
      } catch (TimeoutException e) {
        if (loop.stall().orElse(null) instanceof StorageUnavailable full) {
          done = withdraw(asked, full);
        } else if (looks <= 0) {
          done = withdraw(asked, late(e));
        }
      }
    }
  }

  /// Waits for what does not depend on a boundary.
  static <T> T await(CompletableFuture<T> future) throws InterruptedException {
    try {
      return get(future, PATIENCE);
    } catch (TimeoutException e) {
      throw late(e);
    }
  }

  // Whoever waited does something else now, and would be surprised. What has begun has its end.
  private static <T> T withdraw(Asked<T> asked, RuntimeException why) throws InterruptedException {
    if (asked.withdraw()) {
      throw why;
    }
    try {
      return get(asked, Duration.ofNanos(Long.MAX_VALUE));
    } catch (TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  private static <T> T get(CompletableFuture<T> future, Duration patience)
      throws InterruptedException, TimeoutException {
    try {
      return future.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      future.cancel(false);
      throw e;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new SourceUnavailable("58000", String.valueOf(e.getCause()), e.getCause());
    }
  }

  private static SourceUnavailable late(TimeoutException cause) {
    return new SourceUnavailable(
        "57014", "the refresh thread did not answer within " + PATIENCE, cause);
  }
}
