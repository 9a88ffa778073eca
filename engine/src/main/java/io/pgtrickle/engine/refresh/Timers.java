package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.dataflow.Dataflow;
import java.time.Clock;
import java.time.Instant;

/// Whether an epoch is due although nothing has come from the log.
///
/// Used by the refresh thread only.
final class Timers {
  private final LiveTables tables;
  private final Dataflow dataflow;
  private final FullRefreshes full;
  private final EpochWriter writer;
  private final Ledger ledger;
  private final Callers callers;
  private final EngineClock time;
  private final RefreshListener listener;
  private final Clock clock;

  Timers(
      LiveTables tables,
      Dataflow dataflow,
      FullRefreshes full,
      EpochWriter writer,
      Ledger ledger,
      Callers callers,
      EngineClock time,
      RefreshListener listener,
      Clock clock) {
    this.tables = tables;
    this.dataflow = dataflow;
    this.full = full;
    this.writer = writer;
    this.ledger = ledger;
    this.callers = callers;
    this.time = time;
    this.listener = listener;
    this.clock = clock;
  }

  /// Whether one is due now.
  boolean areDue() {
    Instant now = clock.instant();
    if (ledger.due(now)
        || time.isDue()
        || !callers.isEmpty()
        || full.anyDue(now, listener.refreshingEnabled())
        || !tables.rehearsalsDue(now).isEmpty()) {
      return true;
    }
    for (LiveTable table : tables.all()) {
      if (writer.isDue(table)) {
        return true;
      }
    }
    if (!listener.refreshingEnabled()) {
      return false;
    }
    // Few, while there may be a thousand tables and this is asked all the time.
    for (long id : dataflow.pendingViews()) {
      LiveTable table = tables.get(id);
      if (table != null
          && table.differential()
          && !table.paused()
          && table.isDue(now)
          && table.error().isEmpty()
          && !tables.blocked(table)) {
        return true;
      }
    }
    return false;
  }

  /// Whether one will be due soon.
  boolean areNear() {
    return ledger.waits(clock.instant())
        || !callers.isEmpty()
        || !dataflow.pendingViews().isEmpty()
        || tables.all().stream().anyMatch(writer::isDue);
  }
}
