package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.SliceOrder;
import io.pgtrickle.dvm.zset.Row;
import java.util.Arrays;

/// Collects weighted (key, row) entries in any order and makes them a [Run].
public final class EntrySorter {
  /*
   * Keys lie one after the other in one buffer; an entry is an index into parallel arrays. build()
   * orders the indexes by (key, row), after looking whether they are ordered already, as deltas of one row
   * and deltas keyed in the order of their rows are; then it sums equal neighbours and drops zeros.
   *
   * Deltas are consolidated Z-sets, so rows mostly come in ascending order. Then no two entries are equal, and
   * a stable sort by the key alone does it.
   */
  private final ByteSink keys = new ByteSink();
  private int[] ends;
  private long[] prefixes;
  private long[] weights;
  private Row[] rows;
  private int size;
  private boolean ascendingRows = true;

  public EntrySorter(int expected) {
    int capacity = Math.max(1, expected);
    ends = new int[capacity];
    prefixes = new long[capacity];
    weights = new long[capacity];
    rows = new Row[capacity];
  }

  public int size() {
    return size;
  }

  public void add(ByteSink key, Row row, long weight) {
    if (weight == 0) {
      return;
    }
    if (size == ends.length) {
      int capacity = size * 2;
      ends = Arrays.copyOf(ends, capacity);
      prefixes = Arrays.copyOf(prefixes, capacity);
      weights = Arrays.copyOf(weights, capacity);
      rows = Arrays.copyOf(rows, capacity);
    }
    ascendingRows = ascendingRows && (size == 0 || rows[size - 1].compareTo(row) < 0);
    prefixes[size] = KeyOrder.prefix(key.array(), 0, key.size());
    keys.putBytes(key.array(), 0, key.size());
    ends[size] = keys.size();
    weights[size] = weight;
    rows[size++] = row;
  }

  /// The consolidated run; the sorter is used up.
  public Run build() {
    if (size == 0) {
      return Run.EMPTY;
    }
    boolean sorted = true;
    long bytes = keys.size();
    for (int i = 0; i < size; i++) {
      bytes += rows[i].bytes().length;
      sorted = sorted && (i == 0 || compare(i - 1, i) <= 0);
    }
    int[] order =
        sorted
            ? null
            : SliceOrder.sort(
                size, new Keys(), ascendingRows ? null : (l, r) -> rows[l].compareTo(rows[r]));
    RunBuilder out = new RunBuilder(Shelf.heap(), size, bytes);
    for (int i = 0; i < size; ) {
      int entry = order == null ? i : order[i];
      long weight = weights[entry];
      int next = i + 1;
      while (!ascendingRows && next < size) {
        int other = order == null ? next : order[next];
        if (compare(entry, other) != 0) {
          break;
        }
        weight = Math.addExact(weight, weights[other]);
        next++;
      }
      if (weight != 0) {
        int start = start(entry);
        out.append(keys.array(), start, ends[entry] - start, prefixes[entry], rows[entry], weight);
      }
      i = next;
    }
    return out.build();
  }

  private int start(int i) {
    return i == 0 ? 0 : ends[i - 1];
  }

  private int compare(int i, int j) {
    if (prefixes[i] != prefixes[j]) {
      return prefixes[i] < prefixes[j] ? -1 : 1;
    }
    byte[] data = keys.array();
    int order = Arrays.compareUnsigned(data, start(i), ends[i], data, start(j), ends[j]);
    return order != 0 ? order : rows[i].compareTo(rows[j]);
  }

  private final class Keys implements SliceOrder.Slices {
    private final byte[] data = keys.array();

    @Override
    public byte[] array(int index) {
      return data;
    }

    @Override
    public int start(int index) {
      return EntrySorter.this.start(index);
    }

    @Override
    public int end(int index) {
      return ends[index];
    }
  }
}
