package io.pgtrickle.dvm.zset;

import com.dynatrace.hash4j.hashing.Hasher64;
import com.dynatrace.hash4j.hashing.Hashing;
import io.pgtrickle.dvm.type.ByteSink;
import java.util.Arrays;
import java.util.HexFormat;

/// An immutable packed row. Only a [Schema] can read it.
///
/// Rows are equal, and ordered, by their bytes: one row is one exact display of its values.
public final class Row implements Comparable<Row> {
  /// What a row object and its place in a Z-set take beside the bytes, about.
  public static final long OVERHEAD = 48;

  private static final Hasher64 HASHER = Hashing.xxh3_64();

  private final byte[] bytes;
  private int hash;

  private Row(byte[] bytes) {
    this.bytes = bytes;
  }

  /// Takes what a sink holds as a row.
  public static Row of(ByteSink sink) {
    return new Row(sink.toArray());
  }

  /// Takes over an array that nobody else will change.
  public static Row ofOwned(byte[] bytes) {
    return new Row(bytes);
  }

  /// The packed bytes, shared: for reading only.
  public byte[] bytes() {
    return bytes;
  }

  /// What it takes of the heap in a Z-set, about, in bytes.
  public long footprint() {
    return bytes.length + OVERHEAD;
  }

  @Override
  public int compareTo(Row other) {
    return Arrays.compareUnsigned(bytes, other.bytes);
  }

  @Override
  public boolean equals(Object other) {
    return this == other || (other instanceof Row that && Arrays.equals(bytes, that.bytes));
  }

  @Override
  public int hashCode() {
    if (hash == 0) {
      // Big-endian numbers side by side collide in bulk under the polynomial of Arrays.hashCode.
      hash = HASHER.hashBytesToInt(bytes);
    }
    return hash;
  }

  @Override
  public String toString() {
    return HexFormat.of().formatHex(bytes);
  }
}
