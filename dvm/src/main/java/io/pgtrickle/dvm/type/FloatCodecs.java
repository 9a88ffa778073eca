package io.pgtrickle.dvm.type;

/// Codecs of `float4` and `float8`.
///
/// The payload is the bit pattern, so −0 and 0 are different rows; the key is one pattern for both
/// and one
/// for all NaNs, above Infinity: positive patterns get their sign bit set, negative ones are
/// complemented.
final class FloatCodecs {
  private FloatCodecs() {}

  static final class Float4 implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(4, length, "real");
      return Float.intBitsToFloat(BigEndian.int32(data, offset));
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putInt(Float.floatToIntBits((Float) value));
    }

    @Override
    public Object fromText(String text) {
      return FloatText.parseFloat4(text);
    }

    @Override
    public String toText(Object value) {
      return FloatText.print((Float) value);
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      float number = (Float) value;
      int bits = number == 0 ? 0 : Float.floatToIntBits(number);
      out.putInt(bits < 0 ? ~bits : bits ^ Integer.MIN_VALUE);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return fromBinary(data, offset, 4);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(4, length, "real");
      // There is one NaN in payloads.
      payload.putInt(Float.floatToIntBits(Float.intBitsToFloat(BigEndian.int32(binary, offset))));
    }

    @Override
    public int fixedSize() {
      return 4;
    }

    @Override
    public boolean equalMeansIdentical() {
      return false;
    }
  }

  static final class Float8 implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(8, length, "double precision");
      return Double.longBitsToDouble(BigEndian.int64(data, offset));
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putLong(Double.doubleToLongBits((Double) value));
    }

    @Override
    public Object fromText(String text) {
      return FloatText.parseFloat8(text);
    }

    @Override
    public String toText(Object value) {
      return FloatText.print((Double) value);
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      double number = (Double) value;
      long bits = number == 0 ? 0 : Double.doubleToLongBits(number);
      out.putLong(bits < 0 ? ~bits : bits ^ Long.MIN_VALUE);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return fromBinary(data, offset, 8);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(8, length, "double precision");
      payload.putLong(
          Double.doubleToLongBits(Double.longBitsToDouble(BigEndian.int64(binary, offset))));
    }

    @Override
    public int fixedSize() {
      return 8;
    }

    @Override
    public boolean equalMeansIdentical() {
      return false;
    }
  }
}
