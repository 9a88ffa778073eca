package io.pgtrickle.engine.refresh;

import java.sql.SQLException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/// What the refresh thread has been asked to do between two epochs, and what came of it.
///
/// Whoever does not want to wait any longer has two ways: [#withdraw] is for those who must know
/// that it is not done, [#cancel] for those who do not care. A result that nobody takes is disposed
/// of.
///
/// Used by any thread; [#run] is the refresh thread's.
public final class Asked<T> extends CompletableFuture<T> {
  private final BoundaryTask<T> task;
  private final Consumer<T> untaken;
  private final AtomicBoolean begun = new AtomicBoolean();

  /// @param untaken what to do with the result if nobody takes it
  Asked(BoundaryTask<T> task, Consumer<T> untaken) {
    this.task = task;
    this.untaken = untaken;
  }

  /// Takes the question back.
  ///
  /// @return true if it is not done, and will not be; false when it is being done, or was
  public boolean withdraw() {
    if (begun.compareAndSet(false, true)) {
      cancel(false);
    }
    return isCancelled();
  }

  void run() {
    if (isCancelled() || !begun.compareAndSet(false, true)) {
      return;
    }
    try {
      T result = task.run();
      if (!complete(result)) {
        untaken.accept(result);
      }
    } catch (SQLException | RuntimeException e) {
      completeExceptionally(e);
    } catch (Error e) {
      completeExceptionally(e);
      throw e;
    }
  }
}
