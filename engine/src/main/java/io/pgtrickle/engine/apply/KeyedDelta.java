package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The delta of a keyed table, told apart into deletions, updates and insertions.
///
/// A key has at most one row before and at most one after, so a delta holds at most one retraction
/// and
/// one insertion of it. More means that the key is none, or that state and table are not in step.
record KeyedDelta(List<Row> deleted, List<Row> updated, List<Row> inserted) {
  static KeyedDelta of(StreamTable table, ZSet delta) {
    int[] key = table.identity().key().stream().mapToInt(Integer::intValue).toArray();
    Map<Row, Change> changes = HashMap.newHashMap(delta.size());
    ByteSink scratch = new ByteSink();
    for (int i = 0; i < delta.size(); i++) {
      Row row = delta.row(i);
      scratch.clear();
      table.schema().appendKey(row, key, scratch);
      Change change = changes.computeIfAbsent(Row.of(scratch), k -> new Change());
      long weight = delta.weight(i);
      if (weight == 1 && change.after == null) {
        change.after = row;
      } else if (weight == -1 && change.before == null) {
        change.before = row;
      } else {
        throw new StateDamaged(
            "the delta of "
                + table.qualifiedName()
                + " changes one key more than once, by a row of weight "
                + weight,
            null);
      }
    }
    List<Row> deleted = new ArrayList<>();
    List<Row> updated = new ArrayList<>();
    List<Row> inserted = new ArrayList<>();
    for (Change change : changes.values()) {
      if (change.after == null) {
        if (change.before != null) {
          deleted.add(change.before);
        }
      } else {
        (change.before == null ? inserted : updated).add(change.after);
      }
    }
    return new KeyedDelta(deleted, updated, inserted);
  }

  private static final class Change {
    private @Nullable Row before;
    private @Nullable Row after;
  }
}
