package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.DeltaWriter;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.intake.Attachment;
import io.pgtrickle.engine.refresh.BoundaryTask;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.ViewBuild;
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
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Brings definitions to life, a batch at a time, while the stream goes on.
///
/// The main path is [#initialize]: prepare each definition, [#attach] the base tables that are new,
/// then for
/// each view build it privately ([#start]), fill its table, and let it join. Called by one thread.
public final class Initializer {
  private static final Logger LOG = LoggerFactory.getLogger(Initializer.class);
  private static final long RETAINED_CHANGES = 5_000_000;
  private static final long JOIN_WHEN_BEHIND = 2_000;

  private final SourceDatabase database;
  private final PublicationWatch watch;
  private final RefreshLoop loop;
  private final Analyzer analyzer;
  private final Sessions sessions;
  private final Progress progress;
  private final DefinitionWatch definitions;
  private final Storage storage;
  private final Labels labels;
  private final Clock clock;
  private final Map<Long, Blocked> blocked = new HashMap<>();

  /// What became of a batch; definitions in neither list are done with.
  ///
  /// @param again those that are tried again because something failed that may pass
  /// @param waiting those that read a stream table which is not live
  public record Outcome(List<Definition> again, List<Definition> waiting) {
    public Outcome {
      again = List.copyOf(again);
      waiting = List.copyOf(waiting);
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

  /// Is told how it goes; stores it for people to see.
  public interface Progress {
    void phase(Definition definition, String phase, long rows);

    void failed(Definition definition, TrickleException problem);

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
    this.database = database;
    this.watch = watch;
    this.loop = loop;
    this.analyzer = analyzer;
    this.sessions = sessions;
    this.progress = progress;
    this.definitions = definitions;
    this.storage = storage;
    this.labels = labels;
    this.clock = clock;
  }

  /// Initializes a batch; definitions that cannot be are reported, the others go on.
  public Outcome initialize(List<Definition> batch) throws InterruptedException {
    List<Definition> again = new ArrayList<>();
    List<Definition> waiting = new ArrayList<>();
    List<Definition> free = new ArrayList<>();
    for (Definition definition : batch) {
      (isStillBlocked(definition) ? waiting : free).add(definition);
    }
    if (free.isEmpty()) {
      return new Outcome(again, waiting);
    }
    try (Connection control = sessions.control();
        Connection writer = sessions.writer()) {
      Map<Long, Preparation> ready = prepare(writer, free, waiting);
      again.addAll(attach(control, ready));
      for (Preparation one : inOrder(ready.values())) {
        try {
          if (!start(writer, one)) {
            waiting.add(one.definition());
          }
        } catch (SourceUnavailable | AnswersUnavailable | CaptureException.Retry e) {
          LOG.warn("{} is initialized again: {}", one.definition().displayName(), e.getMessage());
          again.add(one.definition());
        } catch (StorageUnavailable e) {
          progress.failed(one.definition(), e);
          again.add(one.definition());
        } catch (TrickleException e) {
          progress.failed(one.definition(), e);
        } catch (SQLException e) {
          if (ServerRefusal.isTransient(e)) {
            throw e;
          }
          // A constraint or trigger of its owner, a lock: the others must not wait for that.
          progress.failed(one.definition(), ServerRefusal.ofRows(one.definition(), e));
          again.add(one.definition());
        }
        // Of one that failed half way nothing may be written with the next one.
        writer.rollback();
      }
    } catch (SQLException e) {
      LOG.warn("initialization is interrupted: {}", e.getMessage());
      again.clear();
      for (Definition definition : free) {
        if (!waiting.contains(definition) && !isLive(definition)) {
          again.add(definition);
        }
      }
    }
    return new Outcome(again, waiting);
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
      Connection session, List<Definition> batch, List<Definition> waiting)
      throws SQLException, InterruptedException {
    Map<Long, Preparation> ready = new LinkedHashMap<>();
    for (Definition definition : batch) {
      progress.phase(definition, "preparing", 0);
      try {
        Preparation one = Preparation.of(session, analyzer, definition);
        progress.resolved(definition, one.verdict());
        ready.put(definition.pgtId(), one);
      } catch (TrickleException e) {
        refused(definition, e, waiting);
      } catch (SQLException e) {
        if (ServerRefusal.isTransient(e)) {
          throw e;
        }
        refused(definition, ServerRefusal.of(definition, e), waiting);
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

  // Upstream stream tables of the same batch come first.
  private static List<Preparation> inOrder(Iterable<Preparation> all) {
    Map<Integer, Preparation> byRelation = new TreeMap<>();
    all.forEach(one -> byRelation.put(one.table().relation(), one));
    List<Preparation> order = new ArrayList<>();
    byRelation.values().forEach(one -> visit(one, byRelation, order));
    return order;
  }

  private static void visit(
      Preparation one, Map<Integer, Preparation> byRelation, List<Preparation> order) {
    if (order.contains(one)) {
      return;
    }
    for (int source : one.verdict().sources()) {
      Preparation upstream = byRelation.get(source);
      if (upstream != null && !upstream.equals(one)) {
        visit(upstream, byRelation, order);
      }
    }
    order.add(one);
  }

  // ---- attach: base tables nobody reads yet
  // ---------------------------------------------------------

  // Returns those for which the server lacks something that others may give back.
  private List<Definition> attach(Connection control, Map<Long, Preparation> batch)
      throws SQLException, InterruptedException {
    List<Definition> again = new ArrayList<>();
    try {
      attachTogether(control, batch);
    } catch (CaptureException e) {
      if (e instanceof CaptureException.Retry && !isExhausted(e)) {
        throw e;
      }
      // Find out whose source it is; the others must not wait for that.
      for (Preparation one : List.copyOf(batch.values())) {
        Map<Long, Preparation> alone = new LinkedHashMap<>();
        alone.put(one.definition().pgtId(), one);
        try {
          attachTogether(control, alone);
        } catch (CaptureException refused) {
          if (refused instanceof CaptureException.Retry && !isExhausted(refused)) {
            throw refused;
          }
          batch.remove(one.definition().pgtId());
          progress.failed(one.definition(), ServerRefusal.ofSource(one.definition(), refused));
          if (isExhausted(refused)) {
            again.add(one.definition());
          }
        }
      }
    }
    return again;
  }

  // Slots, walsenders, connections, room: people want to know, and it may pass by itself.
  private static boolean isExhausted(CaptureException refusal) {
    return refusal.sqlState().startsWith("53");
  }

  private void attachTogether(Connection control, Map<Long, Preparation> batch)
      throws SQLException, InterruptedException {
    Map<Integer, SourceCopy.Source> missing = new LinkedHashMap<>();
    List<TableName> watched = new ArrayList<>();
    Set<Integer> read = new HashSet<>();
    SourceTables tables = new SourceTables(control, watch.publication(), storage);
    for (Preparation one : List.copyOf(batch.values())) {
      try {
        for (Plan.Scan scan : one.scans()) {
          if (definitions.isStreamTable(scan.relation())) {
            continue;
          }
          // Columns were added since it was copied: what reads the old shape is built anew with
          // this.
          atBoundary(() -> loop.sources().requireShape(scan));
          boolean attached = boundary(() -> loop.attachedRelations().contains(scan.relation()));
          if (!attached && !missing.containsKey(scan.relation())) {
            missing.put(scan.relation(), tables.source(scan, RETAINED_CHANGES));
          }
        }
        if (one.plan().isEmpty()) {
          watched.addAll(tables.watchable(one.verdict().sources()));
          read.addAll(one.verdict().sources());
        }
      } catch (TrickleException e) {
        batch.remove(one.definition().pgtId());
        progress.failed(one.definition(), e);
      }
    }
    tables.publish(watched);
    read.addAll(missing.keySet());
    tables.renew(read);
    if (missing.isEmpty()) {
      return;
    }
    List<SourceCopy.Source> sources = List.copyOf(missing.values());
    atBoundary(
        () -> {
          sources.forEach(source -> loop.intake().retain(source.attachment()));
        });
    try {
      Lsn consistentPoint =
          new SourceCopy(database, watch)
              .run(
                  control,
                  sources,
                  rows ->
                      batch
                          .values()
                          .forEach(one -> progress.phase(one.definition(), "copying", rows)));
      for (SourceCopy.Source source : sources) {
        source.attachment().table().published(tables.membership(source));
      }
      tables.barrier();
      Boundary.await(
          loop.whenBeyond(
              consistentPoint,
              () -> sources.forEach(source -> complete(source.attachment(), consistentPoint))));
    } catch (RuntimeException | SQLException | InterruptedException e) {
      atBoundary(
          () -> {
            sources.forEach(s -> loop.intake().detach(new Oid(s.attachment().table().relation())));
          });
      throw e;
    }
  }

  private void complete(Attachment attachment, Lsn consistentPoint) {
    if (attachment.overflowed()) {
      throw new SourceUnavailable(
          "53400",
          attachment.table().name()
              + " changed more than "
              + RETAINED_CHANGES
              + " rows while it was copied; the copy is made again",
          null);
    }
    if (!loop.intake().isRetaining(attachment)) {
      throw new SourceUnavailable(
          "55000",
          attachment.table().name() + " was altered while it was copied; the copy is made again",
          null);
    }
    loop.intake().attach(attachment.complete(consistentPoint));
  }

  private static Set<Integer> relations(Plan plan) {
    Set<Integer> relations = new HashSet<>();
    plan.scans().forEach(scan -> relations.add(scan.relation()));
    return relations;
  }

  // ---- build, fill, join
  // ------------------------------------------------------------------------------

  /// @return false when an upstream stream table is not live yet
  private boolean start(Connection writer, Preparation one)
      throws SQLException, InterruptedException {
    Definition definition = one.definition();
    if (!boundary(() -> loop.restart(current(definition)))) {
      // Asked for twice.
      return true;
    }
    if (isBlocked(definition, one.verdict().sources())) {
      return false;
    }
    if (one.plan().isEmpty()) {
      new DeltaWriter(writer, one.table()).ensureIdentityIndex();
      long refreshes = Fill.refreshes(writer, definition);
      writer.commit();
      atBoundary(
          () -> {
            loop.joinFull(
                current(definition), one.table(), one.verdict(), one.document(), refreshes);
          });
      return true;
    }
    Plan plan = one.plan().get();
    ViewBuild build = new ViewBuild(one.view(), relations(plan), storage, labels);
    boolean joined = false;
    try {
      long refreshes =
          new Fill(loop, definitions, progress, storage, clock)
              .run(writer, sessions::control, one, build);
      progress.phase(definition, "catching_up", 0);
      while (build.behind() > JOIN_WHEN_BEHIND) {
        build.catchUp();
      }
      atBoundary(
          () -> {
            loop.join(
                build, current(definition), one.table(), one.verdict(), one.document(), refreshes);
          });
      joined = true;
      return true;
    } finally {
      if (!joined) {
        atBoundary(
            () -> {
              loop.builds().abandon(build);
            });
      }
    }
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
    Set<Integer> unused = boundary(loop::detachUnused);
    if (unused.isEmpty()) {
      return;
    }
    try (Connection control = sessions.control()) {
      new SourceTables(control, watch.publication(), storage).unpublish(unused);
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
