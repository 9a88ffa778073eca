package io.pgtrickle.cdc;

/// An object identifier of PostgreSQL's catalog: of a relation, or of a type.
///
/// @param value the identifier as an unsigned 32-bit number
public record Oid(int value) {

  public static Oid of(long value) {
    if (value < 0 || value > 0xFFFF_FFFFL) {
      throw new IllegalArgumentException("not an object identifier: " + value);
    }
    return new Oid((int) value);
  }

  public long asLong() {
    return Integer.toUnsignedLong(value);
  }

  @Override
  public String toString() {
    return Integer.toUnsignedString(value);
  }
}
