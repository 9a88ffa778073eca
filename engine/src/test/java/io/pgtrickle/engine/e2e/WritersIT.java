package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.Sidecar;
import io.pgtrickle.engine.SidecarConfig;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.embedded.EmbeddedServer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Sixteen writers at once, with savepoints, rollbacks, deadlocks and transactions prepared by one
/// and committed later: each change counts once.
final class WritersIT {
  private static final int WRITERS = 16;
  private static final String LOG = "SELECT id, account, amount FROM history";
  private static final String BALANCES =
      "SELECT a.branch, count(*) AS n, sum(a.balance) AS total FROM accounts a GROUP BY a.branch";
  private static final String BOOKED =
      "SELECT a.id, a.balance, sum(h.amount) AS booked, count(h.id) AS n FROM accounts a"
          + " LEFT JOIN history h ON h.account = a.id GROUP BY a.id, a.balance";

  @TempDir Path folder;

  @Test
  void everyChangeCountsOnce() throws Exception {
    writeFor(Duration.ofSeconds(4));
  }

  @Test
  @Tag("soak")
  void everyChangeCountsOnceForTenMinutes() throws Exception {
    writeFor(Duration.ofMinutes(10));
  }

  private void writeFor(Duration duration) throws Exception {
    long seed = System.nanoTime();
    EmbeddedServer.Options usual = EmbeddedServer.Options.throwaway();
    try (EmbeddedServer server =
            EmbeddedServer.start(
                new EmbeddedServer.Options(
                    usual.major(),
                    Optional.empty(),
                    0,
                    usual.cache(),
                    Optional.empty(),
                    Map.of(
                        "max_prepared_transactions", "40",
                        "deadlock_timeout", "50ms",
                        "logical_decoding_work_mem", "64kB")));
        Connection connection = server.connect()) {
      Installer.install(connection);
      try (Sidecar sidecar =
              Sidecar.start(new SidecarConfig(server.url(), "127.0.0.1", 0, folder));
          ExecutorService threads = Executors.newFixedThreadPool(WRITERS)) {
        assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
        run(
            connection,
            "CREATE TABLE accounts (id int PRIMARY KEY, branch int, balance bigint)",
            "CREATE TABLE history (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, account int,"
                + " amount int)",
            "INSERT INTO accounts SELECT i, i % 5, 0 FROM generate_series(0, 99) i");
        streamTable(connection, "log_st", LOG, "DIFFERENTIAL");
        streamTable(connection, "balances", BALANCES, "DIFFERENTIAL");
        streamTable(connection, "booked", BOOKED, "DIFFERENTIAL");
        long until = System.nanoTime() + duration.toNanos();
        List<Future<Integer>> writers = new ArrayList<>();
        for (int i = 0; i < WRITERS; i++) {
          int writer = i;
          writers.add(
              threads.submit(() -> write(server, writer, new Random(seed + writer), until)));
        }
        int deadlocks = 0;
        for (Future<Integer> writer : writers) {
          deadlocks += writer.get();
        }
        assertThat(deadlocks).as("deadlocks").isPositive();
        assertThat(value(connection, "SELECT count(*) FROM pg_prepared_xacts")).isEqualTo("0");
        // Writers who never pause take the processor from whoever follows them.
        await()
            .atMost(Duration.ofMinutes(2).plus(duration))
            .untilAsserted(
                () -> {
                  sync(connection);
                  assertThat(differences(connection, "log_st", LOG)).as("seed %d", seed).isEmpty();
                  assertThat(differences(connection, "balances", BALANCES)).isEmpty();
                  assertThat(differences(connection, "booked", BOOKED)).isEmpty();
                });
        assertThat(value(connection, "SELECT count(*) > 0 FROM log_st")).isEqualTo("t");
        // Books balance only if no transaction was taken in half.
        assertThat(value(connection, "SELECT count(*) FROM booked WHERE balance <> booked"))
            .isEqualTo("0");
      }
    }
  }

  /// Books until the time is over; returns how many deadlocks that cost.
  private static int write(EmbeddedServer server, int writer, Random random, long until)
      throws SQLException {
    int deadlocks = 0;
    int prepared = 0;
    try (Connection connection = server.connect()) {
      while (System.nanoTime() < until) {
        try {
          run(connection, "BEGIN");
          for (int i = 1 + random.nextInt(3); i > 0; i--) {
            book(connection, random);
            if (random.nextInt(3) == 0) {
              run(connection, "SAVEPOINT s");
              book(connection, random);
              run(connection, random.nextBoolean() ? "ROLLBACK TO s" : "RELEASE s");
            }
          }
          if (random.nextInt(20) == 0) {
            run(
                connection,
                "WITH h AS (INSERT INTO history (account, amount) SELECT %1$d, 1 FROM generate_series(1, 2000) RETURNING amount) UPDATE accounts SET balance = balance + (SELECT sum(amount) FROM h) WHERE id = %1$d"
                    .formatted(random.nextInt(100)));
          }
          switch (random.nextInt(6)) {
            case 0 -> run(connection, "ROLLBACK");
            case 1 -> {
              String name = "'w" + writer + "_" + prepared++ + "'";
              run(connection, "PREPARE TRANSACTION " + name);
              run(connection, "SELECT pg_sleep(0.001)");
              run(connection, (random.nextBoolean() ? "COMMIT" : "ROLLBACK") + " PREPARED " + name);
            }
            default -> run(connection, "COMMIT");
          }
        } catch (SQLException e) {
          if (!"40P01".equals(e.getSQLState())) {
            throw e;
          }
          deadlocks++;
          run(connection, "ROLLBACK");
        }
      }
    }
    return deadlocks;
  }

  private static void book(Connection connection, Random random) throws SQLException {
    int account = random.nextInt(100);
    int amount = random.nextInt(200) - 100;
    run(
        connection,
        "UPDATE accounts SET balance = balance + %d WHERE id = %d".formatted(amount, account),
        "INSERT INTO history (account, amount) VALUES (%d, %d)".formatted(account, amount));
  }
}
