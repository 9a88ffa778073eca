package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.Visibility;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.ExplainFormat;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.Applier;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Request;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.RegionRepair;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The thread that makes epochs, from the log to the storage tables.
///
/// One pass of [#run]: take every whole transaction that is there, up to a bound; net them to
/// deltas; run the
/// dataflow one step; write what is released in one transaction with the frontier; confirm. A
/// backlog so
/// makes larger epochs by itself, and a quiet system one epoch per transaction. While nothing
/// arrives
/// it wakes for schedules, held tables and notifications that are due.
///
/// Everything that belongs to this thread (intake, dataflow, live tables) is touched by others only
/// through
/// [#atBoundary]: a task that runs between two epochs.
public final class RefreshLoop implements AutoCloseable {
  // How exactly times are kept: those that somebody waits for, and others.
  private static final Duration WAIT = Duration.ofMillis(25);
  private static final Duration IDLE_WAIT = Duration.ofMillis(200);
  private static final long EPOCH_BYTES = 64L << 20;

  private final LogStream reader;
  private final Intake intake;
  private final Dataflow dataflow;
  private final EpochWriter writer;
  private final Callers callers;
  private final Steps steps;
  private final Sources sources;
  private final Ledger ledger;
  private final RefreshListener listener;
  private final Checkpoints checkpoints;
  private final Clock clock;
  private final EngineClock time;

  private final LiveTables tables = new LiveTables();
  private final FullRefreshes full = new FullRefreshes();
  private final InvisibleCommits invisible = new InvisibleCommits();
  private final Builds builds;
  private final BoundaryTasks tasks;
  private final Reliefs reliefs = new Reliefs();
  private final Unread unread;
  private final StatusBoard status;

  private boolean partial;
  private boolean tookEvents;
  private Duration patience = WAIT;
  private Set<Integer> gated = Set.of();
  private final List<Instant> commits = new ArrayList<>();
  private final List<Integer> transactions = new ArrayList<>();
  private Replay replay = Replay.none();
  private Lsn frontier;
  private Lsn position;
  // Where the last epoch ended.
  private LiveTable.Released reached;
  // Where the state is: behind the position while an epoch is being collected; null while one is
  // being made.
  private Checkpoints.@Nullable At settled;
  private volatile boolean stopping;

  /// @param start the position from which on the log is taken in
  public RefreshLoop(
      LogStream reader,
      Intake intake,
      Dataflow dataflow,
      Applier applier,
      Ledger ledger,
      RefreshListener listener,
      Checkpoints checkpoints,
      Lsn start,
      Clock clock) {
    this.reader = reader;
    this.intake = intake;
    this.dataflow = dataflow;
    this.ledger = ledger;
    this.listener = listener;
    this.checkpoints = checkpoints;
    this.writer = new EpochWriter(applier, ledger, tables, dataflow, new Damage(), clock);
    this.builds = new Builds(intake, tables);
    this.tasks = new BoundaryTasks(this::giveUp);
    this.unread = new Unread(intake, this::read);
    this.status = new StatusBoard(tables, dataflow, intake);
    this.steps = new Steps(dataflow, tables, ledger, listener, this::rebuild, this::relieve, clock);
    this.callers = new Callers(tables, full, steps::awaitsRelease, ledger, listener, clock);
    this.sources = new Sources(intake, dataflow, tables, full, this::rebuild);
    this.frontier = start;
    this.position = start;
    this.clock = clock;
    this.time = new EngineClock(ledger, dataflow);
    this.reached = here();
  }

  /// Makes epochs until [#stop].
  ///
  /// @throws io.pgtrickle.cdc.CaptureException when the log cannot be read on
  /// @throws SourceUnavailable when the apply connection is lost
  public void run() throws InterruptedException {
    try {
      if (replay.isOver()) {
        time.start();
      } else if (replay.endsAt(reached)) {
        endReplay();
      }
      while (!stopping) {
        if (!partial && replay.isOver()) {
          // Until then nothing that reads the state together with tables would see them agree.
          tasks.run(position);
        }
        for (WalEvent event : drain()) {
          take(event);
        }
        // Never between the parts of a transaction: an epoch is made of whole ones.
        boolean due = !partial && (tookEvents || (replay.isOver() && timerDue()));
        if (due) {
          moveTime();
          tookEvents = false;
          epoch();
        }
        patience = due || partial || restless() ? WAIT : IDLE_WAIT;
        if (replay.isOver()) {
          reader.confirm(checkpoints.durable());
          publishStatus();
        }
      }
      if (!partial) {
        tasks.run(position);
      }
    } finally {
      lastCheckpoint();
    }
  }

