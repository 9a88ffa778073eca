package io.pgtrickle.dvm.type;

import java.util.Arrays;

/// The exact sum of a weighted bag of floating-point numbers.
///
/// Adding is a homomorphism of Z-modules: for all bags A, B and values x, weights w
///
///     sum(A) + sum(B) = sum(A + B),    add(x, w) then add(x, −w) = identity
///
/// so the state is a function of the bag alone, whatever the order of additions and retractions,
/// and
/// no rounding happens before [#toDouble] or [#toFloat], which round the true sum once. PostgreSQL
/// adds
/// in scan order with a rounding at each step; its result is within a few ulps, ours is the one it
/// approximates.
///
/// Finite values accumulate in a fixed-point number with unit 2⁻¹⁰⁷⁴, the smallest double: digits
/// of
/// 32 bits in longs, so that some hundred million additions may pass before carries must move. Only
/// the
/// digits touched exist. NaN, the infinities and −0 are counted. Used by one thread.
public final class ExactFloatSum {
  private static final int UNIT_EXPONENT = -1074;
  // A digit grows by less than 2³⁴ per addition.
  private static final int ADDITIONS_BETWEEN_CARRIES = 1 << 28;
  private static final int HAS_DIGITS = 1;
  private static final int HAS_SPECIALS = 2;

  // The value is Σ digits[i] · 2^(32 (first + i)) units.
  private long[] digits = {};
  private int first;
  private int additions;

  private long count;
  private long negativeZeros;
  private long nans;
  private long positiveInfinities;
  private long negativeInfinities;

  /// The sum of nothing.
  public ExactFloatSum() {}

  /// Adds a value `weight` times; a negative weight retracts.
  public void add(double value, long weight) {
    count = Math.addExact(count, weight);
    if (value == 0) {
      if (1 / value < 0) {
        negativeZeros += weight;
      }
    } else if (Double.isNaN(value)) {
      nans += weight;
    } else if (Double.isInfinite(value)) {
      if (value > 0) {
        positiveInfinities += weight;
      } else {
        negativeInfinities += weight;
      }
    } else {
      addFinite(value, weight);
    }
  }

  /// Adds all that another sum holds.
  public void add(ExactFloatSum other) {
    count = Math.addExact(count, other.count);
    negativeZeros += other.negativeZeros;
    nans += other.nans;
    positiveInfinities += other.positiveInfinities;
    negativeInfinities += other.negativeInfinities;
    other.carry();
    if (other.digits.length > 0) {
      carry();
      cover(other.first, other.first + other.digits.length);
      for (int i = 0; i < other.digits.length; i++) {
        digits[other.first - first + i] += other.digits[i];
      }
      carry();
    }
  }

  private void addFinite(double value, long weight) {
    long bits = Double.doubleToRawLongBits(value);
    int exponent = (int) (bits >>> 52) & 0x7FF;
    long mantissa = bits & 0xF_FFFF_FFFF_FFFFL;
    int position = 0;
    if (exponent > 0) {
      mantissa |= 1L << 52;
      position = exponent - 1;
    }
    long signedWeight = bits < 0 ? -weight : weight;
    // The product of 53 and 64 bits, shifted by up to 31, in five pieces of 32 bits with one sign.
    int shift = position & 31;
    long low = mantissa * signedWeight;
    long high = Math.multiplyHigh(mantissa, signedWeight);
    if (weight == Long.MIN_VALUE) {
      throw new ArithmeticException("long overflow");
    }
    int index = position >>> 5;
    cover(index, index + 5);
    int at = index - first;
    long p0 = low & 0xFFFF_FFFFL;
    long p1 = low >>> 32;
    long p2 = high & 0xFFFF_FFFFL;
    long p3 = high >> 32;
    digits[at] += p0 << shift & 0xFFFF_FFFFL;
    digits[at + 1] += (p0 << shift >>> 32) + (p1 << shift & 0xFFFF_FFFFL);
    digits[at + 2] += (p1 << shift >>> 32) + (p2 << shift & 0xFFFF_FFFFL);
    digits[at + 3] += (p2 << shift >>> 32) + (p3 << shift & 0xFFFF_FFFFL);
    digits[at + 4] += p3 << shift >> 32;
    if (++additions >= ADDITIONS_BETWEEN_CARRIES) {
      carry();
    }
  }

  /// Makes room for digits `[from, to)`.
  private void cover(int from, int to) {
    if (digits.length == 0) {
      digits = new long[to - from];
      first = from;
    } else if (from < first || to > first + digits.length) {
      int start = Math.min(from, first);
      long[] wider = new long[Math.max(to, first + digits.length) - start];
      System.arraycopy(digits, 0, wider, first - start, digits.length);
      digits = wider;
      first = start;
    }
  }

  /// Brings the digits to canonical form: all but the last within 32 bits, the last one signed and
  /// neither redundant nor missing, no zeros at the low end, none at all for zero.
  private void carry() {
    additions = 0;
    if (digits.length == 0) {
      return;
    }
    long[] next = Arrays.copyOf(digits, digits.length + 2);
    long carried = 0;
    for (int i = 0; i < next.length; i++) {
      long sum = next[i] + carried;
      next[i] = sum & 0xFFFF_FFFFL;
      carried = sum >> 32;
    }
    // Now carried is 0 or −1, the sign above all digits, and the last digit only repeats it.
    boolean negative = carried < 0;
    long repeated = carried & 0xFFFF_FFFFL;
    int end = next.length - 1;
    while (end > 0 && next[end - 1] == repeated) {
      end--;
    }
    if (end == 0 && !negative) {
      digits = new long[0];
      first = 0;
      return;
    }
    // One repetition stays where the highest digit would show the other sign.
    if (end == 0 || (next[end - 1] >>> 31 != 0) != negative) {
      end++;
    }
    int start = 0;
    while (start < end - 1 && next[start] == 0) {
      start++;
    }
    digits = Arrays.copyOfRange(next, start, end);
    digits[digits.length - 1] = (int) digits[digits.length - 1];
    first += start;
  }

