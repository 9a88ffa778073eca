package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// Reads the memory image of a constant, as a little-endian 64-bit server wrote it into a tree.
///
/// Pass-by-value types fill one eight-byte word, of which the upper bytes are a sign extension or
/// zero; anything else there means a server of the other byte order and is refused.
/// Variable-length types begin with a length word: one byte (lowest bit set) or four (two lowest
/// bits clear); compressed and out-of-line values never occur in a tree.
final class DatumImage {
  private final ByteBuffer bytes;
  private final SqlType type;

  private DatumImage(byte[] image, SqlType type) {
    this.bytes = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    this.type = type;
  }

  /// The constant of a datum.
  static Literal literal(Datum datum, SqlType type) {
    return new Literal(new DatumImage(datum.image().toArray(), type).value(), type);
  }

  /// The elements of an array constant.
  static List<Literal> elements(Datum datum, SqlType elementType) {
    return array(datum, elementType).elements().stream()
        .map(value -> new Literal(value, elementType))
        .toList();
  }

  /// An array constant.
  static ArrayValue array(Datum datum, SqlType elementType) {
    return new DatumImage(datum.image().toArray(), elementType).array();
  }

  /// How many dimensions an array constant has.
  static int dimensions(Datum datum) {
    return content(datum).getInt(0);
  }

  /// A text of any type that is kept as one.
  static String text(Datum datum) {
    DatumImage image = new DatumImage(datum.image().toArray(), SqlType.TEXT);
    return image.text(image.varlena());
  }

  /// A text that ends with a zero byte.
  static String terminatedText(Datum datum) {
    DatumImage image = new DatumImage(datum.image().toArray(), SqlType.TEXT);
    int length = image.bytes.capacity() - 1;
    if (length < 0 || image.bytes.get(length) != 0) {
      throw image.unreadable();
    }
    return image.text(image.bytes.slice(0, length));
  }

  /// What is behind the length word of a variable-length value.
  static ByteBuffer content(Datum datum) {
    return new DatumImage(datum.image().toArray(), SqlType.BYTEA).varlena();
  }

  /// The word of a value that is passed by value.
  static long word(Datum datum) {
    return new DatumImage(datum.image().toArray(), SqlType.INT8).word(Long.BYTES);
  }

  private Object value() {
    return switch (type.kind()) {
      case BOOL -> word(1) != 0;
      case INT2 -> word(2);
      case INT4, DATE -> word(4);
      case INT8, TIMESTAMP, TIMESTAMPTZ -> word(8);
      case FLOAT4 -> Float.intBitsToFloat((int) word(4));
      case FLOAT8 -> Double.longBitsToDouble(word(8));
      case INTERVAL -> interval();
      case UUID -> uuid(bytes.array());
      case NUMERIC -> numeric(varlena());
      case TEXT, VARCHAR, BPCHAR -> text(varlena());
      case BYTEA -> bytesOf(varlena());
      case OPAQUE, LABELED -> throw unreadable();
    };
  }

  /// The low `size` bytes of the word, sign-extended.
  private long word(int size) {
    if (bytes.capacity() != 8) {
      throw unreadable();
    }
    long word = bytes.getLong(0);
    int unused = 64 - 8 * size;
    long low = word << unused >> unused;
    if (low != word && low << unused >>> unused != word) {
      throw unreadable();
    }
    return low;
  }

  private UUID uuid(byte[] image) {
    if (image.length != 16) {
      throw unreadable();
    }
    ByteBuffer network = ByteBuffer.wrap(image);
    return new UUID(network.getLong(), network.getLong());
  }

  private PgInterval interval() {
    if (bytes.capacity() != 16) {
      throw unreadable();
    }
    return new PgInterval(bytes.getInt(12), bytes.getInt(8), bytes.getLong(0));
  }

  private ByteBuffer varlena() {
    return varlena(0, bytes.capacity());
  }

  /// The content of the variable-length value at an offset, which must end at or before `end`.
  private ByteBuffer varlena(int offset, int end) {
    int size = varlenaSize(offset, end);
    int header = (bytes.get(offset) & 1) == 1 ? 1 : 4;
    return bytes.slice(offset + header, size - header).order(ByteOrder.LITTLE_ENDIAN);
  }

  private int varlenaSize(int offset, int end) {
    if (offset >= end) {
      throw unreadable();
    }
    int first = bytes.get(offset) & 0xFF;
    int size;
    if ((first & 1) == 1) {
      size = first >> 1;
    } else if ((first & 3) == 0 && offset + 4 <= end) {
      size = bytes.getInt(offset) >>> 2;
    } else {
      throw unreadable();
    }
    if (size < 1 || offset + size > end) {
      throw unreadable();
    }
    return size;
  }

  private String text(ByteBuffer content) {
    try {
      // Strict, so that text of another encoding is refused instead of mangled.
      return StandardCharsets.UTF_8.newDecoder().decode(content).toString();
    } catch (CharacterCodingException notUtf8) {
      throw NodeForm.notUnderstood("a text constant that is not UTF-8 (" + notUtf8 + ")");
    }
  }

  private static Bytes bytesOf(ByteBuffer content) {
    byte[] copy = new byte[content.remaining()];
    content.get(copy);
    return Bytes.copyOf(copy);
  }

