package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.ExplainFormat;
import io.pgtrickle.dvm.dataflow.StepFailed;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.dataflow.ViewErrors;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.analyze.QueryDocument;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.Applier;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Request;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.SourceShape;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

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
public final class RefreshLoop {
  private static final Duration IDLE_WAIT = Duration.ofMillis(5);
  private static final Duration STATUS_INTERVAL = Duration.ofMillis(200);
  private static final long EPOCH_BYTES = 64L << 20;
  private static final long EPOCH_ROWS = 200_000;

  private final LogStream reader;
  private final Intake intake;
  private final Dataflow dataflow;
  private final EpochWriter writer;
  private final Callers callers;
  private final Ledger ledger;
  private final RefreshListener listener;
  private final Clock clock;

  private final LiveTables tables = new LiveTables();
  private final FullRefreshes full = new FullRefreshes();
  private final List<ViewBuild> builds = new ArrayList<>();
  private final BoundaryTasks tasks = new BoundaryTasks();
  private final Map<Long, ZSet> evaluated = new LinkedHashMap<>();

  private final List<Instant> commits = new ArrayList<>();
  private Lsn frontier;
  private Lsn position;
  private Instant frontierTime;
  private Instant statusDue = Instant.MIN;
  private volatile Map<Long, TableStatus> statuses = Map.of();
  private volatile long stateBytes;
  private volatile boolean stopping;

  /// @param start the position up to which everything is already visible
  public RefreshLoop(
      LogStream reader,
      Intake intake,
      Dataflow dataflow,
      Applier applier,
      Ledger ledger,
      RefreshListener listener,
      Lsn start,
      Clock clock) {
    this.reader = reader;
    this.intake = intake;
    this.dataflow = dataflow;
    this.ledger = ledger;
    this.listener = listener;
    this.writer = new EpochWriter(applier, ledger, tables, dataflow, new Damage(), clock);
    this.callers = new Callers(tables, full, evaluated::containsKey, ledger, listener, clock);
    this.frontier = start;
    this.position = start;
    this.clock = clock;
    this.frontierTime = clock.instant();
  }

  /// Makes epochs until [#stop].
  ///
  /// @throws io.pgtrickle.cdc.CaptureException when the log cannot be read on
  /// @throws SourceUnavailable when the apply connection is lost
  public void run() throws InterruptedException {
    while (!stopping) {
      tasks.run(position);
      List<WalEvent> events = reader.drain(EPOCH_BYTES, IDLE_WAIT);
      for (WalEvent event : events) {
        accept(event);
        if (intake.pendingRows() >= EPOCH_ROWS) {
          epoch();
        }
      }
      if (!events.isEmpty() || timerDue()) {
        epoch();
      }
    }
    tasks.run(position);
  }

  /// Ends [#run] after the epoch under way.
  public void stop() {
    stopping = true;
  }

  /// Runs something on this thread between two epochs.
  public <T> CompletableFuture<T> atBoundary(BoundaryTask<T> task) {
    return tasks.add(task);
  }

  /// Runs something on this thread between two epochs; nobody waits for it.
  public void post(Runnable task) {
    tasks.post(task);
  }

