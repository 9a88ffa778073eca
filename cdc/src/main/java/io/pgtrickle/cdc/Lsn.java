package io.pgtrickle.cdc;

/// A position in the write-ahead log: the number of bytes written before it.
///
/// The value is unsigned, so positions are compared with [#compareTo] or [#isBefore], never as
/// `long` and never as text (`9/0` is before `10/0`).
///
/// Only the *commit* positions of transactions are ordered as the transactions are. Positions of
/// single changes are neither unique (all rows of one page of a `COPY` share one) nor ascending (a
/// long transaction's rows are older than commits delivered before it), which is why no API of this
/// module offers them as an address to resume from.
///
/// @param value the position as an unsigned 64-bit number
public record Lsn(long value) implements Comparable<Lsn> {

  /// The position PostgreSQL calls invalid: before everything, and never that of a record.
  public static final Lsn ZERO = new Lsn(0);

  /// Reads PostgreSQL's notation, two hexadecimal numbers of up to eight digits: `16/B374D848`.
  public static Lsn parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 1 || slash > 8 || text.length() - slash < 2 || text.length() - slash > 9) {
      throw new IllegalArgumentException("not a log position like 16/B374D848: '" + text + "'");
    }
    long high = hexadecimal(text, 0, slash);
    long low = hexadecimal(text, slash + 1, text.length());
    return new Lsn(high << 32 | low);
  }

  private static long hexadecimal(String text, int from, int to) {
    long number = 0;
    for (int i = from; i < to; i++) {
      int digit = Character.digit(text.charAt(i), 16);
      if (digit < 0) {
        throw new IllegalArgumentException("not a log position like 16/B374D848: '" + text + "'");
      }
      number = number << 4 | digit;
    }
    return number;
  }

  public Lsn plus(long bytes) {
    return new Lsn(value + bytes);
  }

  /// The number of bytes from `other` to this position; negative if this is the earlier one.
  public long minus(Lsn other) {
    return value - other.value;
  }

  public boolean isBefore(Lsn other) {
    return compareTo(other) < 0;
  }

  public boolean isAfter(Lsn other) {
    return compareTo(other) > 0;
  }

  public Lsn max(Lsn other) {
    return isBefore(other) ? other : this;
  }

  @Override
  public int compareTo(Lsn other) {
    return Long.compareUnsigned(value, other.value);
  }

  /// PostgreSQL's notation, which [#parse] reads back.
  @Override
  public String toString() {
    return Long.toHexString(value >>> 32).toUpperCase(java.util.Locale.ROOT)
        + "/"
        + Long.toHexString(value & 0xFFFF_FFFFL).toUpperCase(java.util.Locale.ROOT);
  }
}
