package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/// A value of PostgreSQL's `numeric`: a finite decimal with its display scale, NaN, or an infinity.
///
/// Values are equal as objects iff they display alike (`1.0` and `1.00` are two values);
/// [#compareTo]
/// and [#sameValue] follow SQL, where they are one, NaN equals itself and is above everything else.
/// Every operation gives the value *and* the display scale the server gives, or fails as it does.
/// The
/// limits are those of the storage format: 131072 digits before the decimal point, 16383 after it.
public final class PgNumeric implements Comparable<PgNumeric> {
  /// The most digits after the decimal point.
  public static final int MAX_SCALE = 16383;

  private static final int MAX_INTEGER_DIGITS = 131072;
  private static final int MIN_SIGNIFICANT_DIGITS = 16;
  private static final int MAX_DIVISION_SCALE = 1000;
  private static final BigDecimal INT8_MIN = BigDecimal.valueOf(Long.MIN_VALUE);
  private static final BigDecimal INT8_MAX = BigDecimal.valueOf(Long.MAX_VALUE);

  public static final PgNumeric NAN = new PgNumeric(null, 2);
  public static final PgNumeric POSITIVE_INFINITY = new PgNumeric(null, 1);
  public static final PgNumeric NEGATIVE_INFINITY = new PgNumeric(null, -1);
  public static final PgNumeric ZERO = new PgNumeric(BigDecimal.ZERO, 0);
  public static final PgNumeric ONE = new PgNumeric(BigDecimal.ONE, 0);

  // Null for the three special values; otherwise the scale is the display scale, never negative.
  private final @Nullable BigDecimal decimal;
  // Where a special value stands in the order: −1 below, 1 above all finite ones, 2 NaN; 0 for
  // finite.
  private final int rank;

  private PgNumeric(@Nullable BigDecimal decimal, int rank) {
    this.decimal = decimal;
    this.rank = rank;
  }

  /// A finite value; the display scale is the decimal's scale, or 0 when that is negative.
  ///
  /// @throws EvaluationFailure when it is outside the type's limits
  public static PgNumeric of(BigDecimal value) {
    if (value.scale() < 0) {
      if (value.signum() == 0) {
        return ZERO;
      }
      if ((long) value.precision() - value.scale() > MAX_INTEGER_DIGITS) {
        throw overflow();
      }
      return new PgNumeric(value.setScale(0), 0);
    }
    if (value.scale() > MAX_SCALE
        || (value.signum() != 0 && value.precision() - value.scale() > MAX_INTEGER_DIGITS)) {
      throw overflow();
    }
    return new PgNumeric(value, 0);
  }

  public static PgNumeric of(long value) {
    return new PgNumeric(BigDecimal.valueOf(value), 0);
  }

  /// The conversion of a `real`, which keeps six significant digits.
  public static PgNumeric ofFloat4(float value) {
    return ofBinary(value, 6);
  }

  /// The conversion of a `double precision`, which keeps fifteen significant digits.
  public static PgNumeric ofFloat8(double value) {
    return ofBinary(value, 15);
  }

  private static PgNumeric ofBinary(double value, int digits) {
    if (Double.isNaN(value)) {
      return NAN;
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? POSITIVE_INFINITY : NEGATIVE_INFINITY;
    }
    if (value == 0) {
      return ZERO;
    }
    // C's %.15g rounds the exact binary value half to even and drops trailing zeros.
    return of(
        new BigDecimal(value)
            .round(new MathContext(digits, RoundingMode.HALF_EVEN))
            .stripTrailingZeros());
  }

  /// Reads what the server's input function reads.
  ///
  /// @throws EvaluationFailure 22P02 for malformed text, 22003 for a value outside the limits
  public static PgNumeric parse(String text) {
    return NumericText.parse(text);
  }

  private static EvaluationFailure overflow() {
    return new EvaluationFailure("22003", "value overflows numeric format");
  }

  public boolean isFinite() {
    return rank == 0;
  }

  public boolean isNaN() {
    return rank == 2;
  }

  public boolean isInfinite() {
    return rank == 1 || rank == -1;
  }

  /// The finite value, its scale the display scale.
  public BigDecimal decimal() {
    if (decimal == null) {
      throw new IllegalStateException(this + " is not finite");
    }
    return decimal;
  }

  /// The digits shown after the decimal point; 0 for NaN and the infinities.
  public int displayScale() {
    return decimal == null ? 0 : decimal.scale();
  }

  /// −1, 0 or 1; 1 for NaN, which sorts above everything.
  public int signum() {
    return decimal == null ? Integer.signum(rank) : decimal.signum();
  }

  public PgNumeric negate() {
    if (decimal == null) {
      return isNaN() ? NAN : infinity(-rank);
    }
    return new PgNumeric(decimal.negate(), 0);
  }

  public PgNumeric abs() {
    return signum() < 0 ? negate() : this;
  }

