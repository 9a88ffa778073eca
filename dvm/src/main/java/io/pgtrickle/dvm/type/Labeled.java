package io.pgtrickle.dvm.type;

/// A value of a type, or under a collation, of which only the server knows the order, with a label
/// that stands for its place.
///
/// Two values compare as their labels do, byte by byte; values that are equal and look different
/// have one label.
///
/// @param label never empty
/// @param payload the value, as the codec of its own type writes it
public record Labeled(Bytes label, Bytes payload) {
  /// A value with its label.
  public static Labeled of(Bytes label, SqlType type, Object value) {
    return new Labeled(label, payload(type, value));
  }

  /// What [#value] reads.
  public static Bytes payload(SqlType type, Object value) {
    ByteSink out = new ByteSink();
    TypeCodec.of(type).appendPayload(value, out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  /// The value without its label.
  public Object value(SqlType type) {
    byte[] bytes = payload.toArray();
    return TypeCodec.of(type).readPayload(bytes, 0, bytes.length);
  }

  @Override
  public String toString() {
    return payload + " at " + label;
  }
}
