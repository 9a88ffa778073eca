package io.pgtrickle.dvm.type;

import java.time.ZoneOffset;

/// Codecs of `date`, `timestamp` and `timestamptz`: days or microseconds since 2000-01-01.
///
/// The infinities are the extreme numbers of the wire form, so order is the order of numbers.
final class DateTimeCodecs {
  private DateTimeCodecs() {}

  static final class Date implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(4, length, "date");
      return (long) BigEndian.int32(data, offset);
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putInt(Math.toIntExact((Long) value));
    }

    @Override
    public Object fromText(String text) {
      return DateTimeText.parseDate(text);
    }

    @Override
    public String toText(Object value) {
      return DisplayText.date((Long) value);
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      out.putInt(Math.toIntExact((Long) value) ^ Integer.MIN_VALUE);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return (long) BigEndian.int32(data, offset);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(4, length, "date");
      payload.putBytes(binary, offset, length);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      key.putInt(BigEndian.int32(payload, offset) ^ Integer.MIN_VALUE);
    }

    @Override
    public int fixedSize() {
      return 4;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }

  static final class Timestamp implements TypeCodec {
    private final boolean withZone;

    Timestamp(boolean withZone) {
      this.withZone = withZone;
    }

    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(8, length, "timestamp");
      return BigEndian.int64(data, offset);
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putLong((Long) value);
    }

    @Override
    public Object fromText(String text) {
      return withZone ? DateTimeText.parseTimestamptz(text) : DateTimeText.parseTimestamp(text);
    }

    @Override
    public String toText(Object value) {
      return withZone
          ? DisplayText.timestamptz((Long) value, ZoneOffset.UTC)
          : DisplayText.timestamp((Long) value);
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      out.putLong((Long) value ^ Long.MIN_VALUE);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return BigEndian.int64(data, offset);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(8, length, "timestamp");
      payload.putBytes(binary, offset, length);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      key.putLong(BigEndian.int64(payload, offset) ^ Long.MIN_VALUE);
    }

    @Override
    public int fixedSize() {
      return 8;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }
}
