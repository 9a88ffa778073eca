package io.pgtrickle.cdc.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.stream.StreamOptions.Streaming;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The same log, read with and without pieces, with and without room: the same transactions.
final class StreamingIT {
  private static final int WRITERS = 3;
  private static final int TRANSACTIONS = 8;

  @TempDir Path folder;

  private final Capture capture =
      Capture.of(
          List.of(
              "CREATE TABLE t (id int8 PRIMARY KEY, v text)",
              "CREATE TABLE u (id int8 PRIMARY KEY, v text)"),
          "t",
          "u");

  @Test
  void whateverWayTransactionsComeTheyAreTheSame() throws Exception {
    for (String copy : List.of("streamed", "spilled", "tight")) {
      TestServer.execute(
          capture.database,
          "SELECT pg_copy_logical_replication_slot('%s', '%s_%s')"
              .formatted(capture.slot.name(), capture.slot.name(), copy));
    }
    long seed = System.nanoTime();
    List<FutureTask<Void>> writers = new ArrayList<>();
    for (int i = 0; i < WRITERS; i++) {
      Random random = new Random(seed + i);
      int writer = i;
      FutureTask<Void> task = new FutureTask<>(() -> write(random, writer), null);
      writers.add(task);
      Thread.ofPlatform().daemon().start(task);
    }
    for (FutureTask<Void> writer : writers) {
      writer.get();
    }
    capture.mark("end");
    Map<String, List<String>> whole = read("", Streaming.OFF, 1 << 30);
    assertThat(whole).as("seed %d", seed).isNotEmpty();
    assertThat(read("_spilled", Streaming.OFF, 1)).as("seed %d", seed).isEqualTo(whole);
    assertThat(read("_streamed", Streaming.WHERE_OFFERED, 1 << 30))
        .as("seed %d", seed)
        .isEqualTo(whole);
    assertThat(read("_tight", Streaming.WHERE_OFFERED, 1)).as("seed %d", seed).isEqualTo(whole);
    assertThat(
            Long.parseLong(
                TestServer.query(
                    capture.database,
                    "SELECT stream_count FROM pg_stat_replication_slots WHERE slot_name = '"
                        + capture.slot.name()
                        + "_tight'")))
        .as("the server has sent open transactions")
        .isPositive();
  }

  @Test
  void aTransactionOfSomeMegabytesIsSentWhileItIsOpen() throws Exception {
    try (WalReader reader = capture.open();
        Connection large = capture.database.connect("tests")) {
      large.setAutoCommit(false);
      TestServer.execute(
          large, "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 80000) i");
      // A small one that commits meanwhile is delivered, so the log up to it has been decoded.
      TestServer.execute(capture.database, "INSERT INTO u VALUES (1, 'small')");
      assertThat(Capture.next(reader).changes()).hasSize(1);
      await()
          .untilAsserted(
              () ->
                  assertThat(
                          Long.parseLong(
                              TestServer.query(
                                  capture.database,
                                  "SELECT coalesce(max(stream_bytes), 0) FROM"
                                      + " pg_stat_replication_slots WHERE slot_name = '"
                                      + capture.slot.name()
                                      + "'")))
                      .as("bytes sent of the open transaction")
                      .isPositive());
      large.commit();
      int changes = 0;
      Transaction part;
      do {
        part = Capture.next(reader);
        changes += part.changes().size();
      } while (!part.isComplete());
      assertThat(changes).isEqualTo(80_000);
    }
  }

  // By commit, in order; a transaction's parts together.
  private Map<String, List<String>> read(String slot, Streaming streaming, long memory) {
    // The server sends pieces of what is larger than this.
    SourceDatabase database = capture.database.with("options", "-c logical_decoding_work_mem=64kB");
    StreamOptions options =
        new StreamOptions(
            capture.slot.name() + slot,
            Capture.PUBLICATION,
            capture.slot.consistentPoint(),
            StreamOptions.OwnChanges.DELIVERED,
            capture.options(capture.slot.consistentPoint()).statusInterval(),
            capture.options(capture.slot.consistentPoint()).idleInterval(),
            1 << 20,
            1000,
            streaming,
            memory,
            folder);
    Map<String, List<String>> transactions = new LinkedHashMap<>();
    try (WalReader reader = WalReader.start(database, options)) {
      assertThat(reader.protocol().streaming()).isEqualTo(streaming == Streaming.WHERE_OFFERED);
      boolean ended = false;
      while (!ended) {
        WalEvent event = Capture.nextEvent(reader);
        if (event instanceof Transaction transaction) {
          List<String> changes = Capture.rendered(transaction);
          transactions
              .computeIfAbsent(
                  transaction.xid() + " " + transaction.finalLsn() + " " + transaction.endLsn(),
                  key -> new ArrayList<>())
              .addAll(changes);
          ended = changes.contains("M end=");
        }
      }
    }
    return transactions;
  }

  // Small and large transactions that overlap in time, with savepoints rolled back at every depth.
  private void write(Random random, int writer) {
    long id = writer * 1_000_000L;
    try (Connection connection = capture.database.connect("tests")) {
      for (int i = 0; i < TRANSACTIONS; i++) {
        connection.setAutoCommit(false);
        int depth = 0;
        for (int step = 1 + random.nextInt(10); step > 0; step--) {
          String table = random.nextBoolean() ? "t" : "u";
          switch (random.nextInt(6)) {
            case 0 -> {
              depth++;
              TestServer.execute(connection, "SAVEPOINT s" + depth);
            }
            case 1 -> {
              if (depth > 0) {
                int to = 1 + random.nextInt(depth);
                TestServer.execute(connection, "ROLLBACK TO s" + to);
                depth = to;
              }
            }
            case 2 -> {
              if (depth > 0) {
                TestServer.execute(connection, "RELEASE s" + depth);
                depth--;
              }
            }
            case 3 ->
                TestServer.execute(
                    connection,
                    "UPDATE %s SET v = v || 'y' WHERE id BETWEEN %d AND %d"
                        .formatted(table, id - 200, id));
            default -> {
              int rows = random.nextInt(3) == 0 ? 1_500 : 1 + random.nextInt(5);
              TestServer.execute(
                  connection,
                  "INSERT INTO %s SELECT i, repeat('x', 60) FROM generate_series(%d, %d) i"
                      .formatted(table, id, id + rows - 1));
              id += rows;
            }
          }
        }
        if (random.nextInt(4) == 0) {
          connection.rollback();
        } else {
          connection.commit();
        }
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }
}
