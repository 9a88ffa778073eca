package io.pgtrickle.engine.cli;

/// A sidecar running in the foreground of a terminal or of a service manager.
final class Foreground {
  private Foreground() {}

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
    return ended[0] ? ExitCode.UNAVAILABLE : ExitCode.OK;
  }
}
