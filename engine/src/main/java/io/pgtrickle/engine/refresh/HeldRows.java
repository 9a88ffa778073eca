package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.state.Snapshot;
import java.util.List;
import java.util.Map;

/// The rows of base tables at one boundary, readable until this is closed, on any thread.
///
/// @param rows by relation
public record HeldRows(Map<Integer, Snapshot> rows, List<Snapshot.Hold> holds)
    implements AutoCloseable {
  public HeldRows {
    rows = Map.copyOf(rows);
    holds = List.copyOf(holds);
  }

  /// Holds snapshots; for the thread that owns what they are snapshots of.
  static HeldRows of(Map<Integer, Snapshot> rows) {
    return new HeldRows(rows, rows.values().stream().map(Snapshot::hold).toList());
  }

  @Override
  public void close() {
    holds.forEach(Snapshot.Hold::close);
  }
}
