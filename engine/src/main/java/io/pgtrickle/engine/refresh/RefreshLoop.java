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
import io.pgtrickle.engine.catalog.Request;
import io.pgtrickle.engine.intake.Attachment;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.RegionRepair;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The thread that makes epochs, from the log to the storage tables.
///
/// One pass of [#run]: take every whole transaction that is there, up to a bound; net them to
/// deltas and run the dataflow one step; write what is released in one transaction with the
/// frontier; confirm. A backlog so makes larger epochs by itself, and a quiet system one epoch per
/// transaction. While nothing arrives it wakes for what is due by the time ([Timers]).
///
/// Everything that belongs to this thread (intake, dataflow, stream tables) is touched by others
/// only through [#atBoundary]: a task that runs between two epochs. Which stream tables there are
/// is the matter of [Membership].
public final class RefreshLoop implements AutoCloseable {
  // How exactly times are kept: those that somebody waits for, and others.
  private static final Duration WAIT = Duration.ofMillis(25);
  private static final Duration IDLE_WAIT = Duration.ofMillis(200);
  private static final long EPOCH_BYTES = 64L << 20;

  private final LogStream reader;
  private final Intake intake;
  private final Dataflow dataflow;
  private final Ledger ledger;
  private final RefreshListener listener;
  private final Checkpoints checkpoints;
  private final Clock clock;

  private final LiveTables tables = new LiveTables();
  private final FullRefreshes full = new FullRefreshes();
  private final InvisibleCommits invisible = new InvisibleCommits();
  private final Builds builds;
  private final Readership readership;
  private final StatusBoard status;
  private final Membership members;
  private final Sources sources;
  private final Steps steps;
  private final EpochWriter writer;
  private final Callers callers;
  private final EngineClock time;
  private final Timers timers;
  private final Reliefs reliefs = new Reliefs();
  private final Reliefs.Work relief = new Relief();
  private final BoundaryTasks tasks = new BoundaryTasks(() -> reliefs.run(relief));

