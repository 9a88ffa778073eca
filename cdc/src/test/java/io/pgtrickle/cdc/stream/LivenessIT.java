package io.pgtrickle.cdc.stream;

import static io.pgtrickle.cdc.stream.Capture.next;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TcpProxy;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// The reader lives as long as it should and no longer.
final class LivenessIT {
  private final Capture capture =
      Capture.of(List.of("CREATE TABLE t (id int8 PRIMARY KEY, v text)"), "t");

  @AfterEach
  void dropTheSlot() {
    capture.dropSlot();
  }

  private void insert(int from, int to, int width) {
    TestServer.execute(
        capture.database,
        "INSERT INTO t SELECT i, repeat('x', "
            + width
            + ") FROM generate_series("
            + from
            + ", "
            + to
            + ") i");
  }

  private String walsender(String column) {
    return TestServer.query(
        capture.database,
        "SELECT "
            + column
            + " FROM pg_stat_replication JOIN pg_replication_slots ON pid = active_pid"
            + " WHERE slot_name = '"
            + capture.slot.name()
            + "'");
  }

  @Test
  void aSlowConsumerKeepsItsConnectionPastTheServersTimeout() {
    SourceDatabase impatient = capture.database.with("options", "-c wal_sender_timeout=2s");
    StreamOptions options =
        capture.options(capture.slot.consistentPoint()).withQueue(1_000_000, 1_000);
    try (WalReader reader = WalReader.start(impatient, options)) {
      // Far more than the queue and both socket buffers hold, so that the server has to wait.
      for (int i = 0; i < 20; i++) {
        insert(i * 1_000, i * 1_000 + 999, 2_000);
      }
      String connection = walsender("pid");
      Lsn sent = Lsn.parse(walsender("sent_lsn"));
      await()
          .pollDelay(Duration.ofSeconds(6))
          .untilAsserted(() -> assertThat(walsender("pid")).isEqualTo(connection));
      assertThat(reader.failure()).isEmpty();
      assertThat(Lsn.parse(walsender("confirmed_flush_lsn")))
          .as("nothing is confirmed by the reader itself")
          .isLessThanOrEqualTo(capture.slot.consistentPoint());
      assertThat(Lsn.parse(walsender("sent_lsn")))
          .as("the server waits for the consumer, sent %s before", sent)
          .isLessThan(Lsn.parse(TestServer.query(capture.database, "SELECT pg_current_wal_lsn()")));
      for (int i = 0; i < 20; i++) {
        assertThat(next(reader).changes()).hasSize(1_000);
      }
      assertThat(walsender("pid")).isEqualTo(connection);
    }
  }

  @Test
  void closesWhileTheServerStreamsALargeTransaction() {
    insert(1, 100_000, 100);
    WalReader reader = capture.open();
    await().until(() -> Lsn.parse(walsender("sent_lsn")).isAfter(Lsn.ZERO));
    long start = System.nanoTime();
    reader.close();
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    assertThatThrownBy(() -> reader.poll(Duration.ZERO)).isInstanceOf(CancellationException.class);
    try (WalReader again = await().ignoreExceptions().until(capture::open, opened -> true)) {
      int changes = 0;
      Transaction part;
      do {
        part = next(again);
        changes += part.changes().size();
      } while (!part.isComplete());
      assertThat(changes).isEqualTo(100_000);
    }
  }

  @Test
  void closesWhileItWaitsForRoomInTheQueue() {
    insert(1, 10, 100);
    insert(11, 20, 100);
    StreamOptions options = capture.options(capture.slot.consistentPoint()).withQueue(1, 1);
    WalReader reader = WalReader.start(capture.database, options);
    await().until(() -> Lsn.parse(walsender("sent_lsn")).isAfter(capture.slot.consistentPoint()));
    long start = System.nanoTime();
    reader.close();
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
  }

  @Test
  void closesWhileItIsStuckInAMessageThatNeverEnds() throws Exception {
    String name = TestServer.query(capture.database, "SELECT current_database()");
    try (TcpProxy proxy = new TcpProxy(TestServer.port())) {
      SourceDatabase remote = TestServer.at("localhost", proxy.port(), name);
      WalReader reader = WalReader.start(remote, capture.options(capture.slot.consistentPoint()));
      proxy.cutAfter(5_000);
      insert(1, 1, 1_000_000);
      await().until(proxy::isCut);
      long start = System.nanoTime();
      reader.close();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    }
    TestServer.execute(
        capture.database,
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
            + " WHERE slot_name = '"
            + capture.slot.name()
            + "'");
  }

  @Test
  void reportsTheEndOfTheConnectionToAWaitingConsumer() {
    try (WalReader reader = capture.open()) {
      TestServer.execute(
          capture.database,
          "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
              + " WHERE slot_name = '"
              + capture.slot.name()
              + "'");
      assertThatThrownBy(() -> next(reader)).isInstanceOf(CaptureException.Retry.class);
      assertThat(reader.failure()).get().isInstanceOf(CaptureException.Retry.class);
    }
  }

  @Test
  void refusesAPositionTheServerHasNotReached() {
    Lsn end = Lsn.parse(TestServer.query(capture.database, "SELECT pg_current_wal_insert_lsn()"));
    assertThatThrownBy(() -> WalReader.start(capture.database, capture.options(end.plus(1L << 30))))
        .isInstanceOf(CaptureException.SlotLost.class)
        .hasMessageContaining("is after the end of the server's log");
  }

  @Test
  void confirmingIdlePositionsLetsTheSlotFollowUnrelatedWork() throws Exception {
    TestServer.execute(capture.database, "CREATE TABLE unrelated (v text)");
    try (WalReader reader = capture.open()) {
      TestServer.execute(
          capture.database,
          "INSERT INTO unrelated SELECT repeat('x', 100) FROM generate_series(1, 1000)");
      Lsn written = Lsn.parse(TestServer.query(capture.database, "SELECT pg_current_wal_lsn()"));
      Lsn position = Lsn.ZERO;
      while (position.isBefore(written)) {
        Optional<WalEvent> event = reader.poll(Duration.ofSeconds(10));
        assertThat(event).get().isInstanceOf(WalEvent.Idle.class);
        position = event.get().position();
        reader.confirm(position);
      }
      await()
          .atMost(Duration.ofSeconds(5))
          .until(() -> !Lsn.parse(walsender("confirmed_flush_lsn")).isBefore(written));
    }
  }

  @Test
  void deliversWhatCommittedWhileNobodyRead() {
    Transaction first;
    try (WalReader reader = capture.open()) {
      insert(1, 1, 1);
      first = next(reader);
      reader.confirm(first.endLsn());
    }
    insert(2, 2, 1);
    try (WalReader reader =
        await()
            .ignoreExceptions()
            .until(
                () -> WalReader.start(capture.database, capture.options(first.endLsn())),
                opened -> true)) {
      assertThat(Capture.rendered(next(reader))).containsExactly("I (2,x)");
    }
  }
}
