package io.pgtrickle.dvm.type;

import java.math.BigDecimal;
import java.math.BigInteger;

/// `numeric`.
///
/// *Wire:* digits base 10000 with the weight of the first one, sign or special tag, display scale.
///
/// *Payload:* the display scale in one byte (up to 127) or an escape and two, then the unscaled
/// number in as
/// few two's complement bytes as hold it; one byte for a special value.
///
/// *Key:* a class byte (−Infinity, negative, zero, positive, Infinity, NaN); for the two middle
/// ones
/// followed by the decimal exponent e of 0.d₁d₂… · 10ᵉ and the digits without trailing zeros in
/// pairs,
/// each pair plus one, closed by a zero byte, so that the display scale leaves no trace. All of
/// that is
/// complemented for negative values.
final class NumericCodec implements TypeCodec {
  private static final int WIRE_NEGATIVE = 0x4000;
  private static final int WIRE_NAN = 0xC000;
  private static final int WIRE_POSITIVE_INFINITY = 0xD000;
  private static final int WIRE_NEGATIVE_INFINITY = 0xF000;
  // The server leaks a tag bit into the scale field of an infinity; sent alike, ignored on receipt.
  private static final int WIRE_INFINITY_SCALE = 32;

  private static final int PAYLOAD_WIDE_SCALE = 0x80;
  private static final int PAYLOAD_NAN = 0xFD;
  private static final int PAYLOAD_NEGATIVE_INFINITY = 0xFE;
  private static final int PAYLOAD_POSITIVE_INFINITY = 0xFF;

  private static final int KEY_NEGATIVE_INFINITY = 1;
  private static final int KEY_NEGATIVE = 2;
  private static final int KEY_ZERO = 3;
  private static final int KEY_POSITIVE = 4;
  private static final int KEY_POSITIVE_INFINITY = 5;
  private static final int KEY_NAN = 6;
  private static final int KEY_SMALL_EXPONENT = 60;

  @Override
  public Object fromBinary(byte[] data, int offset, int length) {
    int count = BigEndian.int16(data, offset) & 0xFFFF;
    int weight = BigEndian.int16(data, offset + 2);
    int sign = BigEndian.int16(data, offset + 4) & 0xFFFF;
    int scale = BigEndian.int16(data, offset + 6) & 0xFFFF;
    switch (sign) {
      case WIRE_NAN -> {
        return PgNumeric.NAN;
      }
      case WIRE_POSITIVE_INFINITY -> {
        return PgNumeric.POSITIVE_INFINITY;
      }
      case WIRE_NEGATIVE_INFINITY -> {
        return PgNumeric.NEGATIVE_INFINITY;
      }
      case 0, WIRE_NEGATIVE -> {}
      default -> throw new IllegalArgumentException("sign of a numeric on the wire: " + sign);
    }
    if (length != 8 + 2 * count) {
      throw new IllegalArgumentException(count + " numeric digits in " + length + " bytes");
    }
    if (count == 0) {
      return PgNumeric.of(BigDecimal.valueOf(0, scale));
    }
    int digitScale = 4 * (count - 1 - weight);
    BigDecimal value;
    if (count <= 4) {
      long unscaled = 0;
      for (int i = 0; i < count; i++) {
        unscaled = unscaled * 10_000 + BigEndian.int16(data, offset + 8 + 2 * i);
      }
      value = BigDecimal.valueOf(sign == 0 ? unscaled : -unscaled, digitScale);
    } else {
      StringBuilder digits = new StringBuilder(4 * count + 1);
      if (sign != 0) {
        digits.append('-');
      }
      for (int i = 0; i < count; i++) {
        int digit = BigEndian.int16(data, offset + 8 + 2 * i);
        digits.append((char) ('0' + digit / 1000));
        digits.append((char) ('0' + digit / 100 % 10));
        digits.append((char) ('0' + digit / 10 % 10));
        digits.append((char) ('0' + digit % 10));
      }
      value = new BigDecimal(new BigInteger(digits.toString()), digitScale);
    }
    // The digits beyond the display scale are zeros, or the wire value is not one the server makes.
    return PgNumeric.of(value.setScale(scale));
  }

