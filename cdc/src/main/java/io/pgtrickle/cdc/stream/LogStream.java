package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.ServerIdentity;
import io.pgtrickle.cdc.slot.Slots;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// The events of a slot in one unbroken row, over any number of connections.
///
/// A consumer with state of its own in memory, as of the last event it took, loses nothing when a
/// connection ends: the next [WalReader] starts at exactly that position. So a lost connection is
/// mended here, with growing pauses, while [#drain] returns nothing. What cannot be mended by
/// connecting again (the slot is lost, the server is another one, a person has to act, or reading
/// fails at the same place again and again) is thrown.
///
/// What was taken and what is durable are different positions: the reader starts at the first and
/// never reports more than the second.
///
/// [#drain], [#confirm] and [#close] belong to the consumer's thread; the rest is for any.
public final class LogStream implements AutoCloseable {
  private static final String SLOT_IN_USE = "55006";
  private static final Duration READER_PATIENCE = Duration.ofSeconds(5);
  private static final Duration CONNECT_PATIENCE = Duration.ofSeconds(30);

  private final SourceDatabase database;
  private final StreamOptions options;
  private final Listener listener;
  private final RepeatedFailure failures;
  private final ServerIdentity server;
  private final Backoff backoff = new Backoff();
  private final AtomicReference<@Nullable CaptureException> suspicion = new AtomicReference<>();
  private volatile boolean pauseAsked;
  private volatile boolean aborted;
  private volatile StreamState state;
  private volatile @Nullable WalReader reader;

  private volatile @Nullable Attempt connecting;

  // The rest belongs to the consumer's thread.
  private long retryAt;
  private int formerReader;
  private boolean partial;
  private Lsn taken;
  private Lsn confirmed;

  // A virtual thread: interrupting it closes the socket it is stuck in.
  private record Attempt(CompletableFuture<WalReader> result, Thread thread, long deadline) {}

