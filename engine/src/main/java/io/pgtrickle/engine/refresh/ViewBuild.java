package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.Labels;
import io.pgtrickle.dvm.dataflow.StepFailed;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.dataflow.ViewErrors;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.zset.ZSet;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/// A view that is computed privately while the main dataflow goes on.
///
/// It starts from snapshots taken at an epoch boundary. From that boundary on the refresh thread
/// *retains*
/// here what each later epoch did to the relations the view reads; replayed in order, that brings
/// the
/// private dataflow to the main one's frontier.
///
/// The refresh thread retains, the initializer's thread does everything else, until the refresh
/// thread joins
/// the two at a boundary while the other waits.
public final class ViewBuild implements AutoCloseable {
  private final View view;
  private final Set<Integer> relations;
  private final Dataflow dataflow;
  private final ConcurrentLinkedQueue<Map<Integer, ZSet>> retained = new ConcurrentLinkedQueue<>();
  private final AtomicLong retainedRows = new AtomicLong();
  private ViewErrors errors = ViewErrors.NONE;
  private Instant time = Instant.MIN;

  /// @param relations what the view's plan scans
  /// @param storage where its state is kept, which is that of the main dataflow
  /// @param labels answer what its plan asks, and are those of the main dataflow
  public ViewBuild(View view, Set<Integer> relations, Storage storage, Labels labels) {
    this.view = view;
    this.relations = Set.copyOf(relations);
    this.dataflow = new Dataflow(storage, labels);
    dataflow.add(view);
    dataflow.nameState();
  }

  public View view() {
    return view;
  }

  public Set<Integer> relations() {
    return relations;
  }

  /// The private dataflow, for the main one to adopt.
  public Dataflow dataflow() {
    return dataflow;
  }

  /// Sets the time that it is for this view until it joins: that of the snapshots.
  void beginAt(Instant start) {
    time = start;
  }

  /// Remembers what an epoch did, if it concerns this view; called by the refresh thread.
  public void retain(Map<Integer, ZSet> deltas) {
    Map<Integer, ZSet> concerning = new HashMap<>();
    deltas.forEach(
        (relation, delta) -> {
          if (relations.contains(relation) && !delta.isEmpty()) {
            concerning.put(relation, delta);
            retainedRows.addAndGet(delta.size());
          }
        });
    if (!concerning.isEmpty()) {
      retained.add(concerning);
    }
  }

  /// How far the private dataflow is behind, in rows.
  public long behind() {
    return retainedRows.get();
  }

  /// Feeds rows of a snapshot.
  public void load(int relation, ZSet rows) {
    run(Map.of(relation, rows), false);
  }

  /// All rows of the snapshots have been fed; what the query yields without any is there, too.
  public void loaded() {
    run(Map.of(), false);
  }

  /// Replays every epoch retained so far.
  public void catchUp() {
    for (Map<Integer, ZSet> epoch = retained.poll(); epoch != null; epoch = retained.poll()) {
      for (ZSet delta : epoch.values()) {
        retainedRows.addAndGet(-delta.size());
      }
      run(epoch, false);
    }
  }

  /// Subtracts rows that the view's table has from the output so far.
  public void subtract(ZSet rows) {
    try {
      dataflow.correct(view.id(), rows.negate());
    } catch (StepFailed failed) {
      throw reason(failed);
    }
  }

  /// What the view's contents have more than what was subtracted, and what less; readable while it
  /// is held.
  public Snapshot difference() {
    return dataflow.pendingOutput(view.id());
  }

  /// The table has the view's contents now.
  public void differenceIsWritten() {
    dataflow.clearPendingOutput(view.id());
  }

  /// Takes the output since the difference was written. While rows of its input fail to evaluate
  /// it stays empty, and what there is follows when they no longer do.
  public ZSet takeOutput() {
    return run(Map.of(), true).released().getOrDefault(view.id(), ZSet.EMPTY);
  }

  /// Whether no row of the input fails to evaluate.
  public boolean healthy() {
    return errors.healed();
  }

  /// The rows that fail to evaluate, as of the last step.
  public ViewErrors errors() {
    return errors;
  }

  private StepResult run(Map<Integer, ZSet> deltas, boolean release) {
    StepResult result;
    try {
      result = dataflow.step(deltas, time, id -> release);
    } catch (StepFailed failed) {
      throw reason(failed);
    }
    errors = result.errors().getOrDefault(view.id(), errors);
    return result;
  }

  // There is only this view, so who must act need not be asked about it separately.
  private static RuntimeException reason(StepFailed failed) {
    return failed.getCause() instanceof TrickleException reason ? reason : failed;
  }

  /// Gives up what the main dataflow has not taken over.
  @Override
  public void close() {
    retained.clear();
    dataflow.close();
  }
}