  /// Runs something on this thread once everything that committed before a position was taken in.
  public CompletableFuture<Void> whenBeyond(Lsn lsn, Runnable action) {
    return tasks.whenBeyond(lsn, action);
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

  /// When the frontier was reached; boundary only.
  public Instant frontierTime() {
    return frontierTime;
  }

  public Optional<LiveTable> table(long id) {
    return Optional.ofNullable(tables.get(id));
  }

  public List<LiveTable> tables() {
    return tables.all();
  }

  /// The base tables that are decoded already.
  public Set<Integer> attachedRelations() {
    return intake.relations();
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
          storage.id(), new Failure("42P01", storage.catalogName() + " is not where it was", true));
    }
  }

  /// Starts a private build at this boundary: from here on it is told what epochs do to its
  /// relations.
  ///
  /// @param reader autocommit off; its snapshot is taken now, when it shows exactly what was
  /// applied
  /// @return the rows of the base tables as of this boundary
  public Map<Integer, Snapshot> startBuild(ViewBuild build, Connection reader) throws SQLException {
    try (Statement statement = reader.createStatement()) {
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
      statement.execute("SELECT 1");
    }
    Map<Integer, Snapshot> snapshots = new HashMap<>();
    for (int relation : build.relations()) {
      intake.table(relation).ifPresent(t -> snapshots.put(relation, t.rows().snapshot()));
    }
    builds.add(build);
    return snapshots;
  }

  public void abandonBuild(ViewBuild build) {
    builds.remove(build);
  }

  /// Makes a privately built view part of the main dataflow; its output since the fill follows with
  /// the next
  /// epoch.
  public void join(
      ViewBuild build,
      Definition definition,
      StreamTable storage,
      Verdict verdict,
      QueryDocument document) {
    builds.remove(build);
    build.catchUp();
    LiveTable table = new LiveTable(definition, storage, verdict, document, 0, clock.instant());
    table.carry(build.takeOutput());
    dataflow.adopt(build.dataflow());
    add(table);
    if (build.healthy()) {
      populated(table);
    } else {
      noteErrors(table, build.errors());
    }
  }

  /// Takes a FULL table into the stream; its first evaluation follows at once.
  public void joinFull(
      Definition definition, StreamTable storage, Verdict verdict, QueryDocument document) {
    LiveTable table = new LiveTable(definition, storage, verdict, document, 0, clock.instant());
    add(table);
    full.add(table, hasUncapturedSources(verdict, document));
    full.request(table.id());
  }

  private static boolean hasUncapturedSources(Verdict verdict, QueryDocument document) {
    return verdict.sources().stream()
        .map(document.relations()::get)
        .anyMatch(relation -> relation == null || relation.obstacle().isPresent());
  }

  private void add(LiveTable table) {
    tables.add(table);
  }

  private void populated(LiveTable table) {
    table.populate();
    ledger.live(table);
    listener.live(table.id());
  }

  /// Takes over a changed schedule or suspension.
  public void redefine(Definition definition) {
    LiveTable table = tables.get(definition.pgtId());
    if (table != null) {
      table.redefine(definition);
      if (table.populated() && table.error().isEmpty()) {
        ledger.live(table);
      }
    }
  }

  /// Forgets the base tables that no stream table reads, live or being built, and returns their
  /// OIDs.
  public Set<Integer> detachUnused() {
    Set<Integer> unused = new HashSet<>(intake.relations());
    unused.removeAll(tables.sources());
    builds.forEach(build -> unused.removeAll(build.relations()));
    unused.forEach(relation -> intake.detach(new Oid(relation)));
    return unused;
  }

  /// Takes a stream table out of the stream; its dependents stay and see no more changes of it.
  public void remove(long id) {
    LiveTable table = tables.remove(id);
    if (table != null) {
      full.remove(id);
      evaluated.remove(id);
      ledger.forget(id);
      if (table.differential()) {
        dataflow.drop(id);
      }
    }
  }

  /// Takes the result of a FULL evaluation: the difference between the query's rows and the
  /// table's.
  public void evaluated(long id, ZSet delta, Duration took) {
    full.finished(id, clock.instant(), took, true);
    if (tables.contains(id)) {
      evaluated.merge(id, delta, ZSet::plus);
    }
    epoch();
  }

  /// Notes that a FULL evaluation failed; the last good contents stay.
  public void evaluationFailed(long id, Failure failure, Duration took) {
    full.finished(id, clock.instant(), took, false);
    LiveTable table = tables.get(id);
    if (table != null) {
      table.error(Optional.of(failure));
      ledger.failed(table, failure, clock.instant());
    }
  }

  /// How the live tables were after the last epoch; for any thread.
  public Map<Long, TableStatus> statuses() {
    return statuses;
  }

  /// Operator state as of the last look, in bytes; for any thread.
  public long stateBytes() {
    return stateBytes;
  }

  /// How a stream table is maintained, empty while it is not live; boundary only.
  public Optional<String> explain(long id, ExplainFormat format) {
    return table(id)
        .map(
            table ->
                table.differential()
                    ? dataflow.explain(id, format)
                    : new FullExplain(table).write(format));
  }

  private void publishStatus(Instant now) {
    Map<Long, TableStatus> current = new HashMap<>();
    for (LiveTable table : tables.all()) {
      current.put(table.id(), TableStatus.of(table, now));
    }
    statuses = Map.copyOf(current);
    stateBytes = dataflow.stats().total().bytes() + intake.stateBytes();
    statusDue = now.plus(STATUS_INTERVAL);
  }

  // ---- one epoch
  // ------------------------------------------------------------------------------------

  private void accept(WalEvent event) {
    switch (event) {
      case Transaction transaction -> {
        intake.accept(transaction).forEach(this::announce);
        if (!transaction.changes().isEmpty()) {
          commits.add(transaction.committedAt());
        }
        frontier = transaction.endLsn();
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
  }

  private void epoch() {
    Instant now = clock.instant();
    if (now.isAfter(frontierTime)) {
      frontierTime = now;
    }
    Intake.Deltas changed = intake.endEpoch();
    changed.damaged().forEach(this::sourceDamaged);

    Map<Integer, ZSet> input = new HashMap<>(changed.deltas());
    takeEvaluated(input, now);
    Set<Integer> touched = new HashSet<>();
    changed.touched().forEach(oid -> touched.add(oid.value()));
    Map<Integer, ZSet> all = step(input, now);
    touched.addAll(all.keySet());
    for (ViewBuild build : builds) {
      build.retain(all);
    }
    if (!touched.isEmpty()) {
      full.sourcesChanged(touched);
      listener.relationsTouched(touched);
    }

    writer.write(new EpochWriter.Epoch(frontier, frontierTime, List.copyOf(commits), now));
    reader.confirm(position);
    commits.clear();
    callers.answer(position, now);
    // Last: nobody who waits for rows to be visible waits for this.
    writer.checkResidue();
    full.start(now, listener.refreshingEnabled()).forEach(listener::evaluate);
    if (!now.isBefore(statusDue)) {
      publishStatus(now);
    }
  }

  // The released difference of a FULL table enters downstream tables like any delta.
  private void takeEvaluated(Map<Integer, ZSet> input, Instant now) {
    evaluated.forEach(
        (id, delta) -> {
          LiveTable table = tables.get(id);
          if (table != null) {
            table.carry(delta);
            table.releasedAt(now);
            table.error(Optional.empty());
            populated(table);
            input.merge(table.storage().relation(), delta, ZSet::plus);
          }
        });
    evaluated.clear();
  }

  /// Runs the dataflow and returns every relation's change of this epoch, stream tables included.
  private Map<Integer, ZSet> step(Map<Integer, ZSet> input, Instant now) {
    Set<Long> wanted = callers.wanted();
    boolean enabled = listener.refreshingEnabled();
    StepResult result = null;
    while (result == null) {
      try {
        result =
            dataflow.step(
                input,
                id -> {
                  LiveTable table = tables.get(id);
                  return table != null
                      && !table.paused()
                      && (wanted.contains(id) || (enabled && table.isDue(now)));
                });
      } catch (StepFailed failed) {
        // The step left everything as it was: without the failing views it is run again.
        for (long view : failed.views()) {
          rebuild(view, new Failure("XX000", String.valueOf(failed.getMessage()), true));
        }
      }
    }
    Map<Integer, ZSet> all = new HashMap<>(input);
    result
        .released()
        .forEach(
            (id, delta) -> {
              LiveTable table = tables.get(id);
              if (table != null) {
                table.carry(delta);
                table.releasedAt(now);
                all.merge(table.storage().relation(), delta, ZSet::plus);
              }
            });
    result
        .errors()
        .forEach(
            (id, errors) -> {
              LiveTable table = tables.get(id);
              if (table != null) {
                noteErrors(table, errors);
              }
            });
    return all;
  }

  // An evaluation error of a row freezes the last good contents while the row exists (law 5).
  private void noteErrors(LiveTable table, ViewErrors errors) {
    if (errors.healed()) {
      table.error(Optional.empty());
      populated(table);
    } else {
      Failure failure = new Failure(errors.sqlState(), errors.message(), false);
      if (!Optional.of(failure).equals(table.error())) {
        table.error(Optional.of(failure));
        ledger.failed(table, failure, clock.instant());
      }
    }
  }

  // ---- damage -----------------------------------------------------------------------------------

  /// What writing finds out about tables.
  private final class Damage implements EpochWriter.Findings {
    @Override
    public void damaged(long table, Failure failure) {
      rebuild(table, failure);
    }

    @Override
    public void displaced(StreamTable storage) {
      storageAltered(storage);
    }

    @Override
    public void rejoined(long table) {
      listener.live(table);
    }
  }

  private void sourceDamaged(int relation, StateDamaged damage) {
    Failure failure = new Failure(damage.sqlState(), String.valueOf(damage.getMessage()), true);
    for (LiveTable table : tables.all()) {
      if (table.differential() && table.sources().contains(relation)) {
        rebuild(table.id(), failure);
      }
    }
  }

  /// Lets go of a base table that is decoded in another shape than a new scan of it has; all that
  /// read it are
  /// built anew.
  public void requireShape(Plan.Scan scan) {
    intake
        .table(scan.relation())
        .filter(table -> !table.schema().equals(scan.schema()))
        .ifPresent(
            table -> {
              intake.detach(new Oid(scan.relation()));
              sourceDamaged(
                  scan.relation(),
                  new StateDamaged(
                      table.name() + " has other columns than when it was copied", null));
            });
  }

  /// What the sources of live tables must still look like; boundary only.
  public Map<Integer, SourceShape> sourceShapes() {
    Map<Integer, SourceShape> shapes = new HashMap<>();
    for (LiveTable table : tables.all()) {
      if (!table.differential() && table.error().isEmpty()) {
        table.sources().forEach(relation -> shapes.put(relation, SourceShape.ANY));
      }
    }
    intake
        .relations()
        .forEach(
            relation ->
                intake.table(relation).ifPresent(table -> shapes.put(relation, table.shape())));
    return shapes;
  }

  /// DDL has changed a source in a way the log does not tell: what is arranged of it is of no use
  /// any more; boundary only.
  public void sourceAltered(int relation, StateDamaged how) {
    intake.detach(new Oid(relation));
    sourceDamaged(relation, how);
    for (LiveTable table : tables.all()) {
      if (!table.differential() && table.sources().contains(relation)) {
        full.request(table.id());
      }
    }
  }

  /// The log may lack changes of a base table; boundary only.
  ///
  /// Everything that reads it starts again, FULL tables too: their initialization publishes it
  /// again, after a look at its replica identity.
  public void sourceUnpublished(int relation, StateDamaged how) {
    intake.detach(new Oid(relation));
    Failure failure = new Failure(how.sqlState(), String.valueOf(how.getMessage()), true);
    for (LiveTable table : tables.all()) {
      if (table.sources().contains(relation)) {
        rebuild(table.id(), failure);
      }
    }
  }

  private void rebuild(long id, Failure reason) {
    LiveTable table = tables.get(id);
    Set<Long> after = tables.downstream(id);
    Consumer<Long> again =
        each -> {
          remove(each);
          listener.rebuild(each, reason);
        };
    if (table != null) {
      ledger.failed(table, reason, clock.instant());
    }
    after.forEach(again);
    again.accept(id);
  }

  private boolean timerDue() {
    Instant now = clock.instant();
    if (ledger.due(now)
        || !now.isBefore(statusDue)
        || full.anyDue(now, listener.refreshingEnabled())) {
      return true;
    }
    for (LiveTable table : tables.all()) {
      if (writer.isDue(table, now)) {
        return true;
      }
      if (table.differential()
          && !table.paused()
          && table.isDue(now)
          && dataflow.pendingRows(table.id()) > 0
          && table.error().isEmpty()) {
        return true;
      }
    }
    return false;
  }
}
