package io.pgtrickle.engine.intake;

import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.KeptColumns;
import io.pgtrickle.dvm.zset.Row;
import java.util.function.ObjLongConsumer;

/// The rows of a base table at one moment, with the columns that are kept of them.
///
/// Readable until the table changes, or while they are held.
///
/// @param stored narrow rows
public record SourceRows(Snapshot stored, KeptColumns columns) {
  /// What they take, in bytes.
  public long bytes() {
    return stored.bytes();
  }

  /// Keeps them readable until the hold is closed, on any thread; for the refresh thread.
  public Snapshot.Hold hold() {
    return stored.hold();
  }

  /// Passes on every row of the table's schema, with its weight; other columns are NULL.
  ///
  /// @throws io.pgtrickle.dvm.TrickleException.StateDamaged when a row cannot be read
  public void forEach(ObjLongConsumer<Row> action) {
    Entries all = stored.prefix(new ByteSink(0));
    while (all.next()) {
      action.accept(columns.widen(all.row()), all.weight());
    }
  }
}
