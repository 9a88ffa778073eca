package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.ArrayElements;
import io.pgtrickle.dvm.type.Bytes;
import org.jspecify.annotations.Nullable;

/// How large arrays are. What looks at their elements is the server's.
final class ArrayFunctions {
  private ArrayFunctions() {}

  static void register(Registry registry) {
    registry
        .add("cardinality(anyarray) int4", "number of elements", ArrayElements::count)
        .neverFails();
    registry
        .add(
            "array_length(anyarray,int4) int4",
            "number of elements in a dimension",
            ArrayFunctions::length)
        .neverFails();
  }

  private static @Nullable Long length(Bytes array, Long dimension) {
    int length = ArrayElements.length(array, dimension);
    return length < 0 ? null : (Long) (long) length;
  }
}
