package io.pgtrickle.dvm.type;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Sorts byte strings by their unsigned bytes, a shorter one before those that begin with it;
/// stable.
///
/// Consolidating a delta is sorting it, so this is where a large step spends much of its time. It
/// is
/// written for speed, like the classes of the kernel, but rows and runs both need it.
public final class SliceOrder {
  /*
   * What is sorted are indexes; the strings stay where they are. A range of indexes whose strings agree
   * up to some depth is sorted by the eight bytes after everything they have in common, as one long
   * each; then each stretch of equal longs is a range of its own, eight bytes deeper. So most rows are
   * looked at twice (once for what is common, once for the long), instead of log n times in random
   * order, which is what a comparison sort of objects costs.
   *
   * Longs are sorted by counting (LSD radix, a byte at a time). All eight histograms are taken in one
   * pass, and a byte that is the same everywhere costs nothing: of the keys of 10,000 neighbouring
   * rows two bytes differ. Below RADIX_MIN a merge sort of the longs is faster, and below FEW an
   * insertion sort of the strings.
   *
   * A string that ends within its eight bytes is padded with zeros, and then looks like a longer one
   * that has zeros there. Ranges with such strings, unless all are equal, are sorted by comparison, and
   * so is what still differs after MOST_LEVELS of this, which long strings made for it might.
   */
  private static final int RADIX_MIN = 256;
  private static final int FEW = 12;
  private static final int MOST_LEVELS = 64;
  private static final int DIGITS = 8;
  private static final int RADIX = 256;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private final Slices slices;
  private final @Nullable Ties ties;
  private final int[] order;
  private final int[] spareOrder;
  private final long[] longs;
  private final long[] spareLongs;
  private int @Nullable [] counts;

  /// Where strings lie.
  public interface Slices {
    /// The array that has a string.
    byte[] array(int index);

    /// Where in it the string begins.
    int start(int index);

    /// Where in it the string ends.
    int end(int index);
  }

  /// The order of indexes whose strings are equal.
  @FunctionalInterface
  public interface Ties {
    /// Negative, zero or positive, as the left one is before, equal to or after the right one.
    int compare(int left, int right);
  }

  private SliceOrder(int size, Slices slices, @Nullable Ties ties) {
    this.slices = slices;
    this.ties = ties;
    order = new int[size];
    for (int i = 0; i < size; i++) {
      order[i] = i;
    }
    spareOrder = new int[size];
    longs = new long[size];
    spareLongs = new long[size];
  }

  /// The indexes `[0, size)` in the order of their strings.
  ///
  /// @param ties orders indexes of equal strings; `null` leaves them in their order
  public static int[] sort(int size, Slices slices, @Nullable Ties ties) {
    SliceOrder sorter = new SliceOrder(size, slices, ties);
    sorter.sort(0, size, 0, 0);
    return sorter.order;
  }

  // Strings of [from, to) agree in their first `depth` bytes, which all of them have.
  private void sort(int from, int to, int depth, int level) {
    if (to - from <= FEW) {
      insertionSort(from, to, depth);
      return;
    }
    int first = order[from];
    byte[] firstArray = slices.array(first);
    int firstStart = slices.start(first) + depth;
    int firstEnd = slices.end(first);
    int common = firstEnd - firstStart;
    boolean equal = true;
    for (int i = from + 1; i < to; i++) {
      int index = order[i];
      int start = slices.start(index) + depth;
      int end = slices.end(index);
      // No further than what all the others have in common.
      int mismatch =
          Arrays.mismatch(
              firstArray,
              firstStart,
              firstStart + common,
              slices.array(index),
              start,
              Math.min(end, start + common));
      if (mismatch >= 0) {
        common = mismatch;
        equal = false;
      } else {
        equal = equal && end - start == firstEnd - firstStart;
      }
    }
    if (equal) {
      sortEqual(from, to);
    } else {
      sortByLongs(from, to, depth + common, level);
    }
  }

  private void sortByLongs(int from, int to, int depth, int level) {
    boolean sorted = true;
    for (int i = from; i < to; i++) {
      longs[i] = eightBytes(order[i], depth);
      sorted = sorted && (i == from || longs[i - 1] <= longs[i]);
    }
    if (!sorted) {
      if (to - from >= RADIX_MIN) {
        radixSort(from, to);
      } else {
        System.arraycopy(longs, from, spareLongs, from, to - from);
        System.arraycopy(order, from, spareOrder, from, to - from);
        mergeSort(spareLongs, spareOrder, longs, order, from, to);
      }
    }
    for (int i = from; i < to; ) {
      long value = longs[i];
      int next = i + 1;
      while (next < to && longs[next] == value) {
        next++;
      }
      if (next - i > 1) {
        if (level < MOST_LEVELS && allReach(i, next, depth + Long.BYTES)) {
          sort(i, next, depth + Long.BYTES, level + 1);
        } else {
          compareSort(i, next, depth);
        }
      }
      i = next;
    }
  }

  // Big-endian, padded with zeros, sign-flipped so that signed longs are in the order of bytes.
  private long eightBytes(int index, int depth) {
    byte[] array = slices.array(index);
    int start = slices.start(index) + depth;
    int end = slices.end(index);
    if (end - start >= Long.BYTES) {
      return (long) LONGS.get(array, start) ^ Long.MIN_VALUE;
    }
    long value = 0;
    for (int i = start, shift = 56; i < end; i++, shift -= 8) {
      value |= (array[i] & 0xFFL) << shift;
    }
    return value ^ Long.MIN_VALUE;
  }