  private boolean partial;
  private boolean tookEvents;
  private Duration patience = WAIT;
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
    this.clock = clock;
    this.builds = new Builds(intake, tables);
    this.readership = new Readership(intake, tables::sources, builds::relations);
    this.status = new StatusBoard(tables, dataflow, intake);
    this.members =
        new Membership(
            tables,
            dataflow,
            builds,
            full,
            readership,
            status,
            ledger,
            listener,
            this::here,
            clock);
    this.sources = new Sources(intake, dataflow, tables, full, members);
    this.steps = new Steps(dataflow, tables, full, members, listener, this::relieve);
    this.writer =
        new EpochWriter(applier, ledger, tables, dataflow, full, members, listener, clock);
    this.callers = new Callers(tables, full, steps::awaitsRelease, ledger, listener, clock);
    this.time = new EngineClock(ledger, dataflow);
    this.timers =
        new Timers(tables, dataflow, full, writer, ledger, callers, time, listener, clock);
    this.frontier = start;
    this.position = start;
    this.reached = here();
  }

  private LiveTable.Released here() {
    return new LiveTable.Released(frontier, time.time());
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

  // ---- the main path ----------------------------------------------------------------------------

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
        boolean due = !partial && (tookEvents || (replay.isOver() && timers.areDue()));
        if (due) {
          moveTime();
          tookEvents = false;
          epoch();
        }
        patience = due || partial || timers.areNear() ? WAIT : IDLE_WAIT;
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

  private void moveTime() {
    if (replay.isOver()) {
      if (tookEvents) {
        time.advance(commits);
      } else {
        time.advance();
      }
    }
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
    settled = settledHere();
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

  private Checkpoints.At settledHere() {
    return new Checkpoints.At(position, frontier, time.time(), ledger.recorded());
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
    Checkpoints.At at = settledHere();
    settled = at;
    if (checkpoint) {
      checkpoints.take(at, this::save, now);
    }
  }

  private void rehearse(Instant now) {
    for (LiveTable table : tables.rehearsalsDue(now)) {
      Rehearsal rehearsal = Rehearsal.of(table, steps.awaiting(table, callers.wanted(), now));
      table.stage(LiveTable.Stage.REHEARSED);
      listener.rehearse(rehearsal);
    }
  }

  private void endReplay() {
    Map<Long, Failure> unknown = replay.end(tables);
    time.start();
    members.rebuild(unknown);
    tables.all().stream().filter(LiveTable::differential).forEach(members::noteErrors);
    status.publish(clock.instant());
  }

  private void publishStatus() {
    Instant now = clock.instant();
    if (status.isDue(now)) {
      status.publish(now);
    }
  }

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

  /// Ends [#run] after the epoch under way; from another thread.
  public void stop() {
    stopping = true;
    steps.stop();
    reader.wake();
  }

  /// Gives all state up; after the loop has ended and nobody builds anything any more.
  @Override
  public void close() {
    reliefs.end(relief);
    builds.close();
    dataflow.close();
    intake.close();
  }

  // ---- what is given up -------------------------------------------------------------------------

  private final class Relief implements Reliefs.Work {
    @Override
    public void remove(long id) {
      members.remove(id);
    }

    @Override
    public void abandon(Build build) {
      builds.abandon(build);
    }

    @Override
    public void release(Attachment attachment) {
      intake.release(attachment);
    }
  }

  // In the middle of an epoch that waits: for room, others are put off, and what nobody has a claim
  // on goes.
  private void relieve(TrickleException problem) {
    reliefs.run(relief);
    if (problem instanceof StorageUnavailable noRoom) {
      readership.letGo();
      builds.yieldTo(noRoom);
    }
  }

  /// Takes a stream table out as [Membership#remove] does, between two epochs or while one waits
  /// for room or for the server; nobody waits for it. From any thread.
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

  /// Gives the copy of a base table up in the same way.
  public void release(Attachment attachment) {
    reliefs.release(attachment);
    reader.wake();
  }

  // ---- what other threads ask for ---------------------------------------------------------------

  /// Runs something on this thread between two epochs, unless it is taken back before.
  public <T> Asked<T> atBoundary(BoundaryTask<T> task) {
    return atBoundary(task, _ -> {});
  }

  /// The same for what has to be closed.
  ///
  /// @param untaken closes it, if whoever asked is gone
  public <T> Asked<T> atBoundary(BoundaryTask<T> task, Consumer<T> untaken) {
    Asked<T> asked = tasks.add(task, untaken);
    reader.wake();
    return asked;
  }

  /// The same once everything that committed before a position was taken in.
  public Asked<Boolean> whenBeyond(Lsn lsn, Runnable action) {
    Asked<Boolean> asked = tasks.whenBeyond(lsn, action);
    reader.wake();
    return asked;
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

  // ---- what they find at a boundary -------------------------------------------------------------

  /// Which stream tables take part; boundary only, unless said otherwise.
  public Membership members() {
    return members;
  }

  /// The base tables and what becomes of their readers; boundary only.
  public Sources sources() {
    return sources;
  }

  /// The base tables; boundary only.
  public Intake intake() {
    return intake;
  }

  /// The main dataflow; boundary only.
  public Dataflow dataflow() {
    return dataflow;
  }

  /// A live stream table; boundary only.
  public Optional<LiveTable> table(long id) {
    return Optional.ofNullable(tables.get(id));
  }

  /// Whether the output of a stream table is released as soon as there is some; boundary only.
  public boolean releasesEveryEpoch(long id) {
    return table(id).map(LiveTable::releasesEveryEpoch).orElse(false);
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

  /// How a stream table is maintained, empty while it is not live; boundary only.
  public Optional<String> explain(long id, ExplainFormat format) {
    return table(id)
        .map(
            table ->
                table.differential()
                    ? dataflow.explain(id, format, sources.states())
                    : new FullExplain(table).write(format));
  }

  /// Takes a look at what is visible on the server; boundary only.
  public void visible(Visibility now) {
    invisible.visible(now);
    full.visible(now);
  }

  /// Takes the result of a FULL evaluation: the difference between the query's rows and the
  /// table's. Of no use if the table was taken out meanwhile, even if another of its name is there.
  ///
  /// @param seen what was visible to it
  void evaluated(LiveTable table, ZSet delta, Duration took, Visibility seen) {
    if (isLive(table)) {
      full.finished(table.id(), clock.instant(), took, Optional.of(seen));
      table.evaluatedIn(took);
      full.found(table.id(), delta);
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
}
