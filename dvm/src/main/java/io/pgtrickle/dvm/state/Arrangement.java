package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.kernel.Shelf;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/// A Z-set of rows arranged by a key, as a spine of immutable sorted runs.
///
/// A step *stages* its delta (several one after the other, if each is *kept*), reads the state
/// before ([#snapshot]) and after ([#staged]) it, and
/// then commits or rolls back; both are an assignment. The sum of the runs is the state; since
/// addition commutes, any runs may be merged at any time:
///
/// - Eight small runs of one size class (powers of 8) are merged at once, when staged: at most a
///   millisecond or two. Small is below 4,096 entries and 512 KiB.
/// - Eight large runs that one step has kept are, too.
/// - Four runs of one size class (powers of 4) above that, all runs when those beside the largest
///   exceed half of it (so the stored entries stay below about 1.5 times the net ones), and all
///   runs when scans have skipped as many cancelled entries as there are, are merged in the
///   background. Negative entries count twice, because they stand for two that could go. A large
///   run that a step has made on the heap is moved where it belongs, as a merge of one.
/// - [#settle], at a step boundary, puts a finished merge in the place of its inputs. Nobody ever
///   waits for one, but for rules of back-pressure: beyond 64 runs, [#settle] waits; when large
///   runs that no merge has taken up have more than a 32nd of the heap, [#settle] merges them
///   itself, to where they belong; and when the runs of all arrangements have more than an eighth
///   of it, [#settle] moves what lies there, and a merge of that which has not begun is given up
///   (but where only files are left, little is moved before they have a quarter of it). A merge
///   that could not write its file is started again after a pause; beyond 64 runs, or when a
///   quarter
///   of the heap waits to be written, [#settle] says so by throwing, and nothing has changed.
///
/// The arrangement holds the runs of its committed contents, and a merge under way its inputs; a
/// reader that goes on beyond a step takes a [Snapshot#hold].
///
/// Used by one thread; others see immutable runs only.
public final class Arrangement implements AutoCloseable {
  private static final int INLINE_FAN_IN = 8;
  private static final int BACKGROUND_FAN_IN = 4;
  private static final int RUN_LIMIT = 64;
  // What it is worth to look for bytes on the heap, and to move them.
  private static final long HEAP_GRAIN = 64 * 1024;

  private final Storage storage;
  private final Snapshot.Debt debt;
  private Snapshot committed;
  private @Nullable Snapshot kept;
  private @Nullable Snapshot staged;
  private @Nullable Snapshot compacted;
  private @Nullable Merging merging;
  // The bytes on the heap, as this arrangement last told the storage, and those staged since.
  private long onHeap;
  private long uncounted;

  /// A merge that was asked for. It holds its inputs until it is done or given up.
  private final class Merging {
    private final CompletableFuture<Run> output = new CompletableFuture<>();
    private final AtomicBoolean taken = new AtomicBoolean();
    private final boolean ofAll;
    private List<Run> inputs;

    Merging(List<Run> inputs) {
      this.inputs = inputs;
      ofAll = inputs.size() == committed.runs().size();
      inputs.forEach(Run::hold);
    }

    /// Merges, unless that was given up; on the thread that merges.
    void run() {
      if (!taken.compareAndSet(false, true)) {
        return;
      }
      try {
        output.complete(storage.merge(inputs));
      } catch (RuntimeException | Error e) {
        output.completeExceptionally(e);
      } finally {
        inputs.forEach(Run::letGo);
      }
    }

    /// Gives the merge up if it has not begun; on the thread of the arrangement.
    boolean giveUp() {
      if (!taken.compareAndSet(false, true)) {
        return false;
      }
      inputs.forEach(Run::letGo);
      // It stays in the queue of the thread that merges, which must not keep them from going.
      inputs = List.of();
      return true;
    }
  }

  /// An empty arrangement.
  public Arrangement(Storage storage) {
    this.storage = storage;
    debt = new Snapshot.Debt(storage.reads());
    committed = new Snapshot(List.of(), debt);
  }

  /// An arrangement of runs, of which it becomes the holder.
  Arrangement(Storage storage, List<Run> runs) {
    this(storage);
    committed = new Snapshot(runs, debt);
    countHeap();
  }

  /// An empty arrangement on the heap, whose long merges run on the executor.
  public Arrangement(Executor merges) {
    this(Storage.onHeap(merges));
  }

  /// The committed contents.
  public Snapshot snapshot() {
    return committed;
  }

