package io.pgtrickle.engine;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.PublicationCheck;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.ServerIdentity;
import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.cdc.slot.Slots;
import io.pgtrickle.cdc.stream.StreamOptions;
import io.pgtrickle.cdc.stream.WalReader;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.ServerCatalog;
import io.pgtrickle.engine.apply.Applier;
import io.pgtrickle.engine.backfill.DefinitionWatch;
import io.pgtrickle.engine.backfill.InitializationQueue;
import io.pgtrickle.engine.backfill.Initializer;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Lease;
import io.pgtrickle.engine.catalog.Progress;
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
/// calling thread until the tenure ends. Operator state lives in this process's memory only, so
/// every
/// tenure builds the stream tables anew from a snapshot, which writes only what differs.
final class Tenure implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Tenure.class);
  private static final String PUBLICATION = "pgtrickle";
  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final Duration REPORT_AFTER = Duration.ofSeconds(5);
  private static final Duration READER_PATIENCE = Duration.ofSeconds(10);

  private final Lifetime lifetime;
  private final RefreshLoop loop;
  private final DefinitionWatch definitions;
  private final StatusRecorder status;
  private final Housekeeping housekeeping;

  private Tenure(
      Lifetime lifetime,
      RefreshLoop loop,
      DefinitionWatch definitions,
      StatusRecorder status,
      Housekeeping housekeeping) {
    this.lifetime = lifetime;
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
      Clock clock)
      throws SQLException {
    Lifetime lifetime = new Lifetime();
    try {
      return open(database, lease, leaseSession, catalog, observer, clock, lifetime);
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
      Clock clock,
      Lifetime lifetime)
      throws SQLException {
    Sessions sessions = new Sessions(database, lease);
    Stream stream = stream(database, leaseSession, lease);
    Connection apply = lifetime.owns(sessions.apply());
    Coalescer coalescer = new Coalescer(Settings.read(leaseSession).notifyWindow());
    coalescer.resume(Notification.untold(leaseSession));
    WalReader reader =
        lifetime.owns(
            WalReader.start(database, StreamOptions.of(stream.slot, PUBLICATION, stream.start)),
            WalReader::close);

    ExecutorService merges =
        lifetime.owns(
            Executors.newSingleThreadExecutor(
                Thread.ofPlatform().name("merge-", 0).daemon().factory()));
    DefinitionWatch definitions = new DefinitionWatch();
    Ledger ledger =
        new Ledger(apply, stream.systemId, stream.timeline, lease.token(), observer, coalescer);
    Switchboard switchboard = new Switchboard(definitions, Settings.read(leaseSession));
    RefreshLoop loop =
        new RefreshLoop(
            reader,
            new Intake(),
            new Dataflow(merges),
            new Applier(apply),
            ledger,
            switchboard,
            stream.start,
            clock);
    Analyzer analyzer = new Analyzer(catalog);
    StatusRecorder status = new StatusRecorder(lifetime.owns(sessions.control()), clock);
    Initializer initializer =
        new Initializer(
            database, PUBLICATION, loop, analyzer, sessions, status, definitions, merges);
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
                stream.slot,
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
    return new Tenure(lifetime, loop, definitions, status, housekeeping);
  }

  /// The slot to read and where to start.
  private record Stream(String slot, Lsn start, String systemId, int timeline) {}

  // State is rebuilt from a snapshot that is taken later, so reading may start at the log's end;
  // the slot is
  // kept over restarts all the same, since making one waits for every open transaction.
  private static Stream stream(SourceDatabase database, Connection control, Lease lease)
      throws SQLException {
    Slots.requireLogicalDecoding(control);
    ServerIdentity server;
    try (Connection replication = database.connectForReplication("pgtrickle identity")) {
      server = ServerIdentity.of(replication);
    }
    boolean created = Publications.create(control, PUBLICATION);
    if (!created
        && Publications.verify(control, PUBLICATION, List.of())
            instanceof PublicationCheck.Damaged damaged) {
      throw new CaptureException.Misconfigured(
          "55000", "publication \"" + PUBLICATION + "\" was altered: " + damaged.problems());
    }
    Publications.add(control, PUBLICATION, List.of(Definition.TABLE), LockPolicy.POLITE);
    Progress progress = Progress.read(control);
    String slot = progress.slotName();
    Optional<SlotState> state = slot == null ? Optional.empty() : Slots.inspect(control, slot);
    boolean usable =
        state.isPresent()
            && !state.get().isLost()
            && server.systemId().equals(progress.systemIdentifier())
            && Integer.valueOf(server.timeline()).equals(progress.timeline())
            && Optional.ofNullable(progress.frontier())
                .map(stored -> !stored.isAfter(server.flushed()))
                .orElse(true);
    if (slot != null && usable) {
      if (!Slots.terminateReader(control, slot, READER_PATIENCE)) {
        throw new SourceUnavailable(
            "55006", "replication slot \"" + slot + "\" is still being read", null);
      }
      LOG.info("following the log by slot {} from {}", slot, server.flushed());
      return new Stream(slot, server.flushed(), server.systemId(), server.timeline());
    }
    if (slot != null) {
      LOG.warn("slot {} is of no use any more ({}); a new one is made", slot, state);
      state.filter(s -> !s.active()).ifPresent(s -> Slots.drop(control, s.name()));
    }
    Slots.Created made =
        Slots.create(
            database,
            PATIENCE,
            REPORT_AFTER,
            blockers -> LOG.warn("a new slot waits for open write transactions: {}", blockers));
    boolean ours =
        Progress.startOver(
            control,
            server.systemId(),
            server.timeline(),
            made.name(),
            made.name().substring(Slots.PREFIX.length()),
            PUBLICATION,
            lease.token());
    if (!ours) {
      throw new SourceUnavailable("55000", "another sidecar has taken the lease", null);
    }
    LOG.info("following the log by new slot {} from {}", made.name(), made.consistentPoint());
    return new Stream(made.name(), made.consistentPoint(), server.systemId(), server.timeline());
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
    return new Readiness.Report(housekeeping.hasLooked(), tables);
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
