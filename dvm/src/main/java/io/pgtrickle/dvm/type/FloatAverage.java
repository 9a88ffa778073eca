package io.pgtrickle.dvm.type;

/// The average of a weighted bag of floating-point numbers.
///
/// Adding is a homomorphism of Z-modules, as in [ExactFloatSum], whose sum is divided. But the
/// server's `avg(double precision)` shares its state with the variance, so that it overflows where
/// squares about the mean do. These are looked at for large values only: all others together
/// are lost beside the largest double,
///
///     N · Σ x²  <  N² · 2⁸⁰⁰  ≪  2¹⁰²⁴        for all |x| < 2⁴⁰⁰
///
/// Used by one thread.
public final class FloatAverage {
  private static final double LARGE = 0x1p400;

  private final ExactFloatSum sum;
  private final FloatMoments large;

  /// The average of nothing.
  public FloatAverage() {
    this(new ExactFloatSum(), new FloatMoments());
  }

  private FloatAverage(ExactFloatSum sum, FloatMoments large) {
    this.sum = sum;
    this.large = large;
  }

  /// Adds a value `weight` times; a negative weight retracts.
  public void add(double value, long weight) {
    sum.add(value, weight);
    if (Math.abs(value) >= LARGE && Double.isFinite(value)) {
      large.add(value, weight);
    }
  }

  /// The number of values, weights counted.
  public long count() {
    return sum.count();
  }

  /// The sum, rounded once, divided by the count; it is never −0.
  ///
  /// @throws EvaluationFailure 22003 when finite values add up to more than the type holds, or
  ///     their squares about the mean do
  public double average() {
    if (sum.isFinite()) {
      large.requireSquares(sum.count());
    }
    return (sum.toDouble() + 0.0) / sum.count();
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    boolean none = large.isEmpty();
    out.putByte(none ? 0 : 1);
    if (!none) {
      large.write(out);
    }
    sum.write(out);
  }

  /// Reads what [#write] wrote.
  public static FloatAverage read(byte[] data) {
    ByteSource in = new ByteSource(data, 0, data.length);
    FloatMoments large = in.nextByte() == 0 ? new FloatMoments() : FloatMoments.read(in);
    return new FloatAverage(ExactFloatSum.read(data, in.position(), in.remaining()), large);
  }
}