  /// −1, 0 or 1 without decimals, NaN for NaN.
  public PgNumeric sign() {
    return isNaN() ? NAN : of(signum());
  }

  public PgNumeric add(PgNumeric other) {
    if (decimal == null || other.decimal == null) {
      if (isNaN() || other.isNaN() || rank * other.rank < 0) {
        return NAN;
      }
      return decimal == null ? this : other;
    }
    return of(decimal.add(other.decimal));
  }

  public PgNumeric subtract(PgNumeric other) {
    if (decimal == null || other.decimal == null) {
      return add(other.negate());
    }
    return of(decimal.subtract(other.decimal));
  }

  public PgNumeric multiply(PgNumeric other) {
    if (decimal == null || other.decimal == null) {
      if (isNaN() || other.isNaN() || signum() == 0 || other.signum() == 0) {
        return NAN;
      }
      return infinity(signum() * other.signum());
    }
    BigDecimal product = decimal.multiply(other.decimal);
    return of(
        product.scale() > MAX_SCALE ? product.setScale(MAX_SCALE, RoundingMode.HALF_UP) : product);
  }

  /// The quotient with at least 16 significant digits and the scale of either operand, as `/` gives
  /// it.
  public PgNumeric divide(PgNumeric divisor) {
    if (decimal == null || divisor.decimal == null) {
      return divideSpecial(divisor);
    }
    if (divisor.decimal.signum() == 0) {
      throw EvaluationFailure.divisionByZero();
    }
    return of(
        decimal.divide(
            divisor.decimal, divisionScale(decimal, divisor.decimal), RoundingMode.HALF_UP));
  }

  /// The integral quotient, truncated toward zero: `div(a, b)`.
  public PgNumeric divideTruncating(PgNumeric divisor) {
    if (decimal == null || divisor.decimal == null) {
      return divideSpecial(divisor);
    }
    if (divisor.decimal.signum() == 0) {
      throw EvaluationFailure.divisionByZero();
    }
    return of(decimal.divide(divisor.decimal, 0, RoundingMode.DOWN));
  }

  private PgNumeric divideSpecial(PgNumeric divisor) {
    if (isNaN() || divisor.isNaN()) {
      return NAN;
    }
    if (isInfinite()) {
      if (divisor.isInfinite()) {
        return NAN;
      }
      if (divisor.signum() == 0) {
        throw EvaluationFailure.divisionByZero();
      }
      return infinity(rank * divisor.signum());
    }
    return ZERO;
  }

  /// The remainder of a division truncated toward zero; it has the sign of the dividend.
  public PgNumeric remainder(PgNumeric divisor) {
    if (decimal == null || divisor.decimal == null) {
      if (isNaN() || divisor.isNaN()) {
        return NAN;
      }
      if (isInfinite()) {
        if (divisor.signum() == 0) {
          throw EvaluationFailure.divisionByZero();
        }
        return NAN;
      }
      return this;
    }
    if (divisor.decimal.signum() == 0) {
      throw EvaluationFailure.divisionByZero();
    }
    int scale = Math.max(decimal.scale(), divisor.decimal.scale());
    return of(decimal.remainder(divisor.decimal).setScale(scale, RoundingMode.UNNECESSARY));
  }

  /// The scale of a quotient, chosen as the server does: from the base-10000 weights of the
  /// operands.
  static int divisionScale(BigDecimal dividend, BigDecimal divisor) {
    int weight = weight(dividend) - weight(divisor);
    // With equal first digits the quotient may start one digit lower, and the server assumes it
    // does.
    if (firstDigit(dividend) <= firstDigit(divisor)) {
      weight--;
    }
    int scale = MIN_SIGNIFICANT_DIGITS - weight * 4;
    scale = Math.max(scale, Math.max(dividend.scale(), divisor.scale()));
    return Math.min(Math.max(scale, 0), MAX_DIVISION_SCALE);
  }

  /// The exponent, base 10000, of the first non-zero digit; 0 for zero.
  private static int weight(BigDecimal value) {
    return value.signum() == 0 ? 0 : Math.floorDiv(value.precision() - value.scale() - 1, 4);
  }

  /// The first non-zero digit, base 10000; 0 for zero.
  private static int firstDigit(BigDecimal value) {
    if (value.signum() == 0) {
      return 0;
    }
    int lowest = weight(value) * 4;
    return value.abs().movePointLeft(lowest).toBigInteger().intValueExact();
  }

  /// Rounds half away from zero to a number of decimals, which may be negative.
  public PgNumeric round(int scale) {
    return rescale(scale, RoundingMode.HALF_UP);
  }

  /// Cuts to a number of decimals, which may be negative.
  public PgNumeric truncate(int scale) {
    return rescale(scale, RoundingMode.DOWN);
  }

  private PgNumeric rescale(int scale, RoundingMode mode) {
    if (decimal == null) {
      return this;
    }
    int clamped = Math.max(-MAX_INTEGER_DIGITS - 1, Math.min(scale, MAX_SCALE));
    BigDecimal rounded = decimal.setScale(clamped, mode);
    return of(clamped < 0 ? rounded.setScale(0) : rounded);
  }

