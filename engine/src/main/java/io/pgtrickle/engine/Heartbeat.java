package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.catalog.Lease;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells callers and standbys that the lease's holder is at work, from when it has the lease until
/// it gives it back.
///
/// A start may take minutes, for a slot waits for every open write transaction of the cluster, and
/// so may a look at many tables; a standby ends a holder that it has not heard of for half a
/// minute. So beats come from a thread and a session of their own, which have nothing else to do
/// and wait for nobody. A session that is lost is opened again: whether the lease is lost too shows
/// where that is.
///
/// May be used from any thread.
final class Heartbeat implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  // Flushed, as callers before 17 need it, but not kept waiting by a standby that is away.
  private static final String SESSION = "SET synchronous_commit = local";
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Duration END_PATIENCE = Duration.ofSeconds(10);

  private final SourceDatabase database;
  private final Lease lease;
  private final Duration pause;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread = Thread.ofPlatform().name("heartbeat").daemon().unstarted(this::run);
  private volatile boolean lost;
  private volatile @Nullable Runnable whenLost;

  private Heartbeat(SourceDatabase database, Lease lease, Duration pause) {
    this.database = database;
    this.lease = lease;
    this.pause = pause;
  }

  /// Begins.
  ///
  /// @param holder the session that has the lease; not used afterwards
  static Heartbeat start(SourceDatabase database, Lease lease, Connection holder)
      throws SQLException {
    int version = holder.getMetaData().getDatabaseMajorVersion() * 10_000;
    Heartbeat heartbeat = new Heartbeat(database, lease, Lease.heartbeatPause(version));
    heartbeat.thread.start();
    return heartbeat;
  }

  /// What to do when another sidecar turns out to have the lease; at once if that is known.
  void whenLost(Runnable action) {
    whenLost = action;
    if (lost) {
      action.run();
    }
  }

  /// Makes sure that nobody else is known to have the lease.
  ///
  /// @throws SourceUnavailable when another sidecar has it
  void requireLease() {
    if (lost) {
      throw new SourceUnavailable("55000", "another sidecar has taken the lease", null);
    }
  }

  private void run() {
    try {
      while (!lost && closed.getCount() > 0) {
        beatInOneSession();
      }
    } catch (InterruptedException e) {
      LOG.debug("the heartbeat ends");
    }
  }

  private void beatInOneSession() throws InterruptedException {
    try (Connection session = database.connect("pgtrickle heartbeat")) {
      session.setNetworkTimeout(Runnable::run, Math.toIntExact(PATIENCE.toMillis()));
      try (Statement statement = session.createStatement()) {
        statement.execute(SESSION);
      }
      do {
        if (!lease.heartbeat(session)) {
          lose();
        }
      } while (!lost && !closed.await(pause.toNanos(), TimeUnit.NANOSECONDS));
    } catch (SQLException | CaptureException e) {
      LOG.debug("a heartbeat was not written: {}", e.getMessage());
      closed.await(pause.toNanos(), TimeUnit.NANOSECONDS);
    }
  }

  private void lose() {
    if (closed.getCount() == 0) {
      return;
    }
    LOG.warn("another sidecar has taken the lease");
    lost = true;
    Runnable action = whenLost;
    if (action != null) {
      action.run();
    }
  }

  /// Ends it; no beat comes later.
  @Override
  public void close() {
    closed.countDown();
    try {
      if (!thread.join(END_PATIENCE)) {
        LOG.warn("the heartbeat did not end within {}", END_PATIENCE);
        thread.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
