package io.pgtrickle.dvm.kernel;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

final class ArrayBlock extends Block {
  /*
   * A block on the heap, in parallel arrays:
   *
   *   prefixes[n]
   *   offsets[n+1]  where entry i starts in data
   *   data
   *   keySize       the key's size when all entries agree (integers, uuids); else −1 and keySizes[n]
   *   weights[n]    absent when every weight is 1; wide only if some weight needs more than 32 bits
   */
  private final long[] prefixes;
  private final int[] offsets;
  private final byte[] data;
  private final int keySize;
  private final int @Nullable [] keySizes;
  private final int @Nullable [] narrowWeights;
  private final long @Nullable [] wideWeights;

  ArrayBlock(
      int size,
      long total,
      long[] prefixes,
      int[] offsets,
      byte[] data,
      int keySize,
      int @Nullable [] keySizes,
      int @Nullable [] narrowWeights,
      long @Nullable [] wideWeights) {
    super(size, total);
    this.prefixes = prefixes;
    this.offsets = offsets;
    this.data = data;
    this.keySize = keySize;
    this.keySizes = keySizes;
    this.narrowWeights = narrowWeights;
    this.wideWeights = wideWeights;
  }

  @Override
  long first() {
    return prefixes[0];
  }

  @Override
  void verify() {
    // Memory is trusted.
  }

  @Override
  long prefix(int i) {
    return prefixes[i];
  }

  @Override
  int keySize(int i) {
    return keySizes == null ? keySize : keySizes[i];
  }

  @Override
  long weight(int i) {
    if (narrowWeights != null) {
      return narrowWeights[i];
    }
    return wideWeights == null ? 1 : wideWeights[i];
  }

  @Override
  boolean isUnit() {
    return narrowWeights == null && wideWeights == null;
  }

  @Override
  long start(int i) {
    return offsets[i];
  }

  @Override
  void copy(long from, byte[] target, int offset, int length) {
    System.arraycopy(data, (int) from, target, offset, length);
  }

  @Override
  int compareBytes(long from, long to, byte[] other, int otherFrom, int otherTo) {
    return Arrays.compareUnsigned(data, (int) from, (int) to, other, otherFrom, otherTo);
  }

  @Override
  int compareBytes(long from, long to, Block other, long otherFrom, long otherTo) {
    return other instanceof ArrayBlock that
        ? compareBytes(from, to, that.data, (int) otherFrom, (int) otherTo)
        : -other.compareBytes(otherFrom, otherTo, data, (int) from, (int) to);
  }

  /// Compares a range of another block with one of this.
  int compareWith(Block other, long otherFrom, long otherTo, long from, long to) {
    return other.compareBytes(otherFrom, otherTo, data, (int) from, (int) to);
  }

  @Override
  long bytes() {
    return 8L * prefixes.length
        + 4L * offsets.length
        + data.length
        + (keySizes == null ? 0 : 4L * keySizes.length)
        + (narrowWeights == null ? 0 : 4L * narrowWeights.length)
        + (wideWeights == null ? 0 : 8L * wideWeights.length);
  }
}
