package io.pgtrickle.engine;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ExecutorService;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Owns resources and closes them in the reverse order, each whatever became of the others.
final class Lifetime implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Lifetime.class);

  private final Deque<Owned> owned = new ArrayDeque<>();

  private record Owned(String name, Closer closer) {}

  @FunctionalInterface
  private interface Closer {
    void close() throws SQLException;
  }

  Connection owns(Connection connection) {
    owned.push(new Owned("a database session", connection::close));
    return connection;
  }

  /// An executor whose tasks are interrupted at the end instead of waited for.
  ExecutorService owns(ExecutorService executor) {
    owned.push(new Owned("an executor", executor::shutdownNow));
    return executor;
  }

  /// Anything else, with what closes it.
  <T> T owns(T resource, Consumer<T> close) {
    owned.push(new Owned(resource.getClass().getSimpleName(), () -> close.accept(resource)));
    return resource;
  }

  @Override
  public void close() {
    while (!owned.isEmpty()) {
      Owned resource = owned.pop();
      try {
        resource.closer.close();
      } catch (SQLException | RuntimeException e) {
        LOG.warn("closing {} failed: {}", resource.name, e.getMessage());
      }
    }
  }
}
