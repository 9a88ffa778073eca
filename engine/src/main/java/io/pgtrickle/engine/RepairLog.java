package io.pgtrickle.engine;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.engine.backfill.PartitionRepairs;
import io.pgtrickle.engine.catalog.CaptureEvents.Kind;
import io.pgtrickle.engine.catalog.CaptureEvents.Severity;
import io.pgtrickle.engine.intake.SourceTable;
import io.pgtrickle.engine.refresh.RefreshLoop;

/// Makes it known what became of partitions, and has a table copied again where that is needed.
///
/// @param captureLog where people read it
/// @param loop that reads the table
record RepairLog(CaptureLog captureLog, RefreshLoop loop) implements PartitionRepairs.Listener {
  @Override
  public void repaired(String table, int partitions, long rows) {
    captureLog.note(
        Kind.PARTITIONS_CHANGED,
        Severity.INFO,
        "",
        "partitions of %s came, went, or were truncated or rewritten: %d of them; %d rows were replaced"
            .formatted(table, partitions, rows));
  }

  @Override
  public void givenUp(SourceTable table, String why) {
    captureLog.note(
        Kind.SOURCE_ALTERED,
        Severity.INFO,
        "",
        "partitions of %s came, went, or were truncated or rewritten; what reads it is initialized again (%s)"
            .formatted(table.name(), why));
    loop.post(
        () ->
            loop.sources()
                .givenUp(
                    table, new StateDamaged("partitions of " + table.name() + " changed", null)));
  }
}
