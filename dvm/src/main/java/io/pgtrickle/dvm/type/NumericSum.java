package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The exact sum of a weighted bag of numerics, with the display scale `sum(numeric)` shows.
///
/// For all bags A, B and values x, weights w
///
///     sum(A) + sum(B) = sum(A + B),    add(x, w) then add(x, −w) = identity
///
/// The display scale of the result is the largest among the values *present*, so it may shrink when
/// a value leaves: the state counts the finite values per display scale. NaN and the infinities are
/// counted beside them, because they cannot be subtracted. Used by one thread.
public final class NumericSum {
  private static final int HAS_SPECIALS = 1;
  private static final long[] POWERS_OF_TEN = new long[19];

  static {
    POWERS_OF_TEN[0] = 1;
    for (int i = 1; i < POWERS_OF_TEN.length; i++) {
      POWERS_OF_TEN[i] = 10 * POWERS_OF_TEN[i - 1];
    }
  }

  // The sum of the finite values is `large`, or `small` while `large` is null, times 10^−scale.
  private long small;
  private @Nullable BigInteger large;
  private int scale;

  // The display scales present, ascending, and how many values have each; no count is zero.
  private int[] scales = {};
  private long[] counts = {};

  private long nans;
  private long positiveInfinities;
  private long negativeInfinities;

  /// The sum of nothing.
  public NumericSum() {}

  /// Adds a value `weight` times; a negative weight retracts.
  public void add(PgNumeric value, long weight) {
    if (weight == 0) {
      return;
    }
    if (!value.isFinite()) {
      if (value.isNaN()) {
        nans += weight;
      } else if (value.signum() > 0) {
        positiveInfinities += weight;
      } else {
        negativeInfinities += weight;
      }
      return;
    }
    BigDecimal decimal = value.decimal();
    countScale(decimal.scale(), weight);
    if (decimal.precision() <= 18) {
      addUnscaled(decimal.unscaledValue().longValue(), decimal.scale(), weight);
    } else {
      addLarge(decimal.unscaledValue().multiply(BigInteger.valueOf(weight)), decimal.scale());
    }
  }

  /// Adds an integer `weight` times; a negative weight retracts.
  public void add(long value, long weight) {
    if (weight != 0) {
      countScale(0, weight);
      addUnscaled(value, 0, weight);
    }
  }

  /// Adds all that another sum holds.
  public void add(NumericSum other) {
    for (int i = 0; i < other.scales.length; i++) {
      countScale(other.scales[i], other.counts[i]);
    }
    nans += other.nans;
    positiveInfinities += other.positiveInfinities;
    negativeInfinities += other.negativeInfinities;
    addLarge(other.unscaled(), other.scale);
  }

  private void addUnscaled(long unscaled, int unscaledScale, long weight) {
    int shift = scale - unscaledScale;
    if (large == null && shift > 0 && shift < POWERS_OF_TEN.length) {
      long aligned = unscaled * POWERS_OF_TEN[shift];
      if (Math.multiplyHigh(unscaled, POWERS_OF_TEN[shift]) == aligned >> 63) {
        addUnscaled(aligned, scale, weight);
        return;
      }
    }
    if (large == null && unscaledScale == scale) {
      long product = unscaled * weight;
      long sum = small + product;
      boolean exact =
          Math.multiplyHigh(unscaled, weight) == product >> 63
              && ((small ^ sum) & (product ^ sum)) >= 0;
      if (exact) {
        small = sum;
        return;
      }
    }
    addLarge(BigInteger.valueOf(unscaled).multiply(BigInteger.valueOf(weight)), unscaledScale);
  }

  private void addLarge(BigInteger unscaled, int unscaledScale) {
    BigDecimal sum = new BigDecimal(unscaled(), scale).add(new BigDecimal(unscaled, unscaledScale));
    hold(sum.unscaledValue(), sum.scale());
  }

  private void hold(BigInteger unscaled, int newScale) {
    boolean fits = unscaled.bitLength() < 64;
    small = fits ? unscaled.longValue() : 0;
    large = fits ? null : unscaled;
    scale = newScale;
  }

  private BigInteger unscaled() {
    return large == null ? BigInteger.valueOf(small) : large;
  }

  private void countScale(int displayScale, long weight) {
    int at = Arrays.binarySearch(scales, displayScale);
    if (at >= 0) {
      counts[at] = Math.addExact(counts[at], weight);
      if (counts[at] == 0) {
        resize(at, at + 1, at, scales.length - 1);
      }
      return;
    }
    int insertion = -1 - at;
    resize(insertion, insertion, insertion + 1, scales.length + 1);
    scales[insertion] = displayScale;
    counts[insertion] = weight;
  }

