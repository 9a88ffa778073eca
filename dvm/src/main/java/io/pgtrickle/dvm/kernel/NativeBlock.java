package io.pgtrickle.dvm.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

final class NativeBlock extends Block {
  /*
   * A block in one piece of memory beyond the heap, a part of a slab or of a mapped file; little-endian:
   *
   *   prefixes   8 n
   *   wide       8 n       weights, only if one of them needs more than 32 bits
   *   offsets    4 (n+1)   where entry i starts in data
   *   keySizes   4 n       only if the keys' sizes differ
   *   narrow     4 n       weights, only if one of them is not 1 and all fit into 32 bits
   *   data
   *
   * It is read by address, through one segment that spans all memory. A segment per run would check
   * with every access that the run has not been freed, which was measured to make merging 2.5 times as
   * slow as arrays. Instead whoever reads must hold the run (RunMemory), and a freed run forgets its
   * blocks.
   */
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong COMPARABLE =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final VarHandle COMPARABLES =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  // Up to here eight bytes at a time are faster than a call for the whole.
  private static final int SHORT = 128;

  private static final MemorySegment ALL = everything();

  @SuppressWarnings("restricted") // The price of access without a check per access, see above.
  private static MemorySegment everything() {
    return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
  }

  /// What must be known to read a block's bytes.
  ///
  /// @param total the sum of the weights
  /// @param first the prefix of the first entry
  /// @param keySize the keys' size when all entries agree, else −1
  /// @param weightBytes 0 when every weight is 1, else 4 or 8
  record Shape(int size, long total, long first, int keySize, int weightBytes, int dataBytes) {
    int bytes() {
      return dataAt() + dataBytes;
    }

    int offsetsAt() {
      return weightBytes == 8 ? 16 * size : 8 * size;
    }

    int keySizesAt() {
      return offsetsAt() + 4 * (size + 1);
    }

    int weightsAt() {
      return weightBytes == 8 ? 8 * size : keySizesAt() + (keySize < 0 ? 4 * size : 0);
    }

    int dataAt() {
      return keySizesAt() + (keySize < 0 ? 4 * size : 0) + (weightBytes == 4 ? 4 * size : 0);
    }
  }

  private final Shape shape;
  private final RunFile.@Nullable Image image;
  private final int keySize;
  private final int weightBytes;
  private final long prefixes;
  private final long offsets;
  private final long keySizes;
  private final long weights;
  private final long data;

  /// A block in a slab.
  NativeBlock(Shape shape, MemorySegment memory) {
    this(shape, memory, null);
  }

  /// A block of a mapped file.
  ///
  /// @param image what it must be compared with before it is read; `null` if nothing
  NativeBlock(Shape shape, MemorySegment memory, RunFile.@Nullable Image image) {
    super(shape.size, shape.total);
    unverified = image != null;
    this.image = image;
    this.shape = shape;
    keySize = shape.keySize;
    weightBytes = shape.weightBytes;
    prefixes = memory.address();
    offsets = prefixes + shape.offsetsAt();
    keySizes = prefixes + shape.keySizesAt();
    weights = prefixes + shape.weightsAt();
    data = prefixes + shape.dataAt();
  }

  @Override
  long first() {
    return shape.first;
  }

  @Override
  void verify() {
    if (image != null) {
      image.verify(shape.bytes());
    }
    unverified = false;
  }

  @Override
  long prefix(int i) {
    return ALL.get(LONG, prefixes + 8L * i);
  }

  @Override
  int keySize(int i) {
    return keySize >= 0 ? keySize : ALL.get(INT, keySizes + 4L * i);
  }

  @Override
  long weight(int i) {
    if (weightBytes == 0) {
      return 1;
    }
    return weightBytes == 4 ? ALL.get(INT, weights + 4L * i) : ALL.get(LONG, weights + 8L * i);
  }

  @Override
  boolean isUnit() {
    return weightBytes == 0;
  }

  @Override
  long start(int i) {
    return data + ALL.get(INT, offsets + 4L * i);
  }

  @Override
  void copy(long from, byte[] target, int offset, int length) {
    if (length > SHORT) {
      MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, from, target, offset, length);
      return;
    }
    int i = 0;
    for (; i <= length - 8; i += 8) {
      COMPARABLES.set(target, offset + i, ALL.get(COMPARABLE, from + i));
    }
    for (; i < length; i++) {
      target[offset + i] = ALL.get(ValueLayout.JAVA_BYTE, from + i);
    }
  }

  @Override
  int compareBytes(long from, long to, byte[] other, int otherFrom, int otherTo) {
    long i = from;
    int j = otherFrom;
    long common = Math.min(to - from, otherTo - otherFrom);
    for (long wide = i + (common & ~7L); i < wide; i += 8, j += 8) {
      long x = ALL.get(COMPARABLE, i);
      long y = (long) COMPARABLES.get(other, j);
      if (x != y) {
        return Long.compareUnsigned(x, y);
      }
    }
    for (long end = from + common; i < end; i++, j++) {
      int x = ALL.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
      int y = other[j] & 0xFF;
      if (x != y) {
        return x - y;
      }
    }
    return Long.compare(to - from, otherTo - otherFrom);
  }

  @Override
  int compareBytes(long from, long to, Block other, long otherFrom, long otherTo) {
    if (other instanceof ArrayBlock array) {
      return array.compareWith(this, from, to, otherFrom, otherTo);
    }
    long i = from;
    long j = otherFrom;
    long common = Math.min(to - from, otherTo - otherFrom);
    for (long wide = i + (common & ~7L); i < wide; i += 8, j += 8) {
      long x = ALL.get(COMPARABLE, i);
      long y = ALL.get(COMPARABLE, j);
      if (x != y) {
        return Long.compareUnsigned(x, y);
      }
    }
    for (long end = from + common; i < end; i++, j++) {
      int x = ALL.get(ValueLayout.JAVA_BYTE, i) & 0xFF;
      int y = ALL.get(ValueLayout.JAVA_BYTE, j) & 0xFF;
      if (x != y) {
        return x - y;
      }
    }
    return Long.compare(to - from, otherTo - otherFrom);
  }

  @Override
  long bytes() {
    return shape.bytes();
  }
}
