package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.DeltaWriter;
import io.pgtrickle.engine.apply.OwnerCalls;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.Rehearsal;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Finds out whether held tables can be written: writes all that they lack, in pieces, on a thread
/// and in a session of its own, and takes it back. Epochs go on meanwhile.
///
/// May be used from any thread.
public final class Rehearsals implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Rehearsals.class);
  private static final Duration END_PATIENCE = Duration.ofSeconds(10);
  // One that is still locked, or whose triggers do not end, must not make the others wait.
  private static final String LIMIT =
      "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '60s'";

  private final RefreshLoop loop;
  private final Initializer.Sessions sessions;
  private final Storage storage;
  private final Clock clock;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().name("rehearsal-", 0).daemon().factory());

  private volatile boolean closed;
  private volatile @Nullable Connection session;

  /// @param storage for what has to be brought into another order
  public Rehearsals(RefreshLoop loop, Initializer.Sessions sessions, Storage storage, Clock clock) {
    this.loop = loop;
    this.sessions = sessions;
    this.storage = storage;
    this.clock = clock;
  }

  /// Rehearses when those before it are through; returns at once.
  public void start(Rehearsal rehearsal) {
    try {
      thread.execute(() -> rehearse(rehearsal));
    } catch (RejectedExecutionException closed) {
      rehearsal.close();
    }
  }

  private void rehearse(Rehearsal rehearsal) {
    Instant began = clock.instant();
    Optional<Failure> failure;
    try (rehearsal) {
      if (closed) {
        return;
      }
      failure = attempt(rehearsal);
    }
    Duration took = Duration.between(began, clock.instant());
    loop.post(() -> loop.rehearsed(rehearsal.table(), failure, took));
  }

  private Optional<Failure> attempt(Rehearsal rehearsal) {
    try (Connection writer = sessions.writer();
        Statement statement = writer.createStatement()) {
      session = writer;
      statement.execute(LIMIT);
      OwnerCalls.require(writer, rehearsal.storage());
      new Difference(rehearsal.output(), rehearsal.storage(), storage)
          .write(new DeltaWriter(writer, rehearsal.storage()));
      statement.execute("SET CONSTRAINTS ALL IMMEDIATE");
      writer.rollback();
      return Optional.empty();
    } catch (SQLException e) {
      return Optional.of(
          new Failure(String.valueOf(e.getSQLState()), String.valueOf(e.getMessage()), false));
    } catch (TrickleException e) {
      return Optional.of(
          new Failure(e.sqlState(), String.valueOf(e.getMessage()), e instanceof StateDamaged));
    } catch (RuntimeException | Error e) {
      // Whatever it is: a table that is never rehearsed again is held for ever.
      LOG.error("writing {} was not rehearsed", rehearsal.storage().qualifiedName(), e);
      return Optional.of(new Failure("XX000", String.valueOf(e), false));
    }
  }

  /// Cuts the rehearsal under way off; it reads state that is given up next.
  @Override
  public void close() {
    closed = true;
    thread.shutdown();
    try {
      Connection writer = session;
      if (writer != null) {
        writer.abort(Runnable::run);
      }
      if (!thread.awaitTermination(END_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("the rehearsal under way did not end within {}", END_PATIENCE);
      }
    } catch (SQLException e) {
      LOG.debug("the session of a rehearsal was not aborted: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