  /// The contents that a delta is added to: the committed ones with what was [kept][#keep].
  public Snapshot current() {
    return kept == null ? committed : kept;
  }

  /// The contents with the staged delta; the current ones when nothing is staged.
  public Snapshot staged() {
    return staged == null ? current() : staged;
  }

  /// Adds a delta on trial. At most one until it is kept, committed or rolled back.
  public Snapshot stage(Batch delta) {
    if (staged != null) {
      throw new IllegalStateException("a delta is staged already");
    }
    staged = current().plus(delta);
    uncounted += delta.run().bytes();
    compacted = new Snapshot(mergeSmall(staged.runs()), debt);
    return staged;
  }

  /// Makes the staged contents those that the next delta of the same step is added to.
  public void keep() {
    if (compacted != null) {
      kept = new Snapshot(mergeKept(compacted.runs()), debt);
      staged = null;
      compacted = null;
    }
  }

  // A step that stages often would be slowed down by its own large runs before any other merge.
  private List<Run> mergeKept(List<Run> source) {
    List<Run> runs = source;
    if (runs.size() < committed.runs().size() + INLINE_FAN_IN) {
      return runs;
    }
    Set<Run> before = identities(committed.runs());
    for (; ; ) {
      List<Run> own = runs.stream().filter(run -> !before.contains(run)).toList();
      List<Run> due = fullClass(own, INLINE_FAN_IN, false);
      if (due.isEmpty()) {
        return runs;
      }
      runs = replace(runs, due, Run.merge(due, Shelf.heap()));
    }
  }

  /// Makes the staged contents the committed ones and starts a merge if one is due.
  ///
  /// @return whether [#settle] should be called at a later boundary
  public boolean commit() {
    keep();
    if (kept != null) {
      Snapshot before = committed;
      committed = kept;
      letGoOfReplaced(before.runs(), committed.runs());
    }
    rollback();
    if (uncounted >= HEAP_GRAIN) {
      countHeap();
    }
    return startMerge() || mustMove();
  }

  /// Forgets what was staged.
  public void rollback() {
    kept = null;
    staged = null;
    compacted = null;
  }

  /// Takes a finished merge over.
  ///
  /// @throws StorageUnavailable under back-pressure, when files cannot be written
  /// @throws StateDamaged when a run turned out to be damaged
  /// @return whether it should be called at a later boundary, too
  public boolean settle() {
    if (merging != null || mustMove()) {
      relieveHeap();
      boolean _ = startMerge();
    }
    Merging current = merging;
    boolean pressed = isPressed();
    if (current == null) {
      requireRoom(pressed);
      return mustMove() || storage.failedLately();
    }
    if (!current.output.isDone() && !pressed) {
      requireRoom(false);
      return true;
    }
    merging = null;
    Run output;
    try {
      output = current.output.join();
    } catch (CompletionException e) {
      return afterFailure(e, pressed);
    }
    replaceCommitted(current.inputs, output);
    if (current.ofAll) {
      debt.settle();
    }
    return startMerge() || mustMove();
  }

  // Where nothing can be written, what steps add stays on the heap, until there is too much of it.
  private void requireRoom(boolean pressed) {
    if ((pressed && storage.failedLately()) || (onHeap > HEAP_GRAIN && storage.heapIsFull())) {
      Optional<StorageUnavailable> problem = storage.problem();
      if (problem.isPresent()) {
        throw problem.get();
      }
    }
  }

  private boolean isPressed() {
    return committed.runs().size() > RUN_LIMIT;
  }

  private boolean mustMove() {
    return onHeap > HEAP_GRAIN && storage.heapIsCrowded() && storage.isWorthMoving(onHeap);
  }

  // Steps may make runs faster than the background moves them, and that may be busy with much
  // larger ones. Without room on the disk they stay, until there are too many.
  private void relieveHeap() {
    if (uncounted > 0) {
      countHeap();
    }
    boolean crowded = mustMove();
    // Not under pressure: then that merge is waited for, and must not go to the end of the queue.
    if (crowded
        && !isPressed()
        && merging != null
        && merging.inputs.stream().anyMatch(Run::onHeap)
        && merging.giveUp()) {
      merging = null;
    }
    if (storage.failedLately()) {
      return;
    }
    List<Run> due =
        idle(committed.runs()).stream()
            .filter(crowded ? Run::onHeap : storage::isMisplaced)
            .toList();
    if (bytes(due) <= (crowded ? HEAP_GRAIN : storage.heapLimit())) {
      return;
    }
    try {
      replaceCommitted(due, storage.move(due));
    } catch (StorageUnavailable full) {
      // They stay where they are. The merges that follow tell, once it matters.
    }
  }

