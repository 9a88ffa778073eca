package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.TcpProxy;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.Slots;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// One stream over many connections: nothing twice, nothing lost, nothing confirmed too early.
final class LogStreamIT {
  private static final Duration PATIENCE = Duration.ofMillis(20);
  private static final Duration GENEROUS = Duration.ofSeconds(20);

  private final Capture capture = Capture.of(List.of("CREATE TABLE t (id int8 PRIMARY KEY)"), "t");
  private final List<String> told = new ArrayList<>();
  @TempDir private Path folder;

  private final LogStream.Listener listener =
      new LogStream.Listener() {
        @Override
        public void lost(CaptureException why, Duration pause) {
          told.add("lost");
        }

        @Override
        public void connected(Lsn from) {
          told.add("connected");
        }

        @Override
        public void paused() {
          told.add("paused");
        }
      };

  @AfterEach
  void dropTheSlot() {
    capture.dropSlot();
  }

  private LogStream open(SourceDatabase database) {
    return LogStream.start(database, capture.options(capture.slot.consistentPoint()), listener);
  }

  private void insert(int id) {
    TestServer.execute(capture.database, "INSERT INTO t VALUES (" + id + ")");
  }

  private void endWalsender() throws SQLException {
    try (Connection connection = capture.database.connect("tests")) {
      Slots.terminateReader(connection, capture.slot.name(), Duration.ofSeconds(10));
    }
  }

