package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.ViewErrors;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.Definition;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/// Which stream tables take part in the stream: who joins, who leaves, and what becomes of those
/// that read them.
///
/// Whoever leaves because its contents are not known any more takes its readers along, at once, and
/// they are built anew together: nobody could tell them what the difference is.
///
/// Used by the refresh thread only, between two epochs unless said otherwise.
public final class Membership {
  private final LiveTables tables;
  private final Dataflow dataflow;
  private final Builds builds;
  private final FullRefreshes full;
  private final Readership readership;
  private final StatusBoard status;
  private final Ledger ledger;
  private final RefreshListener listener;
  private final Supplier<LiveTable.Released> here;
  private final Clock clock;
  private Set<Integer> gated = Set.of();

  /// @param here where the stream is
  Membership(
      LiveTables tables,
      Dataflow dataflow,
      Builds builds,
      FullRefreshes full,
      Readership readership,
      StatusBoard status,
      Ledger ledger,
      RefreshListener listener,
      Supplier<LiveTable.Released> here,
      Clock clock) {
    this.tables = tables;
    this.dataflow = dataflow;
    this.builds = builds;
    this.full = full;
    this.readership = readership;
    this.status = status;
    this.ledger = ledger;
    this.listener = listener;
    this.here = here;
    this.clock = clock;
  }

  // ---- who joins --------------------------------------------------------------------------------

  /// Starts a private build, as [Builds#start] does. What is live with labels that cannot be used
  /// is built anew, too, so that nobody has them who has new ones.
  public HeldRows start(Build build, Connection reader) throws SQLException {
    Failure reason =
        new Failure("55000", "what it sorts or compares is not sorted as it was", true);
    Map<Long, Failure> reasons = new LinkedHashMap<>();
    for (LiveTable table : tables.all()) {
      if (table.differential() && !dataflow.hasUsableLabels(table.id())) {
        reasons.put(table.id(), reason);
      }
    }
    rebuild(reasons);
    build.dataflow().renewLabels();
    return builds.start(build, reader, here.get());
  }

  /// Makes privately built views part of the main dataflow; their output since they were filled
  /// follows with the next epoch. Those that the build has given up by then stay away.
  ///
  /// @param views those of the build
  public void join(Build build, List<Joining> views) {
    builds.joins(build);
    Map<Long, ZSet> output = build.takeOutput();
    List<LiveTable> joined = new ArrayList<>();
    for (Joining view : views) {
      if (build.contains(view.definition().pgtId())) {
        LiveTable table = live(view);
        table.carry(output.getOrDefault(table.id(), ZSet.EMPTY));
        joined.add(table);
      }
    }
    dataflow.adopt(build.dataflow());
    for (LiveTable table : joined) {
      add(table);
      noteErrors(table);
    }
  }

  /// Takes a FULL table into the stream; its first evaluation follows at once.
  public void joinFull(Joining joining) {
    LiveTable table = live(joining);
    add(table);
    full.add(table, joining.uncaptured());
    full.request(table.id());
  }

  /// Takes a stream table into the stream whose state has come back with the dataflow's; before
  /// the loop runs.
  ///
  /// @param saved what the checkpoint says of it
  /// @param written whether what it had carried then has been written since
  /// @param lastRefresh from when on its schedule counts: what became due since then is due
  public void restore(Joining joining, SavedTable saved, boolean written, Instant lastRefresh) {
    LiveTable table = live(joining);
    long refreshes = joining.refreshes();
    Instant now = clock.instant();
    // The server's clock may be ahead.
    table.releasedAt(saved.released(), lastRefresh.isBefore(now) ? lastRefresh : now);
    // What was written since then was written with all that had been carried until then.
    if (!written) {
      table.carry(saved.carried());
    }
    if (saved.populated() || refreshes > saved.refreshId()) {
      table.populate();
    }
    add(table);
  }

  private LiveTable live(Joining joining) {
    return new LiveTable(
        joining.definition(),
        joining.storage(),
        joining.verdict(),
        joining.document(),
        joining.refreshes(),
        here.get(),
        clock.instant());
  }

  private void add(LiveTable table) {
    status.stateChanged();
    readership.expectNoMore(table.id());
    tables.add(table);
    table.gate(!Collections.disjoint(table.sources(), gated));
  }

  /// Says what a stream table is about to read: that is not let go of. From any thread.
  public void expect(long id, Set<Integer> relations) {
    readership.expect(id, relations);
  }

  /// A stream table is not on its way any more, or not for now. From any thread.
  public void expectNoMore(long id) {
    readership.expectNoMore(id);
  }

  // ---- who stays --------------------------------------------------------------------------------

