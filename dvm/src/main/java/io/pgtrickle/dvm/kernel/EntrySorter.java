package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.Arrays;

/// Collects weighted (key, row) entries in any order and makes them a [Run].
public final class EntrySorter {
  /*
   * Keys lie one after the other in one buffer; an entry is an index into parallel arrays. build()
   * sorts an array of indexes by (prefix, key, row) with a merge sort, after looking whether it is
   * sorted already, as deltas of one row and deltas keyed in the order of their rows are; then it sums equal
   * neighbours and drops zeros. O(n log n) comparisons, most of them of two longs.
   */
  private final ByteSink keys = new ByteSink();
  private int[] ends;
  private long[] prefixes;
  private long[] weights;
  private Row[] rows;
  private int size;

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
    int[] order = new int[size];
    boolean sorted = true;
    long bytes = keys.size();
    for (int i = 0; i < size; i++) {
      order[i] = i;
      bytes += rows[i].bytes().length;
      sorted = sorted && (i == 0 || compare(i - 1, i) <= 0);
    }
    if (!sorted) {
      sort(order.clone(), order, 0, size);
    }
    RunBuilder out = new RunBuilder(Shelf.heap(), size, bytes);
    for (int i = 0; i < size; ) {
      int entry = order[i];
      long weight = weights[entry];
      int next = i + 1;
      while (next < size && compare(entry, order[next]) == 0) {
        weight = Math.addExact(weight, weights[order[next++]]);
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

  // Sorts [low, high) of source into target; both hold the same entries at first.
  private void sort(int[] source, int[] target, int low, int high) {
    if (high - low < 8) {
      for (int i = low + 1; i < high; i++) {
        int moved = target[i];
        int j = i;
        while (j > low && compare(target[j - 1], moved) > 0) {
          target[j] = target[j - 1];
          j--;
        }
        target[j] = moved;
      }
      return;
    }
    int middle = (low + high) >>> 1;
    sort(target, source, low, middle);
    sort(target, source, middle, high);
    int l = low;
    int r = middle;
    for (int i = low; i < high; i++) {
      target[i] =
          r >= high || (l < middle && compare(source[l], source[r]) <= 0)
              ? source[l++]
              : source[r++];
    }
  }
}
