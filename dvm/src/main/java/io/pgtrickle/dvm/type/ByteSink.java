package io.pgtrickle.dvm.type;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// A growable, reusable byte buffer that codecs append to; big-endian.
public final class ByteSink {
  private byte[] data;
  private int size;

  public ByteSink() {
    this(64);
  }

  public ByteSink(int capacity) {
    data = new byte[capacity];
  }

  public void clear() {
    size = 0;
  }

  public int size() {
    return size;
  }

  /// The backing array; valid in `[0, size)` until the next append.
  public byte[] array() {
    return data;
  }

  public byte[] toArray() {
    return Arrays.copyOf(data, size);
  }

  public void putByte(int value) {
    reserve(1);
    data[size++] = (byte) value;
  }

  public void putShort(int value) {
    reserve(2);
    BigEndian.putInt16(data, size, value);
    size += 2;
  }

  public void putInt(int value) {
    reserve(4);
    BigEndian.putInt32(data, size, value);
    size += 4;
  }

  public void putLong(long value) {
    reserve(8);
    BigEndian.putInt64(data, size, value);
    size += 8;
  }

  public void putBytes(byte[] source, int offset, int length) {
    reserve(length);
    System.arraycopy(source, offset, data, size, length);
    size += length;
  }

  public void putBytes(byte[] source) {
    putBytes(source, 0, source.length);
  }

  public void putUtf8(String text) {
    putBytes(text.getBytes(StandardCharsets.UTF_8));
  }

  /// Turns all bits over from a position on.
  public void complement(int from) {
    for (int i = from; i < size; i++) {
      data[i] = (byte) ~data[i];
    }
  }

  /// Appends an unsigned number in groups of seven bits, low first.
  public void putVarint(int value) {
    int rest = value;
    while ((rest & ~0x7F) != 0) {
      putByte((rest & 0x7F) | 0x80);
      rest >>>= 7;
    }
    putByte(rest);
  }

  /// Appends a signed number, near zero in few bytes: zigzag, then groups of seven bits, low first.
  public void putVarlong(long value) {
    long rest = (value << 1) ^ (value >> 63);
    while ((rest & ~0x7FL) != 0) {
      putByte((int) (rest & 0x7F) | 0x80);
      rest >>>= 7;
    }
    putByte((int) rest);
  }

  /// Overwrites one byte written before.
  public void setByte(int index, int value) {
    data[index] = (byte) value;
  }

  private void reserve(int more) {
    if (size + more > data.length) {
      data = Arrays.copyOf(data, Math.max(size + more, data.length * 2));
    }
  }
}
