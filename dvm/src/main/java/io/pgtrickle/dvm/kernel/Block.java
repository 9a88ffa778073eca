package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;

abstract sealed class Block permits ArrayBlock, NativeBlock {
  /*
   * Up to RunBuilder.BLOCK_ENTRIES consecutive entries of a run: prefixes (see KeyOrder), weights, and
   * per entry its data, the rest of the key followed by the row. Bounded blocks keep arrays small for
   * the collector, are what a file checksums, and lift the 2 GB limit of one array from a run.
   * Immutable once built.
   *
   * There are two, because each is best at what it is for (docs/decisions.md has the figures): arrays for
   * the small runs that come and go with every step, native memory or a mapped file for the large. A
   * run has one kind only, and with two kinds the JIT inlines both.
   */
  final int size;

  /// The sum of the weights.
  final long total;

  /// Whether it must be verified before use; several threads may do so.
  boolean unverified;

  Block(int size, long total) {
    this.size = size;
    this.total = total;
  }

  /// The prefix of its first entry, known without reading it.
  abstract long first();

  /// Makes sure that its bytes are those that were written.
  abstract void verify();

  abstract long prefix(int i);

  abstract int keySize(int i);

  abstract long weight(int i);

  /// Whether every weight is 1.
  abstract boolean isUnit();

  /// The sum of the weights of a range of entries.
  final long weights(int from, int to) {
    if (isUnit()) {
      return (long) to - from;
    }
    if (from == 0 && to == size) {
      return total;
    }
    long sum = 0;
    for (int i = from; i < to; i++) {
      sum += weight(i);
    }
    return sum;
  }

  /// Where the entry's data starts, in a coordinate of the block's own; entries are contiguous.
  abstract long start(int i);

  /// Copies data out.
  abstract void copy(long from, byte[] target, int offset, int length);

  /// Compares a range of data with one of an array, as unsigned bytes.
  abstract int compareBytes(long from, long to, byte[] other, int otherFrom, int otherTo);

  /// Compares a range of data with one of another block.
  abstract int compareBytes(long from, long to, Block other, long otherFrom, long otherTo);

  /// The bytes it takes.
  abstract long bytes();

  final long end(int i) {
    return start(i + 1);
  }

  final int restSize(int i) {
    int whole = keySize(i);
    return whole - KeyOrder.skip(prefix(i), whole);
  }

  final long rowStart(int i) {
    return start(i) + restSize(i);
  }

  final byte[] row(int i) {
    long start = rowStart(i);
    byte[] row = new byte[(int) (end(i) - start)];
    copy(start, row, 0, row.length);
    return row;
  }

  /// Replaces the sink's contents by the entry's key.
  final void key(int i, ByteSink out) {
    int whole = keySize(i);
    byte[] key = new byte[whole];
    int skip = KeyOrder.unpack(prefix(i), whole, key, 0);
    copy(start(i), key, skip, whole - skip);
    out.clear();
    out.putBytes(key, 0, whole);
  }

  /// Compares the key of entry `i` with the one sought.
  final int compareKey(int i, Target target) {
    long prefix = prefix(i);
    if (prefix != target.prefix) {
      return prefix < target.prefix ? -1 : 1;
    }
    int keySize = keySize(i);
    int rest = keySize - KeyOrder.skip(prefix, keySize);
    if (rest != 0 || target.skip != target.length) {
      long start = start(i);
      int order = compareBytes(start, start + rest, target.key, target.skip, target.length);
      if (order != 0) {
        return order;
      }
    }
    // Zero-padded prefixes of short keys tie; the shorter key is the lesser.
    return Integer.compare(keySize, target.length);
  }

  /// Compares entry `i` with the one sought: by key and, where a row is sought too, by row.
  final int compare(int i, Target target) {
    int order = compareKey(i, target);
    byte[] row = target.row;
    return order != 0 || row == null
        ? order
        : compareBytes(rowStart(i), end(i), row, 0, row.length);
  }

  /// Compares the keys of two entries.
  final int compareKey(int i, Block other, int j) {
    long a = prefix(i);
    long b = other.prefix(j);
    if (a != b) {
      return a < b ? -1 : 1;
    }
    int aSize = keySize(i);
    int bSize = other.keySize(j);
    int aRest = aSize - KeyOrder.skip(a, aSize);
    int bRest = bSize - KeyOrder.skip(b, bSize);
    if (aRest != 0 || bRest != 0) {
      long from = start(i);
      long otherFrom = other.start(j);
      int order = compareBytes(from, from + aRest, other, otherFrom, otherFrom + bRest);
      if (order != 0) {
        return order;
      }
    }
    return Integer.compare(aSize, bSize);
  }

  /// Compares two entries.
  final int compare(int i, Block other, int j) {
    int order = compareKey(i, other, j);
    return order != 0
        ? order
        : compareBytes(rowStart(i), end(i), other, other.rowStart(j), other.end(j));
  }
}
