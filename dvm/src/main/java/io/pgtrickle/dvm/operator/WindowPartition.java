package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Rows of one partition in order, each as often as it is there, and who is whose peer.
///
/// Places and groups of peers are counted from 0.
final class WindowPartition {
  private final RowKey order;
  private final ByteSink scratch = new ByteSink();
  private final List<Row> rows = new ArrayList<>();
  private int[] groups = new int[16];
  private int[] starts = new int[16];
  private int groupCount;
  private @Nullable Bytes last;

  WindowPartition(RowKey order, Sequence sequence) {
    this.order = order;
    for (Sequence.Cursor cursor = sequence.from(Place.START); cursor.next(); ) {
      add(cursor.row(), cursor.weight());
    }
  }

  private void add(Row row, long weight) {
    if (weight < 0) {
      throw new StateDamaged(
          "a row of a window has the count "
              + weight
              + "; the changes received do not belong to the contents the state was built from",
          null);
    }
    order.encode(row, scratch);
    Bytes key = Bytes.copyOf(scratch.array(), 0, scratch.size());
    if (last == null || !key.equals(last)) {
      last = key;
      if (groupCount == starts.length) {
        starts = Arrays.copyOf(starts, 2 * groupCount);
      }
      starts[groupCount++] = rows.size();
    }
    for (long i = 0; i < weight; i++) {
      if (rows.size() == groups.length) {
        groups = Arrays.copyOf(groups, 2 * groups.length);
      }
      groups[rows.size()] = groupCount - 1;
      rows.add(row);
    }
  }

  int size() {
    return rows.size();
  }

  Row row(int place) {
    return rows.get(place);
  }

  int groups() {
    return groupCount;
  }

  /// The group of peers that a place belongs to.
  int group(int place) {
    return groups[place];
  }

  int groupStart(int group) {
    return starts[group];
  }

  /// The place behind a group's last row.
  int groupEnd(int group) {
    return group + 1 < groupCount ? starts[group + 1] : rows.size();
  }
}
