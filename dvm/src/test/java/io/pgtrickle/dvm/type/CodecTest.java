package io.pgtrickle.dvm.type;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// The laws of [TypeCodec] that need no server.
final class CodecTest {
  static List<SqlType> types() {
    return Samples.types();
  }

  @ParameterizedTest
  @MethodSource("types")
  void payloadsAreEqualIffValuesDisplayAlike(SqlType type) {
    TypeCodec codec = TypeCodec.of(type);
    TreeMap<byte[], String> shown = new TreeMap<>(Arrays::compareUnsigned);
    for (Object value : Samples.of(type, 21, 3_000)) {
      ByteSink sink = new ByteSink();
      sink.putByte(7);
      codec.appendPayload(value, sink);
      byte[] padded = Arrays.copyOf(sink.toArray(), sink.size() + 1);
      int length = sink.size() - 1;
      assertThat(codec.readPayload(padded, 1, length)).isEqualTo(value);
      if (codec.fixedSize() >= 0) {
        assertThat(length).isEqualTo(codec.fixedSize());
      }
      String text = codec.toText(value);
      assertThat(shown.merge(Arrays.copyOfRange(padded, 1, length + 1), text, (old, now) -> old))
          .isEqualTo(text);
    }
    assertThat(shown.values()).doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @MethodSource("types")
  void payloadsAndKeysAreTheSameIfTheValueIsNeverMade(SqlType type) {
    TypeCodec codec = TypeCodec.of(type);
    for (Object value : Samples.of(type, 25, 3_000)) {
      ByteSink binary = new ByteSink();
      binary.putByte(7);
      codec.toBinary(value, binary);
      ByteSink payload = new ByteSink();
      codec.appendPayload(value, payload);
      ByteSink transcoded = new ByteSink();
      codec.transcode(binary.array(), 1, binary.size() - 1, transcoded);
      assertThat(transcoded.toArray()).as(codec.toText(value)).isEqualTo(payload.toArray());
      ByteSink key = new ByteSink();
      codec.appendKeyOf(payload.array(), 0, payload.size(), key);
      assertThat(key.toArray()).as(codec.toText(value)).isEqualTo(key(codec, value));
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void noKeyIsAPrefixOfAnother(SqlType type) {
    TypeCodec codec = TypeCodec.of(type);
    List<byte[]> keys =
        Samples.of(type, 22, 3_000).stream()
            .map(value -> key(codec, value))
            .sorted(Arrays::compareUnsigned)
            .toList();
    for (int i = 1; i < keys.size(); i++) {
      byte[] shorter = keys.get(i - 1);
      byte[] longer = keys.get(i);
      // Of keys in order, a prefix would stand right before one that it begins.
      assertThat(Arrays.mismatch(shorter, longer)).isNotEqualTo(shorter.length);
    }
  }

  @ParameterizedTest
  @MethodSource("types")
  void equalKeysDisplayAlikeWhereTheCodecSaysSo(SqlType type) {
    TypeCodec codec = TypeCodec.of(type);
    TreeMap<byte[], String> shown = new TreeMap<>(Arrays::compareUnsigned);
    boolean identical = true;
    for (Object value : Samples.of(type, 23, 6_000)) {
      String text = codec.toText(value);
      identical &= shown.merge(key(codec, value), text, (old, now) -> old).equals(text);
    }
    assertThat(identical).isEqualTo(codec.equalMeansIdentical());
  }

  @Test
  void integersOfAllWidthsHaveOneKey() {
    for (Object value : Samples.of(SqlType.INT2, 24, 200)) {
      assertThat(key(TypeCodec.of(SqlType.INT4), value))
          .isEqualTo(key(TypeCodec.of(SqlType.INT2), value))
          .isEqualTo(key(TypeCodec.of(SqlType.INT8), value));
    }
  }

  @Test
  void opaqueValuesAreCarriedButNotCompared() {
    TypeCodec codec = TypeCodec.of(SqlType.of(114));
    byte[] json = {'{', '}'};
    Object value = codec.fromBinary(json, 0, 2);
    ByteSink sink = new ByteSink();
    codec.toBinary(value, sink);
    assertThat(sink.toArray()).isEqualTo(json);
    assertThatThrownBy(() -> codec.appendKey(value, new ByteSink()))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> codec.fromText("{}")).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @CsvSource({"1082, 1 Jan 2020", "1082, 2020-1-1", "1114, today", "1184, 2020-01-01 00:00:00"})
  void datesInOtherThanIsoFormAreNotTakenForErrorsOfTheRow(int oid, String text) {
    assertThatThrownBy(() -> TypeCodec.of(SqlType.of(oid)).fromText(text))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static byte[] key(TypeCodec codec, Object value) {
    return CodecServerTest.key(codec, value);
  }
}
