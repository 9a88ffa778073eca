package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A session for a statement now and then, which is opened again when somebody has ended it.
///
/// One that mostly waits is what people, and jobs of theirs, end first when connections are short.
/// Neither the lease nor the stream is lost with it, so it is no reason to start over; and as it is
/// used seldom, its loss would show when somebody waits for an answer. So what finds the session
/// ended is done once more, in a new one.
///
/// May be used from any thread, by one at a time.
final class LastingSession implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LastingSession.class);

  private final Supplier<Connection> source;
  private volatile Connection session;
  private volatile boolean closed;

  /// @param source opens sessions with autocommit on
  LastingSession(Supplier<Connection> source) {
    this.source = source;
    this.session = source.get();
  }

  /// What is done in the session.
  ///
  /// To do it twice must be the same as once: a session can end between a statement and its answer.
  @FunctionalInterface
  interface Work {
    void run(Connection session) throws SQLException;
  }

  synchronized void run(Work work) throws SQLException {
    try {
      work.run(session);
    } catch (SQLException e) {
      if (closed || !isLost(e)) {
        throw e;
      }
      LOG.info("an idle session was ended ({}); it is opened again", e.getMessage());
      reopen(e);
      work.run(session);
    }
  }

  // 08: the connection broke. 57P: an administrator, a time-out or a shutdown ended it.
  private static boolean isLost(SQLException failure) {
    String state = String.valueOf(failure.getSQLState());
    return state.startsWith("08") || state.startsWith("57P");
  }

  private void reopen(SQLException why) throws SQLException {
    closeSession();
    try {
      session = source.get();
    } catch (CaptureException e) {
      why.addSuppressed(e);
      throw why;
    }
    if (closed) {
      closeSession();
    }
  }

  private void closeSession() {
    try {
      session.close();
    } catch (SQLException e) {
      LOG.debug("a session went before it was closed: {}", e.getMessage());
    }
  }

  /// Ends the session, for good; does not wait for who uses it.
  @Override
  public void close() {
    closed = true;
    closeSession();
  }
}
