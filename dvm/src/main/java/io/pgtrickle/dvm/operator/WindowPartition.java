package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A stretch of one partition's rows in order, each as often as it is there, and who is whose peer.
///
/// Places and groups of peers are counted from 0, where the stretch begins; `before` places are in
/// front of it.
final class WindowPartition {
  private final RowKey peers;
  private final long before;
  private final ByteSink scratch = new ByteSink();
  private final List<Row> rows = new ArrayList<>();
  private int[] groups = new int[16];
  private int[] starts = new int[16];
  private int groupCount;
  private @Nullable Bytes last;

  /// @param peers a key in which rows agree that are peers
  /// @param from the first place
  /// @param to the place behind the last one
  WindowPartition(RowKey peers, Sequence sequence, long from, long to) {
    this.peers = peers;
    before = from;
    Sequence.Cursor cursor = sequence.at(from);
    long place = from;
    while (place < to && cursor.next()) {
      Row row = cursor.row();
      long weight = cursor.weight();
      if (weight < 0) {
        throw new StateDamaged(
            "a row of a window has the count "
                + weight
                + "; the changes received do not belong to the contents the state was built from",
            null);
      }
      if (place == from) {
        // The row may have places in front of the first one.
        cursor.key(scratch);
        weight -= from - sequence.rank(Place.before(scratch, row));
      }
      long copies = Math.min(weight, to - place);
      add(row, copies);
      place += copies;
    }
  }

  /// How many places are in front of the stretch.
  long before() {
    return before;
  }

  private void add(Row row, long weight) {
    peers.encode(row, scratch);
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
