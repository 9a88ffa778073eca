package io.pgtrickle.dvm.kernel;

import java.util.concurrent.atomic.AtomicInteger;

sealed class RunMemory permits RunFile.Mapping {
  /*
   * The memory of a run beyond the heap, counted: whoever keeps the run from one step to the next holds
   * it once, and the last one to let go frees it. Any thread may hold and let go.
   */
  private final AtomicInteger holders = new AtomicInteger(1);
  private final Runnable free;

  RunMemory(Runnable free) {
    this.free = free;
  }

  final void hold() {
    int now;
    do {
      now = holders.get();
      if (now == 0) {
        throw new IllegalStateException("the run has been freed");
      }
    } while (!holders.compareAndSet(now, now + 1));
  }

  /// Whether that was the last one, who must now free.
  final boolean letGo() {
    int left = holders.decrementAndGet();
    if (left < 0) {
      throw new IllegalStateException("the run has been freed before");
    }
    return left == 0;
  }

  final void free() {
    free.run();
  }
}
