package io.pgtrickle.engine;

import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.engine.apply.StorageCatalog;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.backfill.DefinitionWatch;
import io.pgtrickle.engine.backfill.InitializationQueue;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.History;
import io.pgtrickle.engine.catalog.Lease;
import io.pgtrickle.engine.catalog.Replies;
import io.pgtrickle.engine.catalog.Setting;
import io.pgtrickle.engine.catalog.Settings;
import io.pgtrickle.engine.catalog.StreamTableState;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.notify.Coalescer;
import io.pgtrickle.engine.refresh.Checkpoints;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What has to be done every few seconds, and at once when the definitions change: look at the
/// definitions, keep
/// the heartbeat, read the settings, prune, keep an idle slot moving.
///
/// One thread, one session: that which holds the lease. When the session is lost, so is the lease,
/// and the
/// tenure ends.
final class Housekeeping {
  private static final Logger LOG = LoggerFactory.getLogger(Housekeeping.class);
  private static final Duration LOOK = Duration.ofSeconds(2);
  private static final Duration REPLY_AGE = Duration.ofMinutes(10);
  private static final int PRUNE_ROWS = 10_000;
  private static final int SELDOM_LOOKS = 8;

  private final Lease lease;
  private final Connection session;
  private final String slot;
  private final DefinitionWatch definitions;
  private final RefreshLoop loop;
  private final Checkpoints checkpoints;
  private final InitializationQueue queue;
  private final Switchboard switchboard;
  private final Coalescer coalescer;
  private final StatusRecorder status;
  private final BlockingQueue<Boolean> wakeups = new ArrayBlockingQueue<>(1);
  private final Thread thread =
      Thread.ofPlatform().name("housekeeping").daemon().unstarted(this::run);
  private final Map<Integer, Seen> seen = new HashMap<>();
  private final AtomicLong announced = new AtomicLong();
  private DefinitionWatch.Changes first =
      new DefinitionWatch.Changes(List.of(), List.of(), Set.of());
  private Set<Long> live = Set.of();
  private volatile long lookedFor;
  private volatile boolean closed;
  private volatile boolean looked;
  private volatile long slotLagBytes;

  // How a source was when it was copied, and when it was last looked at.
  private record Seen(SourceShape copied, SourceShape shape) {}

  Housekeeping(
      Lease lease,
      Connection session,
      String slot,
      DefinitionWatch definitions,
      RefreshLoop loop,
      Checkpoints checkpoints,
      InitializationQueue queue,
      Switchboard switchboard,
      Coalescer coalescer,
      StatusRecorder status) {
    this.lease = lease;
    this.session = session;
    this.slot = slot;
    this.definitions = definitions;
    this.loop = loop;
    this.checkpoints = checkpoints;
    this.queue = queue;
    this.switchboard = switchboard;
    this.coalescer = coalescer;
    this.status = status;
  }

  /// Starts with what the catalog has.
  ///
  /// @param all the first look at the definitions
  /// @param restored those that are live already
  void start(DefinitionWatch.Changes all, Set<Long> restored) {
    first = all;
    live = Set.copyOf(restored);
    thread.start();
  }

  /// How often operator state is to be saved.
  static Checkpoints.Policy checkpoints(Settings settings) {
    return new Checkpoints.Policy(
        settings.duration(Setting.CHECKPOINT_INTERVAL),
        settings.number(Setting.CHECKPOINT_WAL) << 20);
  }

  /// The definitions changed: look now.
  void definitionsChanged() {
    announced.incrementAndGet();
    wakeups.offer(true);
  }

  /// Whether every change of the definitions that was announced has been looked at.
  boolean isUpToDate() {
    return lookedFor == announced.get();
  }

  /// The log that the slot keeps back, as of the last beat.
  long slotLagBytes() {
    return slotLagBytes;
  }

  /// Whether the definitions have been read at least once.
  boolean hasLooked() {
    return looked;
  }

  private void run() {
    try {
      Duration pause = Lease.heartbeatPause(serverVersion());
      boolean woken = true;
      long looks = 0;
      StreamTableState.removeOrphans(session);
      follow(first, live);
      long lookAt = System.nanoTime();
      while (!closed) {
        heartbeat();
        boolean regular = System.nanoTime() - lookAt >= 0;
        if (woken || regular) {
          long upTo = announced.get();
          lookAtDefinitions();
          lookedFor = upTo;
          looked = true;
        }
        if (regular) {
          lookAtSources();
          lookAtStorages();
          regularly();
          if (looks++ % SELDOM_LOOKS == 0) {
            seldom();
          }
          lookAt = System.nanoTime() + LOOK.toNanos();
        }
        woken = wakeups.poll(pause.toMillis(), TimeUnit.MILLISECONDS) != null;
      }
    } catch (SQLException e) {
      if (!closed) {
        LOG.warn("the lease's session is lost, starting over: {}", e.getMessage());
        loop.stop();
      }
    } catch (InterruptedException e) {
      LOG.debug("housekeeping ends");
    }
  }