  // The consumer has to look where it can go on; connecting again would lead there again.
  private static final class OtherServer extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OtherServer(String message) {
      super(message);
    }
  }

  /// Is told on the consumer's thread what happens to the connection.
  public interface Listener {
    /// The connection was lost, or another attempt has failed; the next one follows.
    void lost(CaptureException why, Duration pause);

    /// The stream goes on from this position.
    void connected(Lsn from);

    /// The connection was let go of, as asked.
    void paused();
  }

  private LogStream(
      SourceDatabase database,
      StreamOptions options,
      Listener listener,
      RepeatedFailure failures,
      WalReader reader) {
    this.database = database;
    this.options = options;
    this.listener = listener;
    this.failures = failures;
    this.reader = reader;
    this.server = reader.server();
    this.state = new StreamState(StreamState.Phase.READING, reader.protocol(), 0, null);
    this.formerReader = reader.backendPid();
    this.taken = options.start();
    this.confirmed = options.start();
  }

  /// Connects and starts reading; the first connection is not tried again.
  ///
  /// @throws CaptureException as [WalReader#start] does
  public static LogStream start(SourceDatabase database, StreamOptions options, Listener listener) {
    return start(database, options, listener, new RepeatedFailure());
  }

  /// The same for one of several streams in a row.
  ///
  /// @param failures those of the streams before, too
  public static LogStream start(
      SourceDatabase database, StreamOptions options, Listener listener, RepeatedFailure failures) {
    return new LogStream(database, options, listener, failures, WalReader.start(database, options));
  }

  /// Ends a wait in [#drain], or the next one, from any thread: there is something else to do.
  public void wake() {
    WalReader current = reader;
    if (current != null) {
      current.wake();
    }
  }

  /// Waits for an event and takes with it those that are already there; nothing if none came in
  /// time, or as long as there is no connection.
  ///
  /// @param atMostBytes estimated size at which to stop; the first event is taken whatever its size
  /// @throws CaptureException when the stream cannot go on
  public List<WalEvent> drain(long atMostBytes, Duration patience) throws InterruptedException {
    WalReader current = reader;
    if (aborted) {
      LockSupport.parkNanos(patience.toNanos());
      return List.of();
    }
    if (pauseAsked && !partial) {
      pause(current);
      LockSupport.parkNanos(patience.toNanos());
      return List.of();
    }
    if (current == null) {
      connect(patience);
      return List.of();
    }
    CaptureException suspected = partial ? null : suspicion.getAndSet(null);
    if (suspected != null) {
      lost(current, suspected);
      return List.of();
    }
    try {
      List<WalEvent> events = current.drain(atMostBytes, patience);
      for (WalEvent event : events) {
        taken = taken.max(event.position());
        partial = event instanceof Transaction transaction && !transaction.isComplete();
      }
      if (!events.isEmpty()) {
        backoff.reset();
      }
      return events;
    } catch (CancellationException e) {
      if (aborted) {
        return List.of();
      }
      throw e;
    } catch (CaptureException.SlotLost e) {
      throw e;
    } catch (CaptureException e) {
      // Whatever it is, the reader had started: a person who has to act is told by the next
      // attempt.
      failures.count(options.slot(), current.failedAt(), e);
      if (partial) {
        // The consumer has taken a part of a transaction, all of which would come again.
        throw e;
      }
      lost(current, e);
      return List.of();
    }
  }

  /// Tells the server that everything up to `position` is durable; see [WalReader#confirm].
  public void confirm(Lsn position) {
    if (position.isAfter(taken)) {
      throw new IllegalArgumentException(
          "cannot confirm " + position + ", only up to " + taken + " was taken");
    }
    confirmed = confirmed.max(position);
    WalReader current = reader;
    if (current != null) {
      current.confirm(confirmed);
    }
  }

  /// Lets go of the connection until [#resume]; nothing is lost, the slot keeps what comes.
  public void pause() {
    pauseAsked = true;
  }

  /// Reads on after [#pause].
  public void resume() {
    pauseAsked = false;
  }

  /// How the stream is.
  public StreamState state() {
    return state;
  }

  /// For how long the connection has brought nothing although somebody was reading.
  public Duration silence() {
    WalReader current = reader;
    return current == null ? Duration.ZERO : current.silence();
  }

  /// The server process that reads for us; empty while there is no connection.
  public OptionalInt serverProcess() {
    WalReader current = reader;
    return current == null ? OptionalInt.empty() : OptionalInt.of(current.backendPid());
  }

  /// Gives up the connection because something else shows that it is dead: a cut that neither side
  /// was told of looks like silence from here.
  public void suspect(String why) {
    suspicion.set(new CaptureException.Retry("08006", why));
  }

  /// Disconnects at once and for good, from any thread, whatever the consumer is doing: a server
  /// that shuts down waits for its walsender, which waits for us. Nothing comes any more.
  public void abort() {
    aborted = true;
    WalReader current = reader;
    if (current != null) {
      current.abort();
    }
    abandonConnecting();
  }

  private void pause(@Nullable WalReader current) {
    if (state.phase() == StreamState.Phase.PAUSED) {
      return;
    }
    listener.paused();
    become(StreamState.Phase.PAUSED, state.losses(), state.lastLoss());
    if (current != null) {
      reader = null;
      current.close();
    }
    abandonConnecting();
  }

  private void lost(WalReader current, CaptureException why) {
    reader = null;
    suspicion.set(null);
    Duration pause = backoff.next();
    become(StreamState.Phase.RECONNECTING, state.losses() + 1, why);
    retryAt = System.nanoTime() + pause.toNanos();
    listener.lost(why, pause);
    current.abort();
  }

  private void connect(Duration patience) throws InterruptedException {
    if (state.phase() == StreamState.Phase.PAUSED) {
      become(StreamState.Phase.RECONNECTING, state.losses(), null);
      retryAt = System.nanoTime();
    }
    Attempt attempt = connecting;
    if (attempt == null) {
      long wait = retryAt - System.nanoTime();
      if (wait > 0) {
        LockSupport.parkNanos(Math.min(wait, patience.toNanos()));
        return;
      }
      attempt = startConnecting(taken, confirmed, formerReader);
      connecting = attempt;
    }
    try {
      WalReader opened = attempt.result.get(patience.toNanos(), TimeUnit.NANOSECONDS);
      connecting = null;
      connected(opened);
    } catch (TimeoutException stillConnecting) {
      if (System.nanoTime() - attempt.deadline > 0) {
        abandonConnecting();
        failed(
            new CaptureException.Retry(
                "08001", "no connection after " + CONNECT_PATIENCE.toSeconds() + " s"));
      }
    } catch (ExecutionException e) {
      connecting = null;
      if (!aborted) {
        failed(e.getCause());
      }
    }
  }

  private Attempt startConnecting(Lsn from, Lsn durable, int former) {
    CompletableFuture<WalReader> result = new CompletableFuture<>();
    Thread thread =
        Thread.ofVirtual()
            .name("wal-reconnect")
            .start(
                () -> {
                  try {
                    WalReader opened =
                        WalReader.start(
                            database, options.withStart(from), durable, this::requireSameServer);
                    if (!result.complete(opened)) {
                      opened.close();
                    }
                  } catch (CaptureException.Retry e) {
                    if (e.sqlState().equals(SLOT_IN_USE)) {
                      endFormerReader(former);
                    }
                    result.completeExceptionally(e);
                  } catch (RuntimeException e) {
                    result.completeExceptionally(e);
                  }
                });
    return new Attempt(result, thread, System.nanoTime() + CONNECT_PATIENCE.toNanos());
  }

  // The server has not noticed yet that our last connection is dead. Only that process is ended: a
  // reader of any other means that somebody else has the lease by now.
  private void endFormerReader(int pid) {
    try (Connection connection = database.connect("pgtrickle slot observer")) {
      Slots.terminateReader(connection, options.slot(), pid, READER_PATIENCE);
    } catch (SQLException | CaptureException notEnded) {
      // The next attempt finds it again, until the server's own time-out has ended it.
      return;
    }
  }

  // Before anything is made of our position, which means nothing on another one.
  private void requireSameServer(ServerIdentity now) {
    if (!now.systemId().equals(server.systemId()) || now.timeline() != server.timeline()) {
      throw new OtherServer(
          "the server is another one than before, or was promoted: cluster "
              + now.systemId()
              + " on timeline "
              + now.timeline()
              + " instead of "
              + server.systemId()
              + " on "
              + server.timeline());
    }
  }

  private void connected(WalReader opened) {
    formerReader = opened.backendPid();
    reader = opened;
    if (aborted) {
      opened.abort();
    }
    state =
        new StreamState(
            StreamState.Phase.READING, opened.protocol(), state.losses(), state.lastLoss());
    listener.connected(taken);
  }

  private void failed(@Nullable Throwable cause) {
    if (cause instanceof CaptureException.Retry again) {
      Duration pause = backoff.next();
      retryAt = System.nanoTime() + pause.toNanos();
      become(StreamState.Phase.RECONNECTING, state.losses(), again);
      listener.lost(again, pause);
    } else if (cause instanceof OtherServer other) {
      throw new CaptureException.Retry("08004", String.valueOf(other.getMessage()), other);
    } else if (cause instanceof RuntimeException fatal) {
      throw fatal;
    } else {
      throw new IllegalStateException(cause);
    }
  }

  private void become(StreamState.Phase phase, long losses, @Nullable CaptureException why) {
    state = new StreamState(phase, state.protocol(), losses, why);
  }

  private void abandonConnecting() {
    Attempt attempt = connecting;
    connecting = null;
    if (attempt == null) {
      return;
    }
    boolean open =
        !attempt.result.completeExceptionally(new CaptureException.Retry("57014", "abandoned"))
            && !attempt.result.isCompletedExceptionally();
    if (open) {
      attempt.result.join().close();
    } else {
      attempt.thread.interrupt();
    }
  }

  /// Ends the connection; see [WalReader#close].
  @Override
  public void close() {
    abandonConnecting();
    WalReader current = reader;
    if (current != null) {
      current.close();
    }
  }
}
