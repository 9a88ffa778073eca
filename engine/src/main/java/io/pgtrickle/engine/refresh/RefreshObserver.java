package io.pgtrickle.engine.refresh;

import java.time.Duration;

/// Watches refreshes from outside, to measure them. Called by the refresh thread; must return at
/// once.
public interface RefreshObserver {
  /// A refresh is visible.
  ///
  /// @param table the storage table's name with its schema
  /// @param took from the start of its epoch to its commit
  void applied(String table, boolean differential, long inserted, long deleted, Duration took);

  /// A source transaction is visible in a stream table, so long after its commit.
  void commitToVisible(String table, Duration latency);

  /// A refresh failed; the last good contents stay.
  void failed(String table, boolean differential);

  /// A stream table could not be written for now.
  void held(String table, boolean differential);

  /// Rows were removed that the table should not have had.
  void residueRemoved(String table, long rows);

  /// The weights of rows that were written could not be recomputed.
  void residueUnchecked(String table, long rows);

  /// Operator state was saved.
  void checkpointed(Checkpoints.Taken checkpoint);
}
