package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.Slots;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/// A consumer that stores its position with its counts, killed again and again, counts every change
/// exactly once.
final class RestartIT {
  private static final int WRITERS = 3;
  private static final int TRANSACTIONS = 400;
  private static final int KILLS = 25;

  private final Capture capture =
      Capture.of(List.of("CREATE TABLE counted (id int8 PRIMARY KEY, n int4)"), "counted");

  /// What the consumer would have in its database: the counts and the position, of one transaction.
  private record Stored(Map<String, Integer> seen, Lsn position) {}

  @Test
  void everyChangeIsCountedOnceHoweverOftenTheReaderDies() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<FutureTask<Void>> writers = startWriters(seed);
    Stored stored = new Stored(new TreeMap<>(), capture.slot.consistentPoint());
    for (int kill = 0; kill < KILLS; kill++) {
      stored = consumeForAWhile(stored, random);
    }
    for (FutureTask<Void> writer : writers) {
      writer.get();
    }
    capture.mark("end");
    stored = consumeToTheEnd(stored);
    assertThat(stored.seen()).as("seed %d", seed).hasSize(WRITERS * TRANSACTIONS * 3);
    assertThat(stored.seen().values()).as("seed %d", seed).containsOnly(1);
  }

  /// Transactions that overlap in time, of three rows each, with pauses in the middle of some.
  private List<FutureTask<Void>> startWriters(long seed) {
    List<FutureTask<Void>> writers = new ArrayList<>();
    for (int writer = 0; writer < WRITERS; writer++) {
      int base = writer * TRANSACTIONS * 3;
      Random random = new Random(seed + writer);
      FutureTask<Void> task =
          new FutureTask<>(
              () -> {
                try (Connection connection = capture.database.connect("tests")) {
                  for (int i = 0; i < TRANSACTIONS; i++) {
                    int id = base + 3 * i;
                    TestServer.execute(
                        connection,
                        "BEGIN",
                        "INSERT INTO counted VALUES (" + id + ", 0)",
                        "SELECT pg_sleep(" + random.nextDouble() * 0.002 + ")",
                        "INSERT INTO counted VALUES (" + (id + 1) + ", 0), (" + (id + 2) + ", 0)",
                        "COMMIT");
                  }
                }
                return null;
              });
      writers.add(task);
      Thread.ofPlatform().daemon().start(task);
    }
    return writers;
  }

  /// Applies some transactions and then ends the reader in one of the ways readers end.
  private Stored consumeForAWhile(Stored before, Random random)
      throws SQLException, InterruptedException {
    Stored stored = before;
    try (WalReader reader = restart(stored.position())) {
      int events = random.nextInt(40);
      for (int i = 0; i < events; i++) {
        Optional<WalEvent> event = reader.poll(Duration.ofMillis(100));
        if (event.isPresent()) {
          stored = apply(stored, event.get());
          if (random.nextInt(3) > 0) {
            reader.confirm(event.get().position());
          }
        }
      }
      // What is taken but not stored must come again.
      reader.drain(random.nextInt(100_000), Duration.ZERO);
      if (random.nextBoolean()) {
        kill();
        drainUntilItFails(reader);
      }
    }
    return stored;
  }

  private void kill() throws SQLException {
    try (Connection connection = capture.database.connect("tests")) {
      Slots.terminateReader(connection, capture.slot.name(), Duration.ofSeconds(10));
    }
  }

  /// What was read before the connection died is still delivered, then the reason.
  private static void drainUntilItFails(WalReader reader) {
    await().until(() -> reader.failure().isPresent());
    assertThatThrownBy(
            () -> {
              while (reader.poll(Duration.ZERO).isPresent()) {
                // Neither stored nor confirmed.
              }
            })
        .isInstanceOf(CaptureException.Retry.class);
  }

  private Stored consumeToTheEnd(Stored before) {
    Stored stored = before;
    try (WalReader reader = restart(stored.position())) {
      while (true) {
        WalEvent event = Capture.nextEvent(reader);
        stored = apply(stored, event);
        reader.confirm(stored.position());
        if (event instanceof Transaction transaction
            && Capture.rendered(transaction).contains("M end=")) {
          return stored;
        }
      }
    }
  }

  private WalReader restart(Lsn position) {
    return await()
        .ignoreExceptionsInstanceOf(CaptureException.Retry.class)
        .until(() -> WalReader.start(capture.database, capture.options(position)), reader -> true);
  }

  private static Stored apply(Stored stored, WalEvent event) {
    if (!(event instanceof Transaction transaction)) {
      return new Stored(stored.seen(), event.position());
    }
    for (Change change : transaction.changes()) {
      if (change instanceof Change.Insert insert) {
        stored.seen().merge(String.valueOf(insert.row().value(0).getLong()), 1, Integer::sum);
      }
    }
    return new Stored(stored.seen(), transaction.endLsn());
  }
}