  /// Keeps `[0, head)` and moves what starts at `from` to start at `to`.
  private void resize(int head, int from, int to, int size) {
    int[] newScales = Arrays.copyOf(Arrays.copyOf(scales, head), size);
    long[] newCounts = Arrays.copyOf(Arrays.copyOf(counts, head), size);
    System.arraycopy(scales, from, newScales, to, scales.length - from);
    System.arraycopy(counts, from, newCounts, to, counts.length - from);
    scales = newScales;
    counts = newCounts;
  }

  /// The number of values, weights counted.
  public long count() {
    long count = nans + positiveInfinities + negativeInfinities;
    for (long each : counts) {
      count += each;
    }
    return count;
  }

  /// Whether nothing is left of what was added.
  public boolean isEmpty() {
    return scales.length == 0
        && unscaled().signum() == 0
        && nans == 0
        && positiveInfinities == 0
        && negativeInfinities == 0;
  }

  /// The sum; 0 of an empty bag, which SQL shows as NULL.
  ///
  /// @throws EvaluationFailure 22003 when it is outside the type's limits
  public PgNumeric sum() {
    if (nans != 0 || (positiveInfinities != 0 && negativeInfinities != 0)) {
      return PgNumeric.NAN;
    }
    if (positiveInfinities != 0 || negativeInfinities != 0) {
      return positiveInfinities != 0 ? PgNumeric.POSITIVE_INFINITY : PgNumeric.NEGATIVE_INFINITY;
    }
    normalize();
    return PgNumeric.of(new BigDecimal(unscaled(), scale));
  }

  /// The average as `avg` computes it, `sum / count`.
  ///
  /// @throws EvaluationFailure 22003 when the sum is outside the type's limits
  public PgNumeric average() {
    PgNumeric sum = sum();
    return sum.isFinite() ? sum.divide(PgNumeric.of(count())) : sum;
  }

  /// Brings the scale to the largest one present, or as near as the digits allow: in the midst of
  /// a step retractions may precede what they retract.
  private void normalize() {
    int present = scales.length == 0 ? 0 : scales[scales.length - 1];
    if (scale == present) {
      return;
    }
    BigDecimal sum = new BigDecimal(unscaled(), scale);
    int needed = sum.signum() == 0 ? 0 : Math.max(0, sum.stripTrailingZeros().scale());
    BigDecimal fitted = sum.setScale(Math.max(present, needed), RoundingMode.UNNECESSARY);
    hold(fitted.unscaledValue(), fitted.scale());
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    normalize();
    boolean specials = (nans | positiveInfinities | negativeInfinities) != 0;
    out.putByte(specials ? HAS_SPECIALS : 0);
    if (specials) {
      out.putVarlong(nans);
      out.putVarlong(positiveInfinities);
      out.putVarlong(negativeInfinities);
    }
    out.putVarint(scales.length);
    for (int i = 0; i < scales.length; i++) {
      out.putVarint(scales[i]);
      out.putVarlong(counts[i]);
    }
    out.putVarint(scale);
    if (large == null) {
      out.putVarlong(small);
    } else {
      // More than eight bytes of number, so longer than any varlong: the length tells them apart.
      byte[] number = large.toByteArray();
      for (int pad = number.length; pad <= 10; pad++) {
        out.putByte(number[0] < 0 ? 0xFF : 0);
      }
      out.putBytes(number);
    }
  }

  /// Reads what [#write] wrote.
  public static NumericSum read(byte[] data, int offset, int length) {
    ByteSource in = new ByteSource(data, offset, length);
    NumericSum sum = new NumericSum();
    if ((in.nextByte() & HAS_SPECIALS) != 0) {
      sum.nans = in.nextVarlong();
      sum.positiveInfinities = in.nextVarlong();
      sum.negativeInfinities = in.nextVarlong();
    }
    int scaleCount = in.nextVarint();
    sum.scales = new int[scaleCount];
    sum.counts = new long[scaleCount];
    for (int i = 0; i < scaleCount; i++) {
      sum.scales[i] = in.nextVarint();
      sum.counts[i] = in.nextVarlong();
    }
    sum.scale = in.nextVarint();
    if (in.remaining() <= 10) {
      sum.small = in.nextVarlong();
    } else {
      sum.hold(new BigInteger(data, in.position(), in.remaining()), sum.scale);
    }
    return sum;
  }
}
