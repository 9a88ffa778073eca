package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.ServerIdentity;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.cdc.stream.StreamOptions;
import io.pgtrickle.cdc.stream.StreamState;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.ServerCatalog;
import io.pgtrickle.engine.apply.Applier;
import io.pgtrickle.engine.ask.ServerTier;
import io.pgtrickle.engine.backfill.DefinitionWatch;
import io.pgtrickle.engine.backfill.InitializationQueue;
import io.pgtrickle.engine.backfill.Initializer;
import io.pgtrickle.engine.backfill.PartitionRepairs;
import io.pgtrickle.engine.backfill.PublicationWatch;
import io.pgtrickle.engine.backfill.Recovery;
import io.pgtrickle.engine.backfill.Rehearsals;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Delegate;
import io.pgtrickle.engine.catalog.Lease;
import io.pgtrickle.engine.catalog.Setting;
import io.pgtrickle.engine.catalog.Settings;
import io.pgtrickle.engine.catalog.SourceGates;
import io.pgtrickle.engine.http.Readiness;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.notify.Coalescer;
import io.pgtrickle.engine.notify.Notification;
import io.pgtrickle.engine.refresh.Checkpoints;
import io.pgtrickle.engine.refresh.Evaluations;
import io.pgtrickle.engine.refresh.Ledger;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.RefreshObserver;
import io.pgtrickle.engine.refresh.TableStatus;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The time during which this process holds the lease of a database and follows its log, from one
/// connection
/// to its loss.
///
/// [#open] takes things in the order in which they protect each other: the lease (nobody else
/// writes), the slot
/// (nothing is lost), the publication, the stream, the apply session. [#run] then makes epochs on
/// the
/// calling thread until the tenure ends. Operator state goes on from the last checkpoint, which is
/// in a directory of this machine ([io.pgtrickle.engine.backfill.Recovery]); what does not come
/// back from there is built anew from a snapshot, which writes only what differs.
final class Tenure implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Tenure.class);
  private static final Duration END_PATIENCE = Duration.ofSeconds(20);

  private final Lifetime lifetime;
  private final LogStream stream;
  private final RefreshLoop loop;
  private final DefinitionWatch definitions;
  private final InitializationQueue queue;
  private final StatusRecorder status;
  private final OperationLog operations;
  private final Housekeeping housekeeping;

  private Tenure(
      Lifetime lifetime,
      LogStream stream,
      RefreshLoop loop,
      DefinitionWatch definitions,
      InitializationQueue queue,
      StatusRecorder status,
      OperationLog operations,
      Housekeeping housekeeping) {
    this.lifetime = lifetime;
    this.stream = stream;
    this.loop = loop;
    this.definitions = definitions;
    this.queue = queue;
    this.status = status;
    this.operations = operations;
    this.housekeeping = housekeeping;
  }

  /// Takes the lease and everything else that is needed; on failure nothing stays behind.
  ///
  /// @param lease of which somebody else may have another one by now
  /// @param heartbeat beats already, for this may take long
  /// @param lessons of the tenures before, and for the next one
  static Tenure open(
      SourceDatabase database,
      Lease lease,
      Heartbeat heartbeat,
      Connection leaseSession,
      ServerCatalog catalog,
      RefreshObserver observer,
      CaptureLog captureLog,
      Lessons lessons,
      Path stateDirectory,
      Clock clock)
      throws SQLException {
    Lifetime lifetime = new Lifetime();
    try {
      return open(
          database,
          lease,
          heartbeat,
          leaseSession,
          catalog,
          observer,
          captureLog,
          lessons,
          stateDirectory,
          clock,
          lifetime);
    } catch (SQLException | RuntimeException | Error e) {
      lifetime.close();
      throw e;
    }
  }

  private static Tenure open(
      SourceDatabase database,
      Lease lease,
      Heartbeat heartbeat,
      Connection leaseSession,
      ServerCatalog catalog,
      RefreshObserver observer,
      CaptureLog captureLog,
      Lessons lessons,
      Path stateDirectory,
      Clock clock,
      Lifetime lifetime)
      throws SQLException {
    captureLog.forget();
    Sessions sessions = new Sessions(database, lease);
    ServerIdentity identity = StartingPoint.identity(database);
    StateDirectory directory =
        lifetime.owns(
            StateDirectory.open(stateDirectory.resolve(name(identity, leaseSession))),
            StateDirectory::close);
    StartingPoint from =
        StartingPoint.find(database, leaseSession, lease, captureLog, identity, directory, lessons);
    heartbeat.requireLease();
    captureLog.write(leaseSession);
    Settings settings = Settings.read(leaseSession);
    Connection apply = lifetime.owns(sessions.apply());
    Coalescer coalescer = new Coalescer(settings.notifyWindow());
    coalescer.resume(Notification.untold(leaseSession));
    LogStream stream =
        lifetime.owns(
            LogStream.start(
                database,
                StreamOptions.of(from.slot(), StartingPoint.PUBLICATION, from.start())
                    .withTransactions(
                        StreamOptions.Streaming.WHERE_OFFERED,
                        settings.number(Setting.TXN_MEMORY) << 20,
                        stateDirectory.resolve("transactions")),
                captureLog,
                lessons.failures()),
            LogStream::close);

    if (settings.on(Setting.CDC_PAUSED)) {
      stream.pause();
    }
    ExecutorService merges =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().name("merge-", 0).daemon().factory());
    Storage storage =
        lifetime.owns(
            Storage.of(directory, MemoryBudget.ofState(settings), merges), Storage::close);
    lifetime.owns(merges, Tenure::finish);
    DefinitionWatch definitions = new DefinitionWatch();
    ServerTier server =
        lifetime.owns(
            new ServerTier(
                sessions::evaluator, definitions::all, Delegate.sidecarRole(leaseSession)),
            ServerTier::close);
    Labels labels = lifetime.owns(new Labels(server, storage), Labels::close);
    Ledger ledger =
        new Ledger(
            apply, identity.systemId(), identity.timeline(), lease.token(), observer, coalescer);
    Switchboard switchboard = new Switchboard(definitions, settings);
    Checkpoints checkpoints =
        new Checkpoints(
            directory,
            storage,
            new Origin(identity.systemId(), identity.timeline()),
            from.slot(),
            Build.version(),
            from.start(),
            Housekeeping.checkpoints(settings),
            clock.instant(),
            observer::checkpointed);
    RefreshLoop loop =
        lifetime.owns(
            new RefreshLoop(
                stream,
                new Intake(),
                new Dataflow(storage, labels),
                new Applier(apply),
                ledger,
                switchboard,
                checkpoints,
                from.start(),
                clock),
            RefreshLoop::close);
    lifetime.owns(checkpoints, Checkpoints::close);
    loop.members().gate(SourceGates.gated(leaseSession));
    Analyzer analyzer = new Analyzer(catalog, switchboard::forcesFull);
    OperationLog operations = new OperationLog();
    StatusRecorder status = new StatusRecorder(lasting(lifetime, sessions), operations, clock);
    PublicationWatch published = new PublicationWatch(StartingPoint.PUBLICATION);
    Initializer initializer =
        new Initializer(
            database,
            published,
            loop,
            analyzer,
            sessions,
            status,
            definitions,
            storage,
            labels,
            clock);
    InitializationQueue queue =
        lifetime.owns(
            new InitializationQueue(initializer, definitions::definition),
            InitializationQueue::close);
    Responder responder =
        lifetime.owns(new Responder(loop, analyzer, lasting(lifetime, sessions)), Responder::close);
    Evaluations evaluations =
        lifetime.owns(new Evaluations(loop, sessions::ordinary, clock), Evaluations::close);
    Rehearsals rehearsals =
        lifetime.owns(new Rehearsals(loop, sessions, storage, clock), Rehearsals::close);
    PartitionRepairs partitions =
        lifetime.owns(
            new PartitionRepairs(
                loop,
                analyzer,
                sessions,
                published.publication(),
                storage,
                new RepairLog(captureLog, loop)),
            PartitionRepairs::close);
    Housekeeping housekeeping =
        lifetime.owns(
            new Housekeeping(
                leaseSession,
                from.slot(),
                stream,
                published,
                partitions,
                captureLog,
                sessions,
                definitions,
                loop,
                checkpoints,
                queue,
                switchboard,
                coalescer,
                status,
                operations),
            Housekeeping::close);
    int definitionsRelation = definitionsRelation(leaseSession);
    switchboard.connect(
        responder,
        evaluations,
        rehearsals,
        queue,
        housekeeping,
        status,
        operations,
        definitionsRelation);
    DefinitionWatch.Changes all = definitions.look(leaseSession);
    Set<Long> restored = Set.of();
    if (from.recovery().isPresent()) {
      try (Connection control = sessions.control()) {
        restored =
            restore(
                from.recovery().get(),
                new Recovery.Parts(
                    loop,
                    storage,
                    analyzer,
                    control,
                    sessions::writer,
                    published,
                    from.progress(),
                    definitions,
                    definitionsRelation),
                directory);
      }
    }
    heartbeat.requireLease();
    housekeeping.start(all, restored);
    queue.start();
    heartbeat.whenLost(loop::stop);
    return new Tenure(lifetime, stream, loop, definitions, queue, status, operations, housekeeping);
  }

  private static LastingSession lasting(Lifetime lifetime, Sessions sessions) {
    return lifetime.owns(new LastingSession(sessions::ordinary), LastingSession::close);
  }

  // A checkpoint that nobody can make sense of must not end one tenure after the other.
  private static Set<Long> restore(
      Recovery recovery, Recovery.Parts parts, StateDirectory directory) throws SQLException {
    try {
      return recovery.restore(parts);
    } catch (SourceUnavailable | StorageUnavailable | AnswersUnavailable notNow) {
      throw notNow;
    } catch (RuntimeException unexpected) {
      LOG.error("the checkpoint is given up; all stream tables are initialized anew", unexpected);
      directory.forget();
      throw unexpected;
    }
  }

  // Merges under way come to their end, so that nothing holds memory or files any more.
  private static void finish(ExecutorService executor) {
    executor.shutdown();
    try {
      if (!executor.awaitTermination(END_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("merges under way did not end within {}", END_PATIENCE);
        executor.shutdownNow();
      }
    } catch (InterruptedException e) {
      executor.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  // One directory serves the sidecars of many databases.
  private static String name(ServerIdentity server, Connection control) throws SQLException {
    try (var statement = control.createStatement();
        var row =
            statement.executeQuery(
                "SELECT oid FROM pg_database WHERE datname = current_database()")) {
      row.next();
      return server.systemId() + "-" + row.getString(1);
    }
  }

  private static int definitionsRelation(Connection control) throws SQLException {
    try (var statement = control.createStatement();
        var row =
            statement.executeQuery("SELECT '" + Definition.TABLE.sql() + "'::regclass::oid")) {
      row.next();
      return Oid.of(row.getLong(1)).value();
    }
  }

  /// Makes epochs until [#stop], or until the stream or a session is lost.
  ///
  /// @throws RuntimeException why it ended, if not on purpose
  void run() throws InterruptedException {
    try {
      loop.run();
    } catch (CaptureException.SlotLost lost) {
      throw lost;
    } catch (RuntimeException consequence) {
      // Housekeeping that fails cuts off every session, which is what the loop sees of it.
      throw housekeeping
          .failure()
          .map(
              cause -> {
                cause.addSuppressed(consequence);
                return cause;
              })
          .orElse(consequence);
    }
    Optional<RuntimeException> failure = housekeeping.failure();
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  /// Ends [#run] from another thread.
  void stop() {
    loop.stop();
  }

  /// How every stream table is.
  Readiness.Report report() {
    Map<Long, TableStatus> live = loop.statuses();
    List<Readiness.Table> tables = new ArrayList<>();
    for (Definition definition : definitions.all()) {
      tables.add(table(definition, live.get(definition.pgtId())));
    }
    return new Readiness.Report(housekeeping.hasLooked(), captureProblem(), tables);
  }

  private Optional<String> captureProblem() {
    StreamState state = stream.state();
    return switch (state.phase()) {
      case READING -> Optional.empty();
      case RECONNECTING -> Optional.of(state.problem().orElse("reading the log begins again"));
      case PAUSED -> Optional.of("reading the log is paused");
    };
  }

  /// Whether the log is being read.
  boolean isReading() {
    return stream.state().phase() == StreamState.Phase.READING;
  }

  private Readiness.Table table(Definition definition, @Nullable TableStatus live) {
    long id = definition.pgtId();
    Readiness.State state;
    String problem = null;
    if (definition.paused()) {
      state = Readiness.State.SUSPENDED;
    } else if (live != null) {
      problem = live.problem();
      state =
          live.failed()
              ? Readiness.State.FAILED
              : live.populated() ? Readiness.State.LIVE : Readiness.State.REBUILDING;
      Optional<String> stalled = loop.stall().map(TrickleException::getMessage);
      if (state == Readiness.State.LIVE && stalled.isPresent()) {
        state = Readiness.State.STALLED;
        problem = stalled.get();
      }
    } else if (!definition.initialize() && !queue.isRequested(id)) {
      // Empty on purpose.
      state = Readiness.State.SUSPENDED;
    } else {
      problem = status.failure(id).orElse(null);
      state = problem == null ? Readiness.State.REBUILDING : Readiness.State.FAILED;
      if (problem == null) {
        problem = operations.blocker(id).orElse(null);
      }
    }
    return new Readiness.Table(
        definition.displayName(),
        state,
        state == Readiness.State.REBUILDING ? operations.progress(id) : OptionalDouble.empty(),
        live == null ? Duration.ZERO : live.lag(),
        problem);
  }

  /// The log that the slot keeps back, in bytes.
  long slotLagBytes() {
    return housekeeping.slotLagBytes();
  }

  /// Operator state, in bytes.
  long stateBytes() {
    return loop.stateBytes();
  }

  /// Stream tables that cannot be written for now.
  long heldTables() {
    return loop.statuses().values().stream().filter(TableStatus::held).count();
  }

  @Override
  public void close() {
    lifetime.close();
  }
}
