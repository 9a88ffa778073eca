package io.pgtrickle.dvm.type;

/// Reads in order what a [ByteSink] wrote; big-endian.
final class ByteSource {
  private final byte[] data;
  private final int end;
  private int at;

  ByteSource(byte[] data, int offset, int length) {
    this.data = data;
    at = offset;
    end = offset + length;
  }

  int remaining() {
    return end - at;
  }

  int position() {
    return at;
  }

  byte nextByte() {
    return data[at++];
  }

  int nextInt() {
    at += 4;
    return BigEndian.int32(data, at - 4);
  }

  int nextVarint() {
    int value = 0;
    byte group;
    int shift = 0;
    do {
      group = data[at++];
      value |= (group & 0x7F) << shift;
      shift += 7;
    } while (group < 0);
    return value;
  }

  long nextVarlong() {
    long value = 0;
    byte group;
    int shift = 0;
    do {
      group = data[at++];
      value |= (group & 0x7FL) << shift;
      shift += 7;
    } while (group < 0);
    return (value >>> 1) ^ -(value & 1);
  }
}
