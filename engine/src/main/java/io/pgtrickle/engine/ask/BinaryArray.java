package io.pgtrickle.engine.ask;

import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PGBinaryObject;
import org.postgresql.util.PGobject;

/// A one-dimensional array whose elements are in the binary form of their type already.
final class BinaryArray extends PGobject implements PGBinaryObject {
  private static final long serialVersionUID = 1L;

  private final transient byte[] bytes;

  /// @param arrayType the array type's name, qualified and quoted
  /// @param element the elements' type
  BinaryArray(String arrayType, int element, List<byte @Nullable []> elements) {
    setType(arrayType);
    int size = 20;
    boolean nulls = false;
    for (byte[] each : elements) {
      size += 4 + (each == null ? 0 : each.length);
      nulls |= each == null;
    }
    // Dimensions, whether there are NULLs, the type of the elements, extent, lower bound.
    ByteBuffer out = ByteBuffer.allocate(elements.isEmpty() ? 12 : size);
    out.putInt(elements.isEmpty() ? 0 : 1).putInt(nulls ? 1 : 0).putInt(element);
    if (!elements.isEmpty()) {
      out.putInt(elements.size()).putInt(1);
    }
    for (byte[] each : elements) {
      out.putInt(each == null ? -1 : each.length);
      if (each != null) {
        out.put(each);
      }
    }
    bytes = out.array();
  }

  @Override
  public void setByteValue(byte[] value, int offset) {
    throw new UnsupportedOperationException("it is only sent");
  }

  @Override
  public int lengthInBytes() {
    return bytes.length;
  }

  @Override
  public void toBytes(byte[] target, int offset) {
    System.arraycopy(bytes, 0, target, offset, bytes.length);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof BinaryArray that && java.util.Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return java.util.Arrays.hashCode(bytes);
  }
}
