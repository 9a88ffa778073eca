package io.pgtrickle.dvm.type;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The elements of an array value, which is carried in its binary form.
///
/// That form is the number of dimensions, a flag, the element type, length and lower bound of each
/// dimension, and then the elements in storage order, each with its length or −1 for NULL.
public final class ArrayElements {
  private static final int HEADER = 12;
  private static final int DIMENSION = 8;

  private ArrayElements() {}

  /// How many elements an array has, in all dimensions.
  public static long count(Bytes array) {
    byte[] data = array.toArray();
    int dimensions = BigEndian.int32(data, 0);
    long count = dimensions == 0 ? 0 : 1;
    for (int i = 0; i < dimensions; i++) {
      count *= BigEndian.int32(data, HEADER + i * DIMENSION);
    }
    return count;
  }

  /// How many elements an array has in a dimension, from 1; −1 where it has no such dimension.
  public static int length(Bytes array, long dimension) {
    byte[] data = array.toArray();
    return dimension < 1 || dimension > BigEndian.int32(data, 0)
        ? -1
        : BigEndian.int32(data, HEADER + (int) (dimension - 1) * DIMENSION);
  }

  /// A one-dimensional array of elements of a type.
  public static Bytes array(SqlType element, List<? extends @Nullable Object> elements) {
    TypeCodec codec = TypeCodec.of(element);
    ByteSink out = new ByteSink(64);
    out.putInt(elements.isEmpty() ? 0 : 1);
    out.putInt(elements.stream().anyMatch(Objects::isNull) ? 1 : 0);
    out.putInt(element.oid());
    if (!elements.isEmpty()) {
      out.putInt(elements.size());
      out.putInt(1);
    }
    for (Object value : elements) {
      if (value == null) {
        out.putInt(-1);
      } else {
        ByteSink binary = new ByteSink();
        codec.toBinary(value, binary);
        out.putInt(binary.size());
        out.putBytes(binary.array(), 0, binary.size());
      }
    }
    return Bytes.copyOf(out.toArray());
  }

  /// The elements, as `unnest` returns them.
  public static List<@Nullable Object> of(Bytes array, TypeCodec codec) {
    byte[] data = array.toArray();
    List<@Nullable Object> elements = new ArrayList<>();
    int at = HEADER + BigEndian.int32(data, 0) * DIMENSION;
    for (long rest = count(array); rest > 0; rest--) {
      int length = BigEndian.int32(data, at);
      at += 4;
      if (length < 0) {
        elements.add(null);
      } else {
        elements.add(codec.fromBinary(data, at, length));
        at += length;
      }
    }
    return Collections.unmodifiableList(elements);
  }
}
