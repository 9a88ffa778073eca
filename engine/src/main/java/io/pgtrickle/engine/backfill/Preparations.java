package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.catalog.Definition;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Prepares the definitions of a sidecar that starts: there may be a thousand, and each takes some
/// tens of round trips. So several sessions work on them.
final class Preparations {
  private static final Logger LOG = LoggerFactory.getLogger(Preparations.class);
  private static final int SESSIONS = 4;
  private static final int WORTH_A_SESSION = 8;

  private final Queue<Definition> open;
  private final Map<Long, Preparation> ready = new ConcurrentHashMap<>();
  private final Analyzer analyzer;
  private final Callable<Connection> sessions;

  private Preparations(
      Collection<Definition> definitions, Analyzer analyzer, Callable<Connection> sessions) {
    this.open = new ConcurrentLinkedQueue<>(definitions);
    this.analyzer = analyzer;
    this.sessions = sessions;
  }

  /// Prepares what can be, in the order of the definitions; what cannot is left out and logged.
  ///
  /// @param sessions opens sessions that may act for owners, autocommit off
  /// @throws SQLException when something failed that may pass
  static Map<Long, Preparation> of(
      List<Definition> definitions, Analyzer analyzer, Callable<Connection> sessions)
      throws SQLException {
    Preparations all = new Preparations(definitions, analyzer, sessions);
    all.run(Math.clamp(definitions.size() / WORTH_A_SESSION, 1, SESSIONS));
    Map<Long, Preparation> ordered = new LinkedHashMap<>();
    for (Definition definition : definitions) {
      Preparation one = all.ready.get(definition.pgtId());
      if (one != null) {
        ordered.put(definition.pgtId(), one);
      }
    }
    return ordered;
  }

  private void run(int workers) throws SQLException {
    try (ExecutorService threads =
        Executors.newThreadPerTaskExecutor(Nesting.thread().name("preparation-", 0).factory())) {
      List<Future<?>> work = new ArrayList<>();
      for (int i = 0; i < workers; i++) {
        work.add(
            threads.submit(
                () -> {
                  work();
                  return null;
                }));
      }
      for (Future<?> one : work) {
        one.get();
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SQLException sql) {
        throw sql;
      }
      throw e.getCause() instanceof RuntimeException unexpected
          ? unexpected
          : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SourceUnavailable("57014", "the start was interrupted", e);
    } finally {
      open.clear();
    }
  }

  private void work() throws Exception {
    try (Connection session = sessions.call()) {
      for (Definition next = open.poll(); next != null; next = open.poll()) {
        prepare(session, next);
      }
    } catch (SQLException | RuntimeException e) {
      // The others need not go on.
      open.clear();
      throw e;
    }
  }

  private void prepare(Connection session, Definition definition) throws SQLException {
    try {
      ready.put(definition.pgtId(), Preparation.of(session, analyzer, definition));
    } catch (TrickleException e) {
      LOG.warn("{} is not restored: {}", definition.displayName(), e.getMessage());
    } catch (SQLException e) {
      if (ServerRefusal.isTransient(e)) {
        throw e;
      }
      LOG.warn("{} is not restored: {}", definition.displayName(), e.getMessage());
    }
  }
}
