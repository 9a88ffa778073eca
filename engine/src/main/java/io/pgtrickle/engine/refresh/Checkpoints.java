package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Decides when a checkpoint is made, and has it written.
///
/// The refresh thread captures the state between two epochs, which copies nothing; a thread of its
/// own makes it durable while epochs go on, and only then the log before it is not needed any more
/// ([#durable]): whatever happens, the state of some moment and all of the log since then are
/// there.
///
/// A checkpoint that cannot be written, as on a full disk, is tried again; meanwhile the server
/// keeps the log.
public final class Checkpoints implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);
  private static final Duration RETRY = Duration.ofSeconds(5);
  // However fast the log grows: checkpoints and commits share a disk.
  private static final Duration SHORTEST = Duration.ofSeconds(5);
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final StateDirectory directory;
  private final Storage storage;
  private final Origin origin;
  private final String slot;
  private final String version;
  private final Consumer<Taken> observer;
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("checkpoint-", 0).daemon().factory());

  private volatile Policy policy;
  private volatile @Nullable StorageUnavailable problem;
  private volatile boolean writing;
  private volatile Lsn durable;
  // What the last attempt was about; the refresh thread's.
  private Instant attempted;
  private Lsn last;

  /// How often.
  ///
  /// @param interval at least
  /// @param walBytes or after so much of the log, in bytes
  public record Policy(Duration interval, long walBytes) {}

  /// What a checkpoint cost.
  ///
  /// @param pause how long epochs had to wait for it
  /// @param took until it was durable
  public record Taken(Duration pause, Duration took) {}

  /// Puts everything that is to be saved into a capture.
  @FunctionalInterface
  interface Contents {
    void save(Capture capture, Storage storage);
  }

  /// @param origin which log the state is made from
  /// @param slot the replication slot that keeps the log
  /// @param version of this program
  /// @param start the position of the checkpoint that the state came from, or of the first one
  public Checkpoints(
      StateDirectory directory,
      Storage storage,
      Origin origin,
      String slot,
      String version,
      Lsn start,
      Policy policy,
      Instant now,
      Consumer<Taken> observer) {
    this.directory = directory;
    this.storage = storage;
    this.origin = origin;
    this.slot = slot;
    this.version = version;
    this.last = start;
    this.durable = start;
    this.policy = policy;
    this.attempted = now;
    this.observer = observer;
  }

  /// Changes how often, from any thread.
  public void policy(Policy changed) {
    policy = changed;
  }

  /// The log before this position is not needed any more, from any thread.
  public Lsn durable() {
    return durable;
  }

  /// Why the last checkpoint could not be written, from any thread.
  public Optional<StorageUnavailable> problem() {
    return Optional.ofNullable(problem);
  }

  /// Whether it is time, after an epoch that reached a position.
  boolean due(Lsn position, Instant now) {
    if (writing) {
      return false;
    }
    Policy current = policy;
    if (problem != null) {
      return !now.isBefore(attempted.plus(RETRY));
    }
    Duration since = Duration.between(attempted, now);
    return since.compareTo(current.interval()) >= 0
        || (since.compareTo(SHORTEST) >= 0
            && position.value() - last.value() >= current.walBytes());
  }

  /// Captures the state and goes on; the rest happens elsewhere.
  ///
  /// @param at where the state is
  void take(At at, Contents contents, Instant now) {
    long begin = System.nanoTime();
    Capture capture = capture(at, contents);
    Duration pause = Duration.ofNanos(System.nanoTime() - begin);
    writing = true;
    attempted = now;
    last = at.position();
    writer.execute(
        () -> {
          try {
            write(capture, at);
            observer.accept(new Taken(pause, Duration.ofNanos(System.nanoTime() - begin)));
          } finally {
            writing = false;
          }
        });
  }

  /// Makes a last checkpoint and waits for it.
  void takeLast(At at, Contents contents) throws InterruptedException {
    Capture capture;
    try {
      capture = capture(at, contents);
    } catch (RuntimeException e) {
      // It must not hide what ended the loop; the checkpoint before serves as well.
      LOG.warn("the last checkpoint was not made", e);
      return;
    }
    writer.execute(() -> write(capture, at));
    writer.shutdown();
    if (!writer.awaitTermination(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("the last checkpoint was not written within {}", PATIENCE);
    }
    problem().ifPresent(why -> LOG.warn("the last checkpoint was not made: {}", why.getMessage()));
  }

  /// Where the state is.
  record At(Lsn position, Lsn frontier, Instant time, Lsn recorded) {}

  private Capture capture(At at, Contents contents) {
    Checkpoint checkpoint =
        new Checkpoint(version, slot, at.position(), at.frontier(), at.time(), at.recorded());
    Capture capture = directory.capture(origin, checkpoint.encode());
    boolean complete = false;
    try {
      contents.save(capture, storage);
      complete = true;
      return capture;
    } finally {
      if (!complete) {
        capture.close();
      }
    }
  }

  private void write(Capture capture, At at) {
    try {
      capture.write();
      problem = null;
      durable = at.position();
    } catch (StorageUnavailable e) {
      LOG.debug("no checkpoint was made", e);
      problem = e;
    } catch (RuntimeException e) {
      // Such as a damaged block that nobody had read yet. The log is kept, and people must hear it.
      LOG.error("no checkpoint was made", e);
      problem = new StorageUnavailable("operator state cannot be read: " + e.getMessage(), e);
    }
  }

  /// Waits for the checkpoint under way.
  @Override
  public void close() {
    writer.shutdown();
    try {
      if (!writer.awaitTermination(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("the checkpoint under way did not end within {}", PATIENCE);
        writer.shutdownNow();
      }
    } catch (InterruptedException e) {
      writer.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
