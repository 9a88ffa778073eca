package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.dataflow.StepFailed;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.dataflow.ViewErrors;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.intake.RowChunk;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Views that are computed privately, and together, while the main dataflow goes on.
///
/// They start from snapshots taken at an epoch boundary. From that boundary on the refresh thread
/// *retains* here what later epochs did to the relations they read; replayed, that brings the
/// private dataflow to the main one's frontier. What several of them arrange alike is
/// arranged once. None reads another: what reads a view is built after it.
///
/// A view that fails is given up, and so is one that its host gives up; the others go on as if it
/// had never been there.
///
/// The refresh thread retains, the initializer's thread does everything else, until the refresh
/// thread joins the two at a boundary while the other waits. Closing waits for the step under way.
public final class Build implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Build.class);
  private static final int ATTEMPTS = 3;
  private static final Duration PAUSE = Duration.ofMillis(500);
  private static final Duration END_PATIENCE = Duration.ofSeconds(20);

  private final Set<Integer> relations;
  private final Dataflow dataflow;
  private final Map<Long, View> views = new LinkedHashMap<>();
  private final Map<Long, ViewErrors> errors = new HashMap<>();
  private final Map<Long, Exception> reasons = new LinkedHashMap<>();
  private final Retained retained;
  private LiveTable.@Nullable Released reached;
  // The state is not given up while somebody is in it.
  private final ReentrantLock inUse = new ReentrantLock();
  private Retained.@Nullable Changes replayed;
  private boolean closed;

  /// @param views of which none reads another
  /// @param storage where their state is kept, which is that of the main dataflow
  /// @param labels answer what their plans ask, and are those of the main dataflow
  public Build(Collection<View> views, Storage storage, Labels labels) {
    this(views, storage, new Dataflow(storage, labels));
  }

  /// @param dataflow an empty one
  Build(Collection<View> views, Storage storage, Dataflow dataflow) {
    this.retained = new Retained(storage);
    this.dataflow = dataflow;
    Set<Integer> read = new HashSet<>();
    for (View view : views) {
      this.views.put(view.id(), view);
      read.addAll(relations(view));
      dataflow.add(view);
    }
    this.relations = Set.copyOf(read);
    dataflow.nameState();
  }

  private static Set<Integer> relations(View view) {
    Set<Integer> relations = new HashSet<>();
    for (Plan.Scan scan : view.plan().scans()) {
      relations.add(scan.relation());
    }
    return relations;
  }

  // ---- who takes part ---------------------------------------------------------------------------

  /// Whether a view takes part and has not been given up.
  public boolean contains(long view) {
    return views.containsKey(view);
  }

  /// Whether every view has been given up.
  public boolean isEmpty() {
    return views.isEmpty();
  }

  /// The views that take part.
  List<View> views() {
    return List.copyOf(views.values());
  }

  /// The views that take part and read a relation.
  public List<View> readers(int relation) {
    return views.values().stream().filter(view -> relations(view).contains(relation)).toList();
  }

  /// Everything that a view that ever took part reads.
  public Set<Integer> relations() {
    return relations;
  }

  /// Gives a view up; one that does not take part is ignored.
  public void giveUp(long view, Exception reason) {
    if (views.remove(view) != null) {
      use(
          () -> {
            dataflow.drop(view);
            return dataflow;
          });
      reasons.put(view, reason);
      if (views.isEmpty()) {
        retained.close();
      }
    }
  }

  /// Gives up the views that read a relation.
  public void giveUpReaders(int relation, Exception reason) {
    readers(relation).forEach(view -> giveUp(view.id(), reason));
  }

  /// Gives up the views whose labels cannot be used any more.
  void giveUpUnusable() {
    for (long view : List.copyOf(views.keySet())) {
      if (!dataflow.hasUsableLabels(view)) {
        giveUp(
            view,
            new SourceUnavailable(
                "55000", "what it sorts or compares is not sorted as it was", null));
      }
    }
  }

  /// The views given up since this was last asked, and why.
  public Map<Long, Exception> takeGivenUp() {
    Map<Long, Exception> taken = new LinkedHashMap<>(reasons);
    reasons.clear();
    return taken;
  }

  // ---- rows in ----------------------------------------------------------------------------------

  /// Where the stream was when the contents were as they are in here.
  public LiveTable.Released reached() {
    if (reached == null) {
      throw new IllegalStateException("the build has not begun");
    }
    return reached;
  }

  /// Sets where the stream is as of the snapshots.
  void beginAt(LiveTable.Released start) {
    reached = start;
  }

  /// Remembers what an epoch did, if it concerns these views; called by the refresh thread.
  void retain(Map<Integer, ZSet> deltas, LiveTable.Released end) {
    Map<Integer, ZSet> concerning = new HashMap<>();
    deltas.forEach(
        (relation, delta) -> {
          if (relations.contains(relation) && !delta.isEmpty()) {
            concerning.put(relation, delta);
          }
        });
    retained.settle();
    if (!concerning.isEmpty()) {
      retained.add(concerning, end);
    }
  }

  /// Has no room for what epochs do, where others need it: if there is anything, all views are
  /// given up by the next [#catchUp]; called by the refresh thread.
  void yieldTo(StorageUnavailable problem) {
    retained.yieldTo(problem);
  }

  /// Remembers that from here on nothing is told of a relation, or of another one in its place;
  /// called by the refresh thread.
  void lose(int relation, Exception reason) {
    retained.lose(relation, reason);
  }

  /// How far the private dataflow is behind, in rows.
  public long behind() {
    return retained.rows();
  }

  /// Feeds rows of a snapshot.
  public void load(int relation, ZSet rows) {
    feed(Map.of(relation, rows));
  }

  /// All rows of the snapshots have been fed; what a query yields without any is there, too.
  public void loaded() {
    run(Map.of(), false);
  }

  /// Replays what was retained before this was called. Views of which a source was lost are given
  /// up, and all of them if there was no room to keep what happened.
  public void catchUp() {
    Retained.Changes changes =
        use(
            () -> {
              Retained.Changes taken = retained.take();
              replayed = taken;
              return taken;
            });
    changes.losses().forEach(this::giveUpReaders);
    changes.failure().ifPresent(this::giveUpAll);
    changes.end().ifPresent(end -> reached = end);
    for (Map<Integer, ZSet> next = next(changes); !next.isEmpty(); next = next(changes)) {
      feed(next);
    }
    use(
        () -> {
          changes.close();
          return changes;
        });
  }

  private Map<Integer, ZSet> next(Retained.Changes changes) {
    try {
      return use(() -> changes.next(relation -> new RowChunk(readers(relation).size())));
    } catch (StateDamaged | InternalError damage) {
      // The last is how a mapped file says that the disk does not give what was written.
      giveUpAll(
          damage instanceof StateDamaged known
              ? known
              : new StateDamaged("what happened meanwhile cannot be read", damage));
      return Map.of();
    }
  }

  private void giveUpAll(Exception reason) {
    List.copyOf(views.keySet()).forEach(view -> giveUp(view, reason));
  }

  // ---- rows out ---------------------------------------------------------------------------------

  /// Whether a view takes part, and no row of its input fails to evaluate.
  public boolean healthy(long view) {
    return contains(view) && errors.getOrDefault(view, ViewErrors.NONE).healed();
  }

  /// Subtracts rows that a view's table has from its output so far.
  ///
  /// @throws StateDamaged when the output so far is
  public void subtract(long view, ZSet rows) {
    try {
      use(
          () -> {
            dataflow.correct(view, rows.negate());
            return dataflow;
          });
    } catch (StepFailed failed) {
      throw failed.getCause() instanceof StateDamaged damaged ? damaged : failed;
    }
  }

  /// What a view's contents have more than what was subtracted, and what less; readable while it
  /// is held.
  public Snapshot difference(long view) {
    return use(() -> dataflow.pendingOutput(view));
  }

  /// By how many rows a view's contents differ from what was subtracted, about.
  public long differing(long view) {
    return dataflow.pendingRows(view);
  }

  /// What these rows would take of the heap, in bytes, about.
  public long differingBytes(long view) {
    Snapshot rows = dataflow.pendingOutput(view);
    return rows.bytes() + rows.rows() * Row.OVERHEAD;
  }

  /// A view's table has its contents now.
  public void differenceIsWritten(long view) {
    use(
        () -> {
          dataflow.clearPendingOutput(view);
          return dataflow;
        });
  }

  /// Takes the output since the differences were written, by view. Of a view whose input has rows
  /// that fail to evaluate there is none, and what there is follows when they no longer do.
  Map<Long, ZSet> takeOutput() {
    return run(Map.of(), true).released();
  }

  /// The private dataflow, for the main one to adopt.
  Dataflow dataflow() {
    return dataflow;
  }

  // Nobody sees the contents in between, so that rows may be fed in any pieces.
  private void feed(Map<Integer, ZSet> deltas) {
    Deque<Map<Integer, ZSet>> pieces = new ArrayDeque<>(List.of(deltas));
    while (!pieces.isEmpty()) {
      Map<Integer, ZSet> piece = pieces.pop();
      try {
        step(piece, false);
      } catch (StepFailed failed) {
        List<Map<Integer, ZSet>> smaller = failed.isTooLarge() ? Pieces.of(piece) : List.of();
        if (smaller.isEmpty() && failed.isTooLarge()) {
          // Of one row there is more than there should be room for. There is no other way.
          dataflow.withoutLimit(() -> run(piece, false));
        } else if (smaller.isEmpty()) {
          // The step left everything as it was: without the failing views it is run again.
          giveUp(failed);
          pieces.push(piece);
        } else {
          smaller.reversed().forEach(pieces::push);
        }
      }
    }
  }

  private StepResult run(Map<Integer, ZSet> deltas, boolean release) {
    while (true) {
      try {
        return step(deltas, release);
      } catch (StepFailed failed) {
        giveUp(failed);
      }
    }
  }

  private StepResult step(Map<Integer, ZSet> deltas, boolean release) {
    int attempts = 0;
    while (true) {
      try {
        StepResult result = use(() -> dataflow.step(deltas, reached().time(), view -> release));
        errors.putAll(result.errors());
        return result;
      } catch (AnswersUnavailable notNow) {
        // Mostly a session that was lost: asking again opens another.
        if (++attempts >= ATTEMPTS) {
          throw notNow;
        }
        pause(notNow);
      }
    }
  }

  private static void pause(AnswersUnavailable reason) {
    try {
      TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw reason;
    }
  }

  private void giveUp(StepFailed failed) {
    Exception reason = failed.getCause() instanceof TrickleException known ? known : failed;
    failed.views().forEach(view -> giveUp(view, reason));
  }

  private <T> T use(Supplier<T> work) {
    inUse.lock();
    try {
      if (closed) {
        throw new SourceUnavailable("57P01", "the build was given up", null);
      }
      return work.get();
    } finally {
      inUse.unlock();
    }
  }

  /// Gives up what the main dataflow has not taken over. State that another thread does not come
  /// out
  /// of is left to the end of the process: what it reads must not become other memory.
  @Override
  public void close() {
    retained.close();
    boolean free = false;
    try {
      free = inUse.tryLock(END_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (!free) {
      LOG.warn("a build is not given up: its step did not end within {}", END_PATIENCE);
      return;
    }
    try {
      closed = true;
      if (replayed != null) {
        replayed.close();
      }
      dataflow.close();
    } finally {
      inUse.unlock();
    }
  }
}
