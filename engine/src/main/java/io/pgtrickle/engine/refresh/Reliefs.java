package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/// What the refresh thread is to give up between two epochs, or while one waits for room or for the
/// server: stream tables that were dropped, and builds.
///
/// Asked for from any thread; [#run] is the refresh thread's.
final class Reliefs {
  private static final int LIMIT = 10_000;

  private final Set<Long> removed = ConcurrentHashMap.newKeySet();
  private final Map<Build, CompletableFuture<Void>> abandoned = new ConcurrentHashMap<>();

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

  void run(LongConsumer remove, Consumer<Build> abandon) {
    for (long id : List.copyOf(removed)) {
      removed.remove(id);
      remove.accept(id);
    }
    for (Build build : List.copyOf(abandoned.keySet())) {
      CompletableFuture<Void> done = abandoned.remove(build);
      if (done != null) {
        try {
          abandon.accept(build);
          done.complete(null);
        } catch (RuntimeException e) {
          done.completeExceptionally(e);
        }
      }
    }
  }
}
