package io.pgtrickle.dvm.type;

/// Codec of `interval`. The wire form has the microseconds first, then days, then months.
final class IntervalCodec implements TypeCodec {
  private static final int SIZE = 16;

  @Override
  public Object fromBinary(byte[] data, int offset, int length) {
    BigEndian.expect(SIZE, length, "interval");
    return readPayload(data, offset, length);
  }

  @Override
  public void toBinary(Object value, ByteSink out) {
    PgInterval interval = (PgInterval) value;
    out.putLong(interval.micros());
    out.putInt(interval.days());
    out.putInt(interval.months());
  }

  @Override
  public Object fromText(String text) {
    return IntervalText.parse(text);
  }

  @Override
  public String toText(Object value) {
    return IntervalText.text((PgInterval) value);
  }

  @Override
  public void appendKey(Object value, ByteSink out) {
    PgInterval interval = (PgInterval) value;
    out.putLong(interval.wholeDays() ^ Long.MIN_VALUE);
    out.putLong(interval.microsOfDay());
  }

  @Override
  public void appendPayload(Object value, ByteSink out) {
    toBinary(value, out);
  }

  @Override
  public Object readPayload(byte[] data, int offset, int length) {
    return new PgInterval(
        BigEndian.int32(data, offset + 12),
        BigEndian.int32(data, offset + 8),
        BigEndian.int64(data, offset));
  }

  @Override
  public int fixedSize() {
    return SIZE;
  }

  @Override
  public boolean equalMeansIdentical() {
    return false;
  }
}
