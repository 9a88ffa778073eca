package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.dataflow.Sharing;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.DeltaWriter;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.refresh.BoundaryTask;
import io.pgtrickle.engine.refresh.Build;
import io.pgtrickle.engine.refresh.Joining;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Brings definitions to life, a batch at a time, while the stream goes on.
///
/// The main path is [#initialize]: prepare each definition, attach the base tables that are new
/// ([Attacher]), then build the views that share sources privately and together ([#build]), fill
/// their tables ([Fill]), and let them join. Called by one thread.
public final class Initializer {
  private static final Logger LOG = LoggerFactory.getLogger(Initializer.class);
  private static final long JOIN_WHEN_BEHIND = 2_000;
  private static final Groups<Preparation> GROUPS =
      new Groups<>(one -> one.table().relation(), one -> one.verdict().sources());

  private final Attacher attacher;
  private final RefreshLoop loop;
  private final Analyzer analyzer;
  private final Sessions sessions;
  private final Progress progress;
  private final DefinitionWatch definitions;
  private final Storage storage;
  private final Labels labels;
  private final Clock clock;
  private final Map<Long, Blocked> blocked = new HashMap<>();

  /// What became of a batch; definitions in none of the lists are done with.
  ///
  /// @param again those that are tried again because something failed that may pass
  /// @param waiting those that read a stream table which is not live
  /// @param putOff those that were not tried because somebody has locked what they read, and the
  ///     others need not wait for that
  public record Outcome(List<Definition> again, List<Definition> waiting, List<Definition> putOff) {
    public Outcome {
      again = List.copyOf(again);
      waiting = List.copyOf(waiting);
      putOff = List.copyOf(putOff);
    }
  }

  // Remembered, so that a definition that waits is not prepared over and over.
  private record Blocked(int generation, Set<Integer> relations) {}

  /// Opens sessions for this work.
  public interface Sessions {
    /// An ordinary session, autocommit on.
    Connection control() throws SQLException;

    /// A session that may write storage tables, autocommit off.
    Connection writer() throws SQLException;
  }

  /// What is being done for a stream table.
  public enum Phase {
    PREPARING,
    SNAPSHOTTING,
    FILLING,
    CATCHING_UP
  }

  /// Is told how it goes; stores it for people to see.
  public interface Progress {
    void phase(Definition definition, Phase phase);

    /// So many rows of the sources have been copied.
    ///
    /// @param expected by the server's statistics; 0 if it has none
    void copied(Definition definition, long rows, long expected);

    /// The phase goes on when these transactions have ended.
    void blocked(Definition definition, List<Blocker> blockers);

    /// It is not tried again until somebody does something.
    void failed(Definition definition, TrickleException problem);

    /// It failed and is tried again after a pause.
    void postponed(Definition definition, TrickleException problem);

    /// Why a stream table that is not live is not on its way to be.
    Optional<String> failure(long id);

    /// A definition cannot be initialized before a stream table that it reads is live.
    ///
    /// @param problem what is wrong with that one; empty when it is on its way
    void waits(Definition definition, Definition upstream, Optional<String> problem);

    /// The verdict under which the stream table runs from now on.
    void resolved(Definition definition, Verdict verdict);
  }

  public Initializer(
      SourceDatabase database,
      PublicationWatch watch,
      RefreshLoop loop,
      Analyzer analyzer,
      Sessions sessions,
      Progress progress,
      DefinitionWatch definitions,
      Storage storage,
      Labels labels,
      Clock clock) {
    this.attacher = new Attacher(database, watch, loop, progress, definitions, storage);
    this.loop = loop;
    this.analyzer = analyzer;
    this.sessions = sessions;
    this.progress = progress;
    this.definitions = definitions;
    this.storage = storage;
    this.labels = labels;
    this.clock = clock;
  }

  /// What became of the definitions of a batch so far.
  private final class Results {
    private final List<Definition> again = new ArrayList<>();
    private final List<Definition> waiting = new ArrayList<>();
    private final List<Definition> putOff = new ArrayList<>();
    private final Set<Long> failed = new HashSet<>();

