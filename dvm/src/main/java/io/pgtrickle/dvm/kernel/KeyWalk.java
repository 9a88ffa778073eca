package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import java.util.function.ObjLongConsumer;

/// Walks several runs together, key by key in ascending order.
public final class KeyWalk {
  /*
   * start[r], end[r] bound the current key's entries in run r (empty when the key is not there). The
   * least next key is found by comparing the heads, of which there are as many as an operator has
   * inputs: a linear scan.
   */
  private final Run[] runs;
  private final long[] start;
  private final long[] end;
  private final ByteSink key = new ByteSink();

  public KeyWalk(List<Run> runs) {
    this.runs = runs.toArray(new Run[0]);
    start = new long[this.runs.length];
    end = new long[this.runs.length];
  }

  /// Moves to the next key that occurs in any run.
  public boolean next() {
    int least = -1;
    for (int r = 0; r < runs.length; r++) {
      if (end[r] != runs[r].end()
          && (least < 0 || block(r).compareKey((int) end[r], block(least), (int) end[least]) < 0)) {
        least = r;
      }
    }
    if (least < 0) {
      return false;
    }
    Block head = block(least);
    int i = (int) end[least];
    head.key(i, key);
    Target target = Target.key(key);
    for (int r = 0; r < runs.length; r++) {
      start[r] = end[r];
      end[r] = runs[r].seekPast(start[r], target);
    }
    return true;
  }

  private Block block(int r) {
    return runs[r].block(end[r]);
  }

  /// The current key; valid until the next move.
  public ByteSink key() {
    return key;
  }

  /// Whether a run has no entry of the current key.
  public boolean isEmpty(int r) {
    return start[r] == end[r];
  }

  /// The current key's entries of one run, in the order of row bytes.
  public void forEach(int r, ObjLongConsumer<Row> action) {
    Run run = runs[r];
    for (long at = start[r]; at != end[r]; at = run.after(at)) {
      Block block = run.block(at);
      int i = (int) at;
      action.accept(Row.ofOwned(block.row(i)), block.weight(i));
    }
  }
}
