package io.pgtrickle.dvm.type;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The elements of an array value, which is carried in its binary form.
///
/// That form is the number of dimensions, a flag, the element type, length and lower bound of each
/// dimension, and then the elements in storage order, each with its length or −1 for NULL.
public final class ArrayElements {
  static final int HEADER = 12;
  static final int DIMENSION = 8;

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

  /// The element at a place; NULL where there is none, and where the array has other than as many
  /// dimensions.
  public static @Nullable Object at(Bytes array, long[] subscripts, TypeCodec codec) {
    byte[] data = array.toArray();
    if (BigEndian.int32(data, 0) != subscripts.length) {
      return null;
    }
    long place = 0;
    for (int i = 0; i < subscripts.length; i++) {
      int length = BigEndian.int32(data, HEADER + i * DIMENSION);
      long offset = subscripts[i] - BigEndian.int32(data, HEADER + i * DIMENSION + Integer.BYTES);
      if (offset < 0 || offset >= length) {
        return null;
      }
      place = place * length + offset;
    }
    int at = HEADER + subscripts.length * DIMENSION;
    for (; place > 0; place--) {
      at += Integer.BYTES + Math.max(0, BigEndian.int32(data, at));
    }
    int length = BigEndian.int32(data, at);
    return length < 0 ? null : codec.fromBinary(data, at + Integer.BYTES, length);
  }

  public static int dimensions(Bytes array) {
    return BigEndian.int32(array.toArray(), 0);
  }

  /// Where a dimension, from 1, begins; NULL where the array has no such dimension.
  public static @Nullable Long lowerBound(Bytes array, long dimension) {
    byte[] data = array.toArray();
    return dimension < 1 || dimension > BigEndian.int32(data, 0)
        ? null
        : (Long)
            (long)
                BigEndian.int32(data, HEADER + (int) (dimension - 1) * DIMENSION + Integer.BYTES);
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
