package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class LabeledTest {
  private static final TypeCodec CODEC = TypeCodec.of(SqlType.LABELED);

  private static Labeled labeled(String text, int... label) {
    byte[] bytes = new byte[label.length];
    for (int i = 0; i < label.length; i++) {
      bytes[i] = (byte) label[i];
    }
    return Labeled.of(Bytes.copyOf(bytes), SqlType.TEXT, text);
  }

  private static Bytes key(Labeled value) {
    ByteSink out = new ByteSink();
    CODEC.appendKey(value, out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  @Test
  void keysCompareAsLabelsDoWhateverTheValues() {
    Labeled first = labeled("z", 0x40);
    Labeled between = labeled("a", 0x40, 0x00, 0x01);
    Labeled last = labeled("m", 0xC0);
    assertThat(key(first)).isLessThan(key(between));
    assertThat(key(between)).isLessThan(key(last));
    assertThat(key(labeled("A", 0x40))).isEqualTo(key(first));
    assertThat(TypeOrder.compare(SqlType.LABELED, first, between)).isNegative();
    assertThat(TypeOrder.compare(SqlType.LABELED, labeled("A", 0x40), first)).isZero();
  }

  @Test
  void payloadsHaveLabelAndValue() {
    for (Labeled value : new Labeled[] {labeled("", 1), labeled("ünï", 0x80, 0, 7)}) {
      ByteSink out = new ByteSink();
      out.putByte(9);
      CODEC.appendPayload(value, out);
      assertThat(CODEC.readPayload(out.array(), 1, out.size() - 1)).isEqualTo(value);
    }
    assertThat(labeled("ünï", 3).value(SqlType.TEXT)).isEqualTo("ünï");
  }

  @Test
  void theyStayInThisProcess() {
    assertThatThrownBy(() -> CODEC.toBinary(labeled("a", 1), new ByteSink()))
        .isInstanceOf(IllegalStateException.class);
  }
}
