package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/// The exact sums of a bag of integers or numerics and of their squares, from which PostgreSQL
/// computes variance and standard deviation:
///
///     var_pop = (N·Σx² − (Σx)²) / N²        var_samp = (N·Σx² − (Σx)²) / (N·(N − 1))
///
/// Numerator and denominator are exact; the quotient is that of `/`, and the root has as many
/// digits.
public final class NumericVariance {
  private final NumericSum values;
  private final NumericSum squares;

  public NumericVariance() {
    this(new NumericSum(), new NumericSum());
  }

  private NumericVariance(NumericSum values, NumericSum squares) {
    this.values = values;
    this.squares = squares;
  }

  /// Adds a value `weight` times.
  public void add(PgNumeric value, long weight) {
    values.add(value, weight);
    squares.add(value.isFinite() ? value.multiply(value) : PgNumeric.NAN, weight);
  }

  /// The variance; `null` for SQL NULL.
  ///
  /// @param sample whether the bag is a sample of the population, or the population itself
  public @Nullable PgNumeric variance(boolean sample) {
    long count = values.count();
    if (count == 0 || (sample && count == 1)) {
      return null;
    }
    PgNumeric sum = values.sum();
    if (!sum.isFinite()) {
      return PgNumeric.NAN;
    }
    BigDecimal n = BigDecimal.valueOf(count);
    BigDecimal numerator =
        n.multiply(squares.sum().decimal()).subtract(sum.decimal().multiply(sum.decimal()));
    if (numerator.signum() <= 0) {
      return PgNumeric.ZERO;
    }
    BigDecimal denominator = n.multiply(sample ? n.subtract(BigDecimal.ONE) : n);
    return PgNumeric.of(numerator).divide(PgNumeric.of(denominator));
  }

  /// The square root of the variance; `null` for SQL NULL.
  public @Nullable PgNumeric deviation(boolean sample) {
    PgNumeric variance = variance(sample);
    if (variance == null || !variance.isFinite() || variance.signum() == 0) {
      return variance;
    }
    int scale = variance.displayScale();
    // Some digits more than are shown, cut off: the last one that is shown is rounded by them.
    int digits = scale + 4;
    BigDecimal root =
        new BigDecimal(variance.decimal().movePointRight(2 * digits).toBigInteger().sqrt(), digits);
    return PgNumeric.of(root.setScale(scale, RoundingMode.HALF_UP));
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    ByteSink first = new ByteSink();
    values.write(first);
    out.putVarint(first.size());
    out.putBytes(first.array(), 0, first.size());
    squares.write(out);
  }

  /// Reads what [#write] wrote.
  public static NumericVariance read(byte[] data) {
    ByteSource in = new ByteSource(data, 0, data.length);
    int length = in.nextVarint();
    int at = in.position();
    return new NumericVariance(
        NumericSum.read(data, at, length),
        NumericSum.read(data, at + length, data.length - at - length));
  }
}