  private List<WalEvent> drain() throws InterruptedException {
    List<WalEvent> events = reader.drain(EPOCH_BYTES, patience);
    tookEvents |= !events.isEmpty();
    return events;
  }

  private void take(WalEvent event) {
    if (!partial) {
      cutBefore(event instanceof Transaction transaction ? transaction.endLsn() : event.position());
    }
    accept(event);
    if (!partial) {
      if (intake.hasEnough()) {
        epoch();
      }
      cutBefore(position.plus(1));
    }
  }

  // Epochs of a replay end exactly where something was visible.
  private void cutBefore(Lsn next) {
    for (Optional<LiveTable.Released> cut = replay.nextCut(reached);
        cut.isPresent() && cut.get().frontier().isBefore(next);
        cut = replay.nextCut(reached)) {
      frontier = frontier.max(cut.get().frontier());
      time.moveTo(cut.get().time());
      epoch();
    }
  }

  private void moveTime() {
    if (replay.isOver()) {
      if (tookEvents) {
        time.advance(commits);
      } else {
        time.advance();
      }
    }
  }

  /// Ends [#run] after the epoch under way.
  public void stop() {
    stopping = true;
    steps.stop();
    reader.wake();
  }

  /// Gives all state up; after the loop has ended and nobody builds anything any more.
  @Override
  public void close() {
    builds.close();
    dataflow.close();
    intake.close();
  }

  /// Runs something on this thread between two epochs, unless it is cancelled before.
  public <T> CompletableFuture<T> atBoundary(BoundaryTask<T> task) {
    CompletableFuture<T> done = tasks.add(task);
    reader.wake();
    return done;
  }

  /// Runs something on this thread between two epochs; nobody waits for it.
  public void post(Runnable task) {
    tasks.post(task);
    reader.wake();
  }

  /// The same for what is of use only as it was asked for last, such as a setting.
  ///
  /// @param what tells it from others
  public void postLatest(String what, Runnable task) {
    tasks.replace(what, task);
    reader.wake();
  }

  /// Takes a stream table out as [#remove] does, on this thread, between two epochs or while one
  /// waits for room or for the server; nobody waits for it.
  public void postRemoval(long id) {
    reliefs.remove(id);
    reader.wake();
  }

  /// Gives a build up in the same way.
  public CompletableFuture<Void> abandon(Build build) {
    CompletableFuture<Void> done = reliefs.abandon(build);
    reader.wake();
    return done;
  }

  private void giveUp() {
    reliefs.run(this::remove, builds::abandon);
  }

  // In the middle of an epoch that waits.
  private void relieve(TrickleException problem) {
    Set<Integer> sources = new HashSet<>();
    reliefs.run(
        id -> {
          table(id).ifPresent(table -> sources.addAll(table.sources()));
          remove(id);
        },
        builds::abandon);
    unread.letGo(sources);
    if (problem instanceof StorageUnavailable full) {
      builds.yieldTo(full);
    }
  }

  /// Runs something on this thread once everything that committed before a position was taken in.
  public CompletableFuture<Void> whenBeyond(Lsn lsn, Runnable action) {
    CompletableFuture<Void> done = tasks.whenBeyond(lsn, action);
    reader.wake();
    return done;
  }

  // ---- what other threads ask for at a boundary
  // -----------------------------------------------------

  /// The base tables; boundary only.
  public Intake intake() {
    return intake;
  }

  /// The main dataflow; boundary only.
  public Dataflow dataflow() {
    return dataflow;
  }

  /// The position up to which everything was taken in; boundary only.
  public Lsn frontier() {
    return frontier;
  }

  public Optional<LiveTable> table(long id) {
    return Optional.ofNullable(tables.get(id));
  }

  public List<LiveTable> tables() {
    return tables.all();
  }

  /// The stream tables among some relations that are not part of the stream, or have no contents
  /// that are applied as they are computed; boundary only.
  public Set<Integer> unsettled(Set<Integer> relations, IntPredicate isStreamTable) {
    return tables.unsettled(relations, isStreamTable);
  }

