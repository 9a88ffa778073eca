package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.type.TypeKind;
import java.util.Map;
import java.util.Optional;

/// OIDs of built-in objects that belong to the listed types. They are fixed by PostgreSQL for good.
public final class KnownTypes {
  private static final Map<Integer, Integer> ELEMENT_OF_ARRAY =
      Map.ofEntries(
          Map.entry(1000, 16),
          Map.entry(1005, 21),
          Map.entry(1007, 23),
          Map.entry(1016, 20),
          Map.entry(1231, 1700),
          Map.entry(1021, 700),
          Map.entry(1022, 701),
          Map.entry(1009, 25),
          Map.entry(1015, 1043),
          Map.entry(1014, 1042),
          Map.entry(1182, 1082),
          Map.entry(1115, 1114),
          Map.entry(1185, 1184),
          Map.entry(1187, 1186),
          Map.entry(2951, 2950),
          Map.entry(1001, 17));

  private KnownTypes() {}

  /// The element type of an array type over a listed type.
  public static Optional<Integer> elementOf(int arrayType) {
    return Optional.ofNullable(ELEMENT_OF_ARRAY.get(arrayType));
  }

  /// The array type over a listed type.
  public static Optional<Integer> arrayOf(int elementType) {
    return ELEMENT_OF_ARRAY.entrySet().stream()
        .filter(entry -> entry.getValue() == elementType)
        .map(Map.Entry::getKey)
        .findFirst();
  }

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
