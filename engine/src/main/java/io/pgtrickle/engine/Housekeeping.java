package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publication;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.cdc.slot.Visibility;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.engine.analyze.CatalogVersion;
import io.pgtrickle.engine.apply.StorageCatalog;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.backfill.DefinitionWatch;
import io.pgtrickle.engine.backfill.IdentityWatch;
import io.pgtrickle.engine.backfill.InitializationQueue;
import io.pgtrickle.engine.backfill.PartitionRepairs;
import io.pgtrickle.engine.backfill.PublicationWatch;
import io.pgtrickle.engine.catalog.CaptureEvents.Kind;
import io.pgtrickle.engine.catalog.CaptureEvents.Severity;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.History;
import io.pgtrickle.engine.catalog.Operations;
import io.pgtrickle.engine.catalog.Replies;
import io.pgtrickle.engine.catalog.Setting;
import io.pgtrickle.engine.catalog.Settings;
import io.pgtrickle.engine.catalog.SourceGates;
import io.pgtrickle.engine.catalog.StreamTableState;
import io.pgtrickle.engine.intake.Partition;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.notify.Coalescer;
import io.pgtrickle.engine.refresh.BoundaryTask;
import io.pgtrickle.engine.refresh.Checkpoints;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What has to be done every few seconds, and at once when the definitions change: look at the
/// definitions, read the settings, prune, keep an idle slot moving.
///
/// One thread, one session: that which holds the lease. When the session is lost, so is the lease,
/// and the
/// tenure ends.
final class Housekeeping {
  private static final Logger LOG = LoggerFactory.getLogger(Housekeeping.class);
  private static final Duration LOOK = Duration.ofSeconds(2);
  // The users' UPDATEs fail for as long as an unusable identity is not noticed.
  private static final Duration IDENTITY_LOOK = Duration.ofSeconds(1);
  // Commits are in the log some microseconds before others see them, or as long as a standby takes.
  private static final Duration UNDISCLOSED_LOOK = Duration.ofMillis(5);
  private static final Duration REPLY_AGE = Duration.ofMinutes(10);
  private static final int PRUNE_ROWS = 10_000;
  private static final Duration SELDOM = Duration.ofSeconds(10);
  private static final Duration SILENCE = Duration.ofSeconds(15);
  // For the epoch under way, when the slot keeps back too much.
  private static final Duration GRACE = Duration.ofSeconds(10);
  private static final Duration READER_PATIENCE = Duration.ofSeconds(5);
  private static final String LOCK_NOT_AVAILABLE = "55P03";
  private static final LockPolicy ONCE =
      new LockPolicy(Duration.ofMillis(500), 1, Duration.ofMillis(1));

  private final Connection session;
  private final String slot;
  private final LogStream stream;
  private final PublicationWatch published;
  private final IdentityWatch identities;
  private final PartitionRepairs partitions;
  private final CaptureLog captureLog;
  private final Sessions sessions;
  private final DefinitionWatch definitions;
  private final RefreshLoop loop;
  private final Checkpoints checkpoints;
  private final InitializationQueue queue;
  private final Switchboard switchboard;
  private final Coalescer coalescer;
  private final StatusRecorder status;
  private final OperationLog operations;
  private final BlockingQueue<Boolean> wakeups = new ArrayBlockingQueue<>(1);
  private final Thread thread =
      Thread.ofPlatform().name("housekeeping").daemon().unstarted(this::run);
  private final Map<Integer, Seen> seen = new HashMap<>();
  // Of sources; what was dropped has none any more.
  private final Map<Integer, TableName> names = new HashMap<>();
  private final SlotLag slotLag;
  private final AtomicLong announced = new AtomicLong();
  // Transactions that changed the definitions, and have not been seen to be visible.
  private final Set<Integer> undisclosed = ConcurrentHashMap.newKeySet();
  private DefinitionWatch.Changes first =
      new DefinitionWatch.Changes(List.of(), List.of(), Set.of());
  private Set<Long> live = Set.of();
  private boolean unsaved;
  // The first heartbeat since something was heard.
  private long unheardBeat;
  private long excessSince;
  private long pruneAt = System.nanoTime();
  private volatile long lookedFor;
  private volatile boolean closed;
  private volatile boolean looked;
  private volatile long slotLagBytes;
  private volatile @Nullable RuntimeException failure;

  // How a source was when it was copied, and when it was last looked at.
  private record Seen(SourceShape copied, SourceShape shape) {}

