package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/// Sessions are killed and the server crashes under load: the sidecar comes back by itself, exact.
final class CrashesIT {
  private static final String QUERY =
      "SELECT a.g, count(*) AS n, sum(b.v) AS s FROM ca a JOIN cb b ON b.a = a.id GROUP BY a.g";
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @Test
  void killedSessionsAreReplacedUnderLoad() throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      prepare(connection);
      AtomicBoolean stop = new AtomicBoolean();
      Future<Long> writer = threads.submit(() -> write(database, stop));
      try {
        for (String victim :
            new String[] {"pgtrickle apply", "walsender", "pgtrickle lease", "pgtrickle%"}) {
          long before = refreshes(connection);
          kill(connection, victim);
          await(victim).atMost(PATIENCE).until(() -> refreshes(connection) > before);
        }
      } finally {
        stop.set(true);
      }
      assertThat(writer.get()).isPositive();
      assertSettled(connection);
    }
  }

  @Test
  void aCrashOfTheServerIsSurvived() throws Exception {
    try (LiveDatabase database = LiveDatabase.start()) {
      try (Connection connection = database.connect()) {
        prepare(connection);
      }
      for (int round = 0; round < 2; round++) {
        AtomicBoolean stop = new AtomicBoolean();
        try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
          Future<Long> writer = threads.submit(() -> write(database, stop));
          try (Connection connection = database.connect()) {
            long before = refreshes(connection);
            await().atMost(PATIENCE).until(() -> refreshes(connection) > before);
            crash(connection);
          } finally {
            stop.set(true);
          }
          assertThat(writer.get()).isPositive();
        }
        String late =
            "INSERT INTO cb VALUES (%d, 1, 1) ON CONFLICT DO NOTHING".formatted(-1 - round);
        // The postmaster ends all sessions when it notices, those that were opened meanwhile too.
        await()
            .atMost(PATIENCE)
            .ignoreExceptions()
            .untilAsserted(
                () -> {
                  try (Connection connection = database.connect()) {
                    run(connection, late);
                    assertExact(connection);
                  }
                });
      }
    }
  }

  private static void prepare(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE ca (id int PRIMARY KEY, g int)",
        "CREATE TABLE cb (id int PRIMARY KEY, a int, v int)",
        "INSERT INTO ca SELECT i, i % 5 FROM generate_series(1, 200) i");
    streamTable(connection, "crash_st", QUERY, "DIFFERENTIAL");
    streamTable(connection, "crash_top", "SELECT sum(n) AS n FROM crash_st", "DIFFERENTIAL");
  }

  // Writes until it is told to stop, or until the server goes; returns how often.
  private static long write(LiveDatabase database, AtomicBoolean stop) {
    long n = 0;
    try (Connection connection = database.connect()) {
      while (!stop.get()) {
        run(
            connection,
            "INSERT INTO cb VALUES ((SELECT coalesce(max(id), 0) + 1 FROM cb), "
                + (n % 250)
                + ", 3)",
            "DELETE FROM cb WHERE id % 7 = 0 AND id < " + n);
        n++;
      }
    } catch (SQLException e) {
      // The crash of the server ends the writer's session too.
      return n;
    }
    return n;
  }

  private static long refreshes(Connection connection) throws SQLException {
    return Long.parseLong(
        Objects.requireNonNull(
            value(
                connection,
                "SELECT refresh_id FROM pgtrickle.pgt_state JOIN pgtrickle.pgt_definitions"
                    + " USING (pgt_id) WHERE table_name = 'crash_st'")));
  }

  private static void kill(Connection connection, String who) throws SQLException {
    String condition =
        who.equals("walsender")
            ? "backend_type = 'walsender'"
            : "application_name LIKE '" + who + "'";
    run(
        connection,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            + " AND pid <> pg_backend_pid() AND "
            + condition);
  }

  // The postmaster takes a backend that was killed hard for a crash, and recovers all of them.
  private static void crash(Connection connection) throws SQLException {
    long pid = Long.parseLong(Objects.requireNonNull(value(connection, "SELECT pg_backend_pid()")));
    assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
  }

  private static void assertSettled(Connection connection) {
    await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> assertExact(connection));
  }

  private static void assertExact(Connection connection) throws SQLException {
    ready(connection, "crash_st");
    ready(connection, "crash_top");
    sync(connection);
    assertThat(differences(connection, "crash_st", QUERY)).isEmpty();
    assertThat(differences(connection, "crash_top", "SELECT sum(n) AS n FROM crash_st")).isEmpty();
  }
}
