package io.pgtrickle.engine.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Turns Ctrl-C and SIGTERM into an ordinary return of the command.
///
/// The JVM ends as soon as its shutdown hooks have returned, so the hook wakes the command and then
/// waits until the command has closed what it opened. Open it first, so that it is closed last.
///
/// Used by two threads: that of the command and that of the hook.
final class StopSignal implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 60;

  private final CountDownLatch requested = new CountDownLatch(1);
  private final CountDownLatch cleanedUp = new CountDownLatch(1);
  private final Thread hook = new Thread(this::stop, "stop");

  private StopSignal() {}

  static StopSignal install() {
    StopSignal signal = new StopSignal();
    Runtime.getRuntime().addShutdownHook(signal.hook);
    return signal;
  }

  /// Asks the command to end, as Ctrl-C does.
  void request() {
    requested.countDown();
  }

  void await() throws InterruptedException {
    requested.await();
  }

  /// Whether the command was asked to end.
  boolean isRequested() {
    return requested.getCount() == 0;
  }

  /// Whether the command was asked to end within this time.
  boolean await(Duration time) throws InterruptedException {
    return requested.await(time.toMillis(), TimeUnit.MILLISECONDS);
  }

  /// The command has cleaned up.
  @Override
  public void close() {
    cleanedUp.countDown();
  }

  private void stop() {
    request();
    try {
      if (!cleanedUp.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("pgtrickle: stopping takes too long, giving up");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