  /// The number of values, weights counted.
  public long count() {
    return count;
  }

  /// Whether nothing is left of what was added.
  public boolean isEmpty() {
    carry();
    return digits.length == 0
        && count == 0
        && negativeZeros == 0
        && nans == 0
        && positiveInfinities == 0
        && negativeInfinities == 0;
  }

  /// The sum, rounded once to the nearest double, ties to even; −0 only if every value is −0.
  ///
  /// @throws EvaluationFailure 22003 when finite values add up to more than the type holds
  public double toDouble() {
    return rounded(53, 0, Double.MAX_VALUE);
  }

  /// The sum, rounded once to the nearest float.
  ///
  /// @throws EvaluationFailure 22003 when finite values add up to more than the type holds
  public float toFloat() {
    return (float) rounded(24, 1074 - 149, Float.MAX_VALUE);
  }

  /// Whether all values are finite.
  boolean isFinite() {
    return nans == 0 && positiveInfinities == 0 && negativeInfinities == 0;
  }

  private double rounded(int precision, int lowestBit, double max) {
    if (nans != 0 || (positiveInfinities != 0 && negativeInfinities != 0)) {
      return Double.NaN;
    }
    if (!isFinite()) {
      return positiveInfinities != 0 ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
    }
    carry();
    if (digits.length == 0) {
      return count != 0 && count == negativeZeros ? -0.0 : 0.0;
    }
    double result = roundedFinite(precision, lowestBit);
    if (Math.abs(result) > max) {
      throw new EvaluationFailure("22003", "value out of range: overflow");
    }
    return result;
  }

  private double roundedFinite(int precision, int lowestBit) {
    boolean negative = digits[digits.length - 1] < 0;
    int[] magnitude = magnitude(negative);
    int top = magnitude.length - 1;
    while (magnitude[top] == 0) {
      top--;
    }
    int topBit = 32 * (first + top) + 31 - Integer.numberOfLeadingZeros(magnitude[top]);
    int lowBit = Math.max(topBit - precision + 1, lowestBit);
    long mantissa = 0;
    for (int bit = topBit; bit >= lowBit; bit--) {
      mantissa = mantissa << 1 | bit(magnitude, bit);
    }
    if (bit(magnitude, lowBit - 1) == 1
        && ((mantissa & 1) == 1 || anyBelow(magnitude, lowBit - 1))) {
      mantissa++;
    }
    double result = Math.scalb((double) mantissa, lowBit + UNIT_EXPONENT);
    return negative ? -result : result;
  }

  private int[] magnitude(boolean negative) {
    int[] magnitude = new int[digits.length + 1];
    long borrow = 0;
    for (int i = 0; i < digits.length; i++) {
      long digit = (negative ? -digits[i] : digits[i]) + borrow;
      magnitude[i] = (int) digit;
      borrow = digit >> 32;
    }
    magnitude[digits.length] = (int) borrow;
    return magnitude;
  }

  private int bit(int[] magnitude, int bit) {
    int index = (bit >> 5) - first;
    return index < 0 || index >= magnitude.length ? 0 : magnitude[index] >>> (bit & 31) & 1;
  }

  private boolean anyBelow(int[] magnitude, int bit) {
    int index = (bit >> 5) - first;
    for (int i = 0; i < Math.min(index, magnitude.length); i++) {
      if (magnitude[i] != 0) {
        return true;
      }
    }
    return index >= 0
        && index < magnitude.length
        && (magnitude[index] & (1 << (bit & 31)) - 1) != 0;
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    carry();
    boolean specials = (negativeZeros | nans | positiveInfinities | negativeInfinities) != 0;
    out.putByte((digits.length > 0 ? HAS_DIGITS : 0) | (specials ? HAS_SPECIALS : 0));
    out.putVarlong(count);
    if (specials) {
      out.putVarlong(negativeZeros);
      out.putVarlong(nans);
      out.putVarlong(positiveInfinities);
      out.putVarlong(negativeInfinities);
    }
    if (digits.length > 0) {
      out.putByte(first);
      for (long digit : digits) {
        out.putInt((int) digit);
      }
    }
  }

  /// Reads what [#write] wrote.
  public static ExactFloatSum read(byte[] data, int offset, int length) {
    ByteSource in = new ByteSource(data, offset, length);
    ExactFloatSum sum = new ExactFloatSum();
    int flags = in.nextByte();
    sum.count = in.nextVarlong();
    if ((flags & HAS_SPECIALS) != 0) {
      sum.negativeZeros = in.nextVarlong();
      sum.nans = in.nextVarlong();
      sum.positiveInfinities = in.nextVarlong();
      sum.negativeInfinities = in.nextVarlong();
    }
    if ((flags & HAS_DIGITS) != 0) {
      sum.first = in.nextByte();
      sum.digits = new long[in.remaining() / 4];
      for (int i = 0; i < sum.digits.length - 1; i++) {
        sum.digits[i] = in.nextInt() & 0xFFFF_FFFFL;
      }
      sum.digits[sum.digits.length - 1] = in.nextInt();
    }
    return sum;
  }
}
