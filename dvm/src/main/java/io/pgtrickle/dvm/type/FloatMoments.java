package io.pgtrickle.dvm.type;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/// What the statistics of floats are made of: the number of pairs of a weighted bag, and the exact
/// sums of x, y, x², y² and x·y over it.
///
/// Adding is a homomorphism of Z-modules, as in [ExactFloatSum], so the state is a function of the
/// bag alone. Sums about the mean are rounded once,
///
///     Sxx = Σx² − (Σx)² / N        Sxy = Σxy − Σx·Σy / N
///
/// and from there on the arithmetic is the server's. It adds up by the scheme of Youngs and Cramer,
/// with a rounding at each step; its results are approximations of ours. On the way it squares
/// `n·x − Σx` over the n values so far. Where that overflows is a matter of their order: in one of
/// them it does if `N·Sxx` is beyond the type, and that is an error here. Near the limit it may
/// where `N·Sxx` is not, as for 0, 0, 8e153, and it depends on the order there.
///
/// With a value that is not finite, sums about its mean are NaN.
public final class FloatMoments {
  /// What is asked of the moments.
  public enum Measure {
    VAR_POP,
    VAR_SAMP,
    STDDEV_POP,
    STDDEV_SAMP,
    CORR,
    COVAR_POP,
    COVAR_SAMP,
    REGR_AVGX,
    REGR_AVGY,
    REGR_COUNT,
    REGR_INTERCEPT,
    REGR_R2,
    REGR_SLOPE,
    REGR_SXX,
    REGR_SXY,
    REGR_SYY
  }

  private long count;
  private final Side x;
  private final Side y;
  private final Dyadic products;

  public FloatMoments() {
    this(0, new Side(), new Side(), new Dyadic());
  }

  private FloatMoments(long count, Side x, Side y, Dyadic products) {
    this.count = count;
    this.x = x;
    this.y = y;
    this.products = products;
  }

  /// Adds a pair `weight` times.
  public void add(double xValue, double yValue, long weight) {
    count = Math.addExact(count, weight);
    x.add(xValue, weight);
    y.add(yValue, weight);
    if (Double.isFinite(xValue) && Double.isFinite(yValue)) {
      products.add(xValue, yValue, weight);
    }
  }

  /// Adds a value of which there is no pair.
  public void add(double value, long weight) {
    count = Math.addExact(count, weight);
    x.add(value, weight);
  }

  /// A statistic; `null` for SQL NULL.
  ///
  /// @throws EvaluationFailure 22003 when finite values add up to more than the type holds
  public @Nullable Object result(Measure measure) {
    if (measure == Measure.REGR_COUNT) {
      return count;
    }
    boolean sample =
        switch (measure) {
          case VAR_SAMP, STDDEV_SAMP, COVAR_SAMP -> true;
          case VAR_POP,
              STDDEV_POP,
              CORR,
              COVAR_POP,
              REGR_AVGX,
              REGR_AVGY,
              REGR_COUNT,
              REGR_INTERCEPT,
              REGR_R2,
              REGR_SLOPE,
              REGR_SXX,
              REGR_SXY,
              REGR_SYY ->
              false;
        };
    return count < (sample ? 2 : 1) ? null : of(measure);
  }