  private int serverVersion() throws SQLException {
    return session.getMetaData().getDatabaseMajorVersion() * 10_000;
  }

  private void lookAtDefinitions() throws SQLException {
    DefinitionWatch.Changes changes = definitions.look(session);
    if (!changes.isEmpty()) {
      follow(changes, Set.of());
    }
  }

  private void follow(DefinitionWatch.Changes changes, Set<Long> done) throws SQLException {
    for (long id : changes.dropped()) {
      loop.post(() -> loop.remove(id));
      LOG.info("stream table {} is gone", id);
    }
    for (Definition definition : changes.initialize()) {
      if (done.contains(definition.pgtId())) {
        continue;
      }
      status.forget(definition.pgtId());
      loop.post(() -> loop.remove(definition.pgtId()));
      StreamTableState.initializing(definition).put(session);
      if (definition.initialize()) {
        queue.request(definition.pgtId());
      }
    }
    for (Definition definition : changes.redefine()) {
      loop.post(() -> loop.redefine(definition));
    }
    if (!changes.dropped().isEmpty()) {
      StreamTableState.removeOrphans(session);
      queue.releaseUnused();
    }
  }

  private void heartbeat() throws SQLException {
    if (!lease.heartbeat(session)) {
      LOG.warn("another sidecar has taken the lease");
      loop.stop();
    }
  }

  // What DDL does to sources is not in the log.
  private void lookAtSources() throws SQLException, InterruptedException {
    Map<Integer, SourceShape> known;
    try {
      known =
          loop.atBoundary(() -> loop.sources().shapes()).get(LOOK.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("sources are looked at later", e);
      return;
    }
    Map<Integer, SourceShape> now = SourceShape.read(session, known.keySet());
    seen.keySet().retainAll(known.keySet());
    known.forEach(
        (relation, copied) -> {
          SourceShape current = now.get(relation);
          // Against the last look, so that two harmless changes in turn do not look like one that
          // is not; unless the table was copied anew since.
          Seen last = seen.get(relation);
          SourceShape shape = last != null && last.copied.equals(copied) ? last.shape : copied;
          if (current == null || !shape.isKeptBy(current)) {
            String how = current == null ? "was dropped" : "was altered";
            LOG.info("source {} {}", Integer.toUnsignedString(relation), how);
            loop.post(
                () -> loop.sources().altered(relation, new StateDamaged("a source " + how, null)));
          } else if (!copied.equals(SourceShape.ANY)) {
            seen.put(relation, new Seen(copied, copied.followed(current)));
          }
        });
  }

  // Nor that a storage table was renamed or dropped.
  private void lookAtStorages() throws SQLException, InterruptedException {
    List<StreamTable> written;
    try {
      written = loop.atBoundary(loop::storages).get(LOOK.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("storage tables are looked at later", e);
      return;
    }
    for (StreamTable table : StorageCatalog.displaced(session, written)) {
      LOG.info("storage table {} is not where it was", table.catalogName());
      loop.post(() -> loop.storageAltered(table));
    }
  }

  private void regularly() throws SQLException {
    Settings settings = Settings.read(session);
    switchboard.settings(settings);
    checkpoints.policy(checkpoints(settings));
    loop.post(() -> coalescer.window(settings.notifyWindow()));
    slotLagBytes =
        Slots.inspect(session, slot).flatMap(SlotState::restartLsn).isPresent() ? lag() : 0;
  }

  private long lag() throws SQLException {
    try (Statement statement = session.createStatement();
        var row = statement.executeQuery("SELECT pgtrickle_internal.slot_lag_bytes()")) {
      row.next();
      return row.getLong(1);
    }
  }

  // An idle database would pin the log at the last change; a message moves the stream along.
  private void seldom() throws SQLException {
    try (Statement statement = session.createStatement()) {
      statement.execute(
          "SELECT pg_logical_emit_message(true, 'pgtrickle', '{\"kind\":\"heartbeat\"}')");
    }
    Replies.prune(session, REPLY_AGE);
    long days = Settings.read(session).number(Setting.HISTORY_RETENTION_DAYS);
    if (days > 0) {
      History.prune(session, Duration.ofDays(days), PRUNE_ROWS);
    }
  }

  void close() {
    closed = true;
    thread.interrupt();
    try {
      if (!thread.join(Duration.ofSeconds(5))) {
        LOG.warn("housekeeping did not end within 5 s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
