package io.pgtrickle.dvm.type;

/// [Labeled] values: the key is the label; the payload is the length of the label, the label, and
/// the payload of the value. They have no form outside of this process.
final class LabeledCodec implements TypeCodec {
  private static final TypeCodec LABELS = new StringCodecs.Binary();

  private static IllegalStateException notOutside() {
    return new IllegalStateException("a value with its label does not leave this process");
  }

  @Override
  public Object fromBinary(byte[] data, int offset, int length) {
    throw notOutside();
  }

  @Override
  public void toBinary(Object value, ByteSink out) {
    throw notOutside();
  }

  @Override
  public Object fromText(String text) {
    throw notOutside();
  }

  /// For messages.
  @Override
  public String toText(Object value) {
    return value.toString();
  }

  @Override
  public void appendKey(Object value, ByteSink out) {
    LABELS.appendKey(((Labeled) value).label(), out);
  }

  @Override
  public void appendPayload(Object value, ByteSink out) {
    Labeled labeled = (Labeled) value;
    out.putVarint(labeled.label().size());
    LABELS.appendPayload(labeled.label(), out);
    LABELS.appendPayload(labeled.payload(), out);
  }

  @Override
  public Object readPayload(byte[] data, int offset, int length) {
    ByteSource in = new ByteSource(data, offset, length);
    int label = in.nextVarint();
    int from = in.position();
    return new Labeled(
        Bytes.copyOf(data, from, label),
        Bytes.copyOf(data, from + label, offset + length - from - label));
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