  private @Nullable Double of(Measure measure) {
    double n = count;
    double sx = x.sum();
    double sy = y.sum();
    double sxx = x.about(count);
    double syy = y.about(count);
    double sxy = products(x, y);
    return switch (measure) {
      case REGR_COUNT -> n;
      case VAR_POP -> sxx / n;
      case VAR_SAMP -> sxx / (n - 1);
      case STDDEV_POP -> Math.sqrt(sxx / n);
      case STDDEV_SAMP -> Math.sqrt(sxx / (n - 1));
      case COVAR_POP -> sxy / n;
      case COVAR_SAMP -> sxy / (n - 1);
      case REGR_AVGX -> sx / n;
      case REGR_AVGY -> sy / n;
      case REGR_SXX -> sxx;
      case REGR_SXY -> sxy;
      case REGR_SYY -> syy;
      case CORR -> sxx == 0 || syy == 0 ? null : (Double) (sxy / Math.sqrt(sxx * syy));
      case REGR_R2 -> sxx == 0 ? null : (Double) (syy == 0 ? 1.0 : (sxy * sxy) / (sxx * syy));
      case REGR_SLOPE -> sxx == 0 ? null : (Double) (sxy / sxx);
      case REGR_INTERCEPT -> sxx == 0 ? null : (Double) ((sy - sx * sxy / sxx) / n);
    };
  }

  /// Requires that squares about the mean of the first values of the pairs do not overflow.
  ///
  /// @param n of how many values, those among them that are 0 not having been added
  /// @throws EvaluationFailure 22003 when they do
  void requireSquares(long n) {
    x.requireSquares(n);
  }

  private double products(Side a, Side b) {
    if (!a.isFinite() || !b.isFinite()) {
      return Double.NaN;
    }
    return Dyadic.about(products, a.sum, b.sum, count);
  }

  /// One of the two values of each pair.
  private static final class Side {
    private final Dyadic sum;
    private final Dyadic squares;
    private long nans;
    private long positiveInfinities;
    private long negativeInfinities;

    Side() {
      this(new Dyadic(), new Dyadic());
    }

    private Side(Dyadic sum, Dyadic squares) {
      this.sum = sum;
      this.squares = squares;
    }

    void add(double value, long weight) {
      if (Double.isNaN(value)) {
        nans += weight;
      } else if (value == Double.POSITIVE_INFINITY) {
        positiveInfinities += weight;
      } else if (value == Double.NEGATIVE_INFINITY) {
        negativeInfinities += weight;
      } else {
        sum.add(value, 1, weight);
        squares.add(value, value, weight);
      }
    }

    boolean isFinite() {
      return nans == 0 && positiveInfinities == 0 && negativeInfinities == 0;
    }

    double sum() {
      if (isFinite()) {
        return sum.rounded();
      }
      if (nans != 0 || (positiveInfinities != 0 && negativeInfinities != 0)) {
        return Double.NaN;
      }
      return positiveInfinities != 0 ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
    }

    double about(long count) {
      if (!isFinite()) {
        return Double.NaN;
      }
      requireSquares(count);
      return Dyadic.about(squares, sum, sum, count);
    }

    void requireSquares(long count) {
      Dyadic.requireProducts(squares, sum, sum, count);
    }

    boolean isEmpty() {
      return isFinite() && sum.isZero() && squares.isZero();
    }

    void write(ByteSink out) {
      out.putVarlong(nans);
      out.putVarlong(positiveInfinities);
      out.putVarlong(negativeInfinities);
      sum.write(out);
      squares.write(out);
    }

    static Side read(ByteSource in) {
      long nans = in.nextVarlong();
      long positive = in.nextVarlong();
      long negative = in.nextVarlong();
      Side side = new Side(Dyadic.read(in), Dyadic.read(in));
      side.nans = nans;
      side.positiveInfinities = positive;
      side.negativeInfinities = negative;
      return side;
    }
  }

  /// An exact sum of products of doubles: `digits · 2^exponent`.
  private static final class Dyadic {
    private static final int PRECISION = 64;

    private BigInteger digits = BigInteger.ZERO;
    private int exponent;

    void add(double a, double b, long weight) {
      if (a == 0 || b == 0) {
        return;
      }
      int at = exponent(a) + exponent(b);
      BigInteger product =
          BigInteger.valueOf(mantissa(a))
              .multiply(BigInteger.valueOf(mantissa(b)))
              .multiply(BigInteger.valueOf(weight));
      if (digits.signum() == 0) {
        exponent = at;
      }
      if (at < exponent) {
        digits = digits.shiftLeft(exponent - at);
        exponent = at;
      }
      digits = digits.add(product.shiftLeft(at - exponent));
    }