  @Override
  public void toBinary(Object value, ByteSink out) {
    PgNumeric numeric = (PgNumeric) value;
    if (!numeric.isFinite()) {
      out.putInt(0);
      out.putShort(
          numeric.isNaN()
              ? WIRE_NAN
              : numeric.signum() > 0 ? WIRE_POSITIVE_INFINITY : WIRE_NEGATIVE_INFINITY);
      out.putShort(numeric.isNaN() ? 0 : WIRE_INFINITY_SCALE);
      return;
    }
    BigDecimal decimal = numeric.decimal();
    if (decimal.signum() == 0) {
      out.putInt(0);
      out.putShort(0);
      out.putShort(decimal.scale());
      return;
    }
    // Aligned so that the decimal point lies between two digits.
    int places = (decimal.scale() + 3) / 4;
    short[] digits = baseTenThousand(decimal.setScale(4 * places).unscaledValue().abs());
    int end = digits.length;
    while (digits[end - 1] == 0) {
      end--;
    }
    out.putShort(end);
    out.putShort(digits.length - 1 - places);
    out.putShort(decimal.signum() < 0 ? WIRE_NEGATIVE : 0);
    out.putShort(decimal.scale());
    for (int i = 0; i < end; i++) {
      out.putShort(digits[i]);
    }
  }

  /// The digits of a positive number, most significant first.
  private static short[] baseTenThousand(BigInteger number) {
    if (number.bitLength() < 64) {
      long rest = number.longValue();
      short[] reversed = new short[5];
      int count = 0;
      for (; rest != 0; rest /= 10_000) {
        reversed[count++] = (short) (rest % 10_000);
      }
      short[] digits = new short[count];
      for (int i = 0; i < count; i++) {
        digits[i] = reversed[count - 1 - i];
      }
      return digits;
    }
    // Through the decimal text, whose conversion is subquadratic.
    String text = number.toString();
    int first = (text.length() + 3) % 4 + 1;
    short[] digits = new short[(text.length() + 3) / 4];
    int start = 0;
    for (int i = 0; i < digits.length; i++) {
      int end = first + 4 * i;
      digits[i] = Short.parseShort(text.substring(start, end));
      start = end;
    }
    return digits;
  }

  @Override
  public Object fromText(String text) {
    return PgNumeric.parse(text);
  }

  @Override
  public String toText(Object value) {
    return value.toString();
  }

  @Override
  public void appendKey(Object value, ByteSink out) {
    PgNumeric numeric = (PgNumeric) value;
    if (numeric.isNaN()) {
      out.putByte(KEY_NAN);
      return;
    }
    int sign = numeric.signum();
    if (numeric.isInfinite()) {
      out.putByte(sign > 0 ? KEY_POSITIVE_INFINITY : KEY_NEGATIVE_INFINITY);
      return;
    }
    if (sign == 0) {
      out.putByte(KEY_ZERO);
      return;
    }
    BigDecimal decimal = numeric.decimal();
    int mask = sign < 0 ? 0xFF : 0;
    out.putByte(sign < 0 ? KEY_NEGATIVE : KEY_POSITIVE);
    BigInteger unscaled = decimal.unscaledValue().abs();
    String digits =
        unscaled.bitLength() < 64 ? Long.toString(unscaled.longValue()) : unscaled.toString();
    appendExponent(digits.length() - decimal.scale(), mask, out);
    int end = digits.length();
    while (digits.charAt(end - 1) == '0') {
      end--;
    }
    for (int i = 0; i < end; i += 2) {
      int pair = 10 * (digits.charAt(i) - '0') + (i + 1 < end ? digits.charAt(i + 1) - '0' : 0);
      out.putByte(pair + 1 ^ mask);
    }
    out.putByte(mask);
  }

  private static void appendExponent(int exponent, int mask, ByteSink out) {
    if (Math.abs(exponent) <= KEY_SMALL_EXPONENT) {
      out.putByte(0x80 + exponent ^ mask);
      return;
    }
    out.putByte((exponent < 0 ? 0x10 : 0xF0) ^ mask);
    int biased = exponent + 0x800000;
    out.putByte(biased >> 16 ^ mask);
    out.putByte(biased >> 8 ^ mask);
    out.putByte(biased ^ mask);
  }