  public PgNumeric ceil() {
    return rescale(0, RoundingMode.CEILING);
  }

  public PgNumeric floor() {
    return rescale(0, RoundingMode.FLOOR);
  }

  /// The value as a column with this `atttypmod` stores it; −1 means no constraint.
  ///
  /// @throws EvaluationFailure 22003 when it has too many digits before the decimal point
  public PgNumeric withTypmod(int typmod) {
    if (typmod < 4) {
      return this;
    }
    int precision = ((typmod - 4) >> 16) & 0xFFFF;
    // Eleven bits, two's complement: negative scales exist since PostgreSQL 15.
    int scale = (((typmod - 4) & 0x7FF) ^ 1024) - 1024;
    if (decimal == null) {
      if (isInfinite()) {
        throw fieldOverflow();
      }
      return this;
    }
    BigDecimal rounded = decimal.setScale(scale, RoundingMode.HALF_UP);
    if (rounded.signum() != 0 && rounded.precision() > precision) {
      throw fieldOverflow();
    }
    return of(rounded);
  }

  private static EvaluationFailure fieldOverflow() {
    return new EvaluationFailure("22003", "numeric field overflow");
  }

  /// The `smallint` nearest to the value, half away from zero.
  public long toInt2() {
    return toInteger("smallint", Short.MIN_VALUE, Short.MAX_VALUE);
  }

  /// The `integer` nearest to the value, half away from zero.
  public long toInt4() {
    return toInteger("integer", Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  /// The `bigint` nearest to the value, half away from zero.
  public long toInt8() {
    return toInteger("bigint", Long.MIN_VALUE, Long.MAX_VALUE);
  }

  private long toInteger(String type, long min, long max) {
    if (decimal == null) {
      throw new EvaluationFailure(
          "0A000", "cannot convert " + (isNaN() ? "NaN" : "infinity") + " to " + type);
    }
    BigDecimal rounded = decimal.setScale(0, RoundingMode.HALF_UP);
    if (rounded.compareTo(INT8_MIN) < 0 || rounded.compareTo(INT8_MAX) > 0) {
      throw EvaluationFailure.outOfRange(type);
    }
    long value = rounded.longValueExact();
    if (value < min || value > max) {
      throw EvaluationFailure.outOfRange(type);
    }
    return value;
  }

  /// The nearest `real`.
  ///
  /// @throws EvaluationFailure 22003 when that is infinite, or zero for a value that is not
  public float toFloat4() {
    if (decimal == null) {
      return isNaN() ? Float.NaN : rank * Float.POSITIVE_INFINITY;
    }
    float value = decimal.floatValue();
    if (Float.isInfinite(value) || (value == 0 && decimal.signum() != 0)) {
      throw outOfRangeFor("real");
    }
    return value;
  }

  /// The nearest `double precision`.
  ///
  /// @throws EvaluationFailure 22003 when that is infinite, or zero for a value that is not
  public double toFloat8() {
    if (decimal == null) {
      return isNaN() ? Double.NaN : rank * Double.POSITIVE_INFINITY;
    }
    double value = decimal.doubleValue();
    if (Double.isInfinite(value) || (value == 0 && decimal.signum() != 0)) {
      throw outOfRangeFor("double precision");
    }
    return value;
  }

  private EvaluationFailure outOfRangeFor(String type) {
    return new EvaluationFailure("22003", "\"" + this + "\" is out of range for type " + type);
  }

  private static PgNumeric infinity(int sign) {
    return sign > 0 ? POSITIVE_INFINITY : NEGATIVE_INFINITY;
  }

  /// The order of SQL: −Infinity, finite values, Infinity, NaN. Not consistent with equals.
  @Override
  public int compareTo(PgNumeric other) {
    return decimal == null || other.decimal == null
        ? Integer.compare(rank, other.rank)
        : decimal.compareTo(other.decimal);
  }

  /// Whether SQL's `=` holds.
  public boolean sameValue(PgNumeric other) {
    return compareTo(other) == 0;
  }

  /// Whether both display alike.
  @Override
  public boolean equals(@Nullable Object other) {
    if (!(other instanceof PgNumeric that) || rank != that.rank) {
      return false;
    }
    // Special values of equal rank are the same.
    if (decimal == null || that.decimal == null) {
      return true;
    }
    return decimal.scale() == that.decimal.scale() && decimal.compareTo(that.decimal) == 0;
  }

  @Override
  public int hashCode() {
    return decimal == null ? rank : decimal.hashCode();
  }

  /// The text the server shows.
  @Override
  public String toString() {
    if (decimal == null) {
      return isNaN() ? "NaN" : rank > 0 ? "Infinity" : "-Infinity";
    }
    return decimal.toPlainString();
  }

  /// The unscaled digits of a finite value.
  BigInteger unscaled() {
    return decimal().unscaledValue();
  }
}