    private static int exponent(double value) {
      return Math.max(Math.getExponent(value), Double.MIN_EXPONENT) - 52;
    }

    private static long mantissa(double value) {
      return (long) Math.scalb(value, -exponent(value));
    }

    /// `sum − a·b / n`, rounded once.
    static double about(Dyadic sum, Dyadic a, Dyadic b, long n) {
      Dyadic difference = difference(sum, a, b, n);
      return quotient(difference.digits, BigInteger.valueOf(n), difference.exponent);
    }

    /// Requires that `n·sum − a·b` is within the range of the type.
    static void requireProducts(Dyadic sum, Dyadic a, Dyadic b, long n) {
      difference(sum, a, b, n).rounded();
    }

    private static Dyadic difference(Dyadic sum, Dyadic a, Dyadic b, long n) {
      BigInteger whole = sum.digits.multiply(BigInteger.valueOf(n));
      BigInteger product = a.digits.multiply(b.digits);
      Dyadic difference = new Dyadic();
      difference.exponent = Math.min(sum.exponent, a.exponent + b.exponent);
      difference.digits =
          whole
              .shiftLeft(sum.exponent - difference.exponent)
              .subtract(product.shiftLeft(a.exponent + b.exponent - difference.exponent));
      return difference;
    }

    boolean isZero() {
      return digits.signum() == 0;
    }

    double rounded() {
      return quotient(digits, BigInteger.ONE, exponent);
    }

    // What is cut off below the digits that count is told by the last of them.
    private static double quotient(BigInteger numerator, BigInteger denominator, int unit) {
      int missing = PRECISION + denominator.bitLength() - numerator.bitLength();
      int shift = Math.max(0, missing);
      BigInteger[] parts = numerator.abs().shiftLeft(shift).divideAndRemainder(denominator);
      BigInteger quotient = parts[1].signum() == 0 ? parts[0] : parts[0].setBit(0);
      int cut = Math.max(0, quotient.bitLength() - PRECISION);
      BigInteger top = quotient.shiftRight(cut);
      if (quotient.getLowestSetBit() < cut && quotient.signum() != 0) {
        top = top.setBit(0);
      }
      double result = Math.scalb(top.doubleValue(), unit - shift + cut);
      if (Double.isInfinite(result)) {
        throw new EvaluationFailure("22003", "value out of range: overflow");
      }
      return numerator.signum() < 0 ? -result : result;
    }

    /// Equal sums give equal bytes.
    void write(ByteSink out) {
      int zeros = Math.max(0, digits.getLowestSetBit());
      byte[] bytes = digits.shiftRight(zeros).toByteArray();
      out.putVarlong(digits.signum() == 0 ? 0 : exponent + (long) zeros);
      out.putVarint(bytes.length);
      out.putBytes(bytes);
    }

    static Dyadic read(ByteSource in) {
      Dyadic sum = new Dyadic();
      sum.exponent = (int) in.nextVarlong();
      byte[] bytes = new byte[in.nextVarint()];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = in.nextByte();
      }
      sum.digits = new BigInteger(bytes);
      return sum;
    }
  }

  /// Appends the state; equal states give equal bytes.
  public void write(ByteSink out) {
    out.putVarlong(count);
    x.write(out);
    y.write(out);
    products.write(out);
  }

  /// Whether nothing is left of what was added.
  boolean isEmpty() {
    return count == 0 && x.isEmpty() && y.isEmpty() && products.isZero();
  }

  /// Reads what [#write] wrote.
  public static FloatMoments read(byte[] data) {
    return read(new ByteSource(data, 0, data.length));
  }

  static FloatMoments read(ByteSource in) {
    return new FloatMoments(in.nextVarlong(), Side.read(in), Side.read(in), Dyadic.read(in));
  }
}
