package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import java.util.function.ObjLongConsumer;

/// Look-ups of ascending keys in a sum of runs.
public final class Probes {
  /*
   * from[r] is where the last key was sought in run r; the next key, which must not be below it, gallops
   * on from there, so that a batch of d sorted keys costs O(d log(n / d)) and touches each block once.
   * A position past the key is not kept, because the same key may be sought again.
   */
  private final Run[] runs;
  private final long[] from;
  private final Merge merge;

  public Probes(List<Run> runs) {
    this.runs = runs.toArray(new Run[0]);
    from = new long[this.runs.length];
    merge = new Merge(this.runs.length);
  }

  /// Positions at a key that is not below the one before.
  public Probes seek(ByteSink key) {
    Target target = Target.key(key);
    merge.clear();
    for (int r = 0; r < runs.length; r++) {
      Run run = runs[r];
      long start = run.seek(from[r], target);
      from[r] = start;
      if (start != run.end()) {
        merge.add(run, start, run.seekPast(start, target));
      }
    }
    merge.start(false);
    return this;
  }

  /// The net weight of one entry, which must not be below the one asked or sought before.
  public long weight(ByteSink key, Row row) {
    Target target = Target.entry(key, row);
    long weight = 0;
    for (int r = 0; r < runs.length; r++) {
      Run run = runs[r];
      long at = run.seek(from[r], target);
      from[r] = at;
      if (at != run.end()) {
        Block block = run.block(at);
        if (block.compare((int) at, target) == 0) {
          weight = Math.addExact(weight, block.weight((int) at));
        }
      }
    }
    return weight;
  }

  /// Moves to the next row of the key with a non-zero net weight, in the order of row bytes.
  public boolean next() {
    return merge.next();
  }

  public Row row() {
    return merge.row();
  }

  public long weight() {
    return merge.weight();
  }

  /// Passes on what is left of the key's rows, and says how many entries that took.
  public long forEach(ObjLongConsumer<Row> action) {
    long entries = -merge.cancelled();
    while (merge.next()) {
      action.accept(merge.row(), merge.weight());
      entries++;
    }
    return entries + merge.cancelled();
  }
}
