package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.KeyWalk;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import java.util.function.ObjLongConsumer;

/// A walk over one or several [Batch]es, one key at a time in ascending order.
public final class Walk {
  private final KeyWalk walk;

  Walk(List<Run> runs) {
    walk = new KeyWalk(runs);
  }

  /// Moves to the next key that any batch has.
  public boolean next() {
    return walk.next();
  }

  /// The current key; valid until the next move.
  public ByteSink key() {
    return walk.key();
  }

  /// Whether a batch has entries under the current key.
  public boolean has(int batch) {
    return !walk.isEmpty(batch);
  }

  /// A batch's entries under the current key, in the order of row bytes.
  public void forEach(int batch, ObjLongConsumer<Row> action) {
    walk.forEach(batch, action);
  }
}