    /// Reports what failed, and remembers whether it is worth another attempt.
    ///
    /// @throws SQLException when the connection is lost, which is not the definition's fault
    void failed(Definition definition, Exception problem) throws SQLException {
      if (problem instanceof SQLException e && ServerRefusal.endsSession(e)) {
        throw e;
      }
      failed.add(definition.pgtId());
      switch (problem) {
        case SourceUnavailable _, AnswersUnavailable _, CaptureException.Retry _ -> {
          LOG.warn("{} is initialized again: {}", definition.displayName(), problem.getMessage());
          again.add(definition);
        }
        case StorageUnavailable e -> reportAndRetry(definition, e);
        case StateDamaged e -> reportAndRetry(definition, e);
        case TrickleException e -> progress.failed(definition, e);
        // A constraint or trigger of its owner, a lock: the others must not wait for that.
        case SQLException e -> reportAndRetry(definition, ServerRefusal.ofRows(definition, e));
        default -> {
          LOG.error("{} cannot be initialized", definition.displayName(), problem);
          reportAndRetry(
              definition, new SourceUnavailable("XX000", String.valueOf(problem), problem));
        }
      }
    }

    private void reportAndRetry(Definition definition, TrickleException problem) {
      progress.postponed(definition, problem);
      again.add(definition);
    }

    boolean hasFailed(Definition definition) {
      return failed.contains(definition.pgtId());
    }

    Outcome outcome() {
      return new Outcome(again, waiting, putOff);
    }
  }

  /// Initializes a batch; definitions that cannot be are reported, the others go on.
  public Outcome initialize(List<Definition> batch) throws InterruptedException {
    Results results = new Results();
    List<Definition> free = new ArrayList<>();
    for (Definition definition : batch) {
      (isStillBlocked(definition) ? results.waiting : free).add(definition);
    }
    if (free.isEmpty()) {
      return results.outcome();
    }
    try (Connection control = sessions.control();
        Connection writer = sessions.writer()) {
      Map<Long, Preparation> ready = prepare(writer, free, results);
      ready.values().forEach(this::expect);
      results.again.addAll(attacher.attach(control, ready, results.putOff::add));
      for (List<Preparation> wave : GROUPS.waves(List.copyOf(ready.values()))) {
        for (List<Preparation> group : GROUPS.sharing(start(writer, wave, results))) {
          build(writer, group, results);
        }
      }
    } catch (SQLException e) {
      LOG.warn("initialization is interrupted: {}", e.getMessage());
      results.again.clear();
      results.putOff.clear();
      for (Definition definition : free) {
        if (!results.waiting.contains(definition) && !isLive(definition)) {
          results.again.add(definition);
        }
      }
    } finally {
      free.forEach(definition -> loop.members().expectNoMore(definition.pgtId()));
    }
    return results.outcome();
  }

  private void expect(Preparation one) {
    loop.members().expect(one.id(), Attacher.sources(one));
    // Whoever drops it later takes that back.
    if (definitions.definition(one.id()).isEmpty()) {
      loop.members().expectNoMore(one.id());
    }
  }

  // ---- stream tables below that are not live ----------------------------------------------------

  private boolean isStillBlocked(Definition definition) throws InterruptedException {
    Blocked known = blocked.remove(definition.pgtId());
    return known != null
        && known.generation == definition.generation()
        && isBlocked(definition, known.relations);
  }

  private boolean isBlocked(Definition definition, Set<Integer> sources)
      throws InterruptedException {
    Set<Integer> unsettled = boundary(() -> loop.unsettled(sources, definitions::isStreamTable));
    if (unsettled.isEmpty()) {
      return false;
    }
    blocked.put(definition.pgtId(), new Blocked(definition.generation(), unsettled));
    Definition upstream = null;
    Optional<String> problem = Optional.empty();
    for (int relation : unsettled) {
      Definition one = definitions.ofRelation(relation).orElse(null);
      if (one != null && problem.isEmpty()) {
        upstream = one;
        problem = boundary(() -> loop.problem(one.pgtId()));
        if (problem.isEmpty()) {
          problem = progress.failure(one.pgtId());
        }
      }
    }
    if (upstream != null) {
      progress.waits(definition, upstream, problem);
    }
    return true;
  }

  // ---- prepare ----------------------------------------------------------------------------------

