package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.cdc.stream.StreamState;
import io.pgtrickle.engine.catalog.CaptureEvents;
import io.pgtrickle.engine.catalog.CaptureEvents.Event;
import io.pgtrickle.engine.catalog.CaptureEvents.Kind;
import io.pgtrickle.engine.catalog.CaptureEvents.Severity;
import io.pgtrickle.engine.metrics.Meters;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes what happens to capture visible: in the log and the meters at once, in the database as
/// soon
/// as there is a session for it. Outlives tenures, as trouble does.
///
/// May be used from any thread; [#write] by one at a time.
final class CaptureLog implements LogStream.Listener {
  private static final Logger LOG = LoggerFactory.getLogger(CaptureLog.class);
  private static final int WAITING = 1_000;

  private final Meters meters;
  private final LinkedBlockingQueue<Event> waiting = new LinkedBlockingQueue<>(WAITING);
  private @Nullable StreamState told;

  CaptureLog(Meters meters) {
    this.meters = meters;
  }

  /// Something happened.
  void note(Kind kind, Severity severity, String sqlState, String detail) {
    switch (severity) {
      case INFO -> LOG.info("{}", detail);
      case WARNING, ERROR -> LOG.warn("{}", detail);
    }
    meters.captureEvent(kind.name());
    while (!waiting.offer(new Event(kind, severity, sqlState, detail))) {
      waiting.poll();
    }
  }

  @Override
  public void lost(CaptureException why, Duration pause) {
    note(
        Kind.STREAM_LOST,
        Severity.WARNING,
        why.sqlState(),
        "the stream was lost and is connected again in %d ms: %s"
            .formatted(pause.toMillis(), why.getMessage()));
  }

  @Override
  public void connected(Lsn from) {
    LOG.info("the stream goes on from {}", from);
  }

  @Override
  public void paused() {
    LOG.info("reading the log is paused; the slot keeps what comes");
  }

  /// Writes what is new into the database.
  ///
  /// @param session autocommit on
  void write(Connection session, StreamState state) throws SQLException {
    write(session);
    if (!state.equals(told)) {
      CaptureEvents.put(session, state);
      told = state;
    }
  }

  /// Writes the events only.
  void write(Connection session) throws SQLException {
    for (Event event = waiting.peek(); event != null; event = waiting.peek()) {
      CaptureEvents.put(session, event);
      waiting.remove(event);
    }
  }

  /// Another session may lead to a database that was told something else.
  void forget() {
    told = null;
  }
}
