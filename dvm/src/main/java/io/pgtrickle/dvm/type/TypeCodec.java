package io.pgtrickle.dvm.type;

/// How the values of one type look in bytes and text.
///
/// The laws, for values a and b of the type:
///
///     readPayload(payload(a)) = a, and payload(a) = payload(b) iff a and b display alike
///     key(a) = key(b) iff a = b in PostgreSQL, and key(a) < key(b) by unsigned bytes iff a < b
///     fromBinary(binary(a)) = a, fromText(text(a)) = a
///
/// No key is a proper prefix of another key of the same kind, so keys concatenate.
/// Keys of int2, int4 and int8 are alike, as are those of text and varchar, so that cross-type
/// equality within these families is equality of keys. A text key orders by bytes (the C
/// collation);
/// equality of bytes is PostgreSQL's equality under every deterministic collation.
public interface TypeCodec {
  /// The codec of a type.
  static TypeCodec of(SqlType type) {
    return Codecs.of(type.isTrail() ? TypeKind.BYTEA : type.kind());
  }

  /// Reads the binary wire form (`typsend`).
  Object fromBinary(byte[] data, int offset, int length);

  /// Appends the binary wire form (`typreceive`), without a length word.
  void toBinary(Object value, ByteSink out);

  /// Reads PostgreSQL's text form (DateStyle ISO).
  Object fromText(String text);

  /// PostgreSQL's text form under DateStyle ISO, TimeZone UTC, `extra_float_digits` 1.
  String toText(Object value);

  /// Appends the ascending memcmp key.
  void appendKey(Object value, ByteSink out);

  /// Appends the exact value as it is kept in a packed row.
  void appendPayload(Object value, ByteSink out);

  /// Reads what [#appendPayload] wrote.
  Object readPayload(byte[] data, int offset, int length);

  /// Appends the payload of a value that is there in its binary wire form, without making the
  /// value: the same as reading it and appending its payload.
  default void transcode(byte[] binary, int offset, int length, ByteSink payload) {
    appendPayload(fromBinary(binary, offset, length), payload);
  }

  /// Appends the key of a value that is there as its payload: the same as reading it and appending
  /// its key.
  default void appendKeyOf(byte[] payload, int offset, int length, ByteSink key) {
    appendKey(readPayload(payload, offset, length), key);
  }

  /// The payload's size in bytes, −1 when it varies.
  int fixedSize();

  /// Whether equal values always display alike; false for numeric, floats and bpchar.
  boolean equalMeansIdentical();
}
