package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;

/// The sum of ranges of sorted runs, streamed in order, ascending or descending.
///
/// Equal entries of different runs meet here: their weights are added, zeros are skipped.
public final class Merge {
  /*
   * One slot per run: runs[s], the next position at[s] and the exclusive bound to[s] (descending:
   * the positions go down, at[s] is the entry after the next one). heap[0, live) orders the slots that
   * have entries left by their next entry. A single live slot, the common case of a look-up,
   * skips all comparisons. next() pops the least entry and every equal one, O(log runs) each.
   */
  private final Run[] runs;
  private final long[] at;
  private final long[] to;
  private final Block[] block;
  private final int[] index;
  private final int[] heap;
  private int live;
  private boolean descending;

  private Block current;
  private int currentIndex;
  private long weight;
  private long cancelled;

  Merge(int capacity) {
    runs = new Run[capacity];
    at = new long[capacity];
    to = new long[capacity];
    block = new Block[capacity];
    index = new int[capacity];
    heap = new int[capacity];
    current = NONE;
  }

  private static final Block NONE =
      new ArrayBlock(0, 0, new long[0], new int[1], new byte[0], 0, null, null, null);

  /// All entries of some runs, ascending.
  public static Merge of(List<Run> runs) {
    Merge merge = new Merge(runs.size());
    for (Run run : runs) {
      merge.add(run, 0, run.end());
    }
    merge.start(false);
    return merge;
  }

  /// The entries whose key starts with a prefix; with an empty prefix all of them.
  public static Merge prefixed(List<Run> runs, ByteSink prefix, boolean descending) {
    Merge merge = new Merge(runs.size());
    Target low = Target.key(prefix);
    Target past = Target.pastPrefix(prefix);
    for (Run run : runs) {
      long from = run.seek(0, low);
      long end = past == null ? run.end() : run.seek(from, past);
      merge.add(run, from, end);
    }
    merge.start(descending);
    return merge;
  }

  void clear() {
    live = 0;
  }

  void add(Run run, long from, long end) {
    if (from < end) {
      int s = live++;
      runs[s] = run;
      at[s] = from;
      to[s] = end;
      heap[s] = s;
    }
  }

  void start(boolean downwards) {
    descending = downwards;
    for (int s = 0; s < live; s++) {
      if (descending) {
        long from = at[s];
        at[s] = to[s];
        to[s] = from;
      }
      load(s);
    }
    for (int h = live / 2 - 1; h >= 0; h--) {
      sift(h);
    }
  }

  // Makes the slot's next entry readable.
  private void load(int s) {
    long position = descending ? runs[s].before(at[s]) : at[s];
    block[s] = runs[s].block(position);
    index[s] = (int) position;
  }

  private boolean advance(int s) {
    if (descending) {
      at[s] = runs[s].before(at[s]);
    } else if (index[s] + 1 < block[s].size) {
      at[s]++;
    } else {
      at[s] = runs[s].after(at[s]);
    }
    if (at[s] == to[s]) {
      return false;
    }
    load(s);
    return true;
  }

  private void sift(int from) {
    int h = from;
    int moved = heap[h];
    while (2 * h + 1 < live) {
      int child = 2 * h + 1;
      if (child + 1 < live && less(heap[child + 1], heap[child])) {
        child++;
      }
      if (!less(heap[child], moved)) {
        break;
      }
      heap[h] = heap[child];
      h = child;
    }
    heap[h] = moved;
  }

  private boolean less(int s, int t) {
    int order = block[s].compare(index[s], block[t], index[t]);
    return descending ? order > 0 : order < 0;
  }

  private void pop() {
    int s = heap[0];
    if (!advance(s)) {
      heap[0] = heap[--live];
    }
    if (live > 1) {
      sift(0);
    }
  }

  /// Moves to the next entry of non-zero net weight; false at the end.
  public boolean next() {
    while (live > 0) {
      int s = heap[0];
      current = block[s];
      currentIndex = index[s];
      weight = current.weight(currentIndex);
      pop();
      while (live > 0 && block[heap[0]].compare(index[heap[0]], current, currentIndex) == 0) {
        weight = Math.addExact(weight, block[heap[0]].weight(index[heap[0]]));
        pop();
      }
      if (weight != 0) {
        return true;
      }
      cancelled++;
    }
    return false;
  }

  /// How many entries have been skipped because their weights cancelled.
  public long cancelled() {
    return cancelled;
  }

  /// The net weight of the current entry.
  public long weight() {
    return weight;
  }

  /// A copy of the current entry's row.
  public Row row() {
    return Row.ofOwned(current.row(currentIndex));
  }

  /// Replaces the sink's contents by the current entry's key.
  public void key(ByteSink out) {
    current.key(currentIndex, out);
  }

  /// The current entry, to be sought.
  Target target() {
    return Target.entry(current, currentIndex);
  }

  void appendTo(RunBuilder out) {
    out.append(current, currentIndex, weight);
  }
}