  private Map<Long, Preparation> prepare(
      Connection session, List<Definition> batch, Results results)
      throws SQLException, InterruptedException {
    Map<Long, Preparation> ready = new LinkedHashMap<>();
    Map<Definition, Set<Integer>> sources = new LinkedHashMap<>();
    batch.forEach(one -> sources.put(one, Preparation.written(one)));
    Set<Integer> read = new HashSet<>();
    sources.values().forEach(read::addAll);
    LockedTables locked = LockedTables.among(session, read);
    boolean others = sources.values().stream().anyMatch(each -> !locked.anyOf(each));
    Map<Integer, SQLException> inVain = new HashMap<>();
    for (Definition definition : batch) {
      progress.phase(definition, Phase.PREPARING);
      if (others && locked.anyOf(sources.getOrDefault(definition, Set.of()))) {
        // Those who need not wait for that lock go first.
        results.putOff.add(definition);
        continue;
      }
      Set<Integer> written = sources.getOrDefault(definition, Set.of());
      Optional<SQLException> waited =
          written.stream().filter(inVain::containsKey).findFirst().map(inVain::get);
      if (waited.isPresent()) {
        // As long as for the first one.
        results.reportAndRetry(definition, ServerRefusal.of(definition, waited.get()));
        continue;
      }
      try {
        Preparation one = Preparation.of(session, analyzer, definition);
        progress.resolved(definition, one.verdict());
        ready.put(definition.pgtId(), one);
      } catch (TrickleException e) {
        refused(definition, e, results.waiting);
      } catch (StackOverflowError e) {
        LOG.error("{} cannot be prepared", definition.displayName(), e);
        refused(definition, QueryRejected.tooDeep("the stack does not hold it"), results.waiting);
      } catch (SQLException e) {
        if (ServerRefusal.isTransient(e)) {
          throw e;
        }
        if (ServerRefusal.isLocked(e)) {
          written.stream()
              .filter(locked.relations()::contains)
              .forEach(relation -> inVain.put(relation, e));
          results.reportAndRetry(definition, ServerRefusal.of(definition, e));
        } else {
          refused(definition, ServerRefusal.of(definition, e), results.waiting);
        }
      }
    }
    return ready;
  }

  // Its query may be refused because of what is wrong with a stream table that it reads, such as
  // that it was renamed, and then heals with it.
  private void refused(Definition definition, TrickleException problem, List<Definition> waiting)
      throws InterruptedException {
    if (isBlocked(definition, Preparation.written(definition))) {
      waiting.add(definition);
    } else {
      progress.failed(definition, problem);
    }
  }

  // ---- build, fill, join
  // ------------------------------------------------------------------------------

  // Starts those of FULL mode, and returns those that are to be built.
  private List<Preparation> start(Connection writer, List<Preparation> wave, Results results)
      throws SQLException, InterruptedException {
    List<Preparation> built = new ArrayList<>();
    for (Preparation one : wave) {
      try {
        if (!boundary(() -> loop.members().restart(current(one.definition())))) {
          // Asked for twice.
          continue;
        }
        if (isBlocked(one.definition(), one.verdict().sources())) {
          results.waiting.add(one.definition());
        } else if (one.plan().isPresent()) {
          built.add(one);
        } else {
          startFull(writer, one);
        }
      } catch (TrickleException | CaptureException.Retry | SQLException e) {
        results.failed(one.definition(), e);
      }
      writer.rollback();
    }
    return built;
  }

  private void startFull(Connection writer, Preparation one)
      throws SQLException, InterruptedException {
    new DeltaWriter(writer, one.table()).ensureIdentityIndex();
    long refreshes = Fill.refreshes(writer, one.definition());
    writer.commit();
    atBoundary(() -> loop.members().joinFull(one.joining(current(one.definition()), refreshes)));
  }

  // What fails without being the fault of a view that is known is the fault of one half, or of
  // each.
  private void build(Connection writer, List<Preparation> group, Results results)
      throws SQLException, InterruptedException {
    Optional<RuntimeException> failure = tryBuild(writer, group, results);
    if (failure.isEmpty()) {
      return;
    }
    boolean passes =
        failure.get() instanceof StorageUnavailable || failure.get() instanceof SourceUnavailable;
    List<Preparation> rest = new ArrayList<>();
    for (Preparation one : group) {
      // What passes came before they joined; and the refresh thread may wait for the same.
      if (!results.hasFailed(one.definition()) && (passes || !isLive(one.definition()))) {
        rest.add(one);
      }
    }
    if (rest.size() > 1 && !passes) {
      LOG.warn(
          "{} stream tables that share sources are initialized in two groups: {}",
          rest.size(),
          failure.get().getMessage());
      build(writer, rest.subList(0, rest.size() / 2), results);
      build(writer, rest.subList(rest.size() / 2, rest.size()), results);
    } else {
      for (Preparation one : rest) {
        results.failed(one.definition(), failure.get());
      }
    }
  }

