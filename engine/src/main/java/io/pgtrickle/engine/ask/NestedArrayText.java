package io.pgtrickle.engine.ask;

import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.engine.apply.ArrayText;
import java.nio.ByteBuffer;

/// Writes the binary form of an array of any shape as text, its elements being of a type that the
/// engine understands.
final class NestedArrayText {
  private final byte[] bytes;
  private final ByteBuffer in;
  private final TypeCodec codec;
  private final int[] extents;
  private final StringBuilder text = new StringBuilder();

  private NestedArrayText(byte[] bytes, ByteBuffer in, int dimensions) {
    this.bytes = bytes;
    this.in = in;
    in.getInt();
    codec = TypeCodec.of(SqlType.of(in.getInt()));
    extents = new int[dimensions];
  }

  static String of(Bytes value) {
    byte[] bytes = value.toArray();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    int dimensions = in.getInt();
    return dimensions == 0 ? "{}" : new NestedArrayText(bytes, in, dimensions).write();
  }

  private String write() {
    boolean plain = true;
    StringBuilder bounds = new StringBuilder();
    for (int i = 0; i < extents.length; i++) {
      extents[i] = in.getInt();
      int lower = in.getInt();
      plain &= lower == 1;
      bounds.append('[').append(lower).append(':').append(lower + extents[i] - 1).append(']');
    }
    if (!plain) {
      text.append(bounds).append('=');
    }
    dimension(0);
    return text.toString();
  }

  private void dimension(int depth) {
    text.append('{');
    for (int i = 0; i < extents[depth]; i++) {
      if (i > 0) {
        text.append(',');
      }
      if (depth + 1 < extents.length) {
        dimension(depth + 1);
      } else {
        element();
      }
    }
    text.append('}');
  }

  private void element() {
    int length = in.getInt();
    if (length < 0) {
      text.append("NULL");
    } else {
      text.append(ArrayText.quoted(codec.toText(codec.fromBinary(bytes, in.position(), length))));
      in.position(in.position() + length);
    }
  }
}
