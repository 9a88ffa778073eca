package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.engine.apply.Applier.Failure;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Evaluates FULL-mode queries on threads and sessions of their own, a few at a time, and hands the
/// differences to the refresh thread.
public final class Evaluations implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Evaluations.class);
  // Each is a full-size query on the user's server.
  private static final int AT_ONCE = 2;

  private final RefreshLoop loop;
  private final SessionSource sessions;
  private final Clock clock;
  private final Semaphore slots = new Semaphore(AT_ONCE, true);
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  /// Opens ordinary sessions.
  @FunctionalInterface
  public interface SessionSource {
    Connection open() throws SQLException;
  }

  public Evaluations(RefreshLoop loop, SessionSource sessions, Clock clock) {
    this.loop = loop;
    this.sessions = sessions;
    this.clock = clock;
  }

  /// Evaluates a table's query now; returns at once.
  public void start(LiveTable table) {
    threads.execute(() -> evaluate(table));
  }

  private void evaluate(LiveTable table) {
    Instant start = clock.instant();
    try {
      slots.acquire();
      try (Connection session = sessions.open()) {
        session.setAutoCommit(false);
        start = clock.instant();
        QueryEvaluation.Result result =
            new QueryEvaluation(
                    table.storage(),
                    table.document().canonical(),
                    table.document().sessionSettings())
                .evaluate(session);
        Duration took = Duration.between(start, clock.instant());
        loop.post(() -> loop.evaluated(table, result.difference(), took, result.seen()));
      } finally {
        slots.release();
      }
    } catch (SQLException e) {
      failed(table, String.valueOf(e.getSQLState()), String.valueOf(e.getMessage()), start);
    } catch (TrickleException e) {
      failed(table, e.sqlState(), String.valueOf(e.getMessage()), start);
    } catch (CaptureException e) {
      failed(table, e.sqlState(), String.valueOf(e.getMessage()), start);
    } catch (RuntimeException | Error e) {
      // Whatever it is: a table whose evaluation never ends is never evaluated again.
      LOG.error("{} was not evaluated", table.storage().qualifiedName(), e);
      failed(table, "XX000", String.valueOf(e), start);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void failed(LiveTable table, String sqlState, String message, Instant start) {
    Duration took = Duration.between(start, clock.instant());
    loop.post(() -> loop.evaluationFailed(table, new Failure(sqlState, message, false), took));
  }

  /// Interrupts what is running; nothing of it is applied.
  @Override
  public void close() {
    threads.shutdownNow();
  }
}