  /// Takes events until so many rows were inserted.
  private static List<String> take(LogStream stream, int rows) {
    List<String> seen = new ArrayList<>();
    await()
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> {
              for (WalEvent event : stream.drain(1 << 20, PATIENCE)) {
                if (event instanceof Transaction transaction) {
                  seen.addAll(Capture.rendered(transaction));
                }
              }
              return seen.size() >= rows;
            });
    return seen;
  }

  @Test
  void goesOnWhereTheConsumerIsAndNotWhereTheServerThinks() throws SQLException {
    try (LogStream stream = open(capture.database)) {
      for (int i = 0; i < 5; i++) {
        insert(i);
        assertThat(take(stream, 1)).containsExactly("I (" + i + ")");
        endWalsender();
      }
      insert(5);
      assertThat(take(stream, 1)).containsExactly("I (5)");
      assertThat(stream.state().phase()).isEqualTo(StreamState.Phase.READING);
      assertThat(stream.state().losses()).isEqualTo(5);
      assertThat(told.stream().filter("connected"::equals)).hasSize(5);
      assertThat(
              Lsn.parse(
                  TestServer.query(
                      capture.database,
                      "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '"
                          + capture.slot.name()
                          + "'")))
          .as("what was taken is not durable")
          .isLessThanOrEqualTo(capture.slot.consistentPoint());
    }
  }

  @Test
  void everyTransactionComesOnceWhileTheWalsenderIsEndedAgainAndAgain() throws Exception {
    endWhileWriting(5, Duration.ZERO);
  }

  @Test
  @Tag("soak")
  void everyTransactionComesOnceWhileTheWalsenderIsEndedEverySecond() throws Exception {
    endWhileWriting(60, Duration.ofSeconds(1));
  }

  private void endWhileWriting(int ends, Duration pause) throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    List<String> seen = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(2);
        LogStream stream = open(capture.database)) {
      Future<Integer> written = threads.submit(() -> insertUntil(stop));
      Future<?> ended =
          threads.submit(
              () -> {
                try {
                  endAgainAndAgain(stream, ends, pause);
                } finally {
                  stop.set(true);
                }
                return ends;
              });
      while (!written.isDone() || seen.size() < written.get()) {
        for (WalEvent event : stream.drain(1 << 20, PATIENCE)) {
          if (event instanceof Transaction transaction) {
            seen.addAll(Capture.rendered(transaction));
            // Now and then: what is durable lags behind what was taken.
            if (seen.size() % 3 == 0) {
              stream.confirm(event.position());
            }
          }
        }
      }
      ended.get();
      assertThat(stream.state().losses()).isEqualTo(ends);
      assertThat(seen)
          .isEqualTo(IntStream.range(0, written.get()).mapToObj(id -> "I (" + id + ")").toList());
    }
  }

  private int insertUntil(AtomicBoolean stop) {
    int n = 0;
    while (!stop.get()) {
      insert(n++);
    }
    return n;
  }

  private void endAgainAndAgain(LogStream stream, int ends, Duration pause) throws SQLException {
    for (int i = 1; i <= ends; i++) {
      long losses = i;
      long next = System.nanoTime() + pause.toNanos();
      endWalsender();
      await()
          .atMost(Duration.ofSeconds(30))
          .until(
              () ->
                  stream.state().losses() == losses
                      && stream.state().phase() == StreamState.Phase.READING
                      && System.nanoTime() - next >= 0);
    }
  }

  @Test
  void aPauseLosesNothing() throws InterruptedException {
    try (LogStream stream = open(capture.database)) {
      insert(1);
      assertThat(take(stream, 1)).containsExactly("I (1)");
      stream.pause();
      assertThat(stream.drain(1, PATIENCE)).isEmpty();
      insert(2);
      insert(3);
      assertThat(stream.drain(1, PATIENCE)).isEmpty();
      assertThat(stream.state().phase()).isEqualTo(StreamState.Phase.PAUSED);
      stream.resume();
      assertThat(take(stream, 2)).containsExactly("I (2)", "I (3)");
      assertThat(told).containsSubsequence("paused", "connected");
    }
  }

  /// What others may do to a slot that nobody reads.
  enum Interference {
    ADVANCED("SELECT pg_replication_slot_advance('%1$s', pg_current_wal_lsn())"),
    READ(
        "SELECT count(*) FROM pg_logical_slot_get_binary_changes('%1$s', NULL, NULL,"
            + " 'proto_version', '1', 'publication_names', '\"it''s \"\"ours\"\"\"')"),
    REPLACED(
        "SELECT pg_drop_replication_slot('%1$s'),"
            + " pg_create_logical_replication_slot('%1$s', 'pgoutput')");

    private final String sql;

    Interference(String sql) {
      this.sql = sql;
    }
  }

  @ParameterizedTest
  @EnumSource
  void aSlotThatSomebodyElseMovedOnIsLost(Interference interference) throws InterruptedException {
    try (LogStream stream = open(capture.database)) {
      insert(1);
      assertThat(take(stream, 1)).containsExactly("I (1)");
      stream.pause();
      assertThat(stream.drain(1, PATIENCE)).isEmpty();
      insert(2);
      TestServer.execute(capture.database, interference.sql.formatted(capture.slot.name()));
      insert(3);
      stream.resume();
      assertThatThrownBy(() -> take(stream, 1))
          .isInstanceOf(CaptureException.SlotLost.class)
          .hasMessageContaining("somebody else");
    }
  }

  @Test
  void aSlotThatSomebodyElseMovedOnIsNotStartedFrom() {
    insert(1);
    TestServer.execute(capture.database, Interference.ADVANCED.sql.formatted(capture.slot.name()));
    assertThatThrownBy(() -> open(capture.database).close())
        .isInstanceOf(CaptureException.SlotLost.class)
        .hasMessageContaining("somebody else");
  }

  @Test
  void aSuspectedConnectionIsReplaced() throws IOException {
    String name = TestServer.query(capture.database, "SELECT current_database()");
    try (TcpProxy proxy = new TcpProxy(TestServer.port());
        LogStream stream = open(TestServer.at("localhost", proxy.port(), name))) {
      proxy.cutAfter(0);
      IntStream.range(0, 10).forEach(this::insert);
      await().until(() -> stream.silence().compareTo(Duration.ofMillis(500)) > 0);
      await()
          .until(
              () -> {
                try (Connection connection = capture.database.connect("tests")) {
                  return Slots.waitsForReader(connection, capture.slot.name());
                }
              });
      proxy.cutAfter(1 << 30);
      stream.suspect("nothing came");
      assertThat(take(stream, 10)).hasSize(10).doesNotHaveDuplicates();
      assertThat(stream.state().lastLoss()).hasMessage("nothing came");
    }
  }

  // The cell of that row arrives as one of a kind that there is not.
  private static final long POISON = 0x5EED_5EED_5EEDL;

  private static void poison(TcpProxy proxy) {
    byte[] cell = ByteBuffer.allocate(13).put((byte) 'b').putInt(8).putLong(POISON).array();
    byte[] falsified = cell.clone();
    falsified[0] = '?';
    proxy.falsify(cell, falsified);
  }

  @Test
  void aMessageThatCannotBeReadDoesNotHoldTheStreamForEver() throws IOException {
    String name = TestServer.query(capture.database, "SELECT current_database()");
    try (TcpProxy proxy = new TcpProxy(TestServer.port());
        LogStream stream = open(TestServer.at("localhost", proxy.port(), name))) {
      poison(proxy);
      insert(1);
      TestServer.execute(capture.database, "INSERT INTO t VALUES (" + POISON + ")");
      assertThat(take(stream, 1)).containsExactly("I (1)");
      assertThatThrownBy(() -> take(stream, 1))
          .isInstanceOf(CaptureException.SlotLost.class)
          .hasMessageContaining("unknown kind of cell");
      assertThat(stream.state().losses()).isBetween(3L, 10L);
    }
  }

  @Test
  void aMessageThatCannotBeReadAfterPartsOfItsTransactionEndsOneStreamAfterTheOther()
      throws IOException {
    String name = TestServer.query(capture.database, "SELECT current_database()");
    RepeatedFailure failures = new RepeatedFailure();
    try (TcpProxy proxy = new TcpProxy(TestServer.port())) {
      poison(proxy);
      insert(1);
      TestServer.execute(
          capture.database,
          "INSERT INTO t SELECT i FROM generate_series(2, 30) i UNION ALL SELECT " + POISON);
      int streams = 0;
      CaptureException end;
      do {
        try (LogStream stream =
            LogStream.start(
                TestServer.at("localhost", proxy.port(), name),
                capture
                    .options(capture.slot.consistentPoint())
                    .withTransactions(StreamOptions.Streaming.OFF, 1_000, folder),
                listener,
                failures)) {
          end = failure(stream);
          streams++;
        }
      } while (end instanceof CaptureException.Retry);
      assertThat(end)
          .isInstanceOf(CaptureException.SlotLost.class)
          .hasMessageContaining("unknown kind of cell");
      assertThat(streams).isBetween(3, 10);
    }
  }

  @Test
  void aTextThatTheServerCannotSendDoesNotHoldTheStreamForEver() throws SQLException {
    TestServer.execute(
        capture.database,
        "CREATE DATABASE win TEMPLATE template0 ENCODING 'WIN1252' LC_COLLATE 'C' LC_CTYPE 'C'");
    SourceDatabase win = TestServer.at("localhost", TestServer.port(), "win");
    String slot;
    try (Connection connection = win.connect("tests")) {
      TestServer.execute(connection, "CREATE TABLE t (id int8 PRIMARY KEY, v text)");
      Publications.create(connection, "p");
      Publications.add(connection, "p", List.of(new TableName("public", "t")), LockPolicy.POLITE);
      Slots.Created created = Slots.create(win, GENEROUS, GENEROUS, blockers -> {});
      slot = created.name();
      try (LogStream stream =
          LogStream.start(win, StreamOptions.of(slot, "p", created.consistentPoint()), listener)) {
        // A byte that stands for nothing in that encoding.
        TestServer.execute(
            connection, "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, chr(129))");
        assertThat(take(stream, 1)).containsExactly("I (1,a)");
        assertThatThrownBy(() -> take(stream, 1))
            .isInstanceOf(CaptureException.SlotLost.class)
            .extracting(e -> ((CaptureException) e).sqlState())
            .isEqualTo("22P05");
        assertThat(stream.state().losses()).isBetween(3L, 10L);
      }
      await().ignoreExceptions().until(() -> Slots.drop(connection, slot));
    }
    TestServer.execute(capture.database, "DROP DATABASE win WITH (FORCE)");
  }

  @Test
  void abortingDisconnectsWhateverTheConsumerDoes() throws InterruptedException {
    try (LogStream stream = open(capture.database)) {
      insert(1);
      String read =
          "SELECT active FROM pg_replication_slots WHERE slot_name = '" + capture.slot.name() + "'";
      assertThat(TestServer.query(capture.database, read)).isEqualTo("t");
      stream.abort();
      await().until(() -> TestServer.query(capture.database, read).equals("f"));
      assertThat(stream.drain(1, PATIENCE)).isEmpty();
      assertThat(stream.drain(1, PATIENCE)).isEmpty();
      assertThat(told).isEmpty();
    }
  }

  private static CaptureException failure(LogStream stream) {
    AtomicReference<CaptureException> seen = new AtomicReference<>();
    await()
        .until(
            () -> {
              try {
                stream.drain(1 << 20, PATIENCE);
                return false;
              } catch (CaptureException e) {
                seen.set(e);
                return true;
              }
            });
    return seen.get();
  }

  @Test
  void aReaderThatWaitsForItsConsumerIsNotSilent() {
    try (LogStream stream =
        LogStream.start(
            capture.database,
            capture.options(capture.slot.consistentPoint()).withQueue(1, 1),
            listener)) {
      IntStream.range(0, 5).forEach(this::insert);
      // It has read what is queued, and a transaction more that there is no room for.
      await()
          .during(Duration.ofSeconds(1))
          .atMost(Duration.ofSeconds(10))
          .until(() -> stream.silence().compareTo(Duration.ofMillis(500)) < 0);
    }
  }

  @Test
  void aLostSlotIsNotTriedAgain() throws SQLException {
    try (LogStream stream = open(capture.database)) {
      endWalsender();
      TestServer.execute(
          capture.database, "SELECT pg_drop_replication_slot('" + capture.slot.name() + "')");
      assertThatThrownBy(() -> take(stream, 1)).hasRootCauseInstanceOf(SQLException.class);
      assertThat(stream.state().phase()).isEqualTo(StreamState.Phase.RECONNECTING);
    }
  }
}
