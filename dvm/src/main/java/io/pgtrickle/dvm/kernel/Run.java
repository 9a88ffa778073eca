package io.pgtrickle.dvm.kernel;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// An immutable sorted run: distinct (key, row) entries in ascending order of key bytes, then row
/// bytes, each with a non-zero weight.
public final class Run {
  /*
   * A list of blocks; firsts[b] is the first prefix of block b (the fence). Finding a key is a
   * binary search over the fences, which stay in cache, and then over the prefixes of one block.
   * Nothing outside this package knows that the arrays are on the heap; a run mapped from a file
   * would have the same blocks over another kind of memory.
   *
   * A position is block << 32 | index. The end of a run is (blocks, 0).
   */
  public static final Run EMPTY = new Run(List.of(), 0, 0);

  final Block[] blocks;
  final long[] firsts;
  private final long entries;
  private final long negatives;
  private final long bytes;

  Run(List<Block> blocks, long entries, long negatives) {
    this.blocks = blocks.toArray(new Block[0]);
    this.entries = entries;
    this.negatives = negatives;
    firsts = new long[this.blocks.length];
    long total = 0;
    for (int b = 0; b < firsts.length; b++) {
      firsts[b] = this.blocks[b].prefixes[0];
      total += this.blocks[b].bytes() + 8;
    }
    bytes = total;
  }

  /// The number of entries.
  public long entries() {
    return entries;
  }

  /// How many entries have a negative weight; they make the run more urgent to merge.
  public long negatives() {
    return negatives;
  }

  /// The bytes of its arrays, without object headers.
  public long bytes() {
    return bytes;
  }

  public boolean isEmpty() {
    return entries == 0;
  }

  /// The sum of runs: one run with the same net weights, cancelled entries gone.
  public static Run merge(List<Run> runs) {
    long entries = 0;
    long bytes = 0;
    for (Run run : runs) {
      entries += run.entries;
      bytes += run.bytes;
    }
    RunBuilder out = new RunBuilder(entries, bytes);
    Merge merge = Merge.of(runs);
    while (merge.next()) {
      merge.appendTo(out);
    }
    return out.build();
  }

  static long position(int block, int index) {
    return (long) block << 32 | index;
  }

  long end() {
    return position(blocks.length, 0);
  }

  /// The first position at or after `from` whose key is not below the given one.
  long seek(long from, byte[] key, int length, long prefix) {
    return seek(from, key, length, prefix, null, 0);
  }

  /// The first position at or after `from` whose entry is not below the given one.
  long seek(long from, byte[] key, int length, long prefix, byte[] row) {
    return seek(from, key, length, prefix, row, 0);
  }

  /// The first position at or after `from` whose key is above the given one.
  long seekPast(long from, byte[] key, int length, long prefix) {
    return seek(from, key, length, prefix, null, 1);
  }

  // The first position whose entry compares to the given key, or key and row, as at least `bound`.
  private long seek(
      long from, byte[] key, int length, long prefix, byte @Nullable [] row, int bound) {
    int b = (int) (from >> 32);
    int i = (int) from;
    int n = blocks.length;
    if (b == n || blocks[b].compare(i, key, length, prefix, row) >= bound) {
      return from;
    }
    // Gallop over the fences to the last block that starts before the target: ascending probes of a
    // batch mostly stay in the block they are in.
    int low = b;
    int step = 1;
    while (low + step < n && before(low + step, key, length, prefix, row, bound)) {
      low += step;
      step <<= 1;
    }
    int high = Math.min(n, low + step);
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (before(middle, key, length, prefix, row, bound)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    Block block = blocks[low];
    // Entry `at` is before the target; find the first after it that is not.
    int at = low == b ? i : 0;
    int stride = 1;
    while (at + stride < block.size
        && block.compare(at + stride, key, length, prefix, row) < bound) {
      at += stride;
      stride <<= 1;
    }
    int limit = Math.min(block.size, at + stride);
    while (limit - at > 1) {
      int middle = (at + limit) >>> 1;
      if (block.compare(middle, key, length, prefix, row) < bound) {
        at = middle;
      } else {
        limit = middle;
      }
    }
    return limit == block.size ? position(low + 1, 0) : position(low, limit);
  }

  private boolean before(
      int b, byte[] key, int length, long prefix, byte @Nullable [] row, int bound) {
    long first = firsts[b];
    return first != prefix
        ? first < prefix
        : blocks[b].compare(0, key, length, prefix, row) < bound;
  }

  long after(long position) {
    int b = (int) (position >> 32);
    int i = (int) position + 1;
    return i == blocks[b].size ? position(b + 1, 0) : position + 1;
  }

  long before(long position) {
    int i = (int) position;
    if (i > 0) {
      return position - 1;
    }
    int b = (int) (position >> 32) - 1;
    return position(b, blocks[b].size - 1);
  }
}
