package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.refresh.LiveTable.Released;
import java.time.Instant;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongPredicate;

/// The part of the log between a checkpoint and what was visible when the process ended.
///
/// After a restart the state is that of the checkpoint, at C, while each stream table T holds its
/// query's rows as of some frontier A(T) ≥ C. So the log is stepped through again, cut exactly at
/// every A(T): what T's query puts out up to there is dropped, since the table has it, and what
/// comes after is not. Queries are functions of the rows present and of the time, so it does not
/// matter that the steps are others than before, if only each cut has the time that it had: a point
/// is a position in the log with a time, and in between the time stands still.
///
/// That says nothing of a stream table D over T if T's changes did not become visible as they came:
/// when a schedule, a FULL evaluation or an error decided what D saw of T, and when, the log does
/// not tell. If such a T was written since C, D is *doubtful* and its contents are computed anew.
///
/// Nor does it say what was written at the very point of the checkpoint: after it, of what waited
/// in
/// its state, or before, of what the checkpoint still carried. Where something waits, that table is
/// *unclear* and its contents are computed anew.
///
/// Used by the refresh thread only.
public final class Replay {
  private final Map<Long, Released> visible;
  private final TreeSet<Released> cuts;
  private final Released end;
  private final int definitions;
  private final Set<Integer> doubtful;
  private final Set<Long> unclear = new HashSet<>();
  private boolean definitionsTouched;
  private boolean over;

  /// @param visible for each stream table that was written since the checkpoint, as of where
  /// @param applied how far the database says the stream tables are
  /// @param doubtful storage tables whose readers may have seen what the log does not tell
  /// @param definitions the relation whose rows are the definitions
  public Replay(
      Map<Long, Released> visible,
      Released applied,
      Collection<Integer> doubtful,
      int definitions) {
    this.visible = Map.copyOf(visible);
    this.cuts = new TreeSet<>(visible.values());
    this.cuts.add(applied);
    this.end = cuts.last();
    this.definitions = definitions;
    this.doubtful = new HashSet<>(doubtful);
  }

  /// Nothing to be replayed.
  public static Replay none() {
    Replay none = new Replay(Map.of(), new Released(Lsn.ZERO, Instant.EPOCH), Set.of(), 0);
    none.over = true;
    return none;
  }

  /// Begins at the checkpoint.
  ///
  /// @param waits whether output of a stream table waits in the state for its release
  void begin(Released checkpoint, LongPredicate waits) {
    visible.forEach(
        (table, upTo) -> {
          if (upTo.compareTo(checkpoint) <= 0 && waits.test(table)) {
            unclear.add(table);
          }
        });
  }

  boolean isOver() {
    return over;
  }

  /// The next point, after the one that the last epoch reached, that an epoch must reach and no
  /// further.
  Optional<Released> nextCut(Released reached) {
    return over ? Optional.empty() : Optional.ofNullable(cuts.higher(reached));
  }

  /// Whether all of it has been stepped through.
  boolean endsAt(Released reached) {
    return reached.compareTo(end) >= 0;
  }

  /// Ends it.
  ///
  /// @return the stream tables whose contents are computed anew, each with the reason
  Map<Long, Failure> end(LiveTables tables) {
    over = true;
    // The next checkpoint has to know it as the catalog does, though nothing came out just there.
    for (LiveTable table : tables.all()) {
      Released written = visible.get(table.id());
      if (written != null && written.compareTo(table.released()) > 0) {
        table.releasedBefore(written);
      }
    }
    Set<Integer> untold = new HashSet<>(doubtful);
    for (LiveTable table : tables.all()) {
      // Whose definition was changed, and for how long, nobody knows.
      if (definitionsTouched && visible.containsKey(table.id())) {
        untold.add(table.storage().relation());
      }
    }
    Map<Long, Failure> reasons = new LinkedHashMap<>();
    for (LiveTable table : tables.all()) {
      if (!Collections.disjoint(table.sources(), untold)) {
        reasons.put(
            table.id(),
            anew("the log does not tell when it saw changes of a stream table that it reads"));
      }
    }
    unclear.forEach(
        id ->
            reasons.put(
                id, anew("it was written just when the checkpoint was made, before or after it")));
    return reasons;
  }

  private static Failure anew(String why) {
    return new Failure("55000", "its contents are computed anew after a restart: " + why, true);
  }

  /// Whether a stream table holds what its query put out up to a point.
  boolean isVisible(long table, Released point) {
    Released upTo = visible.get(table);
    return upTo != null && point.compareTo(upTo) <= 0;
  }

  /// The readers of a storage table may have seen what the log does not tell.
  void doubt(int relation) {
    doubtful.add(relation);
  }

  /// Some relations were changed.
  void touched(Set<Integer> relations) {
    definitionsTouched |= relations.contains(definitions);
  }
}
