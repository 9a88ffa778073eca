package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.engine.intake.SourceRows;
import java.util.List;
import java.util.Map;

/// The rows of base tables at one boundary, readable until this is closed, on any thread.
///
/// @param rows by relation
public record HeldRows(Map<Integer, SourceRows> rows, List<Snapshot.Hold> holds)
    implements AutoCloseable {
  public HeldRows {
    rows = Map.copyOf(rows);
    holds = List.copyOf(holds);
  }

  /// Holds snapshots; for the thread that owns what they are snapshots of.
  static HeldRows of(Map<Integer, SourceRows> rows) {
    return new HeldRows(rows, rows.values().stream().map(SourceRows::hold).toList());
  }

  @Override
  public void close() {
    holds.forEach(Snapshot.Hold::close);
  }
}
