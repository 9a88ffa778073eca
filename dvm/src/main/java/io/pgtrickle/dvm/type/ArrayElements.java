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

  /// The length of a dimension and the subscript of its first element.
  public record Dimension(int length, int lowerBound) {}

  /// How many elements an array of such dimensions has.
  public static int size(List<Dimension> dimensions) {
    int count = dimensions.isEmpty() ? 0 : 1;
    for (Dimension dimension : dimensions) {
      count *= dimension.length();
    }
    return count;
  }

  /// How many elements an array has, in all dimensions.
  public static long count(Bytes array) {
    return size(dimensions(array));
  }

  /// From the outermost to the innermost; none of an empty array.
  public static List<Dimension> dimensions(Bytes array) {
    byte[] data = array.toArray();
    List<Dimension> dimensions = new ArrayList<>();
    for (int i = 0; i < BigEndian.int32(data, 0); i++) {
      int at = HEADER + i * DIMENSION;
      dimensions.add(new Dimension(BigEndian.int32(data, at), BigEndian.int32(data, at + 4)));
    }
    return List.copyOf(dimensions);
  }

  /// How many elements an array has in a dimension, from 1; −1 where it has no such dimension.
  public static int length(Bytes array, long dimension) {
    byte[] data = array.toArray();
    return dimension < 1 || dimension > BigEndian.int32(data, 0)
        ? -1
        : BigEndian.int32(data, HEADER + (int) (dimension - 1) * DIMENSION);
  }

  /// An array of elements of a type, which are in storage order.
  public static Bytes array(
      SqlType element, List<Dimension> dimensions, List<? extends @Nullable Object> elements) {
    if (size(dimensions) != elements.size()) {
      throw new IllegalArgumentException(elements.size() + " elements in " + dimensions);
    }
    TypeCodec codec = TypeCodec.of(element);
    ByteSink out = new ByteSink(64);
    out.putInt(dimensions.size());
    out.putInt(elements.stream().anyMatch(Objects::isNull) ? 1 : 0);
    out.putInt(element.oid());
    for (Dimension dimension : dimensions) {
      out.putInt(dimension.length());
      out.putInt(dimension.lowerBound());
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
