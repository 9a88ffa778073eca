package io.pgtrickle.dvm.type;

import java.util.Arrays;

/// An immutable byte string, compared as unsigned bytes.
public final class Bytes implements Comparable<Bytes> {
  private final byte[] data;

  private Bytes(byte[] data) {
    this.data = data;
  }

  public static Bytes copyOf(byte[] source, int offset, int length) {
    return new Bytes(Arrays.copyOfRange(source, offset, offset + length));
  }

  public static Bytes copyOf(byte[] source) {
    return new Bytes(source.clone());
  }

  public byte[] toArray() {
    return data.clone();
  }

  public int size() {
    return data.length;
  }

  public byte at(int index) {
    return data[index];
  }

  /// Copies the bytes to a position of a target array.
  public void copyTo(byte[] target, int offset) {
    System.arraycopy(data, 0, target, offset, data.length);
  }

  @Override
  public int compareTo(Bytes other) {
    return Arrays.compareUnsigned(data, other.data);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Bytes that && Arrays.equals(data, that.data);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(data);
  }

  @Override
  public String toString() {
    return "\\x" + java.util.HexFormat.of().formatHex(data);
  }
}
