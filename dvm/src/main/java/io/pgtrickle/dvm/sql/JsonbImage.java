package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Reads the memory image of a jsonb value: containers of entries, each with a type and an end or a
/// length, and behind all entries their data, numbers and containers aligned to four bytes.
final class JsonbImage {
  private static final int COUNT = 0x0FFF_FFFF;
  private static final int SCALAR = 0x1000_0000;
  private static final int OBJECT = 0x2000_0000;
  private static final int HAS_OFFSET = 0x8000_0000;
  private static final int TYPE = 0x7000_0000;

  private final ByteBuffer bytes;
  private final StringBuilder text = new StringBuilder();

  private JsonbImage(ByteBuffer bytes) {
    this.bytes = bytes;
  }

  /// The value's text.
  ///
  /// @param content without the length word
  static String text(ByteBuffer content) {
    JsonbImage image = new JsonbImage(content.slice().order(ByteOrder.LITTLE_ENDIAN));
    image.container(0);
    return image.text.toString();
  }

  private void container(int at) {
    int header = bytes.getInt(at);
    int count = header & COUNT;
    boolean object = (header & OBJECT) != 0;
    boolean scalar = (header & SCALAR) != 0;
    int entries = object ? 2 * count : count;
    int data = at + 4 + 4 * entries;
    // Where each entry's data begins, behind the data of those before it.
    int[] ends = new int[entries + 1];
    for (int i = 0; i < entries; i++) {
      int entry = bytes.getInt(at + 4 + 4 * i);
      int length = entry & COUNT;
      ends[i + 1] = (entry & HAS_OFFSET) != 0 ? length : ends[i] + length;
    }
    if (!scalar) {
      text.append(object ? '{' : '[');
    }
    for (int i = 0; i < count; i++) {
      if (i > 0) {
        text.append(", ");
      }
      if (object) {
        entry(at, i, data, ends);
        text.append(": ");
        entry(at, count + i, data, ends);
      } else {
        entry(at, i, data, ends);
      }
    }
    if (!scalar) {
      text.append(object ? '}' : ']');
    }
  }

  private void entry(int container, int index, int data, int[] ends) {
    int from = data + ends[index];
    int to = data + ends[index + 1];
    int aligned = data + (ends[index] + 3) / 4 * 4;
    switch (bytes.getInt(container + 4 + 4 * index) & TYPE) {
      case 0 -> string(from, to);
      case 0x1000_0000 -> number(aligned, to);
      case 0x2000_0000 -> text.append("false");
      case 0x3000_0000 -> text.append("true");
      case 0x4000_0000 -> text.append("null");
      case 0x5000_0000 -> container(aligned);
      default -> throw NodeForm.notUnderstood("a jsonb constant in this binary form");
    }
  }

  private byte[] copy(int from, int to) {
    byte[] copy = new byte[to - from];
    bytes.get(from, copy);
    return copy;
  }

  private void number(int from, int to) {
    @Nullable Object value =
        DatumImage.literal(new Datum(to - from, Bytes.copyOf(copy(from, to))), SqlType.NUMERIC)
            .value();
    text.append(TypeCodec.of(SqlType.NUMERIC).toText(Objects.requireNonNull(value)));
  }

  private void string(int from, int to) {
    String value = new String(copy(from, to), StandardCharsets.UTF_8);
    text.append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      int letter = "\b\f\n\r\t\"\\".indexOf(c);
      if (letter >= 0) {
        text.append('\\').append("bfnrt\"\\".charAt(letter));
      } else if (c < ' ') {
        text.append(String.format(java.util.Locale.ROOT, "\\u%04x", (int) c));
      } else {
        text.append(c);
      }
    }
    text.append('"');
  }
}