  /// Reads numeric's internal form: base-10000 digits under a header of two or four bytes.
  private Object numeric(ByteBuffer content) {
    int header = content.getShort() & 0xFFFF;
    String text;
    if ((header & 0xC000) == 0xC000) {
      text =
          switch (header & 0xF000) {
            case 0xC000 -> "NaN";
            case 0xD000 -> "Infinity";
            case 0xF000 -> "-Infinity";
            default -> throw unreadable();
          };
    } else {
      boolean isShort = (header & 0x8000) != 0;
      boolean negative = isShort ? (header & 0x2000) != 0 : (header & 0x4000) != 0;
      int scale = isShort ? (header & 0x1F80) >> 7 : header & 0x3FFF;
      // The short form's weight is seven bits with sign.
      int weight = isShort ? (header & 0x7F) << 25 >> 25 : content.getShort();
      text = decimal(content, negative, scale, weight);
    }
    return TypeCodec.of(type).fromText(text);
  }

  private static String decimal(ByteBuffer digits, boolean negative, int scale, int weight) {
    StringBuilder text = new StringBuilder(negative ? "-" : "");
    int count = digits.remaining() / 2;
    short[] groups = new short[count];
    digits.asShortBuffer().get(groups);
    if (weight < 0) {
      text.append('0');
    }
    for (int i = 0; i <= weight; i++) {
      text.append(fourDigits(i < count ? groups[i] : 0));
    }
    if (scale > 0) {
      text.append('.');
      int end = text.length() + scale;
      for (int i = weight + 1; text.length() < end; i++) {
        text.append(fourDigits(i >= 0 && i < count ? groups[i] : 0));
      }
      text.setLength(end);
    }
    return text.toString();
  }

  private static String fourDigits(int group) {
    return String.format(java.util.Locale.ROOT, "%04d", group);
  }

  /// Walks an `ArrayType`: dimensions, offset of the data or 0 without NULLs, element type,
  /// extents,
  /// lower bounds, null bitmap, data.
  private ArrayValue array() {
    ByteBuffer array = varlena();
    // Alignment counts from the start of the value, header included.
    int start = bytes.capacity() - array.capacity();
    if (start != 4) {
      throw unreadable();
    }
    int dimensions = array.getInt(0);
    int dataOffset = array.getInt(4);
    if (array.getInt(8) != type.oid()
        || dimensions < 0
        || dimensions > ArrayValue.MOST_DIMENSIONS) {
      throw unreadable();
    }
    List<Integer> lengths = new ArrayList<>();
    List<Integer> lowerBounds = new ArrayList<>();
    int count = dimensions == 0 ? 0 : 1;
    for (int i = 0; i < dimensions; i++) {
      lengths.add(array.getInt(12 + 4 * i));
      lowerBounds.add(array.getInt(12 + 4 * (dimensions + i)));
      count *= lengths.getLast();
    }
    int bitmap = start + 12 + 8 * dimensions;
    // Without NULLs data begin where the widest type may.
    int at = dataOffset != 0 ? dataOffset : (bitmap + 7) / 8 * 8;
    List<@Nullable Object> elements = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      boolean isNull = dataOffset != 0 && (bytes.get(bitmap + i / 8) >> i % 8 & 1) == 0;
      if (isNull) {
        elements.add(null);
      } else {
        int from = aligned(at);
        int size = elementSize(from);
        elements.add(element(from, size));
        at = from + size;
      }
    }
    return new ArrayValue(lengths, lowerBounds, elements);
  }

  private int elementSize(int from) {
    return switch (type.kind()) {
      case BOOL -> 1;
      case INT2 -> 2;
      case INT4, DATE, FLOAT4 -> 4;
      case INT8, TIMESTAMP, TIMESTAMPTZ, FLOAT8 -> 8;
      case INTERVAL, UUID -> 16;
      case NUMERIC, TEXT, VARCHAR, BPCHAR, BYTEA -> varlenaSize(from, bytes.capacity());
      case OPAQUE, LABELED -> throw unreadable();
    };
  }

  /// Types align to their size, variable-length ones to four bytes unless their header is short
  /// (padding is zero, a header never is).
  private int aligned(int at) {
    int alignment =
        switch (type.kind()) {
          case BOOL, UUID -> 1;
          case INT2 -> 2;
          case INT4, DATE, FLOAT4 -> 4;
          case INT8, TIMESTAMP, TIMESTAMPTZ, FLOAT8, INTERVAL -> 8;
          case NUMERIC, TEXT, VARCHAR, BPCHAR, BYTEA -> bytes.get(at) != 0 ? 1 : 4;
          case OPAQUE, LABELED -> throw unreadable();
        };
    return (at + alignment - 1) / alignment * alignment;
  }

  private Object element(int from, int size) {
    byte[] image =
        switch (type.kind()) {
          case BOOL, INT2, INT4, DATE, FLOAT4, INT8, TIMESTAMP, TIMESTAMPTZ, FLOAT8 -> new byte[8];
          case INTERVAL, UUID, NUMERIC, TEXT, VARCHAR, BPCHAR, BYTEA -> new byte[size];
          case OPAQUE, LABELED -> throw unreadable();
        };
    bytes.get(from, image, 0, size);
    return new DatumImage(image, type).value();
  }

  private QueryRejected unreadable() {
    return QueryRejected.notYet(
        "query_not_understood", "a constant of type " + type.oid() + " in this binary form");
  }
}
