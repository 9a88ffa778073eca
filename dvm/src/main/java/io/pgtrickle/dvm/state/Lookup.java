package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.Probes;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import java.util.function.ObjLongConsumer;

/// A pass over a [Snapshot] by ascending keys, cheaper than a look-up of each on its own.
public final class Lookup {
  private final Probes probes;
  private final Snapshot.Debt debt;

  Lookup(List<Run> runs, Snapshot.Debt debt) {
    this.debt = debt;
    probes = new Probes(runs);
  }

  /// Positions at a key, which must not be below the one before; equal is fine.
  public Lookup seek(ByteSink key) {
    probes.seek(key);
    return this;
  }

  /// The weight of one row under a key, without looking at the others; (key, row) must not be below
  /// what was asked before.
  public long weight(ByteSink key, Row row) {
    debt.read(1);
    return probes.weight(key, row);
  }

  /// Moves to the next row under the key with a non-zero weight, in the order of row bytes.
  public boolean next() {
    debt.read(1);
    return probes.next();
  }

  public Row row() {
    return probes.row();
  }

  public long weight() {
    return probes.weight();
  }

  /// Passes on the rest of the rows under the key.
  public void forEach(ObjLongConsumer<Row> action) {
    debt.read(probes.forEach(action));
  }
}
