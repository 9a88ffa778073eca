package io.pgtrickle.engine.cli;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/// A sidecar running in the foreground of a terminal or of a service manager.
final class Foreground {
  private static final Duration LOOK = Duration.ofMillis(20);

  private Foreground() {}

  /// Waits until something holds, but no longer than until Ctrl-C.
  ///
  /// @return whether it holds; false also when that takes longer
  static boolean await(StopSignal stop, Duration patience, BooleanSupplier condition)
      throws InterruptedException {
    long begin = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (stop.await(LOOK) || System.nanoTime() - begin > patience.toNanos()) {
        return false;
      }
    }
    return true;
  }

  /// Waits for Ctrl-C or for the sidecar to end by itself, which is never right.
  static int until(StopSignal stop, SidecarLauncher.Running sidecar) throws InterruptedException {
    boolean[] ended = new boolean[1];
    Thread watcher =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    sidecar.await();
                    ended[0] = true;
                    stop.request();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    stop.await();
    watcher.interrupt();
    watcher.join();
    sidecar
        .failure()
        .ifPresent(
            failure -> {
              throw failure;
            });
    return ended[0] ? ExitCode.UNAVAILABLE : ExitCode.OK;
  }
}
