package io.pgtrickle.cdc;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// A row as the server sent it: one cell per column, each a byte range of the message.
///
/// A tuple costs one array of `int` beside the message it points into, and nothing per column, so
/// that columns nobody reads cost nothing. The same class serves the stream and `COPY BINARY`,
/// because both frame a value as a 32-bit length followed by its bytes.
///
/// The bytes are shared and must not be modified.
public final class Tuple {
  /*
   * cells[i] holds the kind of cell i in its upper two bits and, for TEXT and BINARY, the offset of
   * the value's 32-bit length word in the lower thirty. Thirty bits are exactly enough: PostgreSQL
   * cannot build a message of 1 GiB or more (MaxAllocSize is 0x3FFFFFFF).
   */
  private static final int OFFSET_BITS = 30;
  private static final int OFFSET_MASK = (1 << OFFSET_BITS) - 1;
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private final byte[] bytes;
  private final int[] cells;

  /// Used by decoders.
  ///
  /// @param bytes the message; kept, not copied
  /// @param cells one [#cell] per column; kept, not copied
  public Tuple(byte[] bytes, int[] cells) {
    this.bytes = bytes;
    this.cells = cells;
  }

  /// Encodes a cell for the constructor.
  ///
  /// @param lengthOffset where the value's 32-bit length stands; ignored by kinds without a value
  public static int cell(CellKind kind, int lengthOffset) {
    if (lengthOffset < 0 || lengthOffset > OFFSET_MASK) {
      throw new IllegalArgumentException("no message is this long: " + lengthOffset);
    }
    return kind.code << OFFSET_BITS | lengthOffset;
  }

  /// The number of cells.
  public int size() {
    return cells.length;
  }

  public CellKind kind(int column) {
    return CellKind.ofCode(cells[column] >>> OFFSET_BITS);
  }

  public boolean isNull(int column) {
    return cells[column] >>> OFFSET_BITS == CellKind.NULL.code;
  }

  /// The message that holds the values; see [#offset] and [#length].
  public byte[] bytes() {
    return bytes;
  }

  /// Where the value of a TEXT or BINARY cell starts in [#bytes].
  public int offset(int column) {
    return lengthOffset(column) + Integer.BYTES;
  }

  /// The number of bytes of the value of a TEXT or BINARY cell.
  public int length(int column) {
    return (int) INT.get(bytes, lengthOffset(column));
  }

  /// The value of a TEXT or BINARY cell as a read-only buffer.
  public ByteBuffer value(int column) {
    return ByteBuffer.wrap(bytes, offset(column), length(column)).slice().asReadOnlyBuffer();
  }

  /// The value of a TEXT cell, or of a BINARY cell of a type that is sent as text (`text`,
  /// `varchar`, enums, …). The stream is always in UTF-8, the client encoding of every connection.
  public String text(int column) {
    return new String(bytes, offset(column), length(column), StandardCharsets.UTF_8);
  }

  private int lengthOffset(int column) {
    int cell = cells[column];
    int kind = cell >>> OFFSET_BITS;
    if (kind != CellKind.TEXT.code && kind != CellKind.BINARY.code) {
      throw new IllegalStateException("cell " + column + " is " + kind(column) + ", not a value");
    }
    return cell & OFFSET_MASK;
  }

  /// The shape of the row, for messages; never its values, which may be secret.
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("(");
    for (int i = 0; i < cells.length; i++) {
      text.append(i == 0 ? "" : ", ").append(kind(i));
      if (kind(i) == CellKind.TEXT || kind(i) == CellKind.BINARY) {
        text.append(' ').append(length(i)).append(" B");
      }
    }
    return text.append(')').toString();
  }
}
