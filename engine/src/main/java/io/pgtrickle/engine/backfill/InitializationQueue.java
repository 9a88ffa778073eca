package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.engine.catalog.Definition;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The stream tables that wait for their initialization, and the thread that works on them.
///
/// Everything that waits when the thread comes back is one batch, so that a migration's twenty
/// definitions share one snapshot. What cannot be done yet is tried again after a pause that grows
/// to half a minute. What waits for another stream table is tried as soon as one becomes live or
/// fails. What was put off for the sake of others is the next batch, by itself: else it could meet
/// others again each time, and would never be tried.
///
/// May be used from any thread.
public final class InitializationQueue implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(InitializationQueue.class);
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
  private static final double JITTER = 0.2;
  private static final Duration END_PATIENCE = Duration.ofSeconds(10);

  private final Initializer initializer;
  private final LongFunction<Optional<Definition>> definitions;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Set<Long> waiting = new LinkedHashSet<>();
  private final Map<Long, Long> retryAtNanos = new LinkedHashMap<>();
  private final Map<Long, Integer> attempts = new LinkedHashMap<>();
  private final Set<Long> blocked = new LinkedHashSet<>();
  private final Set<Long> putOff = new LinkedHashSet<>();
  private final Set<Long> requested = ConcurrentHashMap.newKeySet();
  private final Thread thread;
  private boolean closed;
  private boolean cleanUp;

  /// @param definitions the current definition of an id, empty when it was dropped meanwhile
  public InitializationQueue(
      Initializer initializer, LongFunction<Optional<Definition>> definitions) {
    this.initializer = initializer;
    this.definitions = definitions;
    this.thread = Nesting.thread().name("initializer").daemon().unstarted(this::run);
  }

  public void start() {
    thread.start();
  }

  /// Asks for a stream table to be initialized, again if need be.
  public void request(long id) {
    request(List.of(id));
  }

  /// Asks for stream tables to be initialized in one batch, again if need be.
  public void request(Collection<Long> ids) {
    requested.addAll(ids);
    lock.lock();
    try {
      waiting.addAll(ids);
      ids.forEach(retryAtNanos::remove);
      ids.forEach(attempts::remove);
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /// Whether a stream table has been asked for: one that is not filled by itself need not be.
  public boolean isRequested(long id) {
    return requested.contains(id);
  }

  /// A stream table became live: those that wait for one are tried now.
  public void someoneIsLive() {
    lock.lock();
    try {
      retryBlocked();
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private void retryBlocked() {
    blocked.forEach(retryAtNanos::remove);
  }

  /// Asks to let go of base tables that no stream table reads any more.
  public void releaseUnused() {
    lock.lock();
    try {
      cleanUp = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    try {
      while (true) {
        List<Definition> batch = take();
        if (batch.isEmpty()) {
          if (isClosed()) {
            return;
          }
          cleanUp();
          continue;
        }
        again(initialize(batch), batch);
      }
    } catch (InterruptedException e) {
      LOG.debug("the initializer's thread ends");
    }
  }

  private void cleanUp() throws InterruptedException {
    try {
      initializer.releaseUnused();
    } catch (RuntimeException | Error e) {
      // They are looked for again when the next stream table goes.
      LOG.warn("unused base tables were not let go: {}", e.getMessage(), e);
    }
  }

  private Initializer.Outcome initialize(List<Definition> batch) throws InterruptedException {
    try {
      return initializer.initialize(batch);
    } catch (RuntimeException | Error e) {
      // A lost connection, or a bug: either must not end the thread that everybody waits for.
      if (!isClosed()) {
        LOG.warn(
            "{} stream tables are initialized again later: {}", batch.size(), e.getMessage(), e);
      }
      return new Initializer.Outcome(batch, List.of(), List.of());
    }
  }

  // The next batch; empty to clean up, or when closed.
  private List<Definition> take() throws InterruptedException {
    lock.lock();
    try {
      while (!closed) {
        List<Definition> alone = takePutOff();
        if (!alone.isEmpty()) {
          return alone;
        }
        long now = System.nanoTime();
        List<Definition> batch = new ArrayList<>();
        long nearest = Long.MAX_VALUE;
        for (long id : List.copyOf(waiting)) {
          long wait = retryAtNanos.getOrDefault(id, now) - now;
          if (wait <= 0) {
            take(id, batch);
          } else {
            nearest = Math.min(nearest, wait);
          }
        }
        if (!batch.isEmpty()) {
          return batch;
        }
        if (cleanUp) {
          cleanUp = false;
          return List.of();
        }
        if (nearest == Long.MAX_VALUE) {
          changed.await();
        } else {
          nearest = changed.awaitNanos(nearest);
        }
      }
      return List.of();
    } finally {
      lock.unlock();
    }
  }

  private List<Definition> takePutOff() {
    List<Definition> batch = new ArrayList<>();
    for (long id : putOff) {
      take(id, batch);
    }
    putOff.clear();
    return batch;
  }

  private void take(long id, List<Definition> batch) {
    waiting.remove(id);
    blocked.remove(id);
    definitions.apply(id).ifPresent(batch::add);
  }

  private void again(Initializer.Outcome outcome, List<Definition> batch) {
    Set<Definition> unfinished = new LinkedHashSet<>(outcome.again());
    unfinished.addAll(outcome.waiting());
    unfinished.removeAll(outcome.putOff());
    // Those that failed together are tried together: they may wait for the same.
    long now = System.nanoTime();
    double factor = 1 - JITTER + 2 * JITTER * ThreadLocalRandom.current().nextDouble();
    lock.lock();
    try {
      batch.forEach(
          definition -> {
            if (!unfinished.contains(definition) && !outcome.putOff().contains(definition)) {
              attempts.remove(definition.pgtId());
            }
          });
      for (Definition definition : unfinished) {
        int attempt = attempts.merge(definition.pgtId(), 1, Integer::sum);
        waiting.add(definition.pgtId());
        retryAtNanos.put(definition.pgtId(), now + (long) (pause(attempt) * factor));
      }
      outcome.waiting().forEach(definition -> blocked.add(definition.pgtId()));
      outcome.putOff().forEach(definition -> putOff.add(definition.pgtId()));
      if (unfinished.size() + outcome.putOff().size() < batch.size()) {
        retryBlocked();
      }
    } finally {
      lock.unlock();
    }
  }

  private static long pause(int attempt) {
    return Math.min(LONGEST_PAUSE.toNanos(), FIRST_PAUSE.toNanos() << Math.min(attempt - 1, 9));
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /// Stops after at most a few seconds; what is under way is done again by the next start.
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    thread.interrupt();
    try {
      if (!thread.join(END_PATIENCE)) {
        LOG.warn("the initializer's thread did not end within {}", END_PATIENCE);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
