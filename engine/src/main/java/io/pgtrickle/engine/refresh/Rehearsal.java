package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.engine.apply.StreamTable;
import java.util.Optional;

/// What a held table would be written with, readable on any thread until this is closed.
///
/// Writing it is tried apart from the epochs and taken back: an epoch that tried itself would make
/// all other tables wait for what fails, and would have to release what it tries to write.
///
/// @param output released or not, under the empty key
/// @param hold keeps it readable
public record Rehearsal(LiveTable table, Snapshot output, Snapshot.Hold hold)
    implements AutoCloseable {
  private static final ByteSink NO_KEY = new ByteSink(1);

  /// For the refresh thread.
  ///
  /// @param pending the output that would be released
  static Rehearsal of(LiveTable table, Optional<Snapshot> pending) {
    Batch.Builder carried = new Batch.Builder(table.carried().size());
    table.carried().forEach((row, weight) -> carried.add(NO_KEY, row, weight));
    Batch batch = carried.build();
    Snapshot output = pending.map(all -> all.plus(batch)).orElseGet(() -> Snapshot.of(batch));
    return new Rehearsal(table, output, output.hold());
  }

  /// Where it would be written.
  public StreamTable storage() {
    return table.storage();
  }

  @Override
  public void close() {
    hold.close();
  }
}
