package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differencesByClock;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.engine.DatabaseUrl;
import io.pgtrickle.engine.catalog.Installer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A sidecar of its own process is killed at random moments while transactions go on, also while it
/// recovers, and the server with it, and must come back as if nothing had been: exact, by its
/// checkpoint, and without taking back what anybody has seen.
final class KillsIT {
  // Each round starts a JVM, on machines that may have better things to do.
  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final Pattern RESTORED =
      Pattern.compile("(\\d+) of (\\d+) stream tables go on from the checkpoint");

  // What a restart can get wrong: private operator state, state shared by several, chains, output
  // that a schedule or a gate held back and its readers, a FULL evaluation and its readers, rows in
  // error, what has come and gone by the time alone.
  private static final Map<String, String> TABLES = new LinkedHashMap<>();

  static {
    TABLES.put(
        "k_groups",
        "SELECT a.g, count(*) AS n, sum(b.v) AS s, min(b.v) AS least FROM ka a"
            + " JOIN kb b ON b.a = a.id GROUP BY a.g");
    TABLES.put("k_join", "SELECT b.id, b.v, a.g FROM kb b LEFT JOIN ka a ON a.id = b.a");
    TABLES.put("k_chain", "SELECT n, count(*) AS groups FROM k_groups GROUP BY n");
    TABLES.put("k_slow", "SELECT a, count(*) AS n FROM kb GROUP BY a");
    TABLES.put("k_over_slow", "SELECT a.id, s.n, a.g FROM ka a JOIN k_slow s ON s.a = a.id");
    TABLES.put("k_full", "SELECT g, count(*) AS n FROM ka GROUP BY g");
    TABLES.put("k_over_full", "SELECT f.g, f.n, b.id FROM k_full f JOIN kb b ON b.v = f.g");
    TABLES.put("k_errors", "SELECT id, 100 / v AS q FROM kb WHERE v < 3");
    TABLES.put("k_recent", "SELECT id, v FROM kb WHERE at > now() - interval '1 second'");
    TABLES.put("k_over_recent", "SELECT v, count(*) AS n FROM k_recent GROUP BY v");
    TABLES.put("k_over_errors", "SELECT q, count(*) AS n FROM k_errors GROUP BY q");
  }

  private static final String CHANNEL = "kills";

  @TempDir Path directory;

  @Test
  void killsAtAnyMomentLoseNothing() throws Exception {
    kills(10, 1);
  }

  @Test
  @Tag("soak")
  void hundredsOfKillsLoseNothing() throws Exception {
    kills(200, System.nanoTime());
  }

  private void kills(int wanted, long seed) throws Exception {
    try (Scene scene = new Scene(new Random(seed));
        Witness witness = Witness.start(scene::connect, CHANNEL)) {
      Map<String, Long> refreshes = new HashMap<>();
      scene.awaitSettled("before the first kill, seed " + seed, refreshes);
      int rounds = 0;
      int restored = 0;
      while (scene.kills < wanted) {
        String when = "round %d, %d kills, seed %d".formatted(++rounds, scene.kills, seed);
        // Little to be replayed, and much.
        scene.checkpointEvery(rounds % 2 == 0 ? "150 ms" : "20 s");
        scene.underLoad(Trouble.values()[rounds % Trouble.values().length]);
        scene.awaitSettled(when, refreshes);
        assertThat(witness.objections()).as(when).isEmpty();
        restored += scene.restored();
      }
      assertThat(witness.notifications()).isPositive();
      scene.stop();
      assertNothingLeftOver();
      assertThat(restored)
          .as("stream tables that came back by a checkpoint, of %s", rounds * TABLES.size())
          .isGreaterThan(rounds * TABLES.size() / 3);
    }
  }

  /// What happens in a round.
  private enum Trouble {
    /// The sidecar is killed, and again while it recovers.
    TWO_KILLS,
    /// A kill, after which the server recovers from the loss of a session.
    KILL_AND_CRASH,
    /// The server is gone, and its sidecar killed while that waits for it.
    SHUTDOWN_AND_KILL,
    /// The server goes while the sidecar, which was killed, recovers.
    KILL_AND_SHUTDOWN
  }

  /// A server, and a sidecar that follows it.
  private final class Scene implements AutoCloseable {
    private final Random random;
    private final int port;
    private OwnServer server;
    private Process sidecar;
    private int starts;
    private int kills;

    Scene(Random random) throws Exception {
      this.random = random;
      server = OwnServer.start(directory.resolve("data"), 0, Map.of());
      port = server.port();
      try (Connection connection = connect()) {
        Installer.install(connection);
        define(connection);
      }
      sidecar = start();
    }

