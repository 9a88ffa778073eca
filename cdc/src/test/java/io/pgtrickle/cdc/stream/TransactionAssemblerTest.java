package io.pgtrickle.cdc.stream;

import static io.pgtrickle.cdc.pgoutput.MessageBuilder.begin;
import static io.pgtrickle.cdc.pgoutput.MessageBuilder.commit;
import static io.pgtrickle.cdc.pgoutput.MessageBuilder.insert;
import static io.pgtrickle.cdc.pgoutput.MessageBuilder.message;
import static io.pgtrickle.cdc.pgoutput.MessageBuilder.relation;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Rendering;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TransactionAssemblerTest {
  private static final ByteBuffer TABLE = relation(1, "t", "a");

  @TempDir Path folder;

  private final List<WalEvent> delivered = new ArrayList<>();

  private TransactionAssembler assembler(Lsn start) {
    return assembler(start, 1 << 20);
  }

  private TransactionAssembler assembler(Lsn start, long memory) {
    return new TransactionAssembler(start, folder, memory, delivered::add);
  }

  private List<WalEvent> events(TransactionAssembler assembler, ByteBuffer... messages) {
    delivered.clear();
    for (ByteBuffer message : messages) {
      try {
        assembler.accept(message.duplicate());
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    return List.copyOf(delivered);
  }

  private static ByteBuffer piece(int xid) {
    return message('S').int32(xid).int8(1).build();
  }

  private static ByteBuffer endOfPiece() {
    return message('E').build();
  }

  private static ByteBuffer streamCommit(int xid, long commitLsn, long endLsn) {
    return message('c').int32(xid).int8(0).int64(commitLsn).int64(endLsn).int64(1_000_000).build();
  }

  private static ByteBuffer streamAbort(int xid, int subxid) {
    return message('A').int32(xid).int32(subxid).build();
  }

  /// A message as it stands in a piece: with the id of who did it.
  private static ByteBuffer by(int xid, ByteBuffer message) {
    ByteBuffer rest = message.duplicate();
    byte kind = rest.get();
    byte[] body = new byte[rest.remaining()];
    rest.get(body);
    return message((char) kind).int32(xid).raw(body).build();
  }

  private static List<String> rows(List<WalEvent> events) {
    return events.stream()
        .flatMap(event -> ((Transaction) event).changes().stream())
        .map(Rendering::render)
        .toList();
  }

  @Test
  void deliversWholeTransactionsAtTheirCommit() {
    TransactionAssembler assembler = assembler(Lsn.ZERO);
    assertThat(events(assembler, begin(100, 7), TABLE, insert(1, "1"), insert(1, "2"))).isEmpty();
    assertThat(assembler.inTransaction()).isTrue();
    List<WalEvent> events = events(assembler, commit(100, 110));
    assertThat(assembler.inTransaction()).isFalse();
    assertThat(rows(events)).containsExactly("I (1)", "I (2)");
    Transaction transaction = (Transaction) events.getFirst();
    assertThat(transaction.xid()).isEqualTo(7);
    assertThat(transaction.finalLsn()).isEqualTo(new Lsn(100));
    assertThat(transaction.endLsn()).isEqualTo(new Lsn(110));
    assertThat(transaction.position()).isEqualTo(new Lsn(110));
  }

  @Test
  void deliversATransactionThatBeginsExactlyWhereTheStoredOneEnded() {
    TransactionAssembler assembler = assembler(new Lsn(110));
    List<WalEvent> events =
        events(
            assembler,
            begin(100, 1),
            TABLE,
            insert(1, "stored"),
            commit(100, 110),
            begin(110, 2),
            insert(1, "next"),
            commit(110, 120));
    assertThat(rows(events)).containsExactly("I (next)");
  }

  @Test
  void countsTransactionsWithoutChangesAsProgressOnly() {
    TransactionAssembler assembler = assembler(new Lsn(50));
    assertThat(events(assembler, begin(100, 1), commit(100, 110))).isEmpty();
    assertThat(assembler.end()).isEqualTo(new Lsn(110));
  }

  @Test
  void keepsTransactionalMessagesInTheirPlaceAndOthersOutside() {
    ByteBuffer inside = message('M').int8(1).int64(90).string("in").int32(0).build();
    ByteBuffer outside = message('M').int8(0).int64(95).string("out").int32(0).build();
    TransactionAssembler assembler = assembler(Lsn.ZERO);
    assertThat(events(assembler, outside))
        .singleElement()
        .satisfies(event -> assertThat(((LogicalMessage) event).prefix()).isEqualTo("out"));
    assertThat(
            rows(
                events(
                    assembler,
                    begin(100, 1),
                    TABLE,
                    insert(1, "1"),
                    inside,
                    insert(1, "2"),
                    commit(100, 110))))
        .containsExactly("I (1)", "M in=", "I (2)");
  }

  @Test
  void ignoresWhereAReplayedTransactionCameFrom() {
    ByteBuffer origin = message('O').int64(5).string("elsewhere").build();
    assertThat(
            rows(
                events(
                    assembler(Lsn.ZERO),
                    begin(100, 1),
                    origin,
                    TABLE,
                    insert(1, "1"),
                    commit(100, 110))))
        .containsExactly("I (1)");
  }

  @Test
  void remembersDescriptionsFromTransactionsItDoesNotDeliver() {
    assertThat(
            rows(
                events(
                    assembler(new Lsn(105)),
                    begin(100, 1),
                    TABLE,
                    insert(1, "old"),
                    commit(100, 104),
                    begin(106, 2),
                    insert(1, "new"),
                    commit(106, 110))))
        .containsExactly("I (new)");
  }

  @Test
  void refusesAStreamOutOfStep() {
    TransactionAssembler assembler = assembler(Lsn.ZERO);
    events(assembler, TABLE);
    assertThatThrownBy(() -> events(assembler, insert(1, "1")))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("a change outside any transaction");
    assertThatThrownBy(() -> events(assembler, commit(100, 110)))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("a commit at 0/64");
    assertThatThrownBy(() -> events(assembler, begin(100, 1), begin(120, 2)))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("a transaction begins within another");
    assertThatThrownBy(() -> events(assembler, commit(120, 130)))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessageContaining("a commit at 0/78");
  }

  @Test
  void piecesOfSeveralTransactionsAreDeliveredAtTheirCommits() {
    TransactionAssembler assembler = assembler(Lsn.ZERO);
    assertThat(
            events(
                assembler,
                piece(7),
                by(7, TABLE),
                by(7, insert(1, "1")),
                endOfPiece(),
                piece(8),
                by(8, TABLE),
                by(8, insert(1, "2")),
                endOfPiece(),
                piece(7),
                by(7, insert(1, "3"))))
        .isEmpty();
    assertThat(assembler.inTransaction()).isTrue();
    List<WalEvent> first =
        events(assembler, endOfPiece(), piece(8), endOfPiece(), streamCommit(8, 100, 110));
    assertThat(rows(first)).containsExactly("I (2)");
    assertThat(first.getFirst().position()).isEqualTo(new Lsn(110));
    // A small one between them comes whole.
    assertThat(rows(events(assembler, begin(120, 9), insert(1, "4"), commit(120, 130))))
        .containsExactly("I (4)");
    assertThat(rows(events(assembler, streamCommit(7, 140, 150))))
        .containsExactly("I (1)", "I (3)");
    assertThat(assembler.inTransaction()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 1 << 20})
  void whatIsRolledBackLeavesNothing(long memory) {
    TransactionAssembler assembler = assembler(Lsn.ZERO, memory);
    assertThat(
            rows(
                events(
                    assembler,
                    piece(7),
                    by(7, TABLE),
                    by(7, insert(1, "kept")),
                    by(8, insert(1, "undone")),
                    by(9, insert(1, "undone within")),
                    endOfPiece(),
                    streamAbort(7, 9),
                    streamAbort(7, 8),
                    // This one has changed nothing that is published.
                    streamAbort(7, 77),
                    piece(7),
                    by(10, insert(1, "released")),
                    by(7, insert(1, "last")),
                    endOfPiece(),
                    streamCommit(7, 100, 110))))
        .containsExactly("I (kept)", "I (released)", "I (last)");
    assertThat(
            events(
                assembler,
                piece(20),
                by(20, TABLE),
                by(20, insert(1, "1")),
                endOfPiece(),
                streamAbort(20, 20)))
        .isEmpty();
    assertThat(rows(events(assembler, begin(120, 21), insert(1, "x"), commit(120, 130))))
        .containsExactly("I (x)");
  }

  @Test
  void aStreamedTransactionThatIsStoredAlreadyOnlyDescribes() {
    TransactionAssembler assembler = assembler(new Lsn(105));
    assertThat(
            rows(
                events(
                    assembler,
                    piece(7),
                    by(7, TABLE),
                    by(7, insert(1, "stored")),
                    endOfPiece(),
                    streamCommit(7, 100, 104),
                    begin(106, 8),
                    insert(1, "new"),
                    commit(106, 110))))
        .containsExactly("I (new)");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aTransactionThatDoesNotFitIsDeliveredInParts(boolean streamed) {
    TransactionAssembler assembler = assembler(Lsn.ZERO, 100_000);
    int count = 30_000;
    List<ByteBuffer> messages = new ArrayList<>();
    messages.add(streamed ? piece(7) : begin(100, 7));
    messages.add(streamed ? by(7, TABLE) : TABLE);
    for (int i = 0; i < count; i++) {
      ByteBuffer insert = insert(1, Integer.toString(i));
      messages.add(streamed ? by(7, insert) : insert);
    }
    if (streamed) {
      messages.add(endOfPiece());
    }
    messages.add(streamed ? streamCommit(7, 100, 110) : commit(100, 110));
    List<WalEvent> events = events(assembler, messages.toArray(ByteBuffer[]::new));
    assertThat(events).hasSizeBetween(3, 20);
    assertThat(rows(events))
        .isEqualTo(IntStream.range(0, count).mapToObj(i -> "I (" + i + ")").toList());
    assertThat(events.subList(0, events.size() - 1))
        .allSatisfy(event -> assertThat(event.position()).isEqualTo(new Lsn(100)));
    assertThat(events.getLast().position()).isEqualTo(new Lsn(110));
    assertThat(folder).as("what was on disk is gone").isEmptyDirectory();
  }
}
