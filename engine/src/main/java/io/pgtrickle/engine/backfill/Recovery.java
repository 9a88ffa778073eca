package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.slot.ServerIdentity;
import io.pgtrickle.cdc.slot.SlotState;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Restored;
import io.pgtrickle.dvm.dataflow.Sharing;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Progress;
import io.pgtrickle.engine.catalog.SourceGates;
import io.pgtrickle.engine.catalog.StreamTableState;
import io.pgtrickle.engine.catalog.StreamTableState.Visible;
import io.pgtrickle.engine.intake.SourceTable;
import io.pgtrickle.engine.refresh.Checkpoint;
import io.pgtrickle.engine.refresh.LiveTable;
import io.pgtrickle.engine.refresh.RefreshLoop;
import io.pgtrickle.engine.refresh.Replay;
import io.pgtrickle.engine.refresh.SavedTable;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Brings stream tables back to life from a checkpoint.
///
/// [#find] says whether there is one that goes with the database as it is, and so from where the
/// log is read. [#restore] then takes back what is the same as when it was made, and leaves the
/// rest to be initialized as if it were new: nothing is trusted that could have changed while
/// nobody looked. Every definition is analyzed anew, its plan compared with the one that the state
/// is of, and its base tables with what they were.
///
/// Called by one thread, before the refresh thread runs.
public final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  // And gates are noticed with some delay.
  private static final Duration CLOCKS_DIFFER = Duration.ofMinutes(5);

  private final Saved saved;
  private final Checkpoint checkpoint;

  private Recovery(Saved saved, Checkpoint checkpoint) {
    this.saved = saved;
    this.checkpoint = checkpoint;
  }

  /// The checkpoint to start from; empty if there is none that can be used, which is logged.
  ///
  /// @param history up to where a timeline is part of the server's history; empty if it is not
  /// @param slot as it is, while nobody reads it
  /// @param version of this program
  public static Optional<Recovery> find(
      StateDirectory directory,
      ServerIdentity server,
      IntFunction<Optional<Lsn>> history,
      Progress progress,
      SlotState slot,
      String version) {
    directory.problems().forEach(problem -> LOG.warn("{}", problem));
    Optional<Saved> saved = directory.saved();
    if (saved.isEmpty()) {
      return Optional.empty();
    }
    try {
      Checkpoint checkpoint = Checkpoint.of(saved.get());
      Optional<String> objection =
          objection(saved.get().origin(), checkpoint, server, history, progress, slot, version);
      objection.ifPresent(why -> LOG.warn("the checkpoint is of no use: {}", why));
      return objection.isPresent()
          ? Optional.empty()
          : Optional.of(new Recovery(saved.get(), checkpoint));
    } catch (StateDamaged e) {
      LOG.warn("the checkpoint is of no use: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private static Optional<String> objection(
      Origin origin,
      Checkpoint checkpoint,
      ServerIdentity server,
      IntFunction<Optional<Lsn>> history,
      Progress progress,
      SlotState slot,
      String version) {
    Lsn confirmed = slot.confirmedFlush().orElse(Lsn.ZERO);
    Lsn applied = progress.frontier() == null ? Lsn.ZERO : progress.frontier();
    boolean sameLog =
        origin.systemIdentifier().equals(server.systemId())
            && history
                .apply(origin.timeline())
                .filter(end -> !checkpoint.position().isAfter(end))
                .isPresent();
    if (!sameLog) {
      return Optional.of(
          "it reaches to %s in another log, %s; this is %s on timeline %d"
              .formatted(checkpoint.position(), origin, server.systemId(), server.timeline()));
    }
    if (!checkpoint.version().equals(version)) {
      return Optional.of(
          "it was made by version %s; this is %s".formatted(checkpoint.version(), version));
    }
    if (!checkpoint.slot().equals(slot.name())) {
      return Optional.of(
          "it goes with slot %s; the slot is %s".formatted(checkpoint.slot(), slot.name()));
    }
    if (confirmed.isAfter(checkpoint.position())) {
      return Optional.of(
          "it reaches to %s, and the slot starts at %s: somebody else read it since"
              .formatted(checkpoint.position(), confirmed));
    }
    if (checkpoint.recorded().isAfter(applied)) {
      return Optional.of(
          "it reaches to %s, and the database to %s: it was set back"
              .formatted(checkpoint.position(), server.flushed()));
    }
    return Optional.empty();
  }

  /// From where the log is to be read.
  public Lsn position() {
    return checkpoint.position();
  }

  /// What restoring needs of the tenure.
  ///
  /// @param control an ordinary session, autocommit on
  /// @param writers opens sessions that may act for owners, autocommit off
  /// @param definitionsRelation the relation whose rows are the definitions
  public record Parts(
      RefreshLoop loop,
      Storage storage,
      Analyzer analyzer,
      Connection control,
      Callable<Connection> writers,
      PublicationWatch watch,
      Progress progress,
      DefinitionWatch definitions,
      int definitionsRelation) {}

  /// Takes back what can be; the loop then goes on from the checkpoint.
  ///
  /// @return the stream tables that came back
  public Set<Long> restore(Parts parts) throws SQLException {
    Map<Long, Visible> visible = StreamTableState.visible(parts.control());
    Map<Long, SavedTable> entries = entries(parts, visible);
    Map<Long, Preparation> prepared =
        Preparations.of(
            parts.definitions().all().stream()
                .filter(definition -> entries.containsKey(definition.pgtId()))
                .toList(),
            parts.analyzer(),
            parts.writers());
    Restored restored = restore(parts, prepared, entries);
    restored
        .refused()
        .forEach(
            (id, refusal) -> LOG.warn("{} is initialized anew: {}", name(prepared, id), refusal));
    prepared.forEach(
        (id, one) -> {
          SavedTable entry = entries.get(id);
          if (entry != null && restored.views().contains(id)) {
            Visible now = visible.getOrDefault(id, Visible.NEVER);
            Instant refreshed = now.refreshedAt();
            parts
                .loop()
                .members()
                .restore(
                    one.joining(one.definition(), now.refreshId()),
                    entry,
                    isWritten(entry, now),
                    refreshed == null ? entry.released().time() : refreshed);
          }
        });
    Set<Integer> gated =
        SourceGates.gatedSince(parts.control(), checkpoint.time().minus(CLOCKS_DIFFER));
    Set<Long> heldBack = new HashSet<>();
    prepared.forEach(
        (id, one) -> {
          if (!Collections.disjoint(one.verdict().sources(), gated)) {
            heldBack.add(id);
          }
        });
    parts.loop().resume(checkpoint, replay(parts, entries, visible, restored.views(), heldBack));
    LOG.info(
        "{} of {} stream tables go on from the checkpoint at {}",
        restored.views().size(),
        parts.definitions().all().size(),
        checkpoint.position());
    return restored.views();
  }

  // Rows that do not get into the intake are let go.
  private Restored restore(
      Parts parts, Map<Long, Preparation> prepared, Map<Long, SavedTable> entries)
      throws SQLException {
    Map<Integer, SourceTable> sources = new HashMap<>();
    boolean complete = false;
    try {
      takeSources(parts, prepared, sources);
      retainRestorable(parts, prepared, entries, sources);
      List<View> views = prepared.values().stream().map(this::view).toList();
      Restored restored = parts.loop().dataflow().restore(saved, views);
      complete = true;
      sources.values().forEach(parts.loop().intake()::attach);
      return restored;
    } finally {
      if (!complete) {
        sources.values().forEach(SourceTable::close);
      }
    }
  }

  // ---- what is the same as it was
  // -------------------------------------------------------------------

  // Of the definitions that ask for the contents they had.
  private Map<Long, SavedTable> entries(Parts parts, Map<Long, Visible> visible) {
    Map<Long, SavedTable> entries = new LinkedHashMap<>();
    for (Definition definition : parts.definitions().all()) {
      long id = definition.pgtId();
      entry(definition, parts.storage())
          .filter(entry -> entry.generation() == definition.generation())
          .filter(entry -> visible.getOrDefault(id, Visible.NEVER).refreshId() >= entry.refreshId())
          .ifPresent(entry -> entries.put(id, entry));
    }
    return entries;
  }

  private Optional<SavedTable> entry(Definition definition, Storage storage) {
    try {
      return SavedTable.of(definition.pgtId(), saved, storage);
    } catch (StateDamaged e) {
      LOG.warn("{} is initialized anew: {}", definition.displayName(), e.getMessage());
      return Optional.empty();
    }
  }

  private void takeSources(
      Parts parts, Map<Long, Preparation> prepared, Map<Integer, SourceTable> restored)
      throws SQLException {
    SourceTables tables =
        new SourceTables(parts.control(), parts.watch().publication(), parts.storage());
    Map<Integer, Plan.Scan> scans = new LinkedHashMap<>();
    for (Preparation one : prepared.values()) {
      for (Plan.Scan scan : one.scans()) {
        if (!parts.definitions().isStreamTable(scan.relation())) {
          scans.putIfAbsent(scan.relation(), scan);
        }
      }
    }
    // First, so that whatever happens to their entries from now on is seen.
    Map<Integer, String> entries =
        parts.watch().published(parts.control(), scans.keySet(), Set.of());
    for (Plan.Scan scan : scans.values()) {
      source(tables, scan, entries.getOrDefault(scan.relation(), ""), parts.storage())
          .ifPresent(table -> restored.put(scan.relation(), table));
    }
  }

  private Optional<SourceTable> source(
      SourceTables tables, Plan.Scan scan, String entry, Storage storage) throws SQLException {
    try {
      SourceTable table = tables.published(scan, entry);
      Optional<String> problem = table.restore(saved, storage);
      if (problem.isEmpty()) {
        return Optional.of(table);
      }
      LOG.warn("rows are copied anew: {}", problem.get());
      table.close();
    } catch (TrickleException | CaptureException e) {
      if (e instanceof CaptureException.Retry again
          && !again.sqlState().equals(ServerRefusal.LOCK_NOT_AVAILABLE)) {
        throw again;
      }
      LOG.warn("rows of {} are not restored: {}", scan.name(), e.getMessage());
    }
    return Optional.empty();
  }

  // Those maintained differentially of which all that they read comes back, too; what FULL tables
  // hold is evaluated anew anyway, and their readers are told the difference.
  private void retainRestorable(
      Parts parts,
      Map<Long, Preparation> prepared,
      Map<Long, SavedTable> entries,
      Map<Integer, SourceTable> sources) {
    Map<Integer, Long> producers = new HashMap<>();
    Set<Long> full = new HashSet<>();
    prepared.forEach(
        (id, one) -> {
          producers.put(one.table().relation(), id);
          if (one.plan().isEmpty()) {
            full.add(id);
          }
        });
    prepared.keySet().removeAll(full);
    prepared.values().removeIf(one -> !hasItsLabels(one, entries));
    prepared.values().removeIf(one -> !areAllRestored(one, sources));
    boolean changed = true;
    while (changed) {
      changed =
          prepared
              .values()
              .removeIf(
                  one ->
                      one.scans().stream()
                          .map(Plan.Scan::relation)
                          .anyMatch(
                              relation ->
                                  parts.definitions().isStreamTable(relation)
                                      ? !isThere(producers.get(relation), prepared, full)
                                      : !sources.containsKey(relation)));
    }
    entries.keySet().removeIf(id -> !prepared.containsKey(id) && !full.contains(id));
  }

  // A view below may read other columns by now than when the rows were saved.
  private boolean areAllRestored(Preparation one, Map<Integer, SourceTable> sources) {
    Map<Integer, Set<String>> read = ColumnsRead.of(view(one).plan());
    for (Plan.Scan scan : one.scans()) {
      SourceTable table = sources.get(scan.relation());
      if (table != null && !table.isReadBy(scan, read.getOrDefault(scan.relation(), Set.of()))) {
        return false;
      }
    }
    return true;
  }

  // With the columns that it had because others read them.
  private View view(Preparation one) {
    return Sharing.asSaved(saved, one.view());
  }

  // State has values of enums as texts.
  private static boolean hasItsLabels(Preparation one, Map<Long, SavedTable> entries) {
    SavedTable entry = entries.get(one.definition().pgtId());
    boolean kept = entry != null && entry.labelsAreKeptBy(one.document());
    if (!kept) {
      LOG.warn(
          "{} is not restored: a label of an enum was renamed", one.definition().displayName());
    }
    return kept;
  }

  private static boolean isThere(
      @Nullable Long producer, Map<Long, Preparation> prepared, Set<Long> full) {
    return producer != null && (prepared.containsKey(producer) || full.contains(producer));
  }

  // ---- where it goes on
  // -----------------------------------------------------------------------------

  private static void addDoubtful(Parts parts, long id, Set<Integer> doubtful) {
    parts
        .definitions()
        .definition(id)
        .ifPresent(definition -> doubtful.add(definition.relation().value()));
  }

  private static Replay replay(
      Parts parts,
      Map<Long, SavedTable> entries,
      Map<Long, Visible> visible,
      Set<Long> restored,
      Set<Long> heldBack) {
    Map<Long, LiveTable.Released> written = new HashMap<>();
    Set<Integer> doubtful = new HashSet<>();
    entries.forEach(
        (id, entry) -> {
          // What a FULL table has not written its readers' state has; when it is evaluated anew,
          // they would be told once more.
          if (!restored.contains(id) && !entry.carried().isEmpty()) {
            addDoubtful(parts, id, doubtful);
          }
          Visible now = visible.getOrDefault(id, Visible.NEVER);
          Lsn upTo = now.frontier();
          Instant at = now.time();
          if (upTo == null || at == null || !isWritten(entry, now)) {
            return;
          }
          if (restored.contains(id)) {
            written.put(id, new LiveTable.Released(upTo, at));
          }
          if (!entry.everyEpoch()
              || !parts.loop().releasesEveryEpoch(id)
              || heldBack.contains(id)) {
            addDoubtful(parts, id, doubtful);
          }
        });
    LiveTable.Released applied =
        parts
            .progress()
            .position()
            .map(frontier -> new LiveTable.Released(frontier.end(), frontier.time()))
            .orElse(new LiveTable.Released(Lsn.ZERO, Instant.EPOCH));
    return new Replay(written, applied, doubtful, parts.definitionsRelation());
  }

  // One that was held may have been written with nothing: what it lacked had been taken back, by
  // the log or by the time alone.
  private static boolean isWritten(SavedTable entry, Visible now) {
    Lsn frontier = now.frontier();
    Instant time = now.time();
    return now.refreshId() != entry.refreshId()
        || (frontier != null
            && time != null
            && new LiveTable.Released(frontier, time).compareTo(entry.released()) > 0);
  }

  private static String name(Map<Long, Preparation> prepared, long id) {
    Preparation one = prepared.get(id);
    return one == null ? "stream table " + id : one.definition().displayName();
  }
}
