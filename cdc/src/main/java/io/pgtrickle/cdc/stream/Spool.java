package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/// The messages of one transaction in the order they came: the newer ones on the heap, the older
/// ones in a file if there were too many.
///
/// Positions count bytes, each message being its length and itself. The file holds [0, written),
/// the
/// heap [written, end). It is unlinked as soon as it is open, so that no crash leaves it behind.
///
/// Used by one thread.
final class Spool implements AutoCloseable {
  /// The references around a message's bytes, roughly.
  private static final int OVERHEAD = 64;

  private static final int BUFFER = 1 << 20;

  private final Path folder;
  private final Deque<ByteBuffer> recent = new ArrayDeque<>();
  private @Nullable FileChannel file;
  private long written;
  private long end;
  private long heapBytes;

  /// @param folder where a file is made when it has to be
  Spool(Path folder) {
    this.folder = folder;
  }

  /// Takes messages one after the other.
  @FunctionalInterface
  interface Reader {
    /// Takes the next message, and says whether to go on.
    boolean read(ByteBuffer message) throws InterruptedException;
  }

  /// Appends a message, which is kept and not copied.
  void add(ByteBuffer message) {
    recent.addLast(message);
    end += size(message);
    heapBytes += message.remaining() + OVERHEAD;
  }

  /// Where the next message will be.
  long end() {
    return end;
  }

  boolean isEmpty() {
    return end == 0;
  }

  /// Memory occupied, roughly.
  long heapBytes() {
    return heapBytes;
  }

  /// Forgets the message at a position and all after it.
  void truncate(long position) {
    while (end > position && !recent.isEmpty()) {
      ByteBuffer last = recent.removeLast();
      end -= size(last);
      heapBytes -= last.remaining() + OVERHEAD;
    }
    if (end > position) {
      try {
        open().truncate(position);
        open().position(position);
      } catch (IOException e) {
        throw failed(e);
      }
      written = position;
      end = position;
    }
  }

  /// Moves what is on the heap into the file.
  void toDisk() {
    try {
      FileChannel channel = open();
      ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(BUFFER, end - written));
      for (ByteBuffer message : recent) {
        if (buffer.remaining() < size(message)) {
          flush(channel, buffer);
        }
        buffer.putInt(message.remaining());
        if (message.remaining() <= buffer.remaining()) {
          buffer.put(message.duplicate());
        } else {
          flush(channel, buffer);
          write(channel, message.duplicate());
        }
      }
      flush(channel, buffer);
    } catch (IOException e) {
      throw failed(e);
    }
    recent.clear();
    heapBytes = 0;
    written = end;
  }

  private static void flush(FileChannel channel, ByteBuffer buffer) throws IOException {
    write(channel, buffer.flip());
    buffer.clear();
  }

  private static void write(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  /// Reads all messages; afterwards the spool is of no use but to be closed.
  void replay(Reader reader) throws InterruptedException {
    if (written > 0) {
      try {
        FileChannel channel = open();
        channel.position(0);
        DataInputStream in =
            new DataInputStream(new BufferedInputStream(Channels.newInputStream(channel), BUFFER));
        for (long at = 0; at < written; ) {
          byte[] message = new byte[in.readInt()];
          in.readFully(message);
          at += Integer.BYTES + message.length;
          if (!reader.read(ByteBuffer.wrap(message))) {
            return;
          }
        }
      } catch (IOException e) {
        throw failed(e);
      }
    }
    for (Iterator<ByteBuffer> each = recent.iterator(); each.hasNext(); ) {
      ByteBuffer message = each.next();
      each.remove();
      if (!reader.read(message)) {
        return;
      }
    }
  }

  private FileChannel open() throws IOException {
    FileChannel opened = file;
    if (opened == null) {
      Files.createDirectories(folder);
      // Readable by nobody else: it holds rows.
      Path path = Files.createTempFile(folder, "transaction-", ".spool");
      opened =
          FileChannel.open(
              path,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      file = opened;
      try {
        Files.deleteIfExists(path);
      } catch (IOException openFilesCannotBeDeletedHere) {
        assert Files.exists(path);
      }
    }
    return opened;
  }

  private CaptureException failed(IOException e) {
    return new CaptureException.Retry(
        "58030",
        "a transaction larger than txn_memory cannot be kept in "
            + folder
            + ": "
            + e.getMessage()
            + "; make room there, it is tried again",
        e);
  }

  private static int size(ByteBuffer message) {
    return Integer.BYTES + message.remaining();
  }

  @Override
  public void close() {
    recent.clear();
    heapBytes = 0;
    FileChannel opened = file;
    file = null;
    if (opened != null) {
      try {
        opened.close();
      } catch (IOException e) {
        throw failed(e);
      }
    }
  }
}
