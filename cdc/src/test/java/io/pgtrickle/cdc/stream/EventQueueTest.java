package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class EventQueueTest {
  private final EventQueue queue = new EventQueue(100, 3, new Lsn(1));

  private static Transaction transaction(long end, long bytes) {
    return new Transaction(
        1, new Lsn(end - 1), new Lsn(end), Instant.EPOCH, List.of(), bytes, Transaction.Part.LAST);
  }

  private static WalEvent.Idle idle(long position) {
    return new WalEvent.Idle(new Lsn(position));
  }

  private boolean offer(WalEvent event) throws InterruptedException {
    return queue.offer(event, Duration.ZERO);
  }

  private List<WalEvent> drain(long bytes) throws InterruptedException {
    return queue.drain(bytes, Duration.ZERO);
  }

  @Test
  void isBoundedByBytes() throws InterruptedException {
    assertThat(offer(transaction(10, 60))).isTrue();
    assertThat(offer(transaction(20, 60))).isFalse();
    assertThat(queue.poll(Duration.ZERO)).contains(transaction(10, 60));
    assertThat(offer(transaction(20, 60))).isTrue();
  }

  @Test
  void isBoundedByNumber() throws InterruptedException {
    for (int i = 1; i <= 3; i++) {
      assertThat(offer(transaction(10L * i, 1))).isTrue();
    }
    assertThat(offer(transaction(40, 1))).isFalse();
  }

  @Test
  void letsOneTransactionLargerThanTheBoundInAlone() throws InterruptedException {
    assertThat(offer(transaction(10, 1_000))).isTrue();
    assertThat(offer(transaction(20, 1))).isFalse();
  }

  @Test
  void aConsumerThatWaitsOrIsAboutToCanBeWoken() throws Exception {
    FutureTask<List<WalEvent>> waits =
        new FutureTask<>(() -> queue.drain(100, Duration.ofMinutes(1)));
    Thread consumer = Thread.ofPlatform().start(waits);
    queue.wake();
    assertThat(waits.get(10, TimeUnit.SECONDS)).isEmpty();
    consumer.join();

    queue.wake();
    offer(transaction(10, 1));
    assertThat(drain(100)).as("what is there comes first").containsExactly(transaction(10, 1));
    assertThat(queue.drain(100, Duration.ofMinutes(1))).isEmpty();
  }

  @Test
  void meltsConsecutiveIdlePositionsButKeepsTheirOrderWithTransactions()
      throws InterruptedException {
    queue.offerIdle(idle(5));
    queue.offerIdle(idle(6));
    offer(transaction(10, 1));
    queue.offerIdle(idle(11));
    queue.offerIdle(idle(12));
    assertThat(drain(100)).containsExactly(idle(6), transaction(10, 1), idle(12));
  }

  @Test
  void drainsUpToANumberOfBytesButAtLeastOneEvent() throws InterruptedException {
    offer(transaction(10, 30));
    offer(transaction(20, 30));
    offer(transaction(30, 30));
    assertThat(drain(60)).hasSize(2);
    assertThat(drain(1)).hasSize(1);
    assertThat(drain(1)).isEmpty();
  }

  @Test
  void remembersTheFurthestPositionDelivered() throws InterruptedException {
    assertThat(queue.delivered()).isEqualTo(new Lsn(1));
    offer(transaction(10, 30));
    assertThat(queue.delivered()).isEqualTo(new Lsn(1));
    drain(100);
    assertThat(queue.delivered()).isEqualTo(new Lsn(10));
  }

  @Test
  void deliversWhatWasReadBeforeItTellsOfTheFailure() throws InterruptedException {
    offer(transaction(10, 1));
    queue.fail(new CaptureException.Retry("08006", "gone"));
    queue.fail(new CaptureException.Retry("08006", "later"));
    assertThat(queue.failure()).get().extracting(Throwable::getMessage).isEqualTo("gone");
    assertThat(queue.poll(Duration.ZERO)).contains(transaction(10, 1));
    assertThatThrownBy(() -> queue.poll(Duration.ZERO))
        .isInstanceOf(CaptureException.Retry.class)
        .hasMessage("gone");
  }

  @Test
  void wakesAWaitingConsumerOnFailureAndOnClose() {
    assertThatThrownBy(
            () -> pollWoken(() -> queue.fail(new CaptureException.Retry("08006", "gone"))))
        .hasCauseInstanceOf(CaptureException.Retry.class);
    EventQueue other = new EventQueue(1, 1, Lsn.ZERO);
    FutureTask<?> poll = new FutureTask<>(() -> other.poll(Duration.ofMinutes(1)));
    wake(poll, other::close);
    assertThatThrownBy(() -> poll.get(10, TimeUnit.SECONDS))
        .hasCauseInstanceOf(CancellationException.class);
  }

  private Object pollWoken(Runnable waking) throws Exception {
    FutureTask<?> poll = new FutureTask<>(() -> queue.poll(Duration.ofMinutes(1)));
    wake(poll, waking);
    return poll.get(10, TimeUnit.SECONDS);
  }

  private static void wake(FutureTask<?> waiting, Runnable waking) {
    Thread thread = Thread.ofPlatform().start(waiting);
    await().until(() -> thread.getState() == Thread.State.TIMED_WAITING);
    waking.run();
  }

  @Test
  void wakesAWaitingProducerWhenThereIsRoomAndOnClose() throws Exception {
    offer(transaction(10, 100));
    FutureTask<Boolean> room =
        new FutureTask<>(() -> queue.offer(transaction(20, 100), Duration.ofMinutes(1)));
    wake(room, () -> queue.close());
    assertThat(room.get(10, TimeUnit.SECONDS)).isFalse();

    EventQueue other = new EventQueue(1, 1, Lsn.ZERO);
    other.offer(transaction(10, 1), Duration.ZERO);
    FutureTask<Boolean> second =
        new FutureTask<>(() -> other.offer(transaction(20, 1), Duration.ofMinutes(1)));
    Thread thread = Thread.ofPlatform().start(second);
    await().until(() -> thread.getState() == Thread.State.TIMED_WAITING);
    assertThat(other.poll(Duration.ZERO)).contains(transaction(10, 1));
    assertThat(second.get(10, TimeUnit.SECONDS)).isTrue();
  }
}
