package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.intake.Attachment;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/// What the refresh thread is to give up between two epochs, or while one waits for room or for the
/// server: stream tables that were dropped, builds, and copies of base tables.
///
/// Asked for from any thread; [#run] is the refresh thread's.
final class Reliefs {
  private static final int LIMIT = 10_000;

  private final Set<Long> removed = ConcurrentHashMap.newKeySet();
  private final Map<Build, CompletableFuture<Void>> abandoned = new ConcurrentHashMap<>();
  private final Set<Attachment> released = ConcurrentHashMap.newKeySet();

  /// Does it; on the refresh thread.
  interface Work {
    void remove(long id);

    void abandon(Build build);

    void release(Attachment attachment);
  }

  void remove(long id) {
    if (removed.size() >= LIMIT) {
      throw new SourceUnavailable(
          "53400", "the refresh thread has " + LIMIT + " stream tables to remove", null);
    }
    removed.add(id);
  }

  /// Has a build given up.
  ///
  /// @return done when it is
  CompletableFuture<Void> abandon(Build build) {
    return abandoned.computeIfAbsent(build, _ -> new CompletableFuture<>());
  }

  /// Has the copy of a base table given up that is being made, or was made in vain.
  void release(Attachment attachment) {
    released.add(attachment);
  }

  void run(Work work) {
    for (long id : List.copyOf(removed)) {
      removed.remove(id);
      work.remove(id);
    }
    abandon(work);
    for (Attachment attachment : List.copyOf(released)) {
      released.remove(attachment);
      work.release(attachment);
    }
  }

  /// The same at the end, when stream tables are all the same.
  void end(Work work) {
    removed.clear();
    run(work);
  }

  private void abandon(Work work) {
    for (Build build : List.copyOf(abandoned.keySet())) {
      CompletableFuture<Void> done = abandoned.remove(build);
      if (done != null) {
        try {
          work.abandon(build);
          done.complete(null);
        } catch (RuntimeException e) {
          done.completeExceptionally(e);
        }
      }
    }
  }
}
