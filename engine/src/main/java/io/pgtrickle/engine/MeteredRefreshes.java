package io.pgtrickle.engine;

import io.pgtrickle.engine.http.Readiness;
import io.pgtrickle.engine.metrics.Meters;
import io.pgtrickle.engine.refresh.Checkpoints;
import io.pgtrickle.engine.refresh.RefreshObserver;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/// Counts refreshes in the meters. A stream table has series from its first appearance until it is
/// gone.
///
/// May be used from any thread.
final class MeteredRefreshes implements RefreshObserver {
  private final Meters meters;
  private final Map<String, AtomicLong> lags = new ConcurrentHashMap<>();

  MeteredRefreshes(Meters meters) {
    this.meters = meters;
  }

  /// Takes over which stream tables there are and how far they are behind.
  void follow(Readiness.Report report) {
    if (!report.started()) {
      return;
    }
    Set<String> names = ConcurrentHashMap.newKeySet();
    for (Readiness.Table table : report.tables()) {
      names.add(table.name());
      lag(table.name()).set(table.lag().toNanos());
    }
    lags.keySet().stream().filter(name -> !names.contains(name)).forEach(this::drop);
  }

  private void drop(String table) {
    lags.remove(table);
    meters.tableDropped(table);
  }

  private AtomicLong lag(String table) {
    return lags.computeIfAbsent(
        table,
        name -> {
          AtomicLong lag = new AtomicLong();
          meters.tableAdded(name, lag::get);
          return lag;
        });
  }

  @Override
  public void applied(
      String table, boolean differential, long inserted, long deleted, Duration took) {
    lag(table);
    meters.refreshed(table, mode(differential), Meters.Outcome.APPLIED, took.toNanos());
    meters.rowsApplied(table, Meters.RowChange.INSERT, inserted);
    meters.rowsApplied(table, Meters.RowChange.DELETE, deleted);
  }

  @Override
  public void commitToVisible(String table, Duration latency) {
    lag(table);
    meters.commitToVisible(table, latency.toNanos());
  }

  @Override
  public void failed(String table, boolean differential) {
    lag(table);
    meters.refreshed(table, mode(differential), Meters.Outcome.FAILED, 0);
  }

  @Override
  public void held(String table, boolean differential) {
    lag(table);
    meters.refreshed(table, mode(differential), Meters.Outcome.HELD, 0);
  }

  @Override
  public void residueRemoved(String table, long rows) {
    meters.removedRows(rows);
  }

  @Override
  public void residueUnchecked(String table, long rows) {
    meters.uncheckedRows(rows);
  }

  private static Meters.Mode mode(boolean differential) {
    return differential ? Meters.Mode.DIFFERENTIAL : Meters.Mode.FULL;
  }

  @Override
  public void checkpointed(Checkpoints.Taken checkpoint) {
    meters.checkpointed(checkpoint.pause(), checkpoint.took());
  }
}
