package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Order statistics of a sum of runs: an entry of net weight w takes w places, one after the other
/// in the order of entries.
public final class Ranking {
  /*
   * Weights add up over runs, so the places before a bound are the sum of what each run has before it,
   * which Run.weight knows from its running sums: O(log n) per run, however many entries lie between.
   * Entries that cancel need no care, as both of them are before the bound or neither is.
   *
   * at(place) keeps for each run a range [low, high) such that the place is in the sum of the ranges,
   * and halves the widest of them: its middle entry is sought in all runs, and the places before it
   * tell on which side to go on. When no range has more than FEW entries left, they are merged. With r
   * runs that is O(r log n) pivots at O(r log n) each, of which most fall within a block or two; r is
   * logarithmic in n.
   *
   * [from[r], to[r]) is what starts with the prefix in run r.
   */
  private static final int FEW = 8;

  private final Run[] runs;
  private final long[] from;
  private final long[] to;
  private int pivots;

  /// The entries whose key starts with a prefix; with an empty prefix all of them.
  public Ranking(List<Run> runs, ByteSink prefix) {
    this.runs = runs.toArray(new Run[0]);
    from = new long[this.runs.length];
    to = new long[this.runs.length];
    Target low = Target.key(prefix);
    Target past = Target.pastPrefix(prefix);
    for (int r = 0; r < from.length; r++) {
      Run run = this.runs[r];
      from[r] = run.seek(0, low);
      to[r] = past == null ? run.end() : run.seek(from[r], past);
    }
  }

  /// How many places there are.
  public long size() {
    return weight(from, to);
  }

  /// How many places are before a bound: before the first entry that is not below (key, row), or
  /// `past` it; without a row before the first key that is not below, or `past` all that start with
  /// it.
  public long rank(ByteSink key, @Nullable Row row, boolean past) {
    return weight(from, positions(key, row, past));
  }

  /// The entries from a bound of [#rank] to the end, or down from there to the start.
  public Merge from(ByteSink key, @Nullable Row row, boolean past, boolean descending) {
    long[] bound = positions(key, row, past);
    return descending ? merge(from, bound, true) : merge(bound, to, false);
  }

  /// The entries from the one that takes a place on; none beyond the last place.
  public Merge at(long place) {
    long[] low = from.clone();
    long[] high = to.clone();
    long[] cut = new long[runs.length];
    long passed = 0;
    pivots = 0;
    for (int widest = widest(low, high); widest >= 0; widest = widest(low, high)) {
      pivots++;
      Run run = runs[widest];
      long middle = run.middle(low[widest], high[widest]);
      Target pivot = Target.entry(run.block(middle), (int) middle);
      for (int r = 0; r < cut.length; r++) {
        cut[r] = r == widest ? middle : Math.min(high[r], runs[r].seek(low[r], pivot));
      }
      long before = weight(low, cut);
      if (passed + before > place) {
        System.arraycopy(cut, 0, high, 0, cut.length);
      } else {
        passed += before;
        System.arraycopy(cut, 0, low, 0, cut.length);
      }
    }
    Merge rest = merge(low, high, false);
    while (rest.next()) {
      passed += rest.weight();
      if (passed > place) {
        Target found = rest.target();
        for (int r = 0; r < cut.length; r++) {
          cut[r] = Math.min(high[r], runs[r].seek(low[r], found));
        }
        return merge(cut, to, false);
      }
    }
    return merge(to, to, false);
  }

  /// How many entries the last [#at] has compared all runs with.
  int pivots() {
    return pivots;
  }

  // The run with the widest range; −1 when all are narrow.
  private int widest(long[] low, long[] high) {
    int widest = -1;
    long most = FEW;
    for (int r = 0; r < runs.length; r++) {
      long entries = runs[r].distance(low[r], high[r]);
      if (entries > most) {
        most = entries;
        widest = r;
      }
    }
    return widest;
  }

  private long[] positions(ByteSink key, @Nullable Row row, boolean past) {
    long[] bound = from.clone();
    Target target = row == null ? Target.key(key) : Target.entry(key, row);
    Target pastPrefix = row == null && past ? Target.pastPrefix(key) : null;
    for (int r = 0; r < bound.length; r++) {
      Run run = runs[r];
      long at;
      if (row != null) {
        at = past ? run.seekPast(from[r], target) : run.seek(from[r], target);
      } else if (!past) {
        at = run.seek(from[r], target);
      } else {
        at = pastPrefix == null ? run.end() : run.seek(from[r], pastPrefix);
      }
      bound[r] = Math.min(at, to[r]);
    }
    return bound;
  }

  private long weight(long[] low, long[] high) {
    long sum = 0;
    for (int r = 0; r < runs.length; r++) {
      sum = Math.addExact(sum, runs[r].weight(low[r], high[r]));
    }
    return sum;
  }

  private Merge merge(long[] low, long[] high, boolean descending) {
    Merge merge = new Merge(runs.length);
    for (int r = 0; r < runs.length; r++) {
      merge.add(runs[r], low[r], high[r]);
    }
    merge.start(descending);
    return merge;
  }
}