  /// The error that keeps a live table from following its sources; boundary only.
  public Optional<String> problem(long id) {
    return table(id).flatMap(LiveTable::error).map(Failure::message);
  }

  /// The storage tables that are written; boundary only.
  public List<StreamTable> storages() {
    return tables.all().stream().map(LiveTable::storage).toList();
  }

  /// A storage table is not what or where it was; boundary only.
  public void storageAltered(StreamTable storage) {
    LiveTable table = tables.get(storage.id());
    if (table != null && table.storage().relation() == storage.relation()) {
      rebuild(
          new Failure("42P01", storage.catalogName() + " is not where or whose it was", true),
          storage.id());
    }
  }

  /// The base tables and what becomes of their readers; boundary only.
  public Sources sources() {
    return sources;
  }

  /// The views that are being built; boundary only.
  public Builds builds() {
    return builds;
  }

  /// Starts a private build, as [Builds#start] does; boundary only. What is live with labels that
  /// cannot be used is built anew, too, so that nobody has them who has new ones.
  public HeldRows start(Build build, Connection reader) throws SQLException {
    Failure reason =
        new Failure("55000", "what it sorts or compares is not sorted as it was", true);
    Map<Long, Failure> reasons = new LinkedHashMap<>();
    for (LiveTable table : tables.all()) {
      if (table.differential() && !dataflow.hasUsableLabels(table.id())) {
        reasons.put(table.id(), reason);
      }
    }
    rebuild(reasons);
    build.dataflow().renewLabels();
    return builds.start(build, reader, here());
  }

  /// Makes privately built views part of the main dataflow; their output since they were filled
  /// follows with the next epoch. Those that the build has given up by then stay away.
  ///
  /// @param views those of the build
  public void join(Build build, List<Joining> views) {
    builds.joins(build);
    Map<Long, ZSet> output = build.takeOutput();
    List<LiveTable> joined = new ArrayList<>();
    for (Joining view : views) {
      if (build.contains(view.definition().pgtId())) {
        LiveTable table = live(view);
        table.carry(output.getOrDefault(table.id(), ZSet.EMPTY));
        joined.add(table);
      }
    }
    dataflow.adopt(build.dataflow());
    for (LiveTable table : joined) {
      add(table);
      steps.noteErrors(table);
    }
  }

  /// Takes a FULL table into the stream; its first evaluation follows at once.
  public void joinFull(Joining joining) {
    LiveTable table = live(joining);
    add(table);
    full.add(table, joining.uncaptured());
    full.request(table.id());
  }

  private LiveTable live(Joining joining) {
    return new LiveTable(
        joining.definition(),
        joining.storage(),
        joining.verdict(),
        joining.document(),
        joining.refreshes(),
        here(),
        clock.instant());
  }

  private LiveTable.Released here() {
    return new LiveTable.Released(frontier, time.time());
  }

  /// Takes a stream table into the stream whose state has come back with the dataflow's; before
  /// the loop runs.
  ///
  /// @param saved what the checkpoint says of it
  /// @param written whether what it had carried then has been written since
  /// @param lastRefresh from when on its schedule counts: what became due since then is due
  public void restore(Joining joining, SavedTable saved, boolean written, Instant lastRefresh) {
    LiveTable table = live(joining);
    long refreshes = joining.refreshes();
    Instant now = clock.instant();
    // The server's clock may be ahead.
    table.releasedAt(saved.released(), lastRefresh.isBefore(now) ? lastRefresh : now);
    // What was written since then was written with all that had been carried until then.
    if (!written) {
      table.carry(saved.carried());
    }
    if (saved.populated() || refreshes > saved.refreshId()) {
      table.populate();
    }
    add(table);
  }

  /// Whether the output of a stream table is released as soon as there is some.
  public boolean releasesEveryEpoch(long id) {
    return table(id).map(LiveTable::releasesEveryEpoch).orElse(false);
  }

  /// Goes on where a checkpoint was made; before the loop runs.
  ///
  /// @param rest what is to be stepped through before anything becomes visible again
  public void resume(Checkpoint checkpoint, Replay rest) {
    frontier = checkpoint.frontier();
    position = checkpoint.position();
    time.moveTo(checkpoint.time());
    reached = here();
    ledger.recorded(checkpoint.recorded());
    replay = rest;
    replay.begin(reached, id -> tables.contains(id) && dataflow.pendingRows(id) > 0);
  }

