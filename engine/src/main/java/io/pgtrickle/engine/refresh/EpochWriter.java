package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.Applier;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.DeltaWriter.Written;
import io.pgtrickle.engine.apply.ResidueCheck;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.History;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

/// Writes what an epoch released, and settles what became of each stream table: visible, held, or
/// damaged.
///
/// Used by the refresh thread only.
final class EpochWriter {
  private final Applier applier;
  private final Ledger ledger;
  private final LiveTables tables;
  private final Dataflow dataflow;
  private final FullRefreshes full;
  private final Membership members;
  private final RefreshListener listener;
  private final Clock clock;

  // Visible, but not yet compared with the state.
  private final Map<LiveTable, ZSet> unchecked = new LinkedHashMap<>();

  /// What an epoch's transaction belongs to.
  ///
  /// @param frontier up to where it makes everything visible
  /// @param frontierTime its time
  /// @param byHand the stream tables that somebody has asked to refresh
  /// @param commits when its source transactions committed, by the server's clock
  /// @param began when it began, by ours
  record Epoch(
      Lsn frontier, Instant frontierTime, Set<Long> byHand, List<Instant> commits, Instant began) {}

  EpochWriter(
      Applier applier,
      Ledger ledger,
      LiveTables tables,
      Dataflow dataflow,
      FullRefreshes full,
      Membership members,
      RefreshListener listener,
      Clock clock) {
    this.applier = applier;
    this.ledger = ledger;
    this.tables = tables;
    this.dataflow = dataflow;
    this.full = full;
    this.members = members;
    this.listener = listener;
    this.clock = clock;
  }

  /// Whether a table has something to write, and may be. One that was held rejoins by being
  /// written, even if all that it lacked has been taken back.
  boolean isDue(LiveTable table) {
    return (!table.carried().isEmpty() || table.hold().isPresent()) && !tables.blocked(table);
  }

  /// Writes everything that is due in one transaction.
  ///
  /// @throws SourceUnavailable when the connection or the lease is lost
  void write(Epoch epoch) {
    List<Applier.TableDelta> due = new ArrayList<>();
    for (LiveTable table : tables.all()) {
      if (isDue(table)) {
        due.add(
            new Applier.TableDelta(
                table.storage(),
                table.carried(),
                expectedWeights(table),
                table.hold().isPresent()));
      }
    }
    if (due.isEmpty() && !ledger.due(epoch.began)) {
      return;
    }
    try {
      settle(apply(due, epoch), epoch);
    } catch (StateDamaged refused) {
      // Nothing was committed; without the tables that were moved it is done again.
      List<StreamTable> displaced = ledger.displaced(tables.all());
      if (displaced.isEmpty()) {
        throw new SourceUnavailable(
            "55000", "another sidecar has taken the lease of this database", refused);
      }
      displaced.forEach(members::storageAltered);
    }
  }

  private Applier.Applied apply(List<Applier.TableDelta> due, Epoch epoch) {
    return applier.apply(
        due,
        tables::downstream,
        (connection, pipeline, written) ->
            ledger.write(
                connection,
                pipeline,
                epoch.frontier,
                epoch.frontierTime,
                written(written),
                epoch.began));
  }

  private void settle(Applier.Applied applied, Epoch epoch) {
    Instant ended = clock.instant();
    ledger.committed(epoch.began);
    Set<Integer> changed = new HashSet<>();
    written(applied.written())
        .forEach(
            (table, rows) -> {
              ZSet delta = table.carried();
              boolean wasHeld = table.hold().isPresent();
              table.carriedIsVisible();
              if (rows.inserted() + rows.deleted() > 0) {
                table.refreshed();
                changed.add(table.storage().relation());
              }
              if (wasHeld) {
                ledger.note(table, ended);
                listener.live(table.id());
              }
              ledger.visible(
                  table,
                  rows,
                  epoch.commits,
                  epoch.byHand.contains(table.id())
                      ? History.Initiator.MANUAL
                      : History.Initiator.SCHEDULER,
                  epoch.began,
                  ended);
              ResidueCheck.Residue residue = applied.residues().get(table.id());
              if (residue != null) {
                ledger.residue(table, residue);
              } else if (!delta.isEmpty()) {
                unchecked.put(table, delta);
              }
            });
    if (!changed.isEmpty()) {
      full.sourcesChanged(changed);
    }
    // An epoch is long because of others.
    applied.failures().forEach((id, failure) -> failed(id, failure, ended, Duration.ZERO));
  }

  private Map<LiveTable, Written> written(Map<Long, Written> byId) {
    Map<LiveTable, Written> written = new LinkedHashMap<>();
    byId.forEach(
        (id, rows) -> {
          LiveTable table = tables.get(id);
          if (table != null) {
            written.put(table, rows);
          }
        });
    return written;
  }

  /// A table could not be written, in an epoch or a rehearsal.
  ///
  /// @param took how long it took to find out, in work for this table alone
  void failed(long id, Failure failure, Instant now, Duration took) {
    LiveTable table = tables.get(id);
    if (table == null) {
      return;
    }
    if (failure.damaged()) {
      members.rebuild(id, failure);
    } else {
      table.hold(failure, now, took);
      ledger.held(table, failure, table.hold().map(LiveTable.Hold::since).orElse(now));
    }
  }

  /// Looks for residue in what was written and not checked with it. PH-D1: expected to find
  /// nothing, see [ResidueCheck].
  void checkResidue() {
    Map<LiveTable, ZSet> visible = new LinkedHashMap<>(unchecked);
    unchecked.clear();
    visible.forEach(
        (table, delta) -> {
          if (tables.contains(table.id())) {
            expectedWeights(table)
                .ifPresentOrElse(
                    expected -> checkResidue(table, delta, expected),
                    () -> cannotTell(table, delta));
          }
        });
  }

  private void cannotTell(LiveTable table, ZSet delta) {
    if (table.storage().joining()) {
      ledger.residue(table, new ResidueCheck.Residue(0, delta.size(), 0));
    }
  }

  private void checkResidue(LiveTable table, ZSet delta, Function<Row, OptionalLong> expected) {
    try {
      ledger.checkResidue(table, delta, expected);
    } catch (StateDamaged e) {
      members.rebuild(table.id(), new Failure(e.sqlState(), String.valueOf(e.getMessage()), true));
    }
  }

  private Optional<Function<Row, OptionalLong>> expectedWeights(LiveTable table) {
    // The weight is that of all output, while a table that is written late or by a schedule shows
    // what was released; they are the same only where nothing waits for its release.
    return table.storage().joining()
            && table.differential()
            && dataflow.pendingRows(table.id()) == 0
        ? Optional.of(row -> dataflow.weight(table.id(), row))
        : Optional.empty();
  }
}