  private boolean allReach(int from, int to, int depth) {
    for (int i = from; i < to; i++) {
      int index = order[i];
      if (slices.end(index) - slices.start(index) < depth) {
        return false;
      }
    }
    return true;
  }

  private void radixSort(int from, int to) {
    int[] histograms = counts;
    if (histograms == null) {
      histograms = new int[DIGITS * RADIX];
      counts = histograms;
    } else {
      Arrays.fill(histograms, 0);
    }
    for (int i = from; i < to; i++) {
      long value = longs[i] ^ Long.MIN_VALUE;
      for (int digit = 0; digit < DIGITS; digit++) {
        histograms[digit * RADIX + (int) (value >>> (digit * 8) & 0xFF)]++;
      }
    }
    long[] sourceLongs = longs;
    int[] sourceOrder = order;
    long[] targetLongs = spareLongs;
    int[] targetOrder = spareOrder;
    int n = to - from;
    boolean inPlace = true;
    for (int digit = 0; digit < DIGITS; digit++) {
      int base = digit * RADIX;
      int shift = digit * 8;
      int any = (int) ((sourceLongs[from] ^ Long.MIN_VALUE) >>> shift & 0xFF);
      if (histograms[base + any] == n) {
        continue;
      }
      int at = from;
      for (int i = 0; i < RADIX; i++) {
        int count = histograms[base + i];
        histograms[base + i] = at;
        at += count;
      }
      for (int i = from; i < to; i++) {
        long value = sourceLongs[i];
        int target = histograms[base + (int) ((value ^ Long.MIN_VALUE) >>> shift & 0xFF)]++;
        targetLongs[target] = value;
        targetOrder[target] = sourceOrder[i];
      }
      long[] sortedLongs = targetLongs;
      int[] sortedOrder = targetOrder;
      targetLongs = sourceLongs;
      targetOrder = sourceOrder;
      sourceLongs = sortedLongs;
      sourceOrder = sortedOrder;
      inPlace = !inPlace;
    }
    if (!inPlace) {
      System.arraycopy(sourceLongs, from, longs, from, n);
      System.arraycopy(sourceOrder, from, order, from, n);
    }
  }

  // Sorts [low, high) of the sources into the targets; both hold the same entries at first.
  private static void mergeSort(
      long[] sourceLongs,
      int[] sourceOrder,
      long[] targetLongs,
      int[] targetOrder,
      int low,
      int high) {
    if (high - low < 8) {
      for (int i = low + 1; i < high; i++) {
        long value = targetLongs[i];
        int index = targetOrder[i];
        int j = i;
        while (j > low && targetLongs[j - 1] > value) {
          targetLongs[j] = targetLongs[j - 1];
          targetOrder[j] = targetOrder[j - 1];
          j--;
        }
        targetLongs[j] = value;
        targetOrder[j] = index;
      }
      return;
    }
    int middle = (low + high) >>> 1;
    mergeSort(targetLongs, targetOrder, sourceLongs, sourceOrder, low, middle);
    mergeSort(targetLongs, targetOrder, sourceLongs, sourceOrder, middle, high);
    int l = low;
    int r = middle;
    for (int i = low; i < high; i++) {
      int from = r >= high || (l < middle && sourceLongs[l] <= sourceLongs[r]) ? l++ : r++;
      targetLongs[i] = sourceLongs[from];
      targetOrder[i] = sourceOrder[from];
    }
  }

  private int compare(int left, int right, int depth) {
    int result =
        Arrays.compareUnsigned(
            slices.array(left),
            slices.start(left) + depth,
            slices.end(left),
            slices.array(right),
            slices.start(right) + depth,
            slices.end(right));
    return result != 0 || ties == null ? result : ties.compare(left, right);
  }

  private void insertionSort(int from, int to, int depth) {
    for (int i = from + 1; i < to; i++) {
      int moved = order[i];
      int j = i;
      while (j > from && compare(order[j - 1], moved, depth) > 0) {
        order[j] = order[j - 1];
        j--;
      }
      order[j] = moved;
    }
  }

  private void compareSort(int from, int to, int depth) {
    mergeSort(from, to, (left, right) -> compare(left, right, depth));
  }

  private void sortEqual(int from, int to) {
    if (ties != null) {
      mergeSort(from, to, ties);
    }
  }

  private void mergeSort(int from, int to, Ties comparator) {
    System.arraycopy(order, from, spareOrder, from, to - from);
    mergeSort(spareOrder, order, from, to, comparator);
  }

  private static void mergeSort(int[] source, int[] target, int low, int high, Ties comparator) {
    if (high - low < 8) {
      for (int i = low + 1; i < high; i++) {
        int moved = target[i];
        int j = i;
        while (j > low && comparator.compare(target[j - 1], moved) > 0) {
          target[j] = target[j - 1];
          j--;
        }
        target[j] = moved;
      }
      return;
    }
    int middle = (low + high) >>> 1;
    mergeSort(target, source, low, middle, comparator);
    mergeSort(target, source, middle, high, comparator);
    int l = low;
    int r = middle;
    for (int i = low; i < high; i++) {
      target[i] =
          r >= high || (l < middle && comparator.compare(source[l], source[r]) <= 0)
              ? source[l++]
              : source[r++];
    }
  }
}
