package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.engine.intake.Intake;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/// How the live tables are, as the refresh thread last told; read by any thread.
///
/// Telling costs something per table and, when there was work since, per operator. With a thousand
/// stream tables that is too much for every epoch, so it is done now and then.
final class StatusBoard {
  private static final Duration INTERVAL = Duration.ofMillis(200);
  private static final Duration IDLE_INTERVAL = Duration.ofSeconds(1);

  private final LiveTables tables;
  private final Dataflow dataflow;
  private final Intake intake;
  private Instant due = Instant.MIN;
  private boolean stateChanged = true;
  private volatile Map<Long, TableStatus> statuses = Map.of();
  private volatile long stateBytes;

  StatusBoard(LiveTables tables, Dataflow dataflow, Intake intake) {
    this.tables = tables;
    this.dataflow = dataflow;
    this.intake = intake;
  }

  /// There may be more or less state than was told.
  void stateChanged() {
    stateChanged = true;
  }

  /// Whether it is time to tell again.
  boolean isDue(Instant now) {
    return !now.isBefore(stateChanged ? due : due.plus(IDLE_INTERVAL.minus(INTERVAL)));
  }

  /// Tells how things are.
  void publish(Instant now) {
    Map<Long, TableStatus> current = new HashMap<>();
    for (LiveTable table : tables.all()) {
      current.put(table.id(), TableStatus.of(table, tables.heldSince(table), now));
    }
    statuses = Map.copyOf(current);
    if (stateChanged) {
      stateChanged = false;
      stateBytes = dataflow.stateBytes() + intake.stateBytes();
    }
    due = now.plus(INTERVAL);
  }

  /// Per stream table; for any thread.
  Map<Long, TableStatus> statuses() {
    return statuses;
  }

  /// Operator state and the rows of base tables, in bytes; for any thread.
  long stateBytes() {
    return stateBytes;
  }
}
