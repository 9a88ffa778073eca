package io.pgtrickle.dvm.type;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;

/// PostgreSQL's order of values, as `<`, `=` and `>` of a type's default operator class see it.
///
/// Text is ordered by bytes, the C collation. Integers of different width compare with each other,
/// and so do text and varchar.
public final class TypeOrder {
  private TypeOrder() {}

  /// Negative, zero or positive; zero iff the values are equal in SQL.
  public static int compare(SqlType type, Object left, Object right) {
    return switch (type.kind()) {
      case BOOL -> Boolean.compare((Boolean) left, (Boolean) right);
      case INT2, INT4, INT8, DATE, TIMESTAMP, TIMESTAMPTZ ->
          Long.compare((Long) left, (Long) right);
      case NUMERIC -> ((PgNumeric) left).compareTo((PgNumeric) right);
      case FLOAT4 -> compare((Float) left, (Float) right);
      case FLOAT8 -> compare((double) (Double) left, (double) (Double) right);
      case TEXT, VARCHAR -> compare((String) left, (String) right);
      case BPCHAR ->
          compare(
              StringCodecs.stripBlanks((String) left), StringCodecs.stripBlanks((String) right));
      case INTERVAL -> ((PgInterval) left).compareTo((PgInterval) right);
      case UUID -> compare((UUID) left, (UUID) right);
      case BYTEA -> ((Bytes) left).compareTo((Bytes) right);
      case LABELED -> ((Labeled) left).label().compareTo(((Labeled) right).label());
      case OPAQUE ->
          throw new IllegalStateException("values of type " + type.oid() + " have no known order");
    };
  }

  /// NaN equals itself and is above everything; −0 equals 0.
  private static int compare(double left, double right) {
    if (left < right) {
      return -1;
    }
    if (left > right) {
      return 1;
    }
    return left == right ? 0 : Boolean.compare(Double.isNaN(left), Double.isNaN(right));
  }

  private static int compare(UUID left, UUID right) {
    int high = Long.compareUnsigned(left.getMostSignificantBits(), right.getMostSignificantBits());
    return high != 0
        ? high
        : Long.compareUnsigned(left.getLeastSignificantBits(), right.getLeastSignificantBits());
  }

  private static int compare(String left, String right) {
    return Arrays.compareUnsigned(
        left.getBytes(StandardCharsets.UTF_8), right.getBytes(StandardCharsets.UTF_8));
  }
}
