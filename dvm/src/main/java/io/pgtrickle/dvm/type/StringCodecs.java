package io.pgtrickle.dvm.type;

import java.nio.charset.StandardCharsets;

/// Codecs of the types whose value is a string of characters or bytes.
final class StringCodecs {
  private StringCodecs() {}

  /// `text` and `varchar`: UTF-8. The key is closed by a zero byte, which no text of the server
  /// contains.
  static final class Text implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      return new String(data, offset, length, StandardCharsets.UTF_8);
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putUtf8((String) value);
    }

    @Override
    public Object fromText(String text) {
      return text;
    }

    @Override
    public String toText(Object value) {
      return (String) value;
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      appendTextKey((String) value, out);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      out.putUtf8((String) value);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return new String(data, offset, length, StandardCharsets.UTF_8);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      payload.putBytes(binary, offset, length);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      appendTextKey(payload, offset, length, key);
    }

    @Override
    public int fixedSize() {
      return -1;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }

  /// `bpchar`: displayed with its trailing blanks, compared without them.
  static final class BlankPadded implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      return new String(data, offset, length, StandardCharsets.UTF_8);
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      out.putUtf8((String) value);
    }

    @Override
    public Object fromText(String text) {
      return text;
    }

    @Override
    public String toText(Object value) {
      return (String) value;
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      appendTextKey(stripBlanks((String) value), out);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      out.putUtf8((String) value);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return new String(data, offset, length, StandardCharsets.UTF_8);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      payload.putBytes(binary, offset, length);
    }

    @Override
    public void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
      int end = offset + length;
      while (end > offset && payload[end - 1] == ' ') {
        end--;
      }
      appendTextKey(payload, offset, end - offset, key);
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

  /// `bytea`. In the key a zero byte is followed by 0xFF and the end is two zero bytes.
  static final class Binary implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      return Bytes.copyOf(data, offset, length);
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      append((Bytes) value, out);
    }

    @Override
    public Object fromText(String text) {
      return ByteaText.parse(text);
    }

    @Override
    public String toText(Object value) {
      return value.toString();
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      Bytes bytes = (Bytes) value;
      for (int i = 0; i < bytes.size(); i++) {
        out.putByte(bytes.at(i));
        if (bytes.at(i) == 0) {
          out.putByte(0xFF);
        }
      }
      out.putShort(0);
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      append((Bytes) value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return Bytes.copyOf(data, offset, length);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      payload.putBytes(binary, offset, length);
    }

    @Override
    public int fixedSize() {
      return -1;
    }

    @Override
    public boolean equalMeansIdentical() {
      return true;
    }
  }

  /// A type that is carried in its binary form only: it has no text here, no order and no equality.
  static final class Opaque implements TypeCodec {
    @Override
    public Object fromBinary(byte[] data, int offset, int length) {
      return Bytes.copyOf(data, offset, length);
    }

    @Override
    public void toBinary(Object value, ByteSink out) {
      append((Bytes) value, out);
    }

    @Override
    public Object fromText(String text) {
      throw new IllegalStateException(
          "a value of a type that is not understood must arrive binary");
    }

    /// The bytes in hexadecimal, for messages; not the type's own text.
    @Override
    public String toText(Object value) {
      return value.toString();
    }

    @Override
    public void appendKey(Object value, ByteSink out) {
      throw new IllegalStateException("a value of a type that is not understood has no key");
    }

    @Override
    public void appendPayload(Object value, ByteSink out) {
      append((Bytes) value, out);
    }

    @Override
    public Object readPayload(byte[] data, int offset, int length) {
      return Bytes.copyOf(data, offset, length);
    }

    @Override
    public void transcode(byte[] binary, int offset, int length, ByteSink payload) {
      payload.putBytes(binary, offset, length);
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

  /// The text without trailing blanks, as bpchar compares it. Only U+0020 counts as a blank.
  static String stripBlanks(String text) {
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == ' ') {
      end--;
    }
    return text.substring(0, end);
  }

  private static void appendTextKey(String text, ByteSink out) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    appendTextKey(bytes, 0, bytes.length, out);
  }

  private static void appendTextKey(byte[] text, int offset, int length, ByteSink out) {
    for (int i = offset; i < offset + length; i++) {
      if (text[i] == 0) {
        throw new IllegalArgumentException("a text holds a zero byte");
      }
    }
    out.putBytes(text, offset, length);
    out.putByte(0);
  }

  private static void append(Bytes bytes, ByteSink out) {
    out.putBytes(bytes.toArray());
  }
}
