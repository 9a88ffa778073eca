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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TransactionAssemblerTest {
  private static final ByteBuffer TABLE = relation(1, "t", "a");

  private static List<WalEvent> events(TransactionAssembler assembler, ByteBuffer... messages) {
    List<WalEvent> events = new ArrayList<>();
    for (ByteBuffer message : messages) {
      WalEvent event = assembler.accept(message.duplicate());
      if (event != null) {
        events.add(event);
      }
    }
    return events;
  }

  private static List<String> rows(List<WalEvent> events) {
    return events.stream()
        .flatMap(event -> ((Transaction) event).changes().stream())
        .map(Rendering::render)
        .toList();
  }

  @Test
  void deliversWholeTransactionsAtTheirCommit() {
    TransactionAssembler assembler = new TransactionAssembler(Lsn.ZERO);
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
    TransactionAssembler assembler = new TransactionAssembler(new Lsn(110));
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
    TransactionAssembler assembler = new TransactionAssembler(new Lsn(50));
    assertThat(events(assembler, begin(100, 1), commit(100, 110))).isEmpty();
    assertThat(assembler.end()).isEqualTo(new Lsn(110));
  }

  @Test
  void keepsTransactionalMessagesInTheirPlaceAndOthersOutside() {
    ByteBuffer inside = message('M').int8(1).int64(90).string("in").int32(0).build();
    ByteBuffer outside = message('M').int8(0).int64(95).string("out").int32(0).build();
    TransactionAssembler assembler = new TransactionAssembler(Lsn.ZERO);
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
                    new TransactionAssembler(Lsn.ZERO),
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
                    new TransactionAssembler(new Lsn(105)),
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
    TransactionAssembler assembler = new TransactionAssembler(Lsn.ZERO);
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
}
