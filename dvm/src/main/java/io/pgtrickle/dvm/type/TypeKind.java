package io.pgtrickle.dvm.type;

/// The families of types whose values the engine understands, and [#OPAQUE] for all others.
public enum TypeKind {
  BOOL(16),
  INT2(21),
  INT4(23),
  INT8(20),
  NUMERIC(1700),
  FLOAT4(700),
  FLOAT8(701),
  TEXT(25),
  VARCHAR(1043),
  BPCHAR(1042),
  DATE(1082),
  TIMESTAMP(1114),
  TIMESTAMPTZ(1184),
  INTERVAL(1186),
  UUID(2950),
  BYTEA(17),
  /// Carried verbatim, never compared or computed with.
  OPAQUE(0),
  /// No type of the server: a value of any type with a label that compares as the server does, see
  /// [Labeled].
  LABELED(-1);

  private final int oid;

  TypeKind(int oid) {
    this.oid = oid;
  }

  /// The type's OID in `pg_type`; 0 for [#OPAQUE], and one that no type has for [#LABELED].
  public int oid() {
    return oid;
  }

  public boolean isInteger() {
    return this == INT2 || this == INT4 || this == INT8;
  }

  public boolean isFloat() {
    return this == FLOAT4 || this == FLOAT8;
  }

  public boolean isText() {
    return this == TEXT || this == VARCHAR || this == BPCHAR;
  }

  /// The kind of a type OID.
  public static TypeKind of(int oid) {
    return switch (oid) {
      case 16 -> BOOL;
      case 21 -> INT2;
      case 23 -> INT4;
      case 20 -> INT8;
      case 1700 -> NUMERIC;
      case 700 -> FLOAT4;
      case 701 -> FLOAT8;
      case 25 -> TEXT;
      case 1043 -> VARCHAR;
      case 1042 -> BPCHAR;
      case 1082 -> DATE;
      case 1114 -> TIMESTAMP;
      case 1184 -> TIMESTAMPTZ;
      case 1186 -> INTERVAL;
      case 2950 -> UUID;
      case 17 -> BYTEA;
      case -1 -> LABELED;
      default -> OPAQUE;
    };
  }
}
