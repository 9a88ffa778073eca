package io.pgtrickle.dvm.type;

import java.math.BigInteger;

/// The sum of a weighted bag of intervals, field by field, of any size in between.
///
/// Adding is a homomorphism of Z-modules: the state of a bag is determined by the bag, whatever
/// came and went. Only the result must be an interval, so that it is in range where the server's,
/// which adds one value after the other, is in range.
///
/// Used by one thread.
public final class IntervalSum {
  private static final BigInteger LEAST = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger GREATEST = BigInteger.valueOf(Long.MAX_VALUE);

  private long finite;
  private long plusInfinities;
  private long minusInfinities;
  private long months;
  private long days;
  private BigInteger micros = BigInteger.ZERO;

  /// The sum of nothing.
  public IntervalSum() {}

  /// Adds a value `weight` times; a negative weight retracts.
  public void add(PgInterval value, long weight) {
    if (value.isFinite()) {
      finite = Math.addExact(finite, weight);
      months = Math.addExact(months, Math.multiplyExact(value.months(), weight));
      days = Math.addExact(days, Math.multiplyExact(value.days(), weight));
      micros = micros.add(BigInteger.valueOf(value.micros()).multiply(BigInteger.valueOf(weight)));
    } else if (value.equals(PgInterval.INFINITY)) {
      plusInfinities = Math.addExact(plusInfinities, weight);
    } else {
      minusInfinities = Math.addExact(minusInfinities, weight);
    }
  }

  /// The number of values, weights counted.
  public long count() {
    return finite + plusInfinities + minusInfinities;
  }

  /// The sum.
  ///
  /// @throws EvaluationFailure 22008 when it is out of range, as that of both infinities is
  public PgInterval sum() {
    if (plusInfinities != 0 || minusInfinities != 0) {
      if (plusInfinities != 0 && minusInfinities != 0) {
        throw PgInterval.outOfRange();
      }
      return plusInfinities != 0 ? PgInterval.INFINITY : PgInterval.MINUS_INFINITY;
    }
    if (months != (int) months
        || days != (int) days
        || micros.compareTo(LEAST) < 0
        || micros.compareTo(GREATEST) > 0) {
      throw PgInterval.outOfRange();
    }
    return PgInterval.finite((int) months, (int) days, micros.longValue());
  }

  /// The sum divided by the count, as the server divides intervals.
  ///
  /// @throws EvaluationFailure 22008 when the sum is out of range
  public PgInterval average() {
    PgInterval sum = sum();
    return sum.isFinite() ? IntervalScaling.divided(sum, (double) count()) : sum;
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    out.putVarlong(finite);
    out.putVarlong(plusInfinities);
    out.putVarlong(minusInfinities);
    out.putVarlong(months);
    out.putVarlong(days);
    out.putBytes(micros.toByteArray());
  }

  /// Reads what [#write] wrote.
  public static IntervalSum read(byte[] data) {
    ByteSource in = new ByteSource(data, 0, data.length);
    IntervalSum sum = new IntervalSum();
    sum.finite = in.nextVarlong();
    sum.plusInfinities = in.nextVarlong();
    sum.minusInfinities = in.nextVarlong();
    sum.months = in.nextVarlong();
    sum.days = in.nextVarlong();
    sum.micros = new BigInteger(data, in.position(), in.remaining());
    return sum;
  }
}
