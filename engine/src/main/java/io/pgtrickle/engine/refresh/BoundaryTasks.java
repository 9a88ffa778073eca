package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/// What other threads want done on the refresh thread, between two epochs.
///
/// Tasks are added from any thread; [#run] is the refresh thread's.
final class BoundaryTasks {
  private static final int LIMIT = 10_000;

  private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>(LIMIT);
  private final Map<String, Runnable> latest = new ConcurrentHashMap<>();
  private final List<FrontierWait> frontierWaits = new ArrayList<>();

  private final Runnable first;

  private record FrontierWait(Lsn lsn, Runnable action) {}

  /// @param first done before every task, on the refresh thread
  BoundaryTasks(Runnable first) {
    this.first = first;
  }

  void post(Runnable task) {
    if (!tasks.offer(task)) {
      throw new SourceUnavailable(
          "53400", "the refresh thread has " + LIMIT + " tasks waiting", null);
    }
  }

  /// Has something done, once, however often it is asked for before that: what is asked last, after
  /// everything that was posted before.
  ///
  /// @param what tells it from others
  void replace(String what, Runnable task) {
    latest.put(what, task);
  }

  <T> CompletableFuture<T> add(BoundaryTask<T> task) {
    CompletableFuture<T> future = new CompletableFuture<>();
    Runnable queued =
        () -> {
          if (future.isCancelled()) {
            return;
          }
          try {
            future.complete(task.run());
          } catch (SQLException | RuntimeException e) {
            future.completeExceptionally(e);
          }
        };
    post(queued);
    // Whoever asks again and again, and does not wait for long, must not fill the queue.
    var _ =
        future.whenComplete(
            (_, _) -> {
              if (future.isCancelled()) {
                tasks.remove(queued);
              }
            });
    return future;
  }

  /// How many wait to be run.
  int size() {
    return tasks.size() + latest.size();
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
    first.run();
    // Looked at first: what they follow is in the queue already.
    Map<String, Runnable> last = Map.copyOf(latest);
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      first.run();
      task.run();
    }
    last.forEach(
        (what, task) -> {
          latest.remove(what, task);
          task.run();
        });
    List<FrontierWait> due =
        frontierWaits.stream().filter(wait -> !position.isBefore(wait.lsn())).toList();
    frontierWaits.removeAll(due);
    due.forEach(wait -> wait.action().run());
  }
}