  private void add(LiveTable table) {
    status.stateChanged();
    unread.awaitNoMore(table.id());
    tables.add(table);
    table.gate(!Collections.disjoint(table.sources(), gated));
  }

  /// Holds back the stream tables that read one of these relations, and no others; boundary only.
  ///
  /// What they would have released keeps consolidating, so it is released as one when the gate
  /// opens. Who asks for one of them by name gets it all the same.
  public void gate(Set<Integer> relations) {
    gated = Set.copyOf(relations);
    tables.all().forEach(table -> table.gate(!Collections.disjoint(table.sources(), gated)));
  }

  /// Takes over a changed schedule or suspension.
  public void redefine(Definition definition) {
    LiveTable table = tables.get(definition.pgtId());
    if (table != null) {
      table.redefine(definition);
      if (table.suspended()) {
        table.resume();
        full.request(table.id());
        ledger.resumed(table);
      }
      if (table.populated() && table.error().isEmpty() && table.hold().isEmpty()) {
        ledger.live(table);
      }
    }
  }

  /// Forgets the base tables that no stream table reads, live or being built, and returns their
  /// OIDs, and those of others that were forgotten since this was last done; boundary only.
  public Set<Integer> detachUnused() {
    return unread.letGoOfAll();
  }

  /// Says which relations are about to be read by what is initialized, instead of those said
  /// before: they are not forgotten in between.
  public void claim(Set<Integer> relations) {
    unread.claim(relations);
  }

  private Set<Integer> read() {
    Set<Integer> read = tables.sources();
    read.addAll(builds.relations());
    return read;
  }

  private void removeAll(Set<Long> ids) {
    for (long id : ids) {
      Optional<LiveTable> table = table(id);
      remove(id);
      table.ifPresent(gone -> unread.await(id, gone.sources()));
    }
  }

  /// Takes a stream table out that is live under a definition with other contents. What reads it
  /// is built anew with it: nobody could tell its readers what the difference is.
  ///
  /// @return false when it is live with the contents of this definition
  public boolean restart(Definition definition) {
    LiveTable table = tables.get(definition.pgtId());
    if (table == null) {
      return true;
    }
    if (!definition.rebuilds(table.definition())) {
      return false;
    }
    Set<Long> readers = tables.downstream(table.id());
    removeAll(Set.of(table.id()));
    removeAll(readers);
    if (!readers.isEmpty()) {
      listener.rebuild(readers);
    }
    return true;
  }

  /// Takes a stream table out of the stream; its dependents stay and see no more changes of it.
  public void remove(long id) {
    unread.awaitNoMore(id);
    LiveTable table = tables.remove(id);
    if (table != null) {
      status.stateChanged();
      full.remove(id);
      steps.forget(id);
      ledger.forget(id);
      if (table.differential()) {
        dataflow.drop(id);
      }
    }
  }

  /// Takes the result of a FULL evaluation: the difference between the query's rows and the
  /// table's. Of no use if the table was taken out meanwhile, even if another of its name is there.
  ///
  /// @param seen what was visible to it
  void evaluated(LiveTable table, ZSet delta, Duration took, Visibility seen) {
    if (isLive(table)) {
      full.finished(table.id(), clock.instant(), took, Optional.of(seen));
      table.evaluatedIn(took);
      steps.evaluated(table.id(), delta);
      epoch();
    }
  }

  private boolean isLive(LiveTable table) {
    return tables.get(table.id()) == table;
  }

  /// Notes that a FULL evaluation failed; the last good contents stay.
  void evaluationFailed(LiveTable table, Failure failure, Duration took) {
    if (isLive(table)) {
      full.finished(table.id(), clock.instant(), took, Optional.empty());
      table.error(Optional.of(failure));
      table.evaluationFailed(failure, listener.mostErrors());
      ledger.failed(table, failure, clock.instant());
    }
  }

  /// Takes the end of a rehearsal; boundary only.
  ///
  /// @param failure why the table cannot be written; empty when it can
  public void rehearsed(LiveTable table, Optional<Failure> failure, Duration took) {
    if (!isLive(table) || table.hold().isEmpty()) {
      return;
    }
    if (failure.isEmpty()) {
      table.stage(LiveTable.Stage.ADMITTED);
      epoch();
    } else {
      writer.failed(table.id(), failure.get(), clock.instant(), took);
    }
  }

