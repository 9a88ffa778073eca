package io.pgtrickle.dvm.kernel;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Builds a [Run] from entries that come in ascending order and are distinct.
public final class RunBuilder {
  /*
   * Appends to the arrays of the open block and closes it when it holds BLOCK_ENTRIES entries or
   * BLOCK_BYTES of data (one larger row still gets a block of its own): then the shelf takes it. The key
   * sizes and weights arrays come into being with the first entry that needs them. Amortised O(bytes).
   *
   * A block is what is checksummed, and what a look-up in a file touches first: a page or two of its
   * prefixes, one of its offsets, one of its data.
   */
  static final int BLOCK_ENTRIES = 1024;
  static final int BLOCK_BYTES = 64 * 1024;

  private final Shelf shelf;
  private long entries;
  private long negatives;

  private final int firstCapacity;
  private final int firstBytes;
  private int size;
  private int used;
  private long total;
  private boolean given;
  private long[] prefixes;
  private int[] offsets;
  private byte[] data;
  private int keySize;
  private int @Nullable [] keySizes;
  private int @Nullable [] narrow;
  private long @Nullable [] wide;
  private final Open open = new Open();

  public RunBuilder(Shelf shelf, long expectedEntries, long expectedBytes) {
    this.shelf = shelf;
    firstCapacity = Math.clamp(expectedEntries, 1, BLOCK_ENTRIES);
    firstBytes = Math.clamp(expectedBytes, 16, BLOCK_BYTES);
    prefixes = new long[firstCapacity];
    offsets = new int[firstCapacity + 1];
    data = new byte[firstBytes];
  }

  /// Appends an entry; its (key, row) must be above the last one's, its weight not zero.
  public void append(ByteSink key, Row row, long weight) {
    append(key.array(), 0, key.size(), KeyOrder.prefix(key.array(), 0, key.size()), row, weight);
  }

  void append(byte[] key, int offset, int length, long prefix, Row row, long weight) {
    byte[] rowBytes = row.bytes();
    int skip = KeyOrder.skip(prefix, length);
    int rest = length - skip;
    open(prefix, length, rest + rowBytes.length, weight);
    System.arraycopy(key, offset + skip, data, used, rest);
    System.arraycopy(rowBytes, 0, data, used + rest, rowBytes.length);
    close(rest + rowBytes.length);
  }

  void append(Block from, int i, long weight) {
    long start = from.start(i);
    int length = (int) (from.end(i) - start);
    open(from.prefix(i), from.keySize(i), length, weight);
    from.copy(start, data, used, length);
    close(length);
  }

  private void open(long prefix, int key, int bytes, long weight) {
    if (size == BLOCK_ENTRIES || (size > 0 && used + bytes > BLOCK_BYTES)) {
      finishBlock();
    }
    if (given) {
      prefixes = new long[firstCapacity];
      offsets = new int[firstCapacity + 1];
      data = new byte[firstBytes];
      given = false;
    }
    if (size == prefixes.length) {
      int capacity = Math.min(BLOCK_ENTRIES, size * 2);
      prefixes = Arrays.copyOf(prefixes, capacity);
      offsets = Arrays.copyOf(offsets, capacity + 1);
      keySizes = keySizes == null ? null : Arrays.copyOf(keySizes, capacity);
      narrow = narrow == null ? null : Arrays.copyOf(narrow, capacity);
      wide = wide == null ? null : Arrays.copyOf(wide, capacity);
    }
    if (used + bytes > data.length) {
      data = Arrays.copyOf(data, Math.max(used + bytes, Math.min(BLOCK_BYTES, data.length * 2)));
    }
    prefixes[size] = prefix;
    if (size == 0) {
      keySize = key;
    } else if (keySizes == null && key != keySize) {
      keySizes = new int[prefixes.length];
      Arrays.fill(keySizes, 0, size, keySize);
    }
    if (keySizes != null) {
      keySizes[size] = key;
    }
    putWeight(weight);
    total = Math.addExact(total, weight);
    if (weight < 0) {
      negatives++;
    }
  }

  private void putWeight(long weight) {
    if (wide == null && weight != (int) weight) {
      wide = new long[prefixes.length];
      for (int i = 0; i < size; i++) {
        wide[i] = narrow == null ? 1 : narrow[i];
      }
      narrow = null;
    } else if (wide == null && narrow == null && weight != 1) {
      narrow = new int[prefixes.length];
      Arrays.fill(narrow, 0, size, 1);
    }
    if (wide != null) {
      wide[size] = weight;
    } else if (narrow != null) {
      narrow[size] = (int) weight;
    }
  }

  private void close(int bytes) {
    used += bytes;
    offsets[++size] = used;
    entries++;
  }

  private void finishBlock() {
    shelf.put(open);
    size = 0;
    used = 0;
    total = 0;
    keySizes = null;
    narrow = null;
    wide = null;
  }

  /// The block that is being filled, as a shelf takes it.
  final class Open {
    private Open() {}

    /// The block as arrays; those that fit exactly, as for a run of one entry, are given away.
    ArrayBlock toArrays() {
      long[] exactPrefixes = prefixes.length == size ? prefixes : Arrays.copyOf(prefixes, size);
      int[] exactOffsets = offsets.length == size + 1 ? offsets : Arrays.copyOf(offsets, size + 1);
      byte[] exactData = data.length == used ? data : Arrays.copyOf(data, used);
      given = true;
      return new ArrayBlock(
          size,
          total,
          exactPrefixes,
          exactOffsets,
          exactData,
          keySizes == null ? keySize : -1,
          keySizes == null ? null : Arrays.copyOf(keySizes, size),
          narrow == null ? null : Arrays.copyOf(narrow, size),
          wide == null ? null : Arrays.copyOf(wide, size));
    }

    NativeBlock.Shape shape() {
      return new NativeBlock.Shape(
          size,
          total,
          prefixes[0],
          keySizes == null ? keySize : -1,
          wide != null ? 8 : narrow != null ? 4 : 0,
          used);
    }

    /// Writes the block to the start of some memory.
    void copyTo(MemorySegment memory, NativeBlock.Shape shape) {
      MemorySegment.copy(prefixes, 0, memory, NativeBlock.LONG, 0, size);
      MemorySegment.copy(offsets, 0, memory, NativeBlock.INT, shape.offsetsAt(), size + 1);
      if (keySizes != null) {
        MemorySegment.copy(keySizes, 0, memory, NativeBlock.INT, shape.keySizesAt(), size);
      }
      if (wide != null) {
        MemorySegment.copy(wide, 0, memory, NativeBlock.LONG, shape.weightsAt(), size);
      } else if (narrow != null) {
        MemorySegment.copy(narrow, 0, memory, NativeBlock.INT, shape.weightsAt(), size);
      }
      MemorySegment.copy(data, 0, memory, ValueLayout.JAVA_BYTE, shape.dataAt(), used);
    }
  }

  /// The run; the builder is used up.
  public Run build() {
    if (size > 0) {
      finishBlock();
    }
    if (entries == 0) {
      shelf.abandon();
      return Run.EMPTY;
    }
    return shelf.finish(entries, negatives);
  }
}
