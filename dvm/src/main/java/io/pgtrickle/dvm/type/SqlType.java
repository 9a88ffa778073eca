package io.pgtrickle.dvm.type;

/// The type of a column or expression exactly as PostgreSQL resolved it.
///
/// @param kind the family, derived from the OID
/// @param oid `pg_type.oid`, as an unsigned 32-bit number
/// @param modifier `atttypmod`, −1 when there is none
/// @param collation `pg_collation.oid`, 0 when the type is not collatable
public record SqlType(TypeKind kind, int oid, int modifier, int collation) {
  /// The OID of the collation `"default"`.
  public static final int DEFAULT_COLLATION = 100;

  public static final SqlType BOOL = of(16);
  public static final SqlType INT2 = of(21);
  public static final SqlType INT4 = of(23);
  public static final SqlType INT8 = of(20);
  public static final SqlType NUMERIC = of(1700);
  public static final SqlType FLOAT4 = of(700);
  public static final SqlType FLOAT8 = of(701);
  public static final SqlType TEXT = of(25);
  public static final SqlType VARCHAR = of(1043);
  public static final SqlType BPCHAR = of(1042);
  public static final SqlType DATE = of(1082);
  public static final SqlType TIMESTAMP = of(1114);
  public static final SqlType TIMESTAMPTZ = of(1184);
  public static final SqlType INTERVAL = of(1186);
  public static final SqlType UUID = of(2950);
  public static final SqlType BYTEA = of(17);

  /// Values with their labels, see [Labeled].
  public static final SqlType LABELED = of(-1);

  // No type of the server has such a modifier.
  private static final int TRAIL = -17;
  private static final int ORDERED_TRAIL = -18;

  public SqlType {
    if (kind != TypeKind.of(oid)) {
      throw new IllegalArgumentException("type OID " + oid + " is not of kind " + kind);
    }
  }

  /// The type of an OID without modifier, with the default collation where it is collatable.
  public static SqlType of(int oid) {
    TypeKind kind = TypeKind.of(oid);
    return new SqlType(kind, oid, -1, kind.isText() ? DEFAULT_COLLATION : 0);
  }

  /// The type of an OID with a modifier and a collation.
  public static SqlType of(int oid, int modifier, int collation) {
    return new SqlType(TypeKind.of(oid), oid, modifier, collation);
  }

  /// The type of what SEARCH or CYCLE adds to the rows of a recursive query: records to the server,
  /// and here bytes that are equal where these are.
  ///
  /// @param ordered whether the bytes are in the order of the records, too
  public static SqlType trail(int oid, boolean ordered) {
    return of(oid, ordered ? ORDERED_TRAIL : TRAIL, 0);
  }

  public boolean isTrail() {
    return modifier == TRAIL || modifier == ORDERED_TRAIL;
  }

  public boolean isOrderedTrail() {
    return modifier == ORDERED_TRAIL;
  }

  public SqlType withModifier(int newModifier) {
    return new SqlType(kind, oid, newModifier, collation);
  }
}
