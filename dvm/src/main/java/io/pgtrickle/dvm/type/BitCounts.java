package io.pgtrickle.dvm.type;

/// How many of a bag of integers have each bit set: what `bit_and`, `bit_or` and `bit_xor` are
/// functions of, and, with a single bit, `bool_and` and `bool_or`.
public final class BitCounts {
  private final int width;
  private final long[] set;
  private long count;

  /// @param width the number of bits, 64 at most
  public BitCounts(int width) {
    this.width = width;
    set = new long[width];
  }

  /// Adds a value `weight` times.
  public void add(long value, long weight) {
    count = Math.addExact(count, weight);
    for (int bit = 0; bit < width; bit++) {
      if ((value >> bit & 1) != 0) {
        set[bit] = Math.addExact(set[bit], weight);
      }
    }
  }

  public boolean isEmpty() {
    return count == 0;
  }

  /// The bits that all values have.
  public long and() {
    return bits(n -> n == count);
  }

  /// The bits that some value has.
  public long or() {
    return bits(n -> n > 0);
  }

  /// The bits that an odd number of values has.
  public long xor() {
    return bits(n -> (n & 1) != 0);
  }

  private interface Test {
    boolean of(long times);
  }

  // The highest bit is the sign.
  private long bits(Test test) {
    long bits = 0;
    for (int bit = 0; bit < width; bit++) {
      if (test.of(set[bit])) {
        bits |= 1L << bit;
      }
    }
    return width == 1 ? bits : bits << (64 - width) >> (64 - width);
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    out.putVarlong(count);
    for (long times : set) {
      out.putVarlong(times);
    }
  }

  /// Reads what [#write] wrote for the same width.
  public static BitCounts read(byte[] data, int width) {
    ByteSource in = new ByteSource(data, 0, data.length);
    BitCounts counts = new BitCounts(width);
    counts.count = in.nextVarlong();
    for (int bit = 0; bit < width; bit++) {
      counts.set[bit] = in.nextVarlong();
    }
    return counts;
  }
}
