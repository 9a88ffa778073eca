package io.pgtrickle.dvm.type;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/// An array taken apart. Where it is carried it is in its binary form: the number of dimensions, a
/// flag, the element type, length and lower bound of each dimension, and then the elements, each
/// with its length or −1 for NULL.
///
/// @param lengths of the dimensions; none for the empty array
/// @param lowerBounds of the dimensions
/// @param elements in storage order, the last dimension running fastest
public record ArrayValue(
    List<Integer> lengths, List<Integer> lowerBounds, List<@Nullable Object> elements) {
  /// The most dimensions that the server has.
  public static final int MOST_DIMENSIONS = 6;

  public static final ArrayValue EMPTY = new ArrayValue(List.of(), List.of(), List.of());

  // Spelled out: a compact constructor would lose the annotation of the elements.
  public ArrayValue(
      List<Integer> lengths, List<Integer> lowerBounds, List<@Nullable Object> elements) {
    this.lengths = List.copyOf(lengths);
    this.lowerBounds = List.copyOf(lowerBounds);
    this.elements = Collections.unmodifiableList(elements);
    long size = lengths.isEmpty() ? 0 : 1;
    for (int length : lengths) {
      size *= length;
    }
    if (size != elements.size() || lengths.size() != lowerBounds.size()) {
      throw new IllegalArgumentException(
          "%d elements in %s from %s".formatted(elements.size(), lengths, lowerBounds));
    }
  }

  /// An array of one dimension that begins at 1, or the empty one.
  public static ArrayValue of(List<@Nullable Object> elements) {
    return of(1, elements);
  }

  /// An array of one dimension, or the empty one.
  public static ArrayValue of(int lowerBound, List<@Nullable Object> elements) {
    return elements.isEmpty()
        ? EMPTY
        : new ArrayValue(List.of(elements.size()), List.of(lowerBound), elements);
  }

  /// Reads the binary form.
  public static ArrayValue read(Bytes array, TypeCodec codec) {
    byte[] data = array.toArray();
    int dimensions = BigEndian.int32(data, 0);
    List<Integer> lengths = new ArrayList<>();
    List<Integer> lowerBounds = new ArrayList<>();
    for (int i = 0; i < dimensions; i++) {
      int at = ArrayElements.HEADER + i * ArrayElements.DIMENSION;
      lengths.add(BigEndian.int32(data, at));
      lowerBounds.add(BigEndian.int32(data, at + Integer.BYTES));
    }
    return new ArrayValue(lengths, lowerBounds, ArrayElements.of(array, codec));
  }

  /// The binary form, as an array of a type.
  public Bytes toBytes(SqlType element) {
    TypeCodec codec = TypeCodec.of(element);
    ByteSink out = new ByteSink(64);
    out.putInt(dimensions());
    out.putInt(elements.stream().anyMatch(Objects::isNull) ? 1 : 0);
    out.putInt(element.oid());
    for (int i = 0; i < dimensions(); i++) {
      out.putInt(lengths.get(i));
      out.putInt(lowerBounds.get(i));
    }
    ByteSink binary = new ByteSink();
    for (Object value : elements) {
      if (value == null) {
        out.putInt(-1);
      } else {
        binary.clear();
        codec.toBinary(value, binary);
        out.putInt(binary.size());
        out.putBytes(binary.array(), 0, binary.size());
      }
    }
    return Bytes.copyOf(out.toArray());
  }

  public int dimensions() {
    return lengths.size();
  }

  /// A text that the server reads as this array: all elements in quotes, and the bounds in front.
  public String toText(TypeCodec codec) {
    StringBuilder text = new StringBuilder();
    if (lowerBounds.stream().anyMatch(bound -> bound != 1)) {
      for (int i = 0; i < dimensions(); i++) {
        int lower = lowerBounds.get(i);
        text.append('[').append(lower).append(':').append(lower + lengths.get(i) - 1).append(']');
      }
      text.append('=');
    }
    return text.append(text(codec, 0, 0, elements.size())).toString();
  }

  private String text(TypeCodec codec, int dimension, int from, int size) {
    StringJoiner text = new StringJoiner(",", "{", "}");
    if (dimension + 1 >= dimensions()) {
      for (Object value : elements.subList(from, from + size)) {
        text.add(value == null ? "NULL" : quoted(codec.toText(value)));
      }
      return text.toString();
    }
    int part = size / lengths.get(dimension);
    for (int at = from; at < from + size; at += part) {
      text.add(text(codec, dimension + 1, at, part));
    }
    return text.toString();
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