  /// Holds back the stream tables that read one of these relations, and no others.
  ///
  /// What they would have released keeps consolidating, so it is released as one when the gate
  /// opens. Who asks for one of them by name gets it all the same.
  public void gate(Set<Integer> relations) {
    gated = Set.copyOf(relations);
    tables.all().forEach(table -> table.gate(!Collections.disjoint(table.sources(), gated)));
  }

  /// Takes over a changed schedule or suspension.
  public void redefine(Definition definition) {
    LiveTable table = tables.get(definition.pgtId());
    if (table != null) {
      table.redefine(definition);
      if (table.suspended()) {
        table.resume();
        full.request(table.id());
        ledger.resumed(table);
      }
      if (table.populated() && table.error().isEmpty() && table.hold().isEmpty()) {
        ledger.live(table);
      }
    }
  }

  /// Notes the errors that a stream table's query has at present; also in the middle of an epoch.
  ///
  /// An evaluation error of a row freezes the last good contents while the row exists (law 5).
  void noteErrors(LiveTable table) {
    ViewErrors errors = dataflow.errors(table.id());
    if (errors.healed()) {
      healed(table);
    } else {
      Failure failure = new Failure(errors.sqlState(), errors.message(), false);
      if (!Optional.of(failure).equals(table.error())) {
        table.error(Optional.of(failure));
        ledger.failed(table, failure, clock.instant());
      }
    }
  }

  /// No row of a stream table's query fails, and its table gets the contents; also in the middle of
  /// an epoch.
  void healed(LiveTable table) {
    table.error(Optional.empty());
    table.populate();
    ledger.note(table, clock.instant());
    listener.live(table.id());
  }

  // ---- who leaves -------------------------------------------------------------------------------

  /// Takes a stream table out of the stream; its dependents stay and see no more changes of it.
  /// Also while an epoch waits.
  public void remove(long id) {
    readership.expectNoMore(id);
    LiveTable table = tables.remove(id);
    if (table != null) {
      status.stateChanged();
      full.remove(id);
      ledger.forget(id);
      if (table.differential()) {
        dataflow.drop(id);
      }
    }
  }

  /// Forgets the base tables that no stream table reads, live or being built, and returns their
  /// OIDs, and those of others that were forgotten since this was last done; while nothing is
  /// initialized.
  public Set<Integer> detachUnused() {
    return readership.letGoOfAll();
  }

  // ---- who is built anew ------------------------------------------------------------------------

  /// Takes a stream table out that is live under a definition with other contents, and has its
  /// readers built anew with it.
  ///
  /// @return false when it is live with the contents of this definition
  public boolean restart(Definition definition) {
    LiveTable table = tables.get(definition.pgtId());
    if (table == null) {
      return true;
    }
    if (!definition.rebuilds(table.definition())) {
      return false;
    }
    Set<Long> readers = tables.downstream(table.id());
    takeOut(Set.of(table.id()));
    buildAnew(readers);
    return true;
  }

  /// Builds anew what is maintained otherwise than a setting asks for; the contents stay.
  ///
  /// @param forced whether every refresh is to evaluate the whole query
  public void forceFull(boolean forced) {
    Set<Long> again = new LinkedHashSet<>();
    for (LiveTable table : tables.all()) {
      if (forced ? table.differential() : table.verdict().isForced()) {
        again.addAll(tables.downstream(table.id()));
        again.add(table.id());
      }
    }
    buildAnew(again);
  }

  /// A storage table is not what or where it was.
  public void storageAltered(StreamTable storage) {
    LiveTable table = tables.get(storage.id());
    if (table != null && table.storage().relation() == storage.relation()) {
      rebuild(
          storage.id(),
          new Failure("42P01", storage.catalogName() + " is not where or whose it was", true));
    }
  }

  /// Builds a stream table anew, and what reads it; also in the middle of an epoch.
  void rebuild(long id, Failure reason) {
    rebuild(Map.of(id, reason));
  }

  /// Builds stream tables anew, each for a reason, and what reads them; at once, so that what they
  /// read is read once. Also in the middle of an epoch.
  void rebuild(Map<Long, Failure> reasons) {
    Set<Long> again = new LinkedHashSet<>();
    reasons.forEach(
        (id, reason) -> {
          LiveTable table = tables.get(id);
          if (table != null) {
            ledger.failed(table, reason, clock.instant());
          }
          again.addAll(tables.downstream(id));
          again.add(id);
        });
    buildAnew(again);
  }

  private void buildAnew(Set<Long> ids) {
    takeOut(ids);
    if (!ids.isEmpty()) {
      listener.rebuild(ids);
    }
  }

  private void takeOut(Set<Long> ids) {
    for (long id : ids) {
      LiveTable table = tables.get(id);
      remove(id);
      if (table != null) {
        readership.expect(id, table.sources());
      }
    }
  }
}
