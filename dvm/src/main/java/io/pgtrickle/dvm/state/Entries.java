package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.Merge;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;

/// An ordered scan of a [Snapshot]: consolidated entries, by key and then row.
public final class Entries {
  private final Merge merge;
  private final Snapshot.Debt debt;
  private long skipped;

  Entries(Merge merge, Snapshot.Debt debt) {
    this.merge = merge;
    this.debt = debt;
  }

  /// Moves to the next entry of non-zero weight.
  public boolean next() {
    boolean found = merge.next();
    debt.read(1);
    long all = merge.cancelled();
    if (all > skipped) {
      debt.add(all - skipped);
      skipped = all;
    }
    return found;
  }

  public Row row() {
    return merge.row();
  }

  public long weight() {
    return merge.weight();
  }

  /// Replaces the sink's contents by the entry's key.
  public void key(ByteSink out) {
    merge.key(out);
  }
}
