package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.StepFailed;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.intake.Intake;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/// Runs the dataflow a step, and hands what it says to the stream tables: rows to be written, and
/// errors of rows.
///
/// Used by the refresh thread only, unless said otherwise.
final class Steps {
  private static final Duration PAUSE = Duration.ofMillis(500);

  private final Dataflow dataflow;
  private final LiveTables tables;
  private final FullRefreshes full;
  private final Membership members;
  private final RefreshListener listener;
  private final Consumer<TrickleException> relieve;
  private volatile @Nullable TrickleException stall;
  private volatile boolean stopping;

  /// @param relieve gives up what nobody wants any more, and what the stream needs more than
  /// others,
  ///     as long as it waits because of a problem
  Steps(
      Dataflow dataflow,
      LiveTables tables,
      FullRefreshes full,
      Membership members,
      RefreshListener listener,
      Consumer<TrickleException> relieve) {
    this.dataflow = dataflow;
    this.tables = tables;
    this.full = full;
    this.members = members;
    this.listener = listener;
    this.relieve = relieve;
  }

  /// Ends waits for room, from another thread.
  void stop() {
    stopping = true;
  }

  /// Why the stream waits, for room to keep its state or for the server's answers, if it does; for
  /// any thread.
  Optional<TrickleException> stall() {
    return Optional.ofNullable(stall);
  }

  // ---- what is released -------------------------------------------------------------------------

  /// Whether output that somebody asked for waits for the next step: a FULL table's difference, or
  /// what is kept because its table, or one that it reads, cannot be written.
  boolean awaitsRelease(long id) {
    LiveTable table = tables.get(id);
    return full.hasFound(id)
        || (table != null
            && table.differential()
            && dataflow.pendingRows(id) > 0
            && tables.blocked(table));
  }

  /// Whether a stream table's output is released if there is some.
  ///
  /// What cannot be written is not released either: it stays in the dataflow, where there is room
  /// for it, and who reads the table goes on with what it was last released with.
  ///
  /// @param wanted stream tables that somebody waits for, whatever their schedule
  private boolean mayRelease(LiveTable table, Set<Long> wanted, Instant now) {
    return isWanted(table, wanted, now) && !tables.blocked(table);
  }

  private boolean isWanted(LiveTable table, Set<Long> wanted, Instant now) {
    return !table.paused()
        && (wanted.contains(table.id()) || (listener.refreshingEnabled() && table.isDue(now)));
  }

  /// The output that would be released with a held table, if it could be written; none if its
  /// schedule, or a row that fails, keeps that back.
  Optional<Snapshot> awaiting(LiveTable table, Set<Long> wanted, Instant now) {
    boolean due =
        table.differential()
            && isWanted(table, wanted, now)
            && dataflow.pendingRows(table.id()) > 0
            && dataflow.errors(table.id()).healed();
    return due ? Optional.of(dataflow.pendingOutput(table.id())) : Optional.empty();
  }

  // The released difference of a FULL table enters downstream tables like any delta.
  private void takeEvaluated(Map<Integer, ZSet> input, LiveTable.Released where, Instant now) {
    full.takeFound()
        .forEach(
            (table, delta) -> {
              table.carry(delta);
              table.releasedAt(where, now);
              members.healed(table);
              input.merge(table.storage().relation(), delta, ZSet::plus);
            });
  }

  // ---- a step -----------------------------------------------------------------------------------

  /// Prepares the end of an epoch; while state cannot be written and too much of it waits for that,
  /// the stream waits too.
  ///
  /// @throws StorageUnavailable when it is stopped meanwhile
  void settle(Intake intake) {
    boolean settled = false;
    while (!settled) {
      try {
        intake.settle();
        settled = true;
      } catch (StorageUnavailable problem) {
        pause(problem);
      }
    }
  }

  /// Runs the dataflow and returns every relation's change of this epoch, stream tables included.
  ///
  /// @param wanted stream tables that somebody waits for, whatever their schedule
  Map<Integer, ZSet> step(
      Map<Integer, ZSet> changed, Set<Long> wanted, LiveTable.Released where, Instant now) {
    Map<Integer, ZSet> all = new HashMap<>(changed);
    takeEvaluated(all, where, now);
    StepResult result =
        run(
            all,
            where.time(),
            id -> {
              LiveTable table = tables.get(id);
              return table != null && mayRelease(table, wanted, now);
            });
    result
        .released()
        .forEach(
            (id, delta) -> {
              LiveTable table = tables.get(id);
              if (table != null) {
                table.carry(delta);
                table.releasedAt(where, now);
                all.merge(table.storage().relation(), delta, ZSet::plus);
              }
            });
    result.errors().keySet().stream()
        .map(tables::get)
        .forEach(
            table -> {
              if (table != null) {
                members.noteErrors(table);
              }
            });
    return all;
  }

  /// The same for an epoch whose output is visible already, as far as [Replay] says so; nothing
  /// else is released.
  Map<Integer, ZSet> replay(Map<Integer, ZSet> changed, LiveTable.Released where, Replay replay) {
    Map<Integer, ZSet> all = new HashMap<>(changed);
    StepResult result = run(all, where.time(), id -> replay.isVisible(id, where));
    result
        .released()
        .forEach(
            (id, delta) -> {
              LiveTable table = tables.get(id);
              if (table != null) {
                table.releasedBefore(where);
                all.merge(table.storage().relation(), delta, ZSet::plus);
              }
            });
    for (LiveTable table : tables.all()) {
      // It was released, and now it cannot be: a row that fails hides when its readers saw what.
      if (replay.isVisible(table.id(), where) && dataflow.pendingRows(table.id()) > 0) {
        replay.doubt(table.storage().relation());
      }
    }
    return all;
  }

  private StepResult run(Map<Integer, ZSet> input, Instant time, LongPredicate release) {
    while (true) {
      try {
        StepResult result = dataflow.step(input, time, release);
        stall = null;
        return result;
      } catch (StepFailed failed) {
        // The step left everything as it was: without the failing views it is run again.
        String state = failed.isTooLarge() ? "53400" : "XX000";
        Failure reason = new Failure(state, String.valueOf(failed.getMessage()), true);
        Map<Long, Failure> reasons = new LinkedHashMap<>();
        failed.views().forEach(view -> reasons.put(view, reason));
        members.rebuild(reasons);
      } catch (StorageUnavailable | AnswersUnavailable notNow) {
        pause(notNow);
      }
    }
  }

  // What the step waits for may be the matter of a stream table that is dropped meanwhile.
  private void pause(TrickleException problem) {
    if (stopping) {
      throw problem;
    }
    stall = problem;
    relieve.accept(problem);
    try {
      TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw problem;
    }
  }
}