  /// Builds anew what is maintained otherwise than a setting asks for; the contents stay. Boundary
  /// only.
  ///
  /// @param forced whether every refresh is to evaluate the whole query
  public void forceFull(boolean forced) {
    Set<Long> again = new LinkedHashSet<>();
    for (LiveTable table : tables.all()) {
      if (forced ? table.differential() : table.verdict().isForced()) {
        again.addAll(tables.downstream(table.id()));
        again.add(table.id());
      }
    }
    removeAll(again);
    if (!again.isEmpty()) {
      listener.rebuild(again);
    }
  }

  private void rehearse(Instant now) {
    for (LiveTable table : tables.rehearsalsDue(now)) {
      Rehearsal rehearsal = Rehearsal.of(table, steps.awaiting(table, callers.wanted(), now));
      table.stage(LiveTable.Stage.REHEARSED);
      listener.rehearse(rehearsal);
    }
  }

  /// Takes a look at what is visible on the server; boundary only.
  public void visible(Visibility now) {
    invisible.visible(now);
    full.visible(now);
  }

  /// How the live tables were after the last epoch; for any thread.
  public Map<Long, TableStatus> statuses() {
    return status.statuses();
  }

  /// Why the stream waits, for room to keep its state or for the server's answers, if it does; for
  /// any thread.
  public Optional<TrickleException> stall() {
    return steps.stall();
  }

  /// Operator state as of the last look, in bytes; for any thread.
  public long stateBytes() {
    return status.stateBytes();
  }

  /// How a stream table is maintained, empty while it is not live; boundary only.
  public Optional<String> explain(long id, ExplainFormat format) {
    return table(id)
        .map(
            table ->
                table.differential()
                    ? dataflow.explain(id, format, sources.states())
                    : new FullExplain(table).write(format));
  }

  // ---- one epoch
  // ------------------------------------------------------------------------------------

  private void accept(WalEvent event) {
    switch (event) {
      case Transaction transaction -> {
        intake.accept(transaction).forEach(this::announce);
        partial = !transaction.isComplete();
        if (!partial) {
          transactions.add(transaction.xid());
          if (replay.isOver()) {
            commits.add(transaction.committedAt());
          }
          frontier = transaction.endLsn();
        }
      }
      case LogicalMessage message -> announce(message);
      case WalEvent.Idle ignored -> {}
    }
    position = position.max(event.position());
  }

  private void announce(LogicalMessage message) {
    if (message.prefix().equals(Request.PREFIX)) {
      Request.parse(message.text()).ifPresent(callers::take);
    }
    RegionRepair.id(message).ifPresent(intake::repair);
  }

  private void epoch() {
    Instant now = clock.instant();
    steps.settle(intake);
    settled = null;
    Intake.Deltas changed = intake.endEpoch();
    changed.damaged().forEach(sources::damaged);
    Set<Integer> touched = new HashSet<>();
    changed.touched().forEach(oid -> touched.add(oid.value()));
    Map<Integer, ZSet> all =
        replay.isOver()
            ? steps.step(changed.deltas(), callers.wanted(), here(), now)
            : steps.replay(changed.deltas(), here(), replay);
    touched.addAll(all.keySet());
    reached = here();
    builds.retain(all, reached);
    settled = new Checkpoints.At(position, frontier, time.time(), ledger.recorded());
    if (!touched.isEmpty()) {
      status.stateChanged();
      full.sourcesChanged(touched);
      invisible.decoded(transactions, touched);
      listener.relationsTouched(touched, transactions);
      replay.touched(touched);
    }
    transactions.clear();
    if (replay.isOver()) {
      visible(now);
    } else if (replay.endsAt(reached)) {
      endReplay();
    }
  }

  // Makes the epoch visible, and what waits for that happen.
  private void visible(Instant now) {
    boolean checkpoint = checkpoints.due(position, now);
    if (checkpoint) {
      ledger.recordProgress();
    }
    writer.write(
        new EpochWriter.Epoch(
            frontier, time.time(), callers.refreshes(), List.copyOf(commits), now));
    commits.clear();
    callers.answer(position, now);
    // Last: nobody who waits for rows to be visible waits for this.
    writer.checkResidue();
    full.start(now, listener.refreshingEnabled(), invisible).forEach(listener::evaluate);
    rehearse(now);
    settled = new Checkpoints.At(position, frontier, time.time(), ledger.recorded());
    if (checkpoint) {
      checkpoints.take(settled, this::save, now);
    }
  }

