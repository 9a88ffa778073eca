package io.pgtrickle.dvm.type;

import java.util.Locale;
import java.util.UUID;

/// Codecs of the types whose value is one number of fixed size: bool, the integers and uuid.
final class ScalarCodecs {
  private ScalarCodecs() {}

  /// `bool`, one byte everywhere.
  static final class Bool implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(1, length, "bool");
      return data[offset] != 0;
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putByte((Boolean) value ? 1 : 0);
    }

    @Override
    public Object fromText(String text) {
      // Any prefix of a word that no other word shares: "o" is neither on nor off.
      String word = Ascii.trim(text).toLowerCase(Locale.ROOT);
      if (!word.isEmpty()) {
        if ("true".startsWith(word)
            || "yes".startsWith(word)
            || "on".equals(word)
            || "1".equals(word)) {
          return true;
        }
        if ("false".startsWith(word)
            || "no".startsWith(word)
            || (word.length() > 1 && "off".startsWith(word))
            || "0".equals(word)) {
          return false;
        }
      }
      throw Ascii.malformed("boolean", text);
    }

    @Override
    public String toText(Object value) {
      return (Boolean) value ? "t" : "f";
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return data[offset] != 0;
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(1, length, "bool");
      payload.putByte(binary[offset] != 0 ? 1 : 0);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      key.putByte(payload[offset]);
    }

    @Override
    public int fixedSize() {
      return 1;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }

  /// `int2`, `int4`, `int8`: big-endian, and as a key always eight bytes with the sign bit flipped.
  static final class Int implements TypeCodec {
    private final int size;
    private final String name;
    private final long min;
    private final long max;

    Int(int size, String name) {
      this.size = size;
      this.name = name;
      max = -1L >>> (65 - size * 8);
      min = -max - 1;
    }

    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(size, length, name);
      return read(data, offset);
    }

    private Long read(byte[] data, int offset) {
      return switch (size) {
        case 2 -> (long) BigEndian.int16(data, offset);
        case 4 -> (long) BigEndian.int32(data, offset);
        default -> BigEndian.int64(data, offset);
      };
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      long number = (Long) value;
      if (number < min || number > max) {
        throw new IllegalArgumentException(number + " is not a " + name);
      }
      switch (size) {
        case 2 -> out.putShort((int) number);
        case 4 -> out.putInt((int) number);
        default -> out.putLong(number);
      }
    }

    @Override
    public Object fromText(String text) {
      String digits = Ascii.trim(text);
      int at = 0;
      boolean negative = false;
      if (!digits.isEmpty() && (digits.charAt(0) == '-' || digits.charAt(0) == '+')) {
        negative = digits.charAt(0) == '-';
        at = 1;
      }
      if (at == digits.length()) {
        throw Ascii.malformed(name, text);
      }
      boolean overflown = false;
      // Digits that cannot fit end the reading, before anything malformed behind them is seen.
      long number = 0;
      for (; at < digits.length() && Ascii.isDigit(digits.charAt(at)); at++) {
        if (number < min / 10) {
          throw outOfRange(text);
        }
        // Accumulated below zero, where the range is one larger.
        number = number * 10 - (digits.charAt(at) - '0');
        if (number > 0) {
          number = Long.MIN_VALUE;
          overflown = true;
        }
      }
      if (at < digits.length()) {
        throw Ascii.malformed(name, text);
      }
      if (overflown || number < min || (!negative && number == min)) {
        throw outOfRange(text);
      }
      return negative ? number : -number;
    }

    private EvaluationFailure outOfRange(String text) {
      return new EvaluationFailure(
          "22003", "value \"" + text + "\" is out of range for type " + name);
    }

    @Override
    public String toText(Object value) {
      return Long.toString((Long) value);
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
      return read(data, offset);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(size, length, name);
      payload.putBytes(binary, offset, length);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      long number =
          switch (size) {
            case 2 -> BigEndian.int16(payload, offset);
            case 4 -> BigEndian.int32(payload, offset);
            default -> BigEndian.int64(payload, offset);
          };
      key.putLong(number ^ Long.MIN_VALUE);
    }

    @Override
    public int fixedSize() {
      return size;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }

  /// `uuid`, sixteen bytes in the order they are written.
  static final class Uuid implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      BigEndian.expect(16, length, "uuid");
      return new UUID(BigEndian.int64(data, offset), BigEndian.int64(data, offset + 8));
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      UUID uuid = (UUID) value;
      out.putLong(uuid.getMostSignificantBits());
      out.putLong(uuid.getLeastSignificantBits());
    }

    @Override
    public Object fromText(String text) {
      // Braces around, and a hyphen after any group of four digits, are optional.
      int end = text.length();
      int at = 0;
      if (end > 0 && text.charAt(0) == '{') {
        if (text.charAt(end - 1) != '}') {
          throw Ascii.malformed("uuid", text);
        }
        at++;
        end--;
      }
      long high = 0;
      long low = 0;
      for (int i = 0; i < 32; i++) {
        int digit = at < end ? Character.digit(text.charAt(at), 16) : -1;
        if (digit < 0 || text.charAt(at) > 'f') {
          throw Ascii.malformed("uuid", text);
        }
        high = high << 4 | low >>> 60;
        low = low << 4 | digit;
        at++;
        if (i % 4 == 3 && i < 31 && at < end && text.charAt(at) == '-') {
          at++;
        }
      }
      if (at != end) {
        throw Ascii.malformed("uuid", text);
      }
      return new UUID(high, low);
    }

    @Override
    public String toText(Object value) {
      return value.toString();
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      toBinary(value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return fromBinary(data, offset, 16);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      BigEndian.expect(16, length, "uuid");
      payload.putBytes(binary, offset, length);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      key.putBytes(payload, offset, 16);
    }

    @Override
    public int fixedSize() {
      return 16;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }
}
