package io.pgtrickle.engine;

import io.pgtrickle.cdc.slot.Blocker;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Operations;
import io.pgtrickle.engine.catalog.Operations.Initialization;
import io.pgtrickle.engine.catalog.Operations.State;
import io.pgtrickle.engine.catalog.StreamTableState;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// How initializations are, from when they are asked for to their end: known here at once, and in
/// the database as of the last [#write], so that a thousand stream tables that are created in a
/// moment do not cost a statement for each of their phases.
///
/// May be used from any thread; [#write] by one at a time.
final class OperationLog {
  private final Map<Long, Entry> entries = new ConcurrentHashMap<>();

  /// @param blocker whom it waits for; null if for nobody
  /// @param dirty whether it differs from what was written
  private record Entry(Initialization now, @Nullable String blocker, boolean dirty) {}

  /// A stream table waits for its turn.
  void requested(Definition definition) {
    entries.put(
        definition.pgtId(),
        new Entry(start(definition, State.PENDING, "waits for its turn", 0), null, true));
  }

  /// A stream table's turn has come, for the first time or again.
  void begun(Definition definition) {
    entries.compute(
        definition.pgtId(),
        (id, former) ->
            new Entry(
                start(
                    definition,
                    State.PREPARING,
                    "preparing",
                    former == null ? 1 : former.now.attempts() + 1),
                null,
                true));
  }

  private static Initialization start(
      Definition definition, State state, String phase, int attempts) {
    return new Initialization(
        definition.pgtId(), definition.displayName(), state, phase, 0, 0, attempts, null);
  }

  /// It goes on with the next phase.
  void phase(long id, State state, String phase) {
    change(id, null, now -> with(now, state, phase, now.failure()));
  }

  /// It goes on when some transactions have ended.
  void blocked(long id, List<Blocker> blockers) {
    String whom = "waits for open transactions: " + blockers;
    change(id, whom, now -> with(now, now.state(), whom, now.failure()));
  }

  /// Rows were copied.
  void copied(long id, long rows, long expected) {
    change(
        id,
        null,
        now ->
            new Initialization(
                id,
                now.streamTable(),
                State.COPYING,
                "copying",
                rows,
                expected,
                now.attempts(),
                now.failure()));
  }

  /// It waits for something before it is tried again.
  void postponed(long id, String why, StreamTableState.@Nullable Failure failure) {
    change(id, null, now -> with(now, State.PENDING, why, failure));
  }

  /// It failed, and is not tried again by itself.
  void failed(long id, StreamTableState.Failure failure) {
    change(id, null, now -> with(now, State.FAILED, now.phase(), failure));
  }

  /// The stream table has its contents.
  void live(long id) {
    change(id, null, now -> with(now, State.COMPLETED, "live", null));
  }

  private static Initialization with(
      Initialization now, State state, String phase, StreamTableState.@Nullable Failure failure) {
    return new Initialization(
        now.pgtId(),
        now.streamTable(),
        state,
        phase,
        now.rows(),
        now.expected(),
        now.attempts(),
        failure);
  }

  private void change(long id, @Nullable String blocker, UnaryOperator<Initialization> how) {
    entries.computeIfPresent(
        id,
        (key, entry) ->
            entry.now.state().isOver() ? entry : new Entry(how.apply(entry.now), blocker, true));
  }

  /// Forgets a stream table that is gone.
  void forget(long id) {
    entries.remove(id);
  }

  /// How much of its sources has been copied; empty while nothing is, or that cannot be told.
  OptionalDouble progress(long id) {
    Entry entry = entries.get(id);
    return entry == null || entry.now.state() != State.COPYING || entry.now.expected() == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(Math.min(1, entry.now.rows() / (double) entry.now.expected()));
  }

  /// Whom it waits for, for a person.
  Optional<String> blocker(long id) {
    Entry entry = entries.get(id);
    return entry == null ? Optional.empty() : Optional.ofNullable(entry.blocker);
  }

  /// Writes what changed since the last time.
  void write(Connection session) throws SQLException {
    List<Entry> changed = entries.values().stream().filter(Entry::dirty).toList();
    List<Initialization> all = new ArrayList<>();
    changed.forEach(entry -> all.add(entry.now));
    if (!all.isEmpty()) {
      Operations.put(session, all);
    }
    for (Entry written : changed) {
      long id = written.now.pgtId();
      if (written.now.state().isOver()) {
        entries.remove(id, written);
      } else {
        entries.replace(id, written, clean(written));
      }
    }
    if (!entries.isEmpty()) {
      Operations.heartbeat(session);
    }
  }

  private static Entry clean(Entry written) {
    Initialization now = written.now;
    return new Entry(
        new Initialization(
            now.pgtId(),
            now.streamTable(),
            now.state(),
            now.phase(),
            now.rows(),
            now.expected(),
            0,
            now.failure()),
        written.blocker,
        false);
  }
}
