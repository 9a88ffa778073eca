package io.pgtrickle.dvm.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

final class Block {
  /*
   * Up to RunBuilder.BLOCK_ENTRIES consecutive entries of a run, in parallel arrays:
   *
   *   prefixes[n]   see KeyOrder
   *   offsets[n+1]  where entry i starts in data
   *   data          per entry: rest of the key, then the row
   *   keySize       the key's size when all entries agree (integers, uuids); else −1 and keySizes[n]
   *   weights[n]    absent when every weight is 1; wide only if some weight needs more than 32 bits
   *
   * Bounded blocks keep arrays small for the collector, lift the 2 GB limit of one array from a run, and
   * are the unit that a file of the run would checksum. Immutable once built.
   */
  final int size;
  final long[] prefixes;
  final int[] offsets;
  final byte[] data;
  final int keySize;
  final int @Nullable [] keySizes;
  final int @Nullable [] narrowWeights;
  final long @Nullable [] wideWeights;

  Block(
      int size,
      long[] prefixes,
      int[] offsets,
      byte[] data,
      int keySize,
      int @Nullable [] keySizes,
      int @Nullable [] narrowWeights,
      long @Nullable [] wideWeights) {
    this.size = size;
    this.prefixes = prefixes;
    this.offsets = offsets;
    this.data = data;
    this.keySize = keySize;
    this.keySizes = keySizes;
    this.narrowWeights = narrowWeights;
    this.wideWeights = wideWeights;
  }

  int keySize(int i) {
    return keySizes == null ? keySize : keySizes[i];
  }

  int restSize(int i) {
    int whole = keySize(i);
    return whole - KeyOrder.skip(prefixes[i], whole);
  }

  long weight(int i) {
    if (narrowWeights != null) {
      return narrowWeights[i];
    }
    return wideWeights == null ? 1 : wideWeights[i];
  }

  int rowStart(int i) {
    return offsets[i] + restSize(i);
  }

  /// Compares the key of entry `i` with a key given whole, whose prefix the caller has computed.
  int compareKey(int i, byte[] key, int length, long prefix) {
    if (prefixes[i] != prefix) {
      return prefixes[i] < prefix ? -1 : 1;
    }
    int skip = KeyOrder.skip(prefix, length);
    return KeyOrder.compareRest(
        data, offsets[i], restSize(i), keySize(i), key, skip, length - skip, length);
  }

  /// Compares entry `i` with a key and, where the keys are equal and a row is given, a row.
  int compare(int i, byte[] key, int length, long prefix, byte @Nullable [] row) {
    int order = compareKey(i, key, length, prefix);
    return order != 0 || row == null
        ? order
        : Arrays.compareUnsigned(data, rowStart(i), offsets[i + 1], row, 0, row.length);
  }

  /// Compares the keys of two entries.
  int compareKey(int i, Block other, int j) {
    long a = prefixes[i];
    long b = other.prefixes[j];
    if (a != b) {
      return a < b ? -1 : 1;
    }
    return KeyOrder.compareRest(
        data,
        offsets[i],
        restSize(i),
        keySize(i),
        other.data,
        other.offsets[j],
        other.restSize(j),
        other.keySize(j));
  }

  long bytes() {
    return 8L * prefixes.length
        + 4L * offsets.length
        + data.length
        + (keySizes == null ? 0 : 4L * keySizes.length)
        + (narrowWeights == null ? 0 : 4L * narrowWeights.length)
        + (wideWeights == null ? 0 : 8L * wideWeights.length);
  }
}