  Housekeeping(
      Connection session,
      String slot,
      LogStream stream,
      PublicationWatch published,
      PartitionRepairs partitions,
      CaptureLog captureLog,
      Sessions sessions,
      DefinitionWatch definitions,
      RefreshLoop loop,
      Checkpoints checkpoints,
      InitializationQueue queue,
      Switchboard switchboard,
      Coalescer coalescer,
      StatusRecorder status,
      OperationLog operations) {
    this.session = session;
    this.slot = slot;
    this.stream = stream;
    this.published = published;
    this.partitions = partitions;
    this.identities = new IdentityWatch(published.publication());
    this.captureLog = captureLog;
    this.slotLag = new SlotLag(captureLog);
    this.sessions = sessions;
    this.definitions = definitions;
    this.loop = loop;
    this.checkpoints = checkpoints;
    this.queue = queue;
    this.switchboard = switchboard;
    this.coalescer = coalescer;
    this.status = status;
    this.operations = operations;
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

  /// The definitions changed: look now, and again until what changed them is visible.
  ///
  /// @param by the transactions that did it
  void definitionsChanged(List<Integer> by) {
    undisclosed.addAll(by);
    announced.incrementAndGet();
    wakeups.offer(true);
  }

  /// Somebody who may have changed the definitions asks: what changed them is visible by now.
  void definitionsWanted() {
    if (!undisclosed.isEmpty()) {
      definitionsChanged(List.of());
    }
  }

  /// Whether every change of the definitions that was announced has been looked at, and taken over.
  boolean isUpToDate() {
    return lookedFor == announced.get();
  }

  /// The log that the slot keeps back, as of the last look.
  long slotLagBytes() {
    return slotLagBytes;
  }

  /// Whether everything has been looked at once, and nothing stood in the way.
  boolean hasLooked() {
    return looked;
  }

  /// What ended housekeeping, and the tenure with it.
  Optional<RuntimeException> failure() {
    return Optional.ofNullable(failure);
  }

  private void run() {
    try {
      boolean woken = true;
      long again = UNDISCLOSED_LOOK.toMillis();
      StreamTableState.removeOrphans(session);
      Operations.completed(session, live);
      follow(first, live);
      long lookAt = System.nanoTime();
      long identitiesAt = lookAt;
      long seldomAt = lookAt;
      while (!closed) {
        if (System.nanoTime() - identitiesAt >= 0) {
          unlessLocked(this::lookAtIdentities);
          identitiesAt = System.nanoTime() + IDENTITY_LOOK.toNanos();
        }
        boolean regular = System.nanoTime() - lookAt >= 0;
        if (woken || regular) {
          long upTo = announced.get();
          Visibility visible = Visibility.of(session);
          lookAtDefinitions();
          // After what was found.
          loop.postLatest("looked", () -> lookedFor = upTo);
          undisclosed.removeIf(visible::shows);
          loop.postLatest("visible", () -> loop.visible(visible));
        }
        if (System.nanoTime() - seldomAt >= 0) {
          seldomAt = System.nanoTime() + SELDOM.toNanos();
          unlessLocked(this::seldom);
        }
        if (regular) {
          unlessLocked(this::lookAtSources);
          unlessLocked(this::lookAtMeanings);
          unlessLocked(this::lookAtStorages);
          unlessLocked(this::regularly);
          unlessLocked(this::lookAtStream);
          operations.write(session);
          looked = true;
          lookAt = System.nanoTime() + LOOK.toNanos();
        }
        long patience = IDENTITY_LOOK.toMillis();
        again = undisclosed.isEmpty() ? UNDISCLOSED_LOOK.toMillis() : Math.min(2 * again, patience);
        boolean waits = !undisclosed.isEmpty();
        woken = wakeups.poll(waits ? again : patience, TimeUnit.MILLISECONDS) != null || waits;
      }
    } catch (SQLException e) {
      end(
          new SourceUnavailable(
              String.valueOf(e.getSQLState()), "housekeeping ended: " + e.getMessage(), e));
    } catch (RuntimeException e) {
      end(e);
    } catch (Error e) {
      end(new IllegalStateException("housekeeping ended", e));
    } catch (InterruptedException e) {
      LOG.debug("housekeeping ends");
    }
  }

  // Whatever it is: a tenure with nobody who looks must not go on.
  private void end(RuntimeException why) {
    if (!closed) {
      failure = why;
      loop.stop();
      // Whatever cut this session off may have cut off the others, without a word to anybody; and a
      // server that shuts down waits for the stream, which the step under way may keep.
      sessions.abort();
      stream.abort();
    }
  }

  /// One of the things to look at.
  @FunctionalInterface
  private interface Look {
    void look() throws SQLException, InterruptedException;
  }

  // Some look at partitions, which waits for who alters them. The rest must not wait for that.
  private void unlessLocked(Look each) throws SQLException, InterruptedException {
    try {
      each.look();
    } catch (SQLException e) {
      if (!LOCK_NOT_AVAILABLE.equals(e.getSQLState())) {
        throw e;
      }
      LOG.debug("looked at later: {}", e.getMessage());
    } catch (CaptureException.Retry e) {
      if (!LOCK_NOT_AVAILABLE.equals(e.sqlState())) {
        throw e;
      }
      LOG.debug("looked at later: {}", e.getMessage());
    }
  }

  // The refresh thread may be in a step that takes long, or be waiting for somebody.
  private <T> Optional<T> atBoundary(BoundaryTask<T> task) throws InterruptedException {
    CompletableFuture<T> asked = loop.atBoundary(task);
    try {
      return Optional.of(asked.get(LOOK.toSeconds(), TimeUnit.SECONDS));
    } catch (ExecutionException | TimeoutException e) {
      asked.cancel(false);
      LOG.debug("looked at later", e);
      return Optional.empty();
    }
  }

  private void lookAtDefinitions() throws SQLException {
    DefinitionWatch.Changes changes = definitions.look(session);
    if (!changes.isEmpty()) {
      follow(changes, Set.of());
    }
  }

  private void follow(DefinitionWatch.Changes changes, Set<Long> done) throws SQLException {
    for (long id : changes.dropped()) {
      loop.postRemoval(id);
      operations.forget(id);
      LOG.info("stream table {} is gone", id);
    }
    Set<Long> filled = changes.initialize().isEmpty() ? Set.of() : StreamTableState.filled(session);
    List<Long> wanted = new ArrayList<>();
    for (Definition definition : changes.initialize()) {
      if (done.contains(definition.pgtId())) {
        continue;
      }
      status.forget(definition.pgtId());
      loop.post(() -> loop.members().restart(definition));
      StreamTableState.initializing(definition).put(session);
      if (definition.initialize() || filled.contains(definition.pgtId())) {
        operations.requested(definition);
        wanted.add(definition.pgtId());
      }
    }
    // Together, so that those of one migration share what they have in common.
    queue.request(wanted);
    for (Definition definition : changes.redefine()) {
      loop.post(() -> loop.members().redefine(definition));
    }
    if (!changes.dropped().isEmpty()) {
      StreamTableState.removeOrphans(session);
      queue.releaseUnused();
    }
  }

  // What DDL does to sources is not in the log.
  private void lookAtSources() throws SQLException, InterruptedException {
    Optional<Map<Integer, SourceShape>> answer = atBoundary(() -> loop.sources().shapes());
    if (answer.isEmpty()) {
      return;
    }
    Map<Integer, SourceShape> known = answer.get();
    lookAtPublication(known.keySet());
    Map<Integer, SourceShape> now = SourceShape.read(session, known.keySet());
    names.keySet().retainAll(known.keySet());
    names.putAll(SourceShape.names(session, known.keySet()));
    seen.keySet().retainAll(known.keySet());
    Set<Integer> changed = new HashSet<>();
    known.forEach(
        (relation, copied) -> {
          SourceShape current = now.get(relation);
          // Against the last look, so that two harmless changes in turn do not look like one that
          // is not; unless the table was copied anew since.
          Seen last = seen.get(relation);
          SourceShape shape = last != null && last.copied.equals(copied) ? last.shape : copied;
          if (current == null || !shape.rowsAreKeptBy(current)) {
            String how = current == null ? "was dropped" : "was altered";
            captureLog.note(
                Kind.SOURCE_ALTERED,
                Severity.INFO,
                "",
                "source %s %s; what reads it is initialized again"
                    .formatted(calledLast(relation), how));
            loop.post(
                () -> loop.sources().altered(relation, new StateDamaged("a source " + how, null)));
          } else if (!copied.equals(SourceShape.ANY)) {
            seen.put(relation, new Seen(copied, copied.followed(current)));
            if (!shape.isKeptBy(current)) {
              changed.add(relation);
            }
          }
        });
    for (int relation : changed) {
      partitions.request(relation, Partition.read(session, relation));
    }
  }

  private String calledLast(int relation) {
    TableName name = names.get(relation);
    return name == null ? Integer.toUnsignedString(relation) : name.toString();
  }

  // Nor is a function that was replaced, or what gives a query another meaning.
  private void lookAtMeanings() throws SQLException, InterruptedException {
    Set<CatalogVersion> known = atBoundary(() -> loop.sources().versions()).orElse(Set.of());
    Set<CatalogVersion> replaced = CatalogVersions.differing(session, known);
    for (CatalogVersion one : replaced) {
      boolean named = one.kind() == CatalogVersion.Kind.RELATION;
      captureLog.note(
          Kind.SOURCE_ALTERED,
          Severity.INFO,
          "",
          (named ? name(one.oid()) : one)
              + " is not what it was; what uses it is initialized again");
    }
    if (!replaced.isEmpty()) {
      loop.post(() -> loop.sources().replaced(replaced));
    }
  }

  // Law 6: being published must not make the users' writes fail.
  private void lookAtIdentities() throws SQLException {
    identities
        .unpublishUnusable(session)
        .forEach(
            (relation, why) -> {
              captureLog.note(
                  Kind.SOURCE_ALTERED,
                  Severity.WARNING,
                  "55000",
                  "users could not update a published table any more (%s), so it left publication \"%s\"; what reads it gives it a replica identity and is initialized again"
                      .formatted(why, published.publication()));
              loop.post(
                  () ->
                      loop.sources()
                          .unpublished(
                              relation,
                              new StateDamaged("no usable replica identity: " + why, null)));
            });
  }

  // Nor is what others do to the publication, though it decides what is in the log at all.
  private void lookAtPublication(Set<Integer> followed) throws SQLException {
    Optional<Publication> now = Publications.inspect(session, published.publication());
    if (now.isEmpty() || !now.get().complete() || !now.get().viaRoot() || !now.get().generated()) {
      captureLog.note(
          Kind.PUBLICATION_ALTERED,
          Severity.ERROR,
          "55000",
          "publication \"%s\" was %s by somebody else; every stream table is initialized again"
              .formatted(published.publication(), now.isEmpty() ? "dropped" : "altered"));
      // The next start mends it, and does not trust the slot any more.
      loop.stop();
      return;
    }
    Set<Integer> altered = published.altered(session, followed).orElse(Set.of());
    if (!altered.isEmpty() || now.get().wider() || !now.get().restricted().isEmpty()) {
      try {
        Publications.mend(session, published.publication(), ONCE);
      } catch (CaptureException.Retry e) {
        // A session that is lost shows with the next statement.
        LOG.debug("the publication is mended at the next look: {}", e.getMessage());
      }
    }
    for (int relation : altered) {
      String name = name(relation);
      captureLog.note(
          Kind.PUBLICATION_ALTERED,
          Severity.WARNING,
          "55000",
          "somebody else changed publication \"%s\" for table %s; what reads that table is initialized again"
              .formatted(published.publication(), name));
      loop.post(
          () ->
              loop.sources()
                  .unpublished(
                      relation,
                      new StateDamaged("changes of " + name + " were not published", null)));
    }
    if (!now.get().tables().contains(Definition.TABLE)) {
      try {
        Publications.add(session, published.publication(), List.of(Definition.TABLE), ONCE);
      } catch (CaptureException.Retry e) {
        LOG.debug("definitions are published again at the next look: {}", e.getMessage());
      }
    }
  }

  private String name(int relation) throws SQLException {
    return SourceShape.name(session, relation)
        .map(TableName::toString)
        .orElse(Integer.toUnsignedString(relation));
  }

  // A connection that is cut without a word looks alive from our end. The server knows better: it
  // has ended the process at the other end; or that has nothing to do but wait for us, and we did
  // not hear of a heartbeat that was written since we heard anything.
  private void lookAtStream() throws SQLException {
    OptionalInt ours = stream.serverProcess();
    if (ours.isPresent()) {
      OptionalInt now = Slots.inspect(session, slot).map(SlotState::activePid).orElse(ours);
      boolean ended = !ours.equals(now);
      boolean silent =
          isBeatUnheard()
              && System.nanoTime() - unheardBeat > SILENCE.toNanos()
              && Slots.waitsForReader(session, slot);
      if ((ended || silent) && stream.serverProcess().equals(ours)) {
        stream.suspect(
            ended
                ? "the server has ended the connection without our hearing of it"
                : "nothing was received for %d s although something was sent"
                    .formatted(stream.silence().toSeconds()));
      }
    }
    captureLog.write(session, stream.state());
  }

  private boolean isBeatUnheard() {
    return unheardBeat != 0 && stream.silence().toNanos() > System.nanoTime() - unheardBeat;
  }

  // Nor that a storage table was renamed, dropped, or handed over.
  private void lookAtStorages() throws SQLException, InterruptedException {
    List<StreamTable> written = atBoundary(loop::storages).orElse(List.of());
    for (StreamTable table : StorageCatalog.displaced(session, written)) {
      LOG.info("storage table {} is not where or whose it was", table.catalogName());
      loop.post(() -> loop.members().storageAltered(table));
    }
  }

  private void regularly() throws SQLException {
    Settings settings = Settings.read(session);
    switchboard.settings(settings);
    checkpoints.policy(checkpoints(settings));
    loop.postLatest(
        "force full", () -> loop.members().forceFull(settings.on(Setting.FORCE_FULL_REFRESH)));
    lookAtCheckpoints();
    pruneHistory(settings);
    loop.postLatest("window", () -> coalescer.window(settings.notifyWindow()));
    if (settings.on(Setting.CDC_PAUSED)) {
      stream.pause();
    } else {
      stream.resume();
    }
    Set<Integer> gates = SourceGates.gated(session);
    loop.postLatest("gates", () -> loop.members().gate(gates));
    slotLagBytes =
        Slots.inspect(session, slot).flatMap(SlotState::restartLsn).isPresent() ? lag() : 0;
    slotLag.look(session, slot, slotLagBytes, settings);
    if (SlotLag.isTooMuch(slotLagBytes, settings)) {
      giveUpSlot();
    }
  }

  // The next start finds the same, and gives the slot up once its reader is gone. What the refresh
  // thread is at may take longer than the disk lasts, such as a trigger that waits.
  private void giveUpSlot() throws SQLException {
    loop.stop();
    if (excessSince == 0) {
      excessSince = System.nanoTime();
    } else if (System.nanoTime() - excessSince > GRACE.toNanos()) {
      stream.abort();
      sessions.abort();
      Slots.terminateReader(session, slot, READER_PATIENCE);
      Slots.drop(session, slot);
      throw new SourceUnavailable(
          "53400",
          "replication slot \"%s\" kept back %d MB of log, more than max_slot_lag, and was dropped"
              .formatted(slot, slotLagBytes >> 20),
          null);
    }
  }

  private long lag() throws SQLException {
    try (Statement statement = session.createStatement();
        var row = statement.executeQuery("SELECT pgtrickle_internal.slot_lag_bytes()")) {
      row.next();
      return row.getLong(1);
    }
  }

  private void lookAtCheckpoints() {
    Optional<StorageUnavailable> problem = checkpoints.problem();
    if (problem.isPresent() != unsaved) {
      unsaved = problem.isPresent();
      captureLog.note(
          Kind.STATE_NOT_SAVED,
          unsaved ? Severity.ERROR : Severity.INFO,
          problem.map(StorageUnavailable::sqlState).orElse(""),
          problem
              .map(
                  why ->
                      "operator state is not saved, and the slot keeps the log: "
                          + why.getMessage())
              .orElse("operator state is saved again"));
    }
  }

  private void seldom() throws SQLException {
    beat();
    Replies.prune(session, REPLY_AGE);
    StartingPoint.dropOrphans(session, slot);
  }

  private void pruneHistory(Settings settings) throws SQLException {
    long days = settings.number(Setting.HISTORY_RETENTION_DAYS);
    if (days == 0 || System.nanoTime() - pruneAt < 0) {
      return;
    }
    Duration retention = Duration.ofDays(days);
    // More of them: at the next look.
    if (History.prune(session, retention, PRUNE_ROWS) < PRUNE_ROWS) {
      Operations.prune(session, retention);
      pruneAt =
          System.nanoTime()
              + TimeUnit.SECONDS.toNanos(settings.number(Setting.HISTORY_PRUNE_INTERVAL_SECONDS));
    }
  }

  // An idle database would pin the log at the last change; a message moves the stream along.
  private void beat() throws SQLException {
    try (Statement statement = session.createStatement()) {
      statement.execute(
          "SELECT pg_logical_emit_message(true, 'pgtrickle', '{\"kind\":\"heartbeat\"}')");
    }
    if (!isBeatUnheard()) {
      unheardBeat = System.nanoTime();
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