  private void publishStatus() {
    Instant now = clock.instant();
    if (status.isDue(now)) {
      status.publish(now);
    }
  }

  // ---- checkpoints and what follows them
  // ------------------------------------------------------------------

  private void save(Capture capture, Storage storage) {
    dataflow.save(capture);
    intake.save(capture);
    tables.all().forEach(table -> SavedTable.save(table, capture, storage));
  }

  // Also after a failure: an epoch that was computed is in the state whether or not it became
  // visible, and what it released is carried.
  private void lastCheckpoint() throws InterruptedException {
    Checkpoints.At at = settled;
    if (at != null && replay.isOver()) {
      checkpoints.takeLast(at, this::save);
      reader.confirm(checkpoints.durable());
    }
  }

  private void endReplay() {
    replay.end();
    time.start();
    // The next checkpoint has to know it as the catalog does, though nothing came out just there.
    for (LiveTable table : tables.all()) {
      replay
          .writtenAt(table.id())
          .filter(at -> at.compareTo(table.released()) > 0)
          .ifPresent(table::releasedBefore);
    }
    Set<Integer> doubtful = new HashSet<>(replay.doubtful());
    tables.all().stream()
        .filter(table -> replay.isDoubtful(table.id(), table.storage().relation()))
        .forEach(table -> doubtful.add(table.storage().relation()));
    Failure reason =
        new Failure(
            "55000",
            "its contents are computed anew after a restart: the log does not tell when it saw"
                + " changes of a stream table that it reads",
            true);
    Map<Long, Failure> reasons = new LinkedHashMap<>();
    for (LiveTable table : tables.all()) {
      if (!Collections.disjoint(table.sources(), doubtful)) {
        reasons.put(table.id(), reason);
      }
    }
    Failure unclear =
        new Failure(
            "55000",
            "its contents are computed anew after a restart: it was written just when the"
                + " checkpoint was made, before or after it",
            true);
    replay.unclear().forEach(id -> reasons.put(id, unclear));
    rebuild(reasons);
    tables.all().stream().filter(LiveTable::differential).forEach(steps::noteErrors);
    status.publish(clock.instant());
  }

  // ---- damage -----------------------------------------------------------------------------------

  /// What writing finds out about tables.
  private final class Damage implements EpochWriter.Findings {
    @Override
    public void damaged(long table, Failure failure) {
      rebuild(failure, table);
    }

    @Override
    public void displaced(StreamTable storage) {
      storageAltered(storage);
    }

    @Override
    public void rejoined(long table) {
      listener.live(table);
    }

    @Override
    public void shown(Set<Integer> relations) {
      full.sourcesChanged(relations);
    }
  }

  private void rebuild(Failure reason, long id) {
    rebuild(Map.of(id, reason));
  }

  // At once, so that what they read is read once.
  private void rebuild(Map<Long, Failure> reasons) {
    Set<Long> again = new LinkedHashSet<>();
    reasons.forEach(
        (id, reason) -> {
          LiveTable table = tables.get(id);
          if (table != null) {
            ledger.failed(table, reason, clock.instant());
          }
          again.addAll(tables.downstream(id));
          again.add(id);
        });
    removeAll(again);
    if (!again.isEmpty()) {
      listener.rebuild(again);
    }
  }

  private boolean timerDue() {
    Instant now = clock.instant();
    if (ledger.due(now)
        || time.isDue()
        || !callers.isEmpty()
        || full.anyDue(now, listener.refreshingEnabled())
        || !tables.rehearsalsDue(now).isEmpty()) {
      return true;
    }
    for (LiveTable table : tables.all()) {
      if (writer.isDue(table)) {
        return true;
      }
    }
    // Few, while there may be a thousand tables and this is asked all the time.
    for (long id : dataflow.pendingViews()) {
      LiveTable table = tables.get(id);
      if (table != null
          && table.differential()
          && !table.paused()
          && table.isDue(now)
          && table.error().isEmpty()
          && !tables.blocked(table)) {
        return true;
      }
    }
    return false;
  }

  // Whether something will be due soon without an event.
  private boolean restless() {
    return ledger.waits(clock.instant())
        || !callers.isEmpty()
        || !dataflow.pendingViews().isEmpty()
        || tables.all().stream().anyMatch(writer::isDue);
  }
}
