package io.pgtrickle.dvm.zset;

import io.pgtrickle.dvm.type.SliceOrder;
import java.util.Arrays;
import java.util.function.ObjLongConsumer;

/// An immutable consolidated Z-set: distinct rows in byte order, each with a non-zero weight.
public final class ZSet {
  public static final ZSet EMPTY = new ZSet(new Row[0], new long[0]);

  private final Row[] rows;
  private final long[] weights;

  private ZSet(Row[] rows, long[] weights) {
    this.rows = rows;
    this.weights = weights;
  }

  public int size() {
    return rows.length;
  }

  public boolean isEmpty() {
    return rows.length == 0;
  }

  public Row row(int index) {
    return rows[index];
  }

  public long weight(int index) {
    return weights[index];
  }

  /// What it takes of the heap, about, in bytes.
  public long footprint() {
    long bytes = 0;
    for (Row row : rows) {
      bytes += row.footprint();
    }
    return bytes;
  }

  /// The weight of a row, 0 when absent; O(log n).
  public long weightOf(Row row) {
    int at = Arrays.binarySearch(rows, row);
    return at < 0 ? 0 : weights[at];
  }

  public void forEach(ObjLongConsumer<Row> action) {
    for (int i = 0; i < rows.length; i++) {
      action.accept(rows[i], weights[i]);
    }
  }

  public ZSet plus(ZSet other) {
    if (isEmpty()) {
      return other;
    }
    if (other.isEmpty()) {
      return this;
    }
    Row[] merged = new Row[size() + other.size()];
    long[] sums = new long[merged.length];
    int count = 0;
    int left = 0;
    int right = 0;
    while (left < rows.length && right < other.rows.length) {
      int order = rows[left].compareTo(other.rows[right]);
      if (order < 0) {
        merged[count] = rows[left];
        sums[count++] = weights[left++];
      } else if (order > 0) {
        merged[count] = other.rows[right];
        sums[count++] = other.weights[right++];
      } else {
        long sum = Math.addExact(weights[left++], other.weights[right++]);
        if (sum != 0) {
          merged[count] = rows[left - 1];
          sums[count++] = sum;
        }
      }
    }
    int restLeft = rows.length - left;
    System.arraycopy(rows, left, merged, count, restLeft);
    System.arraycopy(weights, left, sums, count, restLeft);
    count += restLeft;
    int restRight = other.rows.length - right;
    System.arraycopy(other.rows, right, merged, count, restRight);
    System.arraycopy(other.weights, right, sums, count, restRight);
    return of(merged, sums, count + restRight);
  }

  private static ZSet of(Row[] rows, long[] weights, int count) {
    if (count == 0) {
      return EMPTY;
    }
    return rows.length == count
        ? new ZSet(rows, weights)
        : new ZSet(Arrays.copyOf(rows, count), Arrays.copyOf(weights, count));
  }

  public ZSet negate() {
    long[] negated = new long[weights.length];
    for (int i = 0; i < negated.length; i++) {
      negated[i] = Math.negateExact(weights[i]);
    }
    return new ZSet(rows, negated);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ZSet that
        && Arrays.equals(rows, that.rows)
        && Arrays.equals(weights, that.weights);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(rows) + Arrays.hashCode(weights);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("{");
    forEach(
        (row, weight) ->
            text.append(text.length() > 1 ? ", " : "").append(row).append(':').append(weight));
    return text.append('}').toString();
  }

  private static final class Slices implements SliceOrder.Slices {
    private final Row[] rows;

    Slices(Row[] rows) {
      this.rows = rows;
    }

    @Override
    public byte[] array(int index) {
      return rows[index].bytes();
    }

    @Override
    public int start(int index) {
      return 0;
    }

    @Override
    public int end(int index) {
      return rows[index].bytes().length;
    }
  }

  /// Collects weighted rows in any order; [#build] sums equal rows and drops zeros.
  public static final class Builder {
    private Row[] rows;
    private long[] weights;
    private int size;

    public Builder() {
      this(16);
    }

    public Builder(int capacity) {
      rows = new Row[Math.max(4, capacity)];
      weights = new long[rows.length];
    }

    public Builder add(Row row, long weight) {
      if (weight != 0) {
        if (size == rows.length) {
          rows = Arrays.copyOf(rows, size * 2);
          weights = Arrays.copyOf(weights, size * 2);
        }
        rows[size] = row;
        weights[size++] = weight;
      }
      return this;
    }

    public Builder addAll(ZSet other) {
      for (int i = 0; i < other.rows.length; i++) {
        add(other.rows[i], other.weights[i]);
      }
      return this;
    }

    /// The number of entries before consolidation.
    public int size() {
      return size;
    }

    public boolean isEmpty() {
      return size == 0;
    }

    /// Consolidates, O(n log n), linear when rows come in order, and leaves the builder empty.
    public ZSet build() {
      Row[] source = rows;
      long[] sourceWeights = weights;
      int sourceSize = size;
      rows = new Row[4];
      weights = new long[4];
      size = 0;
      if (isStrictlyAscending(source, sourceSize)) {
        return of(source, sourceWeights, sourceSize);
      }
      int[] order = SliceOrder.sort(sourceSize, new Slices(source), null);
      Row[] distinct = new Row[sourceSize];
      long[] sums = new long[sourceSize];
      int count = 0;
      for (int index : order) {
        if (count > 0 && distinct[count - 1].equals(source[index])) {
          sums[count - 1] = Math.addExact(sums[count - 1], sourceWeights[index]);
        } else {
          if (count > 0 && sums[count - 1] == 0) {
            count--;
          }
          distinct[count] = source[index];
          sums[count++] = sourceWeights[index];
        }
      }
      if (count > 0 && sums[count - 1] == 0) {
        count--;
      }
      return of(distinct, sums, count);
    }

    private static boolean isStrictlyAscending(Row[] rows, int size) {
      for (int i = 1; i < size; i++) {
        if (rows[i - 1].compareTo(rows[i]) >= 0) {
          return false;
        }
      }
      return true;
    }
  }
}
