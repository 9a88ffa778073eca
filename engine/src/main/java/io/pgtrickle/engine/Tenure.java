package io.pgtrickle.engine;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.stream.LogStream;
import io.pgtrickle.cdc.stream.StreamOptions;
import io.pgtrickle.cdc.stream.StreamState;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.ServerCatalog;
import io.pgtrickle.engine.apply.Applier;
import io.pgtrickle.engine.backfill.DefinitionWatch;
import io.pgtrickle.engine.backfill.InitializationQueue;
import io.pgtrickle.engine.backfill.Initializer;
import io.pgtrickle.engine.backfill.PublicationWatch;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Lease;
import io.pgtrickle.engine.catalog.Settings;
import io.pgtrickle.engine.http.Readiness;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.notify.Coalescer;
import io.pgtrickle.engine.notify.Notification;
import io.pgtrickle.engine.refresh.Evaluations;
import io.pgtrickle.engine.refresh.Ledger;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.RefreshObserver;
import io.pgtrickle.engine.refresh.TableStatus;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/// The time during which this process holds the lease of a database and follows its log, from one
/// connection
/// to its loss.
///
/// [#open] takes things in the order in which they protect each other: the lease (nobody else
/// writes), the slot
/// (nothing is lost), the publication, the stream, the apply session. [#run] then makes epochs on
/// the
/// calling thread until the tenure ends. Operator state lives in this process's memory only, so
/// every
/// tenure builds the stream tables anew from a snapshot, which writes only what differs.
final class Tenure implements AutoCloseable {

  private final Lifetime lifetime;
  private final LogStream stream;
  private final RefreshLoop loop;
  private final DefinitionWatch definitions;
  private final StatusRecorder status;
  private final Housekeeping housekeeping;

  private Tenure(
      Lifetime lifetime,
      LogStream stream,
      RefreshLoop loop,
      DefinitionWatch definitions,
      StatusRecorder status,
      Housekeeping housekeeping) {
    this.lifetime = lifetime;
    this.stream = stream;
    this.loop = loop;
    this.definitions = definitions;
    this.status = status;
    this.housekeeping = housekeeping;
  }

  /// Takes the lease and everything else that is needed; on failure nothing stays behind.
  ///
  /// @param lease asked for until somebody gives it: the caller decides how long
  static Tenure open(
      SourceDatabase database,
      Lease lease,
      Connection leaseSession,
      ServerCatalog catalog,
      RefreshObserver observer,
      CaptureLog captureLog,
      Clock clock)
      throws SQLException {
    Lifetime lifetime = new Lifetime();
    try {
      return open(database, lease, leaseSession, catalog, observer, captureLog, clock, lifetime);
    } catch (SQLException | RuntimeException e) {
      lifetime.close();
      throw e;
    }
  }

  private static Tenure open(
      SourceDatabase database,
      Lease lease,
      Connection leaseSession,
      ServerCatalog catalog,
      RefreshObserver observer,
      CaptureLog captureLog,
      Clock clock,
      Lifetime lifetime)
      throws SQLException {
    captureLog.forget();
    Sessions sessions = new Sessions(database, lease);
    StartingPoint from = StartingPoint.find(database, leaseSession, lease, captureLog);
    captureLog.write(leaseSession);
    Connection apply = lifetime.owns(sessions.apply());
    Coalescer coalescer = new Coalescer(Settings.read(leaseSession).notifyWindow());
    coalescer.resume(Notification.untold(leaseSession));
    LogStream stream =
        lifetime.owns(
            LogStream.start(
                database,
                StreamOptions.of(from.slot(), StartingPoint.PUBLICATION, from.start()),
                captureLog),
            LogStream::close);

    ExecutorService merges =
        lifetime.owns(
            Executors.newSingleThreadExecutor(
                Thread.ofPlatform().name("merge-", 0).daemon().factory()));
    DefinitionWatch definitions = new DefinitionWatch();
    Ledger ledger =
        new Ledger(apply, from.systemId(), from.timeline(), lease.token(), observer, coalescer);
    Switchboard switchboard = new Switchboard(definitions, Settings.read(leaseSession));
    RefreshLoop loop =
        new RefreshLoop(
            stream,
            new Intake(),
            new Dataflow(merges),
            new Applier(apply),
            ledger,
            switchboard,
            from.start(),
            clock);
    Analyzer analyzer = new Analyzer(catalog);
    StatusRecorder status = new StatusRecorder(lifetime.owns(sessions.control()), clock);
    PublicationWatch published = new PublicationWatch(StartingPoint.PUBLICATION);
    Initializer initializer =
        new Initializer(database, published, loop, analyzer, sessions, status, definitions, merges);
    InitializationQueue queue =
        lifetime.owns(
            new InitializationQueue(initializer, definitions::definition),
            InitializationQueue::close);
    Responder responder =
        lifetime.owns(
            new Responder(loop, analyzer, lifetime.owns(sessions.control())), Responder::close);
    Evaluations evaluations =
        lifetime.owns(new Evaluations(loop, sessions::control, clock), Evaluations::close);
    Housekeeping housekeeping =
        lifetime.owns(
            new Housekeeping(
                lease,
                leaseSession,
                from.slot(),
                stream,
                published,
                captureLog,
                sessions,
                definitions,
                loop,
                queue,
                switchboard,
                coalescer,
                status),
            Housekeeping::close);
    switchboard.connect(
        responder, evaluations, queue, housekeeping, status, definitionsRelation(leaseSession));
    housekeeping.start();
    queue.start();
    return new Tenure(lifetime, stream, loop, definitions, status, housekeeping);
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
  void run() throws InterruptedException {
    loop.run();
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
    } else {
      problem = status.failure(id).orElse(null);
      state = problem == null ? Readiness.State.REBUILDING : Readiness.State.FAILED;
    }
    return new Readiness.Table(
        definition.displayName(),
        state,
        OptionalDouble.empty(),
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
