package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/// What other threads want done on the refresh thread, between two epochs.
///
/// Tasks are added from any thread; [#run] is the refresh thread's.
final class BoundaryTasks {
  private static final int LIMIT = 10_000;

  private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>(LIMIT);
  private final List<FrontierWait> frontierWaits = new ArrayList<>();

  private record FrontierWait(Lsn lsn, Runnable action) {}

  void post(Runnable task) {
    if (!tasks.offer(task)) {
      throw new SourceUnavailable(
          "53400", "the refresh thread has " + LIMIT + " tasks waiting", null);
    }
  }

  <T> CompletableFuture<T> add(BoundaryTask<T> task) {
    CompletableFuture<T> future = new CompletableFuture<>();
    post(
        () -> {
          if (future.isCancelled()) {
            return;
          }
          try {
            future.complete(task.run());
          } catch (SQLException | RuntimeException e) {
            future.completeExceptionally(e);
          }
        });
    return future;
  }

  CompletableFuture<Void> whenBeyond(Lsn lsn, Runnable action) {
    CompletableFuture<Void> future = new CompletableFuture<>();
    post(
        () ->
            frontierWaits.add(
                new FrontierWait(
                    lsn,
                    () -> {
                      try {
                        action.run();
                        future.complete(null);
                      } catch (RuntimeException e) {
                        future.completeExceptionally(e);
                      }
                    })));
    return future;
  }

  /// Runs what is there, and what waited for a position that is reached.
  void run(Lsn position) {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
    List<FrontierWait> due =
        frontierWaits.stream().filter(wait -> !position.isBefore(wait.lsn())).toList();
    frontierWaits.removeAll(due);
    due.forEach(wait -> wait.action().run());
  }
}
