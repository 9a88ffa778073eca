package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Whatever becomes of the connections, the contents are exact in the end; and what can be mended
/// by
/// connecting again costs no new initialization.
final class FaultsIT {
  private static final String QUERY =
      "SELECT customer_id, count(*) AS n, sum(amount) AS s FROM orders GROUP BY customer_id";
  private static final String JOINED =
      "SELECT o.id, c.name, l.qty FROM orders o JOIN customers c ON c.id = o.customer_id"
          + " LEFT JOIN lines l ON l.order_id = o.id";
  private static final String LOG = "SELECT v FROM entries";
  private static final int ENTRIES = 50;

  @Test
  void theStreamGoesOnAfterItsWalsenderWasEndedAgainAndAgain() throws Exception {
    endWalsenders(6, Duration.ZERO, 2);
  }

  @Test
  @Tag("soak")
  void theStreamGoesOnThoughItsWalsenderIsEndedEverySecond() throws Exception {
    endWalsenders(60, Duration.ofSeconds(1), 4);
  }

  /// The log has no key, so a row that came twice would be there twice.
  private static void endWalsenders(int ends, Duration pause, int writers) throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        ExecutorService threads = Executors.newFixedThreadPool(writers)) {
      prepare(connection);
      streamTable(connection, "log", LOG, "DIFFERENTIAL");
      String token = token(connection);
      AtomicBoolean stop = new AtomicBoolean();
      List<Future<Long>> running = new ArrayList<>();
      for (int i = 1; i <= writers; i++) {
        int seed = i;
        running.add(threads.submit(() -> write(database, seed, stop)));
      }
      try {
        for (int i = 0; i < ends; i++) {
          long next = System.nanoTime() + pause.toNanos();
          endWalsender(connection);
          run(
              connection,
              "INSERT INTO entries (v) SELECT %d + i FROM generate_series(1, %d) i"
                  .formatted(i * ENTRIES, ENTRIES));
          // Who is ended before anything has come connects again ever later.
          String shown = Integer.toString((i + 1) * ENTRIES);
          await()
              .atMost(PATIENCE)
              .until(
                  () ->
                      System.nanoTime() - next >= 0
                          && shown.equals(value(connection, "SELECT count(*) FROM log")));
        }
      } finally {
        stop.set(true);
      }
      for (Future<Long> writer : running) {
        assertThat(writer.get()).isPositive();
      }
      assertExact(connection);
      assertThat(rows(connection, "SELECT count(*), count(DISTINCT v) FROM log"))
          .as("nothing is there twice")
          .containsExactly(ENTRIES * ends + "|" + ENTRIES * ends);
      assertThat(differences(connection, "log", LOG)).isEmpty();
      await().atMost(PATIENCE).until(() -> losses(connection) >= ends);
      assertThat(token(connection)).as("the sidecar has not started over").isEqualTo(token);
      assertThat(failures(connection)).as("nothing was initialized again").isEmpty();
      // The last loss is told of first, and every few seconds how the stream is.
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          rows(
                              connection,
                              "SELECT DISTINCT check_name, severity FROM pgtrickle.health_check()"
                                  + " WHERE check_name IN ('stream', 'stream_lost') ORDER BY 1"))
                      .containsExactly("stream|OK", "stream_lost|WARNING"));
    }
  }

  @Test
  void contentsAreExactAfterRandomFaults() throws Exception {
    randomFaults(System.nanoTime(), 10);
  }

  @Test
  @Tag("soak")
  void contentsAreExactAfterManyRandomFaults() throws Exception {
    randomFaults(System.nanoTime(), 200);
  }

  @Test
  void aConnectionCutWithoutAWordIsNoticed() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        FaultProxy proxy = new FaultProxy(LiveDatabase.server().port());
        Connection connection = database.connect()) {
      var sidecar = database.startSidecarAt(proxy.port());
      assertThat(sidecar.awaitReady(PATIENCE)).isTrue();
      prepare(connection);
      proxy.halfOpen();
      // No process of the server knows of the cut, and no socket of ours.
      new Shop(1).transaction(connection);
      await().atMost(PATIENCE).until(() -> !sidecar.awaitReady(Duration.ZERO));
      await().atMost(PATIENCE).until(() -> sidecar.awaitReady(Duration.ofSeconds(1)));
      assertExact(connection);
    }
  }

  @Test
  void aStreamThatAloneIsCutWithoutAWordIsConnectedAgain() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        FaultProxy proxy = new FaultProxy(LiveDatabase.server().port());
        Connection connection = database.connect()) {
      assertThat(database.startSidecarAt(proxy.port()).awaitReady(PATIENCE)).isTrue();
      prepare(connection);
      String token = token(connection);
      proxy.halfOpen(
          Integer.parseInt(
              Objects.requireNonNull(
                  value(
                      connection,
                      "SELECT a.client_port FROM pg_replication_slots s JOIN pg_stat_activity a"
                          + " ON a.pid = s.active_pid WHERE s.database = current_database()"))));
      new Shop(1).transaction(connection);
      await().atMost(PATIENCE).until(() -> losses(connection) == 1);
      assertExact(connection);
      assertThat(token(connection)).as("the sidecar has not started over").isEqualTo(token);
      assertThat(failures(connection)).as("nothing was initialized again").isEmpty();
    }
  }

  private static void randomFaults(long seed, int faults) throws Exception {
    Random random = new Random(seed);
    try (LiveDatabase database = LiveDatabase.create();
        FaultProxy proxy = new FaultProxy(LiveDatabase.server().port());
        Connection connection = database.connect();
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      assertThat(database.startSidecarAt(proxy.port()).awaitReady(PATIENCE)).isTrue();
      prepare(connection);
      AtomicBoolean stop = new AtomicBoolean();
      Future<Long> first = threads.submit(() -> write(database, seed, stop));
      Future<Long> second = threads.submit(() -> write(database, seed + 1, stop));
      try {
        for (int i = 0; i < faults; i++) {
          switch (random.nextInt(5)) {
            case 0 -> proxy.cut();
            case 1 -> proxy.cutOne(random);
            case 2 -> endWalsender(connection);
            case 3 -> proxy.delay(Duration.ofMillis(random.nextInt(20)));
            default -> proxy.delay(Duration.ZERO);
          }
          long until = System.nanoTime() + random.nextInt(1_000) * 1_000_000L;
          await().pollInterval(Duration.ofMillis(20)).until(() -> System.nanoTime() - until > 0);
        }
      } finally {
        proxy.delay(Duration.ZERO);
        stop.set(true);
      }
      assertThat(first.get() + second.get()).as("seed %d", seed).isPositive();
      assertExact(connection);
    } catch (AssertionError e) {
      throw new AssertionError("seed " + seed, e);
    }
  }

  private static void prepare(Connection connection) throws SQLException {
    run(connection, Shop.SCHEMA);
    run(
        connection,
        "CREATE TABLE entries (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, v int)");
    streamTable(connection, "by_customer", QUERY, "DIFFERENTIAL");
    streamTable(connection, "joined", JOINED, "DIFFERENTIAL");
  }

  private static long write(LiveDatabase database, long seed, AtomicBoolean stop)
      throws SQLException {
    Shop shop = new Shop(seed);
    long n = 0;
    try (Connection connection = database.connect()) {
      while (!stop.get()) {
        try {
          shop.transaction(connection);
          n++;
        } catch (SQLException e) {
          // Two writers with the same keys: one of them loses. Its transaction is rolled back.
          if (!Objects.requireNonNull(e.getSQLState()).startsWith("40")
              && !e.getSQLState().equals("23505")) {
            throw e;
          }
          run(connection, "ROLLBACK");
        }
      }
    }
    return n;
  }

  private static void endWalsender(Connection connection) throws SQLException {
    run(
        connection,
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
            + " WHERE database = current_database() AND active_pid IS NOT NULL");
  }

  private static long losses(Connection connection) throws SQLException {
    return Long.parseLong(
        Objects.requireNonNull(
            value(connection, "SELECT losses FROM pgtrickle_internal.pgt_capture")));
  }

  private static String token(Connection connection) throws SQLException {
    return Objects.requireNonNull(
        value(connection, "SELECT fencing_token FROM pgtrickle_internal.pgt_progress"));
  }

  private static List<String> failures(Connection connection) throws SQLException {
    return rows(
        connection, "SELECT * FROM pgtrickle.pgt_refresh_history WHERE status <> 'COMPLETED'");
  }

  private static void assertExact(Connection connection) {
    await()
        .atMost(Duration.ofMinutes(2))
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              ready(connection, "by_customer");
              ready(connection, "joined");
              sync(connection);
              assertThat(differences(connection, "by_customer", QUERY)).isEmpty();
              assertThat(differences(connection, "joined", JOINED)).isEmpty();
            });
  }
}
