package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/// What other threads want done on the refresh thread, between two epochs.
///
/// Tasks are added from any thread; [#run] is the refresh thread's.
final class BoundaryTasks {
  private static final int LIMIT = 10_000;

  private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>(LIMIT);
  private final Map<String, Runnable> latest = new ConcurrentHashMap<>();
  private final List<FrontierWait> frontierWaits = new ArrayList<>();

  private final Runnable first;

  private record FrontierWait(Lsn lsn, Asked<Boolean> asked) {}

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

  /// Has something done, unless it is taken back before.
  ///
  /// @param untaken what to do with the result if whoever asked is gone
  <T> Asked<T> add(BoundaryTask<T> task, Consumer<T> untaken) {
    Asked<T> asked = new Asked<>(task, untaken);
    Runnable queued = asked::run;
    post(queued);
    // Whoever asks again and again, and does not wait for long, must not fill the queue.
    var _ =
        asked.whenComplete(
            (_, _) -> {
              if (asked.isCancelled()) {
                tasks.remove(queued);
              }
            });
    return asked;
  }

  /// How many wait to be run.
  int size() {
    return tasks.size() + latest.size();
  }

  /// The same once a position is reached.
  Asked<Boolean> whenBeyond(Lsn lsn, Runnable action) {
    Asked<Boolean> asked =
        new Asked<>(
            () -> {
              action.run();
              return true;
            },
            _ -> {});
    post(() -> frontierWaits.add(new FrontierWait(lsn, asked)));
    return asked;
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
    due.forEach(wait -> wait.asked().run());
  }
}