  @Override
  public void appendPayload(Object value, ByteSink out) {
    PgNumeric numeric = (PgNumeric) value;
    if (!numeric.isFinite()) {
      out.putByte(
          numeric.isNaN()
              ? PAYLOAD_NAN
              : numeric.signum() > 0 ? PAYLOAD_POSITIVE_INFINITY : PAYLOAD_NEGATIVE_INFINITY);
      return;
    }
    BigDecimal decimal = numeric.decimal();
    if (decimal.scale() < PAYLOAD_WIDE_SCALE) {
      out.putByte(decimal.scale());
    } else {
      out.putByte(PAYLOAD_WIDE_SCALE);
      out.putShort(decimal.scale());
    }
    if (decimal.precision() > 18) {
      out.putBytes(decimal.unscaledValue().toByteArray());
      return;
    }
    appendUnscaled(decimal.unscaledValue().longValue(), out);
  }

  // One byte per eight bits of magnitude, and a bit for the sign.
  private static void appendUnscaled(long unscaled, ByteSink out) {
    int bytes = (64 - Long.numberOfLeadingZeros(unscaled ^ unscaled >> 63)) / 8 + 1;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
      out.putByte((int) (unscaled >> shift));
    }
  }

  // Nearly all numbers fit into a long with their decimal places; the others take the long way.
  @Override
  public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
    int count = BigEndian.int16(binary, offset) & 0xFFFF;
    int sign = BigEndian.int16(binary, offset + 4) & 0xFFFF;
    int scale = BigEndian.int16(binary, offset + 6) & 0xFFFF;
    boolean plain =
        (sign & ~WIRE_NEGATIVE) == 0
            && count <= 4
            && length == 8 + 2 * count
            && scale < PAYLOAD_WIDE_SCALE;
    long unscaled = 0;
    // How many decimal places the digits have too many; negative, too few.
    int surplus = 0;
    if (plain && count > 0) {
      surplus = 4 * (count - 1 - BigEndian.int16(binary, offset + 2)) - scale;
      for (int i = 0; i < count; i++) {
        unscaled = unscaled * 10_000 + BigEndian.int16(binary, offset + 8 + 2 * i);
      }
    }
    for (; plain && surplus > 0; surplus--) {
      plain = unscaled % 10 == 0;
      unscaled /= 10;
    }
    for (; plain && surplus < 0; surplus++) {
      plain = unscaled < Long.MAX_VALUE / 10;
      unscaled *= 10;
    }
    if (plain) {
      payload.putByte(scale);
      appendUnscaled(sign == 0 ? unscaled : -unscaled, payload);
    } else {
      TypeCodec.super.transcode(binary, offset, length, payload);
    }
  }

  @Override
  public Object readPayload(byte[] data, int offset, int length) {
    int tag = data[offset] & 0xFF;
    int scale = tag;
    int at = offset + 1;
    switch (tag) {
      case PAYLOAD_NAN -> {
        return PgNumeric.NAN;
      }
      case PAYLOAD_NEGATIVE_INFINITY -> {
        return PgNumeric.NEGATIVE_INFINITY;
      }
      case PAYLOAD_POSITIVE_INFINITY -> {
        return PgNumeric.POSITIVE_INFINITY;
      }
      case PAYLOAD_WIDE_SCALE -> {
        scale = BigEndian.int16(data, at);
        at += 2;
      }
      default -> {}
    }
    int end = offset + length;
    if (end - at > 8) {
      return PgNumeric.of(new BigDecimal(new BigInteger(data, at, end - at), scale));
    }
    long unscaled = data[at];
    for (int i = at + 1; i < end; i++) {
      unscaled = (unscaled << 8) | (data[i] & 0xFF);
    }
    return PgNumeric.of(BigDecimal.valueOf(unscaled, scale));
  }

  @Override
  public int fixedSize() {
    return -1;
  }

  @Override
  public boolean equalMeansIdentical() {
    return false;
  }
}
