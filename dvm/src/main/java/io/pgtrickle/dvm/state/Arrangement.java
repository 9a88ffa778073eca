package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.Run;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/// A Z-set of rows arranged by a key, as a spine of immutable sorted runs.
///
/// A step *stages* its delta, reads the state before ([#snapshot]) and after ([#staged]) it, and
/// then commits or rolls back; both are an assignment. The sum of the runs is the state; since
/// addition commutes, any runs may be merged at any time:
///
/// - Eight runs of one size class (powers of 8, below 4,096 entries) are merged at once, when
///   staged: at most a millisecond or two.
/// - Four runs of one size class (powers of 4) above that, all runs when those beside the largest
///   exceed half of it (so the stored entries stay below about 1.5 times the net ones), and all
///   runs when scans have skipped as many cancelled entries as there are, are merged by the
///   executor. Negative entries count twice, because they stand for two that could go.
/// - [#settle], at a step boundary, puts a finished merge in the place of its inputs. Nobody ever
///   waits for one, but for one rule of back-pressure: beyond 64 runs, [#settle] waits.
///
/// Used by one thread; the executor sees immutable runs only. Memory of replaced runs is the
/// collector's business, and a reader's snapshot keeps its own alive.
public final class Arrangement {
  private static final long INLINE_ENTRIES = 4096;
  private static final int INLINE_FAN_IN = 8;
  private static final int BACKGROUND_FAN_IN = 4;
  private static final int RUN_LIMIT = 64;

  private final Executor merges;
  private final Snapshot.Debt debt = new Snapshot.Debt();
  private Snapshot committed = new Snapshot(List.of(), debt);
  private @Nullable Snapshot staged;
  private @Nullable Snapshot compacted;
  private @Nullable Merging merging;

  private record Merging(List<Run> inputs, CompletableFuture<Run> output) {}

  /// An empty arrangement whose long merges run on the executor.
  public Arrangement(Executor merges) {
    this.merges = merges;
  }

  /// The committed contents.
  public Snapshot snapshot() {
    return committed;
  }

  /// The contents with the staged delta; the committed ones when nothing is staged.
  public Snapshot staged() {
    return staged == null ? committed : staged;
  }

  /// Adds a delta on trial. At most one until the next commit or rollback.
  public Snapshot stage(Batch delta) {
    if (staged != null) {
      throw new IllegalStateException("a delta is staged already");
    }
    staged = committed.plus(delta);
    compacted = new Snapshot(mergeSmall(staged.runs()), debt);
    return staged;
  }

  /// Makes the staged contents the committed ones and starts a merge if one is due.
  ///
  /// @return whether a merge is under way, so that [#settle] should be called at a later boundary
  public boolean commit() {
    if (compacted != null) {
      committed = compacted;
    }
    rollback();
    return startMerge();
  }

  /// Forgets what was staged.
  public void rollback() {
    staged = null;
    compacted = null;
  }

  /// Takes a finished merge over.
  ///
  /// @return whether a merge is still under way
  public boolean settle() {
    Merging current = merging;
    if (current == null) {
      return false;
    }
    if (!current.output.isDone() && committed.runs().size() <= RUN_LIMIT) {
      return true;
    }
    merging = null;
    Run output = current.output.join();
    List<Run> runs = new ArrayList<>();
    if (!output.isEmpty()) {
      runs.add(output);
    }
    Set<Run> replaced = identities(current.inputs);
    committed.runs().stream().filter(run -> !replaced.contains(run)).forEach(runs::add);
    committed = new Snapshot(runs, debt);
    return startMerge();
  }

  private static Set<Run> identities(List<Run> runs) {
    Set<Run> set = Collections.newSetFromMap(new IdentityHashMap<>());
    set.addAll(runs);
    return set;
  }

  private List<Run> mergeSmall(List<Run> source) {
    List<Run> runs = source;
    for (; ; ) {
      List<Run> due = fullClass(idle(runs), INLINE_FAN_IN, 0, INLINE_ENTRIES);
      if (due.isEmpty()) {
        return runs;
      }
      runs = replace(runs, due, Run.merge(due));
    }
  }

  private static List<Run> replace(List<Run> runs, List<Run> inputs, Run output) {
    Set<Run> replaced = identities(inputs);
    List<Run> result = new ArrayList<>();
    runs.stream().filter(run -> !replaced.contains(run)).forEach(result::add);
    if (!output.isEmpty()) {
      result.add(output);
    }
    return result;
  }

  private List<Run> idle(List<Run> runs) {
    if (merging == null) {
      return runs;
    }
    Set<Run> busy = identities(merging.inputs);
    return runs.stream().filter(run -> !busy.contains(run)).toList();
  }

  // The runs of some size class within [from, to) that has at least `fanIn` of them.
  private static List<Run> fullClass(List<Run> runs, int fanIn, long from, long to) {
    if (runs.size() < fanIn) {
      return List.of();
    }
    int[] count = new int[Long.SIZE + 1];
    for (Run run : runs) {
      if (run.entries() >= from && run.entries() < to && ++count[sizeClass(run, fanIn)] == fanIn) {
        int full = sizeClass(run, fanIn);
        return runs.stream()
            .filter(
                candidate ->
                    candidate.entries() >= from
                        && candidate.entries() < to
                        && sizeClass(candidate, fanIn) == full)
            .toList();
      }
    }
    return List.of();
  }

  private static int sizeClass(Run run, int fanIn) {
    int bits = fanIn == INLINE_FAN_IN ? 3 : 2;
    return (Long.SIZE - Long.numberOfLeadingZeros(cost(run))) / bits;
  }

  private static long cost(Run run) {
    return run.entries() + run.negatives();
  }

  private boolean startMerge() {
    if (merging != null) {
      return true;
    }
    List<Run> due = dueMerge(committed.runs());
    if (due.isEmpty()) {
      return false;
    }
    merging = new Merging(due, CompletableFuture.supplyAsync(() -> Run.merge(due), merges));
    return true;
  }

  private List<Run> dueMerge(List<Run> runs) {
    if (runs.size() < 2) {
      return List.of();
    }
    long total = 0;
    long largest = 0;
    for (Run run : runs) {
      total += cost(run);
      largest = Math.max(largest, run.entries());
    }
    if (debt.skipped() > total) {
      debt.settle();
      return runs;
    }
    if (total > INLINE_ENTRIES
        && runs.size() >= BACKGROUND_FAN_IN
        && total - largest > largest / 2) {
      return runs;
    }
    return fullClass(runs, BACKGROUND_FAN_IN, INLINE_ENTRIES, Long.MAX_VALUE);
  }
}
