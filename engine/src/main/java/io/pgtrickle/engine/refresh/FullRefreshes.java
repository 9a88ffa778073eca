package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.slot.Visibility;
import io.pgtrickle.dvm.zset.ZSet;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// When FULL-mode stream tables are evaluated again.
///
/// One evaluation at a time per table. On the schedule 'calculated' a table whose sources changed
/// is evaluated at
/// most every max(1 s, 10 × its last duration), so that it never takes more than a tenth of a
/// connection's
/// time; what reads something that cannot be captured (foreign tables, the clock, chance, tables
/// inside of functions) counts as changed at every due time.
///
/// An evaluation may have begun before the commits that it was started for were visible. Those of
/// them that its snapshot did not show are awaited, and make it due again.
///
/// Pure bookkeeping, used by the refresh thread only.
final class FullRefreshes {
  private static final Duration SHORTEST_PAUSE = Duration.ofSeconds(1);
  private static final int PAUSE_PER_DURATION = 10;

  private final Map<Long, Evaluation> evaluations = new HashMap<>();

  private static final class Evaluation {
    private final LiveTable table;
    private final boolean uncaptured;
    private boolean changed = true;
    private long started;
    private long completed;
    private long wanted;
    private boolean running;
    private Set<Integer> doubtful = Set.of();
    private final Set<Integer> awaited = new HashSet<>();
    private Instant pauseUntil = Instant.MIN;
    // Found out, but not part of an epoch yet.
    private @Nullable ZSet difference;

    private Evaluation(LiveTable table, boolean uncaptured) {
      this.table = table;
      this.uncaptured = uncaptured;
    }
  }

  /// @param uncaptured whether the query reads something the log does not tell about
  void add(LiveTable table, boolean uncaptured) {
    evaluations.put(table.id(), new Evaluation(table, uncaptured));
  }

  void remove(long table) {
    evaluations.remove(table);
  }

  /// Notes which relations an epoch changed, or made visible.
  void sourcesChanged(Set<Integer> relations) {
    for (Evaluation evaluation : evaluations.values()) {
      if (evaluation.table.sources().stream().anyMatch(relations::contains)) {
        evaluation.changed = true;
      }
    }
  }

  /// Asks for an evaluation that starts from now on.
  ///
  /// @return a ticket for [#completed]
  long request(long table) {
    Evaluation evaluation = evaluations.get(table);
    if (evaluation == null) {
      return 0;
    }
    evaluation.wanted = evaluation.started + 1;
    return evaluation.wanted;
  }

  boolean completed(long table, long ticket) {
    Evaluation evaluation = evaluations.get(table);
    return evaluation == null || evaluation.completed >= ticket;
  }

  /// Whether some table is to be evaluated now.
  boolean anyDue(Instant now, boolean refreshingEnabled) {
    return evaluations.values().stream().anyMatch(e -> isDue(e, now, refreshingEnabled));
  }

  private static boolean isDue(Evaluation evaluation, Instant now, boolean refreshingEnabled) {
    LiveTable table = evaluation.table;
    if (evaluation.running || table.hold().isPresent() || !table.carried().isEmpty()) {
      return false;
    }
    return evaluation.wanted > evaluation.started
        || (refreshingEnabled
            && !table.paused()
            && !table.suspended()
            && (evaluation.changed || evaluation.uncaptured)
            && !now.isBefore(evaluation.pauseUntil)
            && table.isDue(now));
  }

  /// The tables to evaluate now, marked as running.
  ///
  /// @param invisible the transactions that the log has told of, which some do not see yet
  List<LiveTable> start(Instant now, boolean refreshingEnabled, InvisibleCommits invisible) {
    return evaluations.values().stream()
        .filter(e -> isDue(e, now, refreshingEnabled))
        .map(
            e -> {
              e.running = true;
              e.changed = false;
              e.started++;
              e.doubtful = invisible.touching(e.table.sources());
              return e.table;
            })
        .toList();
  }

  /// Notes the end of an evaluation.
  ///
  /// @param seen what its snapshot showed; empty when it failed
  void finished(long table, Instant now, Duration took, Optional<Visibility> seen) {
    Evaluation evaluation = evaluations.get(table);
    if (evaluation == null) {
      return;
    }
    evaluation.running = false;
    evaluation.completed = evaluation.started;
    Duration pause = took.multipliedBy(PAUSE_PER_DURATION);
    evaluation.pauseUntil = now.plus(pause.compareTo(SHORTEST_PAUSE) > 0 ? pause : SHORTEST_PAUSE);
    if (seen.isEmpty()) {
      evaluation.changed = true;
    } else {
      evaluation.awaited.addAll(evaluation.doubtful);
      evaluation.awaited.removeIf(seen.get()::shows);
    }
    evaluation.doubtful = Set.of();
  }

  /// Takes a look at the server: what an evaluation did not show may be there now.
  void visible(Visibility now) {
    for (Evaluation evaluation : evaluations.values()) {
      evaluation.changed |= evaluation.awaited.removeIf(now::shows);
    }
  }

  /// Takes the difference between a table's query and its rows, for the next epoch.
  void found(long table, ZSet difference) {
    Evaluation evaluation = evaluations.get(table);
    if (evaluation != null) {
      ZSet before = evaluation.difference;
      evaluation.difference = before == null ? difference : before.plus(difference);
    }
  }

  /// Whether a table's difference waits for the next epoch.
  boolean hasFound(long table) {
    Evaluation evaluation = evaluations.get(table);
    return evaluation != null && evaluation.difference != null;
  }

  /// Takes all differences that wait.
  Map<LiveTable, ZSet> takeFound() {
    Map<LiveTable, ZSet> found = new LinkedHashMap<>();
    for (Evaluation evaluation : evaluations.values()) {
      ZSet difference = evaluation.difference;
      if (difference != null) {
        found.put(evaluation.table, difference);
        evaluation.difference = null;
      }
    }
    return found;
  }

  /// The FULL tables that are being evaluated.
  Set<Long> running() {
    Set<Long> running = new HashSet<>();
    evaluations.forEach(
        (id, evaluation) -> {
          if (evaluation.running) {
            running.add(id);
          }
        });
    return running;
  }
}