  // Builds, fills, and lets join. Views that fail are reported; returns what is wrong with none in
  // particular.
  private Optional<RuntimeException> tryBuild(
      Connection writer, List<Preparation> group, Results results)
      throws SQLException, InterruptedException {
    List<View> live = boundary(() -> loop.dataflow().views());
    Build build;
    try {
      List<View> views = group.stream().map(Preparation::view).toList();
      build = new Build(Sharing.among(live, views), storage, labels);
    } catch (RuntimeException e) {
      return Optional.of(e);
    } catch (StackOverflowError e) {
      LOG.error(
          "stream tables {} cannot be built", group.stream().map(Preparation::id).toList(), e);
      return Optional.of(QueryRejected.tooDeep("the stack does not hold it"));
    }
    Optional<RuntimeException> failure = Optional.empty();
    try {
      Map<Preparation, Long> filled =
          new Fill(loop, definitions, progress, storage, clock)
              .run(writer, sessions::control, group, build);
      while (build.behind() > JOIN_WHEN_BEHIND) {
        build.catchUp();
      }
      new Boundary(loop).runWhileThereIsRoom(() -> join(build, filled));
    } catch (RuntimeException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedException(e.getMessage());
      }
      failure = Optional.of(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw e;
    } catch (SQLException e) {
      report(group, build, results);
      throw e;
    } finally {
      // Whoever interrupts ends the refresh thread too, which gives up all builds.
      if (!Thread.currentThread().isInterrupted()) {
        // Without fail, even if nobody waits for it any more.
        Boundary.await(loop.abandon(build));
      }
    }
    writer.rollback();
    report(group, build, results);
    return failure;
  }

  // Nobody else reports what has been given up.
  private static void report(List<Preparation> group, Build build, Results results)
      throws SQLException {
    Map<Long, Exception> reasons = build.takeGivenUp();
    for (Preparation one : group) {
      Exception reason = reasons.get(one.id());
      if (reason != null) {
        results.failed(one.definition(), reason);
      }
    }
  }

  private void join(Build build, Map<Preparation, Long> filled) {
    List<Joining> views = new ArrayList<>();
    filled.forEach(
        (one, refreshes) -> {
          try {
            views.add(one.joining(current(one.definition()), refreshes));
          } catch (SourceUnavailable altered) {
            build.giveUp(one.definition().pgtId(), altered);
          }
        });
    loop.members().join(build, views);
  }

  // With the schedule that it has by now.
  private Definition current(Definition definition) {
    return definitions
        .definition(definition.pgtId())
        .filter(now -> !now.rebuilds(definition))
        .orElseThrow(
            () ->
                new SourceUnavailable(
                    "55000",
                    definition.displayName() + " was altered or dropped while it was initialized",
                    null));
  }

  /// Stops following base tables that no stream table reads any more, and frees their arrangements.
  public void releaseUnused() throws InterruptedException {
    Set<Integer> unused = boundary(loop.members()::detachUnused);
    if (unused.isEmpty()) {
      return;
    }
    try (Connection control = sessions.control()) {
      attacher.unpublish(control, unused);
    } catch (SQLException | CaptureException e) {
      // They stay published, which costs decoding and nothing else, until they are needed again.
      LOG.warn("tables {} stay in the publication: {}", unused, e.getMessage());
    }
  }

  // ---- the refresh thread
  // -----------------------------------------------------------------------------

  private boolean isLive(Definition definition) throws InterruptedException {
    return boundary(() -> loop.table(definition.pgtId()).isPresent());
  }

  private <T> T boundary(BoundaryTask<T> task) throws InterruptedException {
    return new Boundary(loop).call(task);
  }

  private void atBoundary(Runnable task) throws InterruptedException {
    new Boundary(loop).run(task);
  }
}