    void underLoad(Trouble trouble) throws Exception {
      AtomicBoolean stop = new AtomicBoolean();
      try (ExecutorService threads = Executors.newSingleThreadExecutor()) {
        long writes = random.nextLong();
        Future<Integer> writer = threads.submit(() -> write(writes, stop));
        try {
          moment(100, 1500);
          cause(trouble);
          moment(500, 2500);
        } finally {
          stop.set(true);
        }
        assertThat(writer.get()).isPositive();
      }
    }

    void cause(Trouble trouble) throws Exception {
      switch (trouble) {
        case TWO_KILLS -> {
          kill();
          sidecar = start();
          moment(100, 2000);
          kill();
          sidecar = start();
        }
        case KILL_AND_CRASH -> {
          kill();
          crash();
          sidecar = start();
        }
        case SHUTDOWN_AND_KILL -> {
          server.crash();
          moment(1, 500);
          kill();
          sidecar = start();
          moment(1, 1500);
          restart();
        }
        case KILL_AND_SHUTDOWN -> {
          kill();
          sidecar = start();
          moment(100, 2500);
          server.crash();
          restart();
        }
      }
    }

    // Not a wait for something to happen: the moment is to be a random one.
    void moment(int least, int more) throws Exception {
      assertThat(sidecar.waitFor(least + random.nextInt(more), TimeUnit.MILLISECONDS))
          .as("the sidecar ended by itself: %s", log())
          .isFalse();
    }

    void kill() throws InterruptedException {
      sidecar.destroyForcibly().waitFor();
      kills++;
    }

    void restart() throws IOException {
      server = OwnServer.start(directory.resolve("data"), port, Map.of());
    }

    Connection connect() throws SQLException {
      DatabaseUrl url = OwnServer.urlAt(port);
      return DriverManager.getConnection(url.jdbcUrl(), url.properties());
    }

    void checkpointEvery(String interval) throws SQLException {
      try (Connection connection = connect()) {
        run(connection, "SELECT pgtrickle.set_config('checkpoint_interval', '" + interval + "')");
      }
    }

    Process start() throws IOException {
      starts++;
      return LiveDatabase.startProcess(
          OwnServer.urlAt(port), directory.resolve("state"), logFile(), "256m");
    }

    Path logFile() {
      return directory.resolve(starts + ".log");
    }

    String log() throws IOException {
      return Files.readString(logFile(), UTF_8);
    }

    // As of the last tenure.
    int restored() throws IOException {
      int restored = 0;
      for (Matcher matcher = RESTORED.matcher(log()); matcher.find(); ) {
        restored = Integer.parseInt(matcher.group(1));
      }
      return restored;
    }

    // Until told to stop, through crashes of the server; returns how many transactions were made.
    int write(long seed, AtomicBoolean stop) {
      Random choices = new Random(seed);
      int transactions = 0;
      while (!stop.get()) {
        try (Connection connection = connect()) {
          while (!stop.get()) {
            transaction(connection, choices);
            transactions++;
          }
        } catch (SQLException e) {
          // The server crashes by intention; it comes back.
          Thread.onSpinWait();
        }
      }
      return transactions;
    }

    // The postmaster takes a backend that was killed hard for a crash, and recovers all of them.
    void crash() throws SQLException {
      try (Connection connection = connect()) {
        String pid = Objects.requireNonNull(value(connection, "SELECT pg_backend_pid()"));
        assertThat(ProcessHandle.of(Long.parseLong(pid)).orElseThrow().destroyForcibly()).isTrue();
      }
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(50))
          .ignoreExceptions()
          .until(
              () -> {
                try (Connection connection = connect()) {
                  return "1".equals(value(connection, "SELECT 1"));
                }
              });
    }

    void awaitSettled(String when, Map<String, Long> refreshes) {
      await(when)
          .atMost(PATIENCE)
          .ignoreExceptionsInstanceOf(SQLException.class)
          .untilAsserted(
              () -> {
                try (Connection connection = connect()) {
                  settled(connection, when, refreshes);
                }
              });
    }

    void stop() throws Exception {
      sidecar.destroy();
      assertThat(sidecar.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    }

    @Override
    public void close() throws IOException {
      sidecar.destroyForcibly().onExit().join();
      server.close();
    }
  }

