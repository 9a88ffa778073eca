package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.TypeKind;
import org.jspecify.annotations.Nullable;

/// The distance of numbers, as PostgreSQL's `in_range` functions tell it.
///
/// NULLs are at no distance from each other and infinitely far from everything else; so is NaN. The
/// frame of an infinite value has all those values in it from which it is infinitely far in the
/// direction of the offset: there PostgreSQL takes any row to be within.
public final class RangeDistance implements WindowFrame.RangeOffset {
  private final TypeKind kind;
  private final Object offset;
  private final boolean towardsLess;
  private final boolean descending;
  private final boolean nullsFirst;

  /// @param kind of the values
  /// @param offset an integer, a numeric or a double, not negative
  /// @param preceding whether the bound is that far before the row, else behind it
  public RangeDistance(
      TypeKind kind, Object offset, boolean preceding, boolean descending, boolean nullsFirst) {
    this.kind = kind;
    this.offset = offset;
    towardsLess = preceding != descending;
    this.descending = descending;
    this.nullsFirst = nullsFirst;
  }

  @Override
  public boolean isBefore(@Nullable Object value, @Nullable Object own) {
    if (value == null || own == null) {
      return nullsFirst ? value == null && own != null : value != null && own == null;
    }
    int order = compare(value, own);
    return descending ? order > 0 : order < 0;
  }

  @Override
  public boolean isAfter(@Nullable Object value, @Nullable Object own) {
    if (value == null || own == null) {
      return nullsFirst ? value != null && own == null : value == null && own != null;
    }
    int order = compare(value, own);
    return descending ? order < 0 : order > 0;
  }

  /// A value compared with where the bound is for a row with another one.
  private int compare(Object value, Object own) {
    return switch (kind) {
      case INT2, INT4, INT8 -> compare((Long) value, (Long) own, (Long) offset);
      case NUMERIC -> compare((PgNumeric) value, (PgNumeric) own, (PgNumeric) offset);
      case FLOAT4, FLOAT8 ->
          compare(
              ((Number) value).doubleValue(),
              ((Number) own).doubleValue(),
              ((Number) offset).doubleValue());
      case BOOL,
          TEXT,
          VARCHAR,
          BPCHAR,
          DATE,
          TIMESTAMP,
          TIMESTAMPTZ,
          INTERVAL,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          throw new IllegalArgumentException("values of type " + kind + " have no distance");
    };
  }

  private int compare(long value, long own, long distance) {
    long bound = towardsLess ? own - distance : own + distance;
    boolean overflow = towardsLess ? bound > own : bound < own;
    if (overflow) {
      return towardsLess ? 1 : -1;
    }
    return Long.compare(value, bound);
  }

  private int compare(PgNumeric value, PgNumeric own, PgNumeric distance) {
    if (own.isInfinite() && distance.isInfinite() && (own.signum() > 0) == towardsLess) {
      return value.isNaN() ? 1 : 0;
    }
    PgNumeric bound = towardsLess ? own.subtract(distance) : own.add(distance);
    return value.compareTo(bound);
  }

  private int compare(double value, double own, double distance) {
    if (Double.isInfinite(own) && Double.isInfinite(distance) && own > 0 == towardsLess) {
      return Double.isNaN(value) ? 1 : 0;
    }
    double bound = towardsLess ? own - distance : own + distance;
    // NaN is above everything and equal to itself; -0 equals 0.
    return value < bound
        ? -1
        : value > bound
            ? 1
            : value == bound ? 0 : Boolean.compare(Double.isNaN(value), Double.isNaN(bound));
  }
}
