package io.pgtrickle.dvm.type;

import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// The array types over the types that are computed with.
public final class ArrayTypes {
  private static final Map<Integer, Integer> ELEMENTS =
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

  private static final Map<Integer, Integer> ARRAYS =
      ELEMENTS.entrySet().stream()
          .collect(Collectors.toUnmodifiableMap(Map.Entry::getValue, Map.Entry::getKey));

  private ArrayTypes() {}

  /// The OID of the element type of an array type over one of these types.
  public static Optional<Integer> elementOf(int arrayType) {
    return Optional.ofNullable(ELEMENTS.get(arrayType));
  }

  /// The OID of the array type over one of these types.
  public static Optional<Integer> arrayOf(int elementType) {
    return Optional.ofNullable(ARRAYS.get(elementType));
  }
}
