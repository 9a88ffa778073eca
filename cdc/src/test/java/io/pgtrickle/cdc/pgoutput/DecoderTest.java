package io.pgtrickle.cdc.pgoutput;

import static io.pgtrickle.cdc.pgoutput.MessageBuilder.insert;
import static io.pgtrickle.cdc.pgoutput.MessageBuilder.message;
import static io.pgtrickle.cdc.pgoutput.MessageBuilder.relation;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.CellKind;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.Rendering;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.cdc.TypeName;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DecoderTest {
  private final Decoder decoder = new Decoder();

  private Change change(ByteBuffer message) {
    return ((PgOutputMessage.Changed) decoder.decode(message)).change();
  }

  private String rendered(ByteBuffer message) {
    return Rendering.render(change(message));
  }

  @Test
  void readsTheFrameOfATransaction() {
    assertThat(decoder.decode(message('B').int64(0x1_0000_0002L).int64(-1).int32(-7).build()))
        .isEqualTo(
            new PgOutputMessage.Begin(
                Lsn.parse("1/2"), Instant.parse("1999-12-31T23:59:59.999999Z"), -7));
    assertThat(decoder.decode(message('C').int8(0).int64(2).int64(3).int64(1_500_000).build()))
        .isEqualTo(
            new PgOutputMessage.Commit(
                new Lsn(2), new Lsn(3), Instant.parse("2000-01-01T00:00:01.5Z")));
    assertThat(decoder.decode(message('O').int64(9).string("elsewhere").build()))
        .isEqualTo(new PgOutputMessage.Origin(new Lsn(9), "elsewhere"));
  }

  @Test
  void describesRelationsWithTheTypesNamedBefore() {
    decoder.decode(message('Y').int32(70000).string("").string("numeric").build());
    PgOutputMessage described =
        decoder.decode(
            message('R')
                .int32(-2)
                .string("")
                .string("größe \"x\"")
                .int8('i')
                .int16(2)
                .int8(1)
                .string("id")
                .int32(20)
                .int32(-1)
                .int8(0)
                .string("Preis")
                .int32(70000)
                .int32(655366)
                .build());
    assertThat(described)
        .isEqualTo(
            new PgOutputMessage.Described(
                new Relation(
                    Oid.of(0xFFFF_FFFEL),
                    "pg_catalog",
                    "größe \"x\"",
                    ReplicaIdentity.INDEX,
                    List.of(
                        new Relation.Column("id", new Oid(20), -1, true, null),
                        new Relation.Column(
                            "Preis",
                            new Oid(70000),
                            655366,
                            false,
                            new TypeName("pg_catalog", "numeric"))))));
  }

  @Test
  void readsEveryKindOfCell() {
    decoder.decode(relation(1, "t", "a", "b", "c", "d"));
    byte[] four = {0, 0, 0, 4};
    Change.Insert inserted =
        (Change.Insert)
            change(
                message('I')
                    .int32(1)
                    .int8('N')
                    .int16(4)
                    .int8('b')
                    .int32(4)
                    .raw(four)
                    .int8('n')
                    .int8('t')
                    .int32(0)
                    .int8('u')
                    .build());
    Tuple row = inserted.row();
    assertThat(row.size()).isEqualTo(4);
    assertThat(row.kind(0)).isEqualTo(CellKind.BINARY);
    assertThat(row.value(0).getInt()).isEqualTo(4);
    assertThat(row.kind(1)).isEqualTo(CellKind.NULL);
    assertThat(row.isNull(1)).isTrue();
    assertThat(row.kind(2)).isEqualTo(CellKind.TEXT);
    assertThat(row.text(2)).isEmpty();
    assertThat(row.kind(3)).isEqualTo(CellKind.UNCHANGED_TOAST);
    assertThat(row).hasToString("(BINARY 4 B, NULL, TEXT 0 B, UNCHANGED_TOAST)");
    assertThatThrownBy(() -> row.length(3))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("cell 3 is UNCHANGED_TOAST, not a value");
  }

  @Test
  void tellsWhatIsKnownAboutOldRows() {
    decoder.decode(relation(1, "t", "a", "b"));
    assertThat(rendered(message('U').int32(1).int8('N').row("1", "x").build()))
        .isEqualTo("U ? -> (1,x)");
    assertThat(
            rendered(
                message('U').int32(1).int8('K').row("1", "null").int8('N').row("2", "x").build()))
        .isEqualTo("U key(1,null) -> (2,x)");
    assertThat(
            rendered(message('U').int32(1).int8('O').row("1", "w").int8('N').row("1", "x").build()))
        .isEqualTo("U full(1,w) -> (1,x)");
    assertThat(rendered(message('D').int32(1).int8('K').row("1", "null").build()))
        .isEqualTo("D key(1,null)");
    assertThat(rendered(message('D').int32(1).int8('O').row("1", "w").build()))
        .isEqualTo("D full(1,w)");
  }

  @Test
  void takesUnchangedLargeValuesFromTheFullOldRowAndNowhereElse() {
    decoder.decode(relation(1, "t", "a", "b"));
    assertThat(
            rendered(
                message('U').int32(1).int8('O').row("1", "big").int8('N').row("2", "u").build()))
        .isEqualTo("U full(1,big) -> (2,big)");
    assertThat(
            rendered(
                message('U').int32(1).int8('K').row("1", "null").int8('N').row("2", "u").build()))
        .isEqualTo("U key(1,null) -> (2,unchanged)");
    assertThat(rendered(message('U').int32(1).int8('N').row("1", "u").build()))
        .isEqualTo("U ? -> (1,unchanged)");
  }

  @Test
  void aFullOldRowWithoutTheLargeValueIsTheKeyOfAPartition() {
    decoder.decode(relation(1, "t", "a", "b"));
    assertThat(
            rendered(
                message('U').int32(1).int8('O').row("1", "null").int8('N').row("2", "u").build()))
        .isEqualTo("U full(1,null) -> (2,unchanged)");
  }

  @Test
  void readsTruncatesOfSeveralTables() {
    decoder.decode(relation(1, "one", "a"));
    decoder.decode(relation(2, "two", "a"));
    assertThat(rendered(message('T').int32(2).int8(3).int32(1).int32(2).build()))
        .isEqualTo("T [one, two] cascade restart");
    assertThat(rendered(message('T').int32(1).int8(0).int32(2).build())).isEqualTo("T [two]");
  }

  @Test
  void readsLogicalMessages() {
    byte[] content = {'h', 'i'};
    PgOutputMessage emitted =
        decoder.decode(message('M').int8(1).int64(5).string("p").int32(2).raw(content).build());
    assertThat(emitted)
        .isEqualTo(
            new PgOutputMessage.Emitted(
                new LogicalMessage(new Lsn(5), true, "p", ByteBuffer.wrap(content))));
    assertThat(((PgOutputMessage.Emitted) emitted).message().text()).isEqualTo("hi");
  }

  @Test
  void decodesByTheLatestDescription() {
    decoder.decode(relation(1, "t", "a"));
    assertThat(rendered(insert(1, "1"))).isEqualTo("I (1)");
    decoder.decode(relation(1, "t", "a", "b"));
    assertThat(rendered(insert(1, "1", "2"))).isEqualTo("I (1,2)");
  }

  @Test
  void refusesRelationsItWasNotToldOnThisConnection() {
    decoder.decode(relation(1, "t", "a"));
    assertThatThrownBy(() -> new Decoder().decode(insert(1, "1")))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("relation 1, which this connection has not described");
    assertThatThrownBy(() -> decoder.decode(message('T').int32(1).int8(0).int32(8).build()))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("relation 8");
  }

  @Test
  void refusesRowsOfAnotherWidthThanDescribed() {
    decoder.decode(relation(1, "t", "a", "b"));
    assertThatThrownBy(() -> decoder.decode(insert(1, "1")))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("a tuple of 1 cells for \"public\".\"t\"");
  }

  @Test
  void refusesMessagesCutShortAnywhere() {
    decoder.decode(relation(1, "t", "a", "b"));
    ByteBuffer whole =
        message('U').int32(1).int8('O').row("1", "w").int8('N').row("1", "x").build();
    for (int length = 0; length < whole.limit(); length++) {
      ByteBuffer part = whole.slice(0, length);
      assertThatThrownBy(() -> decoder.decode(part))
          .as("%d of %d bytes", length, whole.limit())
          .isInstanceOf(CaptureException.Retry.class)
          .extracting(e -> ((CaptureException) e).sqlState())
          .isEqualTo("08P01");
    }
  }

  @ParameterizedTest
  @ValueSource(chars = {'b', 'P', 'K', 'r', 'p', 'x'})
  void refusesMessagesOfOtherProtocolVersions(char kind) {
    assertThatThrownBy(() -> decoder.decode(message(kind).int32(1).build()))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("unknown kind of message '" + kind + "'");
  }

  @Test
  void refusesBytesAfterTheEnd() {
    assertThatThrownBy(() -> decoder.decode(message('O').int64(9).string("x").int8(0).build()))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("1 bytes after the end of message 'O'");
  }
}
