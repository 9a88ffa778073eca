package io.pgtrickle.cdc.pgoutput;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// Builds messages byte by byte, as PostgreSQL's documentation of the format describes them.
public final class MessageBuilder {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final DataOutputStream out = new DataOutputStream(bytes);

  public static MessageBuilder message(char kind) {
    return new MessageBuilder().int8(kind);
  }

  public static ByteBuffer begin(long finalLsn, int xid) {
    return message('B').int64(finalLsn).int64(1_000_000).int32(xid).build();
  }

  public static ByteBuffer commit(long commitLsn, long endLsn) {
    return message('C').int8(0).int64(commitLsn).int64(endLsn).int64(1_000_000).build();
  }

  /// A table of `int4` columns, the first of them the key.
  public static ByteBuffer relation(int oid, String name, String... columns) {
    MessageBuilder message =
        message('R').int32(oid).string("public").string(name).int8('d').int16(columns.length);
    for (int i = 0; i < columns.length; i++) {
      message.int8(i == 0 ? 1 : 0).string(columns[i]).int32(23).int32(-1);
    }
    return message.build();
  }

  public static ByteBuffer insert(int oid, String... texts) {
    return message('I').int32(oid).int8('N').row(texts).build();
  }

  /// Cells in text format; "null" is SQL NULL, and "u" an unchanged large value.
  public MessageBuilder row(String... texts) {
    int16(texts.length);
    for (String text : texts) {
      if (text.equals("null")) {
        int8('n');
      } else if (text.equals("u")) {
        int8('u');
      } else {
        byte[] value = text.getBytes(StandardCharsets.UTF_8);
        int8('t').int32(value.length).raw(value);
      }
    }
    return this;
  }

  public MessageBuilder int8(int value) {
    return write(() -> out.writeByte(value));
  }

  public MessageBuilder int16(int value) {
    return write(() -> out.writeShort(value));
  }

  public MessageBuilder int32(int value) {
    return write(() -> out.writeInt(value));
  }

  public MessageBuilder int64(long value) {
    return write(() -> out.writeLong(value));
  }

  public MessageBuilder string(String value) {
    return raw(value.getBytes(StandardCharsets.UTF_8)).int8(0);
  }

  public MessageBuilder raw(byte[] value) {
    return write(() -> out.write(value));
  }

  private MessageBuilder write(Writing writing) {
    try {
      writing.run();
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The message behind 25 foreign bytes, as the driver presents it: a slice that does not begin
  /// where its array does.
  public ByteBuffer build() {
    byte[] message = bytes.toByteArray();
    ByteBuffer framed = ByteBuffer.allocate(25 + message.length);
    framed.put(25, message);
    return framed.position(25).slice();
  }

  private interface Writing {
    void run() throws IOException;
  }
}