  private static long bytes(List<Run> runs) {
    return runs.stream().mapToLong(Run::bytes).sum();
  }

  private void replaceCommitted(List<Run> inputs, Run output) {
    committed = new Snapshot(replace(committed.runs(), inputs, output), debt);
    inputs.forEach(Run::letGo);
    countHeap();
  }

  private void countHeap() {
    uncounted = 0;
    long now = 0;
    if (storage.hasRoomElsewhere()) {
      for (Run run : committed.runs()) {
        now += run.onHeap() ? run.bytes() : 0;
      }
    }
    if (now != onHeap) {
      storage.onHeap(now - onHeap);
      onHeap = now;
    }
  }

  private boolean afterFailure(CompletionException failure, boolean pressed) {
    return switch (failure.getCause()) {
      case StorageUnavailable unavailable -> {
        boolean again = startMerge();
        if (pressed) {
          throw unavailable;
        }
        requireRoom(false);
        yield again;
      }
      case StateDamaged damaged -> throw damaged;
      case null, default -> throw failure;
    };
  }

  // Small runs that were merged on the spot may lie in native memory, left over from larger ones.
  private void letGoOfReplaced(List<Run> before, List<Run> after) {
    for (Run run : before) {
      if (!run.onHeap()) {
        Set<Run> kept = identities(after);
        List<Run> replaced = before.stream().filter(each -> !kept.contains(each)).toList();
        replaced.forEach(Run::letGo);
        // They are on the heap again, as a part of what was merged.
        uncounted += bytes(replaced);
        return;
      }
    }
  }

  private static Set<Run> identities(List<Run> runs) {
    Set<Run> set = Collections.newSetFromMap(new IdentityHashMap<>());
    set.addAll(runs);
    return set;
  }

  private List<Run> mergeSmall(List<Run> source) {
    List<Run> runs = source;
    for (; ; ) {
      List<Run> due = fullClass(idle(runs), INLINE_FAN_IN, true);
      if (due.isEmpty()) {
        return runs;
      }
      runs = replace(runs, due, Run.merge(due, Shelf.heap()));
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

  // The small, or the large, runs of some size class that has at least `fanIn` of them.
  private List<Run> fullClass(List<Run> runs, int fanIn, boolean small) {
    if (runs.size() < fanIn) {
      return List.of();
    }
    int[] count = new int[Long.SIZE + 1];
    for (Run run : runs) {
      if (storage.isSmall(run) == small && ++count[sizeClass(run, fanIn)] == fanIn) {
        int full = sizeClass(run, fanIn);
        return runs.stream()
            .filter(
                candidate ->
                    storage.isSmall(candidate) == small && sizeClass(candidate, fanIn) == full)
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
    if (merging == null && storage.failedLately()) {
      // To be asked again: a disk that is full need not be tried with every step.
      return true;
    }
    if (merging == null) {
      List<Run> due = dueMerge(committed.runs());
      if (!due.isEmpty()) {
        Merging next = new Merging(due);
        merging = next;
        try {
          storage.merges().execute(next::run);
        } catch (RejectedExecutionException e) {
          boolean _ = next.giveUp();
          merging = null;
          throw e;
        }
      }
    }
    return merging != null;
  }

  private List<Run> dueMerge(List<Run> runs) {
    if (runs.isEmpty()) {
      return List.of();
    }
    long total = 0;
    long largest = 0;
    for (Run run : runs) {
      total += cost(run);
      largest = Math.max(largest, run.entries());
    }
    if (runs.size() > 1 && debt.skipped() > total) {
      return runs;
    }
    if (total > storage.smallEntries()
        && runs.size() >= BACKGROUND_FAN_IN
        && total - largest > largest / 2) {
      return runs;
    }
    List<Run> full = fullClass(runs, BACKGROUND_FAN_IN, false);
    if (full.isEmpty()) {
      for (Run run : runs) {
        if (storage.isMisplaced(run)) {
          return List.of(run);
        }
      }
    }
    return full;
  }

  /// Lets go of all contents; the arrangement is not used afterwards. Holds stay valid.
  @Override
  public void close() {
    rollback();
    committed.runs().forEach(Run::letGo);
    committed = new Snapshot(List.of(), debt);
    if (merging != null && !merging.giveUp()) {
      var _ = merging.output.thenAccept(Run::letGo);
    }
    merging = null;
    countHeap();
  }
}
