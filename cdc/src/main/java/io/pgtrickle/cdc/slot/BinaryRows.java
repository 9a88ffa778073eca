package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.CellKind;
import io.pgtrickle.cdc.Tuple;
import java.nio.ByteBuffer;
import java.util.Arrays;

/// Cuts the chunks of a `COPY … (FORMAT BINARY)` into tuples.
///
/// The server sends one row per chunk, the header together with the first; the protocol promises
/// nothing of the kind, so a row may as well begin in one chunk and end in another here.
final class BinaryRows {
  private static final byte[] SIGNATURE = {
    'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xFF, '\r', '\n', 0
  };
  private static final int HEADER = SIGNATURE.length + 2 * Integer.BYTES;

  private final int width;
  private byte[] rest = {};
  private boolean headerSeen;
  private boolean trailerSeen;
  private long rows;

  /// @param width the number of columns of each row
  BinaryRows(int width) {
    this.width = width;
  }

  /// Takes the next chunk, which is kept, not copied, by the tuples that lie in it.
  void accept(byte[] chunk, BulkCopy.RowSink sink) {
    byte[] bytes = rest.length == 0 ? chunk : concatenation(rest, chunk);
    int at = 0;
    if (!headerSeen) {
      if (bytes.length < HEADER) {
        rest = bytes;
        return;
      }
      at = header(bytes);
    }
    while (at < bytes.length) {
      int end = row(bytes, at, sink);
      if (end < 0) {
        break;
      }
      at = end;
    }
    rest = at == bytes.length ? new byte[0] : Arrays.copyOfRange(bytes, at, bytes.length);
  }

  private int header(byte[] bytes) {
    if (!Arrays.equals(bytes, 0, SIGNATURE.length, SIGNATURE, 0, SIGNATURE.length)) {
      throw violation("it does not begin with the signature");
    }
    int extension = ByteBuffer.wrap(bytes).getInt(SIGNATURE.length + Integer.BYTES);
    if (extension != 0) {
      throw violation("its header has an extension of " + extension + " bytes");
    }
    headerSeen = true;
    return HEADER;
  }

  /// Reads the row at `at` and returns where it ends, or −1 if it is not all there.
  private int row(byte[] bytes, int at, BulkCopy.RowSink sink) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes, at, bytes.length - at);
    if (buffer.remaining() < Short.BYTES) {
      return -1;
    }
    short count = buffer.getShort();
    if (trailerSeen) {
      throw violation("rows follow its trailer");
    }
    if (count == -1) {
      trailerSeen = true;
      return buffer.position();
    }
    if (count != width) {
      throw violation("a row has " + count + " columns instead of " + width);
    }
    int[] cells = new int[width];
    for (int i = 0; i < width; i++) {
      if (buffer.remaining() < Integer.BYTES) {
        return -1;
      }
      int lengthOffset = buffer.position();
      int length = buffer.getInt();
      if (length == -1) {
        cells[i] = Tuple.cell(CellKind.NULL, 0);
      } else if (length < -1) {
        throw violation("a value has the length " + length);
      } else if (length > buffer.remaining()) {
        return -1;
      } else {
        cells[i] = Tuple.cell(CellKind.BINARY, lengthOffset);
        buffer.position(buffer.position() + length);
      }
    }
    rows++;
    sink.accept(new Tuple(bytes, cells));
    return buffer.position();
  }

  /// The number of rows, once all chunks are in.
  long finish() {
    if (!trailerSeen || rest.length > 0) {
      throw violation("it ends without a trailer");
    }
    return rows;
  }

  private static byte[] concatenation(byte[] left, byte[] right) {
    byte[] both = Arrays.copyOf(left, left.length + right.length);
    System.arraycopy(right, 0, both, left.length, right.length);
    return both;
  }

  private static CaptureException violation(String seen) {
    return new CaptureException.Retry(
        CaptureException.PROTOCOL_VIOLATION,
        "the copy is not in PostgreSQL's binary format: " + seen + "; it has to be started again");
  }
}
