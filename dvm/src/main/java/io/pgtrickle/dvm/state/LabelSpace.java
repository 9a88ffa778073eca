package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.type.Bytes;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Byte strings as fractions between 0 and 1 in base 256, so that there is always another one
/// between two, and the order of bytes is the order of fractions.
final class LabelSpace {
  private LabelSpace() {}

  /// Where in a gap new labels are put.
  enum Lean {
    /// Next to the lower end: values come in ascending order.
    LOW,
    /// All over it.
    EVEN,
    /// Next to the upper end: values come in descending order.
    HIGH
  }

  /// What a leaning step leaves of a gap: all but one part in so many, as a power of two. Values in
  /// order then cost 1/45,000 of a bit each, instead of one; a change of direction costs 16 bits.
  private static final int LEAN_BITS = 16;

  /// Neighbours stay so far apart, as a power of two, that labels do not get longer at once.
  private static final int SPACING_BITS = 8;

  /// Labels between two, in ascending order.
  ///
  /// @param low exclusive; `null` for the start of everything
  /// @param high exclusive; `null` for the end of everything
  static List<Bytes> between(@Nullable Bytes low, @Nullable Bytes high, int count, Lean lean) {
    int length =
        Math.max(1, Math.max(low == null ? 0 : low.size(), high == null ? 0 : high.size()));
    BigInteger parts = BigInteger.valueOf(count + 1L);
    if (lean != Lean.EVEN) {
      parts = parts.shiftLeft(LEAN_BITS);
    }
    BigInteger from;
    BigInteger gap;
    BigInteger step;
    while (true) {
      from = low == null ? BigInteger.ZERO : scaled(low, length);
      BigInteger to =
          high == null ? BigInteger.ONE.shiftLeft(Byte.SIZE * length) : scaled(high, length);
      gap = to.subtract(from);
      if (gap.signum() <= 0) {
        throw new IllegalArgumentException("no label is above " + low + " and below " + high);
      }
      step = gap.divide(parts);
      if (step.bitLength() > SPACING_BITS) {
        break;
      }
      length++;
    }
    if (lean == Lean.HIGH) {
      from = from.add(gap).subtract(step.multiply(BigInteger.valueOf(count + 1L)));
    }
    List<Bytes> labels = new ArrayList<>(count);
    BigInteger label = from;
    for (int i = 0; i < count; i++) {
      label = label.add(step);
      labels.add(bytes(label, length));
    }
    return labels;
  }

  private static BigInteger scaled(Bytes label, int length) {
    return new BigInteger(1, label.toArray()).shiftLeft(Byte.SIZE * (length - label.size()));
  }

  // Without the zeros at the end, which say nothing.
  private static Bytes bytes(BigInteger label, int length) {
    byte[] digits = new byte[length];
    byte[] magnitude = label.toByteArray();
    int digit = length - 1;
    for (int i = magnitude.length - 1; i >= 0 && digit >= 0; i--) {
      digits[digit--] = magnitude[i];
    }
    int end = length;
    while (digits[end - 1] == 0) {
      end--;
    }
    return Bytes.copyOf(digits, 0, end);
  }
}
