package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/// Transactions larger than the memory they may have: all of them or nothing, and others go on.
final class LargeTransactionsIT {
  private static final String SUMS = "SELECT g, count(*) AS n, sum(v) AS s FROM big GROUP BY g";
  private static final String JOINED =
      "SELECT s.id, count(b.id) AS n FROM small s LEFT JOIN big b ON b.g = s.id GROUP BY s.id";
  private static final int ROWS = 120_000;

  @Test
  void aTransactionThatDoesNotFitIsAppliedAsOneOrNotAtAll() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect();
        Connection large = database.connect();
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      run(
          connection,
          "ALTER ROLE postgres IN DATABASE "
              + value(connection, "SELECT current_database()")
              + " SET logical_decoding_work_mem = '1MB'",
          "SELECT pgtrickle.set_config('txn_memory', '1')",
          "CREATE TABLE big (id int PRIMARY KEY, g int, v bigint)",
          "CREATE TABLE small (id int PRIMARY KEY)",
          "INSERT INTO small SELECT generate_series(0, 9)");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      streamTable(connection, "sums", SUMS, "DIFFERENTIAL");
      streamTable(connection, "joined", JOINED, "DIFFERENTIAL");
      assertThat(
              rows(
                  connection,
                  "SELECT DISTINCT protocol_version, streaming FROM pgtrickle.check_cdc_health()"))
          .containsExactly("2|t");

      large.setAutoCommit(false);
      AtomicBoolean stop = new AtomicBoolean();
      Future<Integer> reader = threads.submit(() -> watch(database, stop));
      run(
          large,
          "INSERT INTO big SELECT i, i % 10, i FROM generate_series(1, 120000) i",
          "SAVEPOINT s",
          "UPDATE big SET v = v + 1",
          "ROLLBACK TO s",
          "DELETE FROM big WHERE id % 1000 = 0");
      // While it is open, small ones pass it.
      run(connection, "INSERT INTO small VALUES (10)");
      sync(connection);
      assertThat(value(connection, "SELECT count(*) FROM joined")).isEqualTo("11");
      assertThat(value(connection, "SELECT count(*) FROM sums")).isEqualTo("0");
      large.commit();
      assertExact(connection);

      run(large, "UPDATE big SET g = g + 1");
      large.rollback();
      run(connection, "INSERT INTO small VALUES (11)");
      assertExact(connection);
      stop.set(true);
      assertThat(reader.get()).as("looks that saw a part of it").isZero();
      assertThat(
              value(
                  connection,
                  "SELECT stream_count > 0 FROM pg_stat_replication_slots JOIN"
                      + " pgtrickle_internal.pgt_progress USING (slot_name)"))
          .as("the server has sent it while it was open")
          .isEqualTo("t");
    }
  }

  // How often something was seen that no commit contained.
  private static int watch(LiveDatabase database, AtomicBoolean stop) throws SQLException {
    int partial = 0;
    try (Connection connection = database.connect()) {
      while (!stop.get()) {
        String n = value(connection, "SELECT coalesce(sum(n), 0) FROM sums");
        if (n != null && !n.equals("0") && !n.equals(String.valueOf(ROWS - ROWS / 1000))) {
          partial++;
        }
      }
    }
    return partial;
  }

  private static void assertExact(Connection connection) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              sync(connection);
              assertThat(differences(connection, "sums", SUMS)).isEmpty();
              assertThat(differences(connection, "joined", JOINED)).isEmpty();
            });
  }
}
