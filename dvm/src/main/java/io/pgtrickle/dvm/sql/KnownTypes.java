package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.type.TypeKind;

/// OIDs of built-in objects that belong to the listed types. They are fixed by PostgreSQL for good.
public final class KnownTypes {
  private KnownTypes() {}

  /// Whether the text form of a type may name a moment relative to the clock.
  public static boolean hasClockWords(int type) {
    return switch (type) {
      case 1082, 1083, 1114, 1184, 1266 -> true;
      default -> false;
    };
  }

  /// The equality operator that GROUP BY and DISTINCT use by default for a type.
  static int equalityOperator(TypeKind kind) {
    return switch (kind) {
      case BOOL -> 91;
      case INT2 -> 94;
      case INT4 -> 96;
      case INT8 -> 410;
      case NUMERIC -> 1752;
      case FLOAT4 -> 620;
      case FLOAT8 -> 670;
      case TEXT, VARCHAR -> 98;
      case BPCHAR -> 1054;
      case DATE -> 1093;
      case TIMESTAMP -> 2060;
      case TIMESTAMPTZ -> 1320;
      case INTERVAL -> 1330;
      case UUID -> 2972;
      case BYTEA -> 1955;
      case OPAQUE, LABELED -> 0;
    };
  }
}