  private static void define(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE ka (id int PRIMARY KEY, g int)",
        "CREATE TABLE kb (id int PRIMARY KEY, a int, v int, at timestamptz DEFAULT now())",
        "INSERT INTO ka SELECT i, i % 5 FROM generate_series(1, 50) i",
        "INSERT INTO kb SELECT i, i % 60, 1 + i % 7 FROM generate_series(1, 500) i",
        "SELECT pgtrickle.set_config('checkpoint_interval', '150 ms')");
    for (Map.Entry<String, String> table : TABLES.entrySet()) {
      String schedule = table.getKey().equals("k_slow") ? "1s" : "calculated";
      String mode = table.getKey().equals("k_full") ? "FULL" : "DIFFERENTIAL";
      try (var create =
          connection.prepareStatement(
              "SELECT pgtrickle.create_stream_table(?, ?, schedule => ?, refresh_mode => ?)")) {
        create.setString(1, table.getKey());
        create.setString(2, table.getValue());
        create.setString(3, schedule);
        create.setString(4, mode);
        create.execute();
      }
      run(connection, "SELECT pgtrickle.subscribe('" + table.getKey() + "', '" + CHANNEL + "')");
    }
  }

  private static void transaction(Connection connection, Random random) throws SQLException {
    int id = 1 + random.nextInt(600);
    int a = random.nextInt(60);
    connection.setAutoCommit(false);
    run(
        connection,
        switch (random.nextInt(8)) {
          case 0 -> "DELETE FROM kb WHERE id = " + id;
          case 1 -> "UPDATE kb SET a = " + a + " WHERE id BETWEEN " + id + " AND " + (id + 3);
          case 2 -> "UPDATE ka SET g = " + random.nextInt(6) + " WHERE id = " + a;
          case 3 -> "DELETE FROM ka WHERE id = " + a;
          case 4 -> "INSERT INTO ka VALUES (" + a + ", 3) ON CONFLICT (id) DO NOTHING";
          // A row that cannot be evaluated, for a while.
          case 5 -> "UPDATE kb SET v = 0 WHERE id = " + (1 + random.nextInt(3));
          case 6 -> "UPDATE kb SET v = 1 + id % 4 WHERE v = 0";
          default ->
              "INSERT INTO kb VALUES (%d, %d, %d) ON CONFLICT (id) DO UPDATE SET v = excluded.v"
                  .formatted(id, a, 1 + random.nextInt(7));
        });
    if (random.nextInt(60) == 0) {
      // What reads ka is held back for a time, what reads that is not.
      String gate = random.nextBoolean() ? "gate_source" : "ungate_source";
      run(connection, "SELECT pgtrickle." + gate + "('ka')");
    }
    if (random.nextInt(3) == 0) {
      run(connection, "UPDATE ka SET g = g + 1 WHERE id = " + random.nextInt(50));
    }
    if (random.nextInt(10) == 0) {
      connection.rollback();
    } else {
      connection.commit();
    }
    connection.setAutoCommit(true);
  }

  private static void settled(Connection connection, String when, Map<String, Long> refreshes)
      throws SQLException {
    run(
        connection,
        "UPDATE kb SET v = 1 + id % 4 WHERE v = 0",
        "SELECT pgtrickle.ungate_source('ka')");
    for (String table : TABLES.keySet()) {
      ready(connection, table);
    }
    sync(connection);
    TABLES.forEach(
        (table, query) -> {
          try {
            assertThat(differencesByClock(connection, table, query))
                .as("%s, %s", table, when)
                .isEmpty();
          } catch (SQLException e) {
            throw new IllegalStateException(e);
          }
        });
    for (String row :
        rows(
            connection,
            "SELECT table_name, refresh_id FROM pgtrickle.pgt_state"
                + " JOIN pgtrickle.pgt_definitions USING (pgt_id)")) {
      String[] columns = row.split("\\|", 2);
      long now = Long.parseLong(columns[1]);
      assertThat(now)
          .as("refreshes of %s, %s", columns[0], when)
          .isGreaterThanOrEqualTo(refreshes.getOrDefault(columns[0], 0L));
      refreshes.put(columns[0], now);
    }
  }

  // Two checkpoints and what they refer to; nothing unfinished.
  private void assertNothingLeftOver() throws IOException {
    try (Stream<Path> files = Files.walk(directory.resolve("state"))) {
      List<String> names =
          files.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).toList();
      assertThat(names).noneMatch(name -> name.endsWith(".tmp"));
      assertThat(names.stream().filter(name -> name.startsWith("MANIFEST-"))).hasSize(2);
      assertThat(names.size()).as("files of state: %s", names).isLessThan(120);
    }
  }
}
