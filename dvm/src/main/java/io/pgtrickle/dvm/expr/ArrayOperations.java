package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.type.ArrayElements;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Evaluates [ArrayOperation]s over arrays of native types.
final class ArrayOperations {
  private ArrayOperations() {}

  /// The element type of an array of a native type; empty for all others.
  static Optional<SqlType> elementOf(SqlType array) {
    return ArrayTypes.elementOf(array.oid())
        .map(
            oid -> {
              boolean text = TypeKind.of(oid).isText();
              return SqlType.of(oid, -1, text ? SqlType.DEFAULT_COLLATION : 0);
            });
  }

  /// `ARRAY[…]`; of elements, not arrays.
  static Evaluator constructed(SqlType element, Evaluator[] operands) {
    return row -> {
      List<@Nullable Object> elements = new ArrayList<>(operands.length);
      for (Evaluator operand : operands) {
        elements.add(operand.evaluate(row));
      }
      return ArrayValue.of(elements).toBytes(element);
    };
  }

  /// `ARRAY[…]` of arrays, which must be of one shape; NULL is an empty one.
  static Evaluator nested(SqlType element, Evaluator[] operands) {
    TypeCodec codec = TypeCodec.of(element);
    return row -> {
      List<ArrayValue> parts = new ArrayList<>(operands.length);
      for (Evaluator operand : operands) {
        Object value = operand.evaluate(row);
        parts.add(value == null ? ArrayValue.EMPTY : ArrayValue.read((Bytes) value, codec));
      }
      return joined(parts).toBytes(element);
    };
  }

  private static ArrayValue joined(List<ArrayValue> parts) {
    ArrayValue shape = ArrayValue.EMPTY;
    List<@Nullable Object> elements = new ArrayList<>();
    for (ArrayValue part : parts) {
      if (part.dimensions() == 0) {
        continue;
      }
      if (shape.dimensions() == 0) {
        shape = part;
        requireDimensions(shape.dimensions() + 1);
      }
      if (!part.lengths().equals(shape.lengths())
          || !part.lowerBounds().equals(shape.lowerBounds())) {
        throw otherShape();
      }
      elements.addAll(part.elements());
    }
    if (elements.isEmpty()) {
      return ArrayValue.EMPTY;
    }
    if (parts.stream().anyMatch(part -> part.dimensions() == 0)) {
      throw otherShape();
    }
    return new ArrayValue(
        with(parts.size(), shape.lengths()), with(1, shape.lowerBounds()), elements);
  }

  private static List<Integer> with(int first, List<Integer> others) {
    List<Integer> all = new ArrayList<>(List.of(first));
    all.addAll(others);
    return all;
  }

  private static void requireDimensions(int dimensions) {
    if (dimensions > ArrayValue.MOST_DIMENSIONS) {
      throw new EvaluationFailure(
          "54000",
          "number of array dimensions (%d) exceeds the maximum allowed (%d)"
              .formatted(dimensions, ArrayValue.MOST_DIMENSIONS));
    }
  }

  private static EvaluationFailure otherShape() {
    return new EvaluationFailure(
        "2202E", "multidimensional arrays must have array expressions with matching dimensions");
  }

  /// `array[i]…`; the subscripts are not evaluated for a NULL.
  static Evaluator subscripted(SqlType element, Evaluator[] operands) {
    TypeCodec codec = TypeCodec.of(element);
    return row -> {
      Object array = operands[0].evaluate(row);
      if (array == null) {
        return null;
      }
      long[] subscripts = new long[operands.length - 1];
      boolean anyNull = false;
      for (int i = 0; i < subscripts.length; i++) {
        if (operands[i + 1].evaluate(row) instanceof Long subscript) {
          subscripts[i] = subscript;
        } else {
          anyNull = true;
        }
      }
      return anyNull ? null : ArrayElements.at((Bytes) array, subscripts, codec);
    };
  }

  /// `value op ANY (array)`; over an empty array false, and `ALL` true, for a NULL value too.
  static Evaluator compared(
      Evaluator operand,
      Binary<Object, Object, Boolean> comparison,
      boolean all,
      Evaluator array,
      SqlType element) {
    TypeCodec codec = TypeCodec.of(element);
    return row -> {
      Object left = operand.evaluate(row);
      Object right = array.evaluate(row);
      return right == null
          ? null
          : ListTest.test(left, comparison, all, ArrayElements.of((Bytes) right, codec));
    };
  }

  /// The same with a constant array, which is read once.
  static Evaluator compared(
      Evaluator operand,
      Binary<Object, Object, Boolean> comparison,
      boolean all,
      Bytes array,
      SqlType element) {
    List<@Nullable Object> elements = ArrayElements.of(array, TypeCodec.of(element));
    return row -> ListTest.test(operand.evaluate(row), comparison, all, elements);
  }

  /// The same dimensions of other elements.
  ///
  /// @param conversion of a row of the one element
  static Evaluator converted(Evaluator operand, SqlType from, Evaluator conversion, SqlType to) {
    TypeCodec codec = TypeCodec.of(from);
    Schema schema = Schema.ofTypes(List.of(from));
    return row -> {
      Object array = operand.evaluate(row);
      if (array == null) {
        return null;
      }
      ArrayValue value = ArrayValue.read((Bytes) array, codec);
      List<@Nullable Object> elements = new ArrayList<>(value.elements().size());
      for (Object element : value.elements()) {
        elements.add(conversion.evaluate(schema.pack(element)));
      }
      return new ArrayValue(value.lengths(), value.lowerBounds(), elements).toBytes(to);
    };
  }
}
