package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Stream tables come and go while the world goes on: under writers, inside migrations, undone.
final class LiveCreationIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  @Test
  void creationWhileFourWritersRunIsExact() throws Exception {
    for (int round = 0; round < 4; round++) {
      createUnderLoad("w" + round);
    }
  }

  private static void createUnderLoad(String p) throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    try (Connection connection = database.connect();
        ExecutorService writers = Executors.newFixedThreadPool(4)) {
      run(
          connection,
          "CREATE TABLE %s_a (id int PRIMARY KEY, g int, v int)".formatted(p),
          "CREATE TABLE %s_b (id int PRIMARY KEY, a int, t text)".formatted(p),
          "CREATE TABLE %s_c (k int, v text)".formatted(p),
          "INSERT INTO %s_a SELECT i, i %% 7, i FROM generate_series(1, 2000) i".formatted(p),
          "INSERT INTO %s_b SELECT i, i %% 300, i FROM generate_series(1, 2000) i".formatted(p),
          "INSERT INTO %s_c SELECT i %% 50, i FROM generate_series(1, 1000) i".formatted(p));
      List<Future<Integer>> running = new ArrayList<>();
      for (int w = 0; w < 4; w++) {
        running.add(writers.submit(writer(p, w, stop)));
      }
      Map<String, String> queries =
          Map.of(
              p + "_join",
              "SELECT b.id, a.g, b.t FROM %1$s_a a JOIN %1$s_b b ON b.a = a.id".formatted(p),
              p + "_sum",
              "SELECT a.g, count(*) AS n, sum(a.v) AS s, min(b.t) AS lo FROM %1$s_a a JOIN %1$s_b b ON b.a = a.id GROUP BY a.g"
                  .formatted(p),
              p + "_bag",
              "SELECT k, v FROM %s_c WHERE k < 40".formatted(p),
              p + "_mixed",
              "SELECT a.id, c.v FROM %1$s_a a JOIN %1$s_c c ON c.k = a.id".formatted(p));
      try {
        for (var entry : queries.entrySet()) {
          streamTable(connection, entry.getKey(), entry.getValue(), "DIFFERENTIAL");
        }
      } finally {
        stop.set(true);
      }
      for (Future<Integer> writer : running) {
        assertThat(writer.get()).as("transactions of a writer").isPositive();
      }
      sync(connection);
      for (var entry : queries.entrySet()) {
        assertThat(differences(connection, entry.getKey(), entry.getValue()))
            .as(entry.getKey())
            .isEmpty();
      }
      run(connection, "DELETE FROM %s_b WHERE id %% 3 = 0".formatted(p), "TRUNCATE " + p + "_c");
      sync(connection);
      for (var entry : queries.entrySet()) {
        assertThat(differences(connection, entry.getKey(), entry.getValue()))
            .as(entry.getKey())
            .isEmpty();
        run(connection, "SELECT pgtrickle.drop_stream_table('%s')".formatted(entry.getKey()));
      }
    }
  }

  private static Callable<Integer> writer(String p, int seed, AtomicBoolean stop) {
    return () -> {
      Random random = new Random(seed);
      int transactions = 0;
      try (Connection connection = database.connect()) {
        connection.setAutoCommit(false);
        while (!stop.get()) {
          int id = random.nextInt(500) * 4 + seed;
          switch (random.nextInt(6)) {
            case 0 ->
                run(
                    connection,
                    "INSERT INTO %1$s_a VALUES (%2$s, 1, 2) ON CONFLICT (id) DO UPDATE SET v = %1$s_a.v + 1, g = 3"
                        .formatted(p, id));
            case 1 -> run(connection, "DELETE FROM %s_a WHERE id = %s".formatted(p, id));
            case 2 ->
                run(
                    connection,
                    "UPDATE %s_b SET a = a + 1, t = t || 'x' WHERE id = %s".formatted(p, id));
            case 3 ->
                run(
                    connection,
                    "DELETE FROM %s_b WHERE id = %s".formatted(p, id),
                    "INSERT INTO %s_b VALUES (%s, %s, 'new')"
                        .formatted(p, id, random.nextInt(300)));
            case 4 ->
                run(
                    connection,
                    "INSERT INTO %s_c VALUES (%s, 'n'), (%2$s, 'n')"
                        .formatted(p, random.nextInt(50)));
            default ->
                run(
                    connection,
                    "DELETE FROM %1$s_c WHERE ctid IN (SELECT ctid FROM %1$s_c WHERE k = %2$s LIMIT 1 FOR UPDATE SKIP LOCKED)"
                        .formatted(p, random.nextInt(50)));
          }
          if (random.nextInt(10) == 0) {
            connection.rollback();
          } else {
            connection.commit();
          }
          transactions++;
        }
      }
      return transactions;
    };
  }

  @Test
  void aMigrationCreatesTablesRowsAndAChainInOneTransaction() throws SQLException {
    try (Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      run(
          connection,
          "CREATE TABLE mig (id int PRIMARY KEY, g text, v int)",
          "INSERT INTO mig SELECT i, 'g' || i % 3, i FROM generate_series(1, 30) i",
          "SELECT pgtrickle.create_stream_table('mig_sum', 'SELECT g, sum(v) AS s FROM mig GROUP BY"
              + " g')",
          "SELECT pgtrickle.create_stream_table('mig_big', 'SELECT g, s FROM mig_sum WHERE s >"
              + " 150')",
          "UPDATE mig SET v = v + 1 WHERE id = 1");
      assertThat(refusal(connection, "SELECT pgtrickle.wait_until_ready('mig_sum')").getSQLState())
          .as("waiting for one's own uncommitted definition")
          .isEqualTo("55000");
      connection.rollback();
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_definitions WHERE table_name LIKE 'mig%'"))
          .isEqualTo("0");
      run(
          connection,
          "CREATE TABLE mig (id int PRIMARY KEY, g text, v int)",
          "INSERT INTO mig SELECT i, 'g' || i % 3, i FROM generate_series(1, 30) i",
          "SELECT pgtrickle.create_stream_table('mig_sum', 'SELECT g, sum(v) AS s FROM mig GROUP BY"
              + " g')",
          "SELECT pgtrickle.create_stream_table('mig_big', 'SELECT g, s FROM mig_sum WHERE s >"
              + " 150')",
          "UPDATE mig SET v = v + 1 WHERE id = 1");
      connection.commit();
      connection.setAutoCommit(true);
      ready(connection, "mig_sum");
      ready(connection, "mig_big");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM mig_sum ORDER BY 1"))
          .containsExactly("g0|165", "g1|146", "g2|155");
      assertThat(rows(connection, "SELECT * FROM mig_big ORDER BY 1"))
          .containsExactly("g0|165", "g2|155");
      run(connection, "UPDATE mig SET v = v + 100 WHERE id = 1");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM mig_big ORDER BY 1"))
          .containsExactly("g0|165", "g1|246", "g2|155");
      assertThat(
              value(
                  connection,
                  "SELECT count(*) FROM pgtrickle.pgt_stream_tables WHERE pgt_name LIKE 'mig%'"
                      + " AND effective_refresh_mode = 'DIFFERENTIAL'"))
          .isEqualTo("2");
    }
  }

  @Test
  void aRolledBackCreationLeavesNothing() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE undone (id int PRIMARY KEY)");
      connection.setAutoCommit(false);
      run(connection, "SELECT pgtrickle.create_stream_table('undone_st', 'SELECT id FROM undone')");
      connection.rollback();
      connection.setAutoCommit(true);
      sync(connection);
      assertThat(value(connection, "SELECT to_regclass('undone_st')")).isNull();
      assertThat(
              rows(
                  connection,
                  "SELECT * FROM pgtrickle.pgt_definitions WHERE table_name = 'undone_st'"))
          .isEmpty();
      assertThat(rows(connection, "SELECT * FROM pg_proc WHERE prosrc LIKE '%undone%'")).isEmpty();
      assertThat(published(connection, "undone")).isFalse();
      // The name is free.
      streamTable(connection, "undone_st", "SELECT id FROM undone", "DIFFERENTIAL");
    }
  }

  @Test
  void droppingFreesTheSourcesAndCreatingAgainWorks() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE freed (id int PRIMARY KEY, v int)");
      run(connection, "INSERT INTO freed VALUES (1, 1)");
      for (int round = 0; round < 3; round++) {
        streamTable(connection, "freed_st", "SELECT id, v FROM freed", "DIFFERENTIAL");
        streamTable(connection, "freed_top", "SELECT count(*) AS n FROM freed_st", "DIFFERENTIAL");
        assertThat(published(connection, "freed")).isTrue();
        run(connection, "UPDATE freed SET v = v + 1");
        sync(connection);
        assertThat(differences(connection, "freed_st", "SELECT id, v FROM freed")).isEmpty();
        assertThat(
                refusal(connection, "SELECT pgtrickle.drop_stream_table('freed_st')").getSQLState())
            .isEqualTo("2BP01");
        run(connection, "SELECT pgtrickle.drop_stream_table('freed_st', cascade => true)");
        assertThat(value(connection, "SELECT to_regclass('freed_st')")).isNull();
        assertThat(value(connection, "SELECT to_regclass('freed_top')")).isNull();
        await().atMost(PATIENCE).until(() -> !published(connection, "freed"));
        // What changes while nobody looks must be in the next copy.
        run(connection, "INSERT INTO freed VALUES (" + (round + 10) + ", 0)");
      }
    }
  }

  @Test
  void aStreamTableThatIsDroppedBeforeItIsReadyTroublesNobody() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE hasty (id int PRIMARY KEY)");
      for (int i = 0; i < 10; i++) {
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('hasty_st', 'SELECT id FROM hasty')",
            "SELECT pgtrickle.drop_stream_table('hasty_st')");
      }
      streamTable(connection, "hasty_st", "SELECT id FROM hasty", "DIFFERENTIAL");
      run(connection, "INSERT INTO hasty VALUES (1)");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM hasty_st")).containsExactly("1");
    }
  }

  private static boolean published(Connection connection, String table) throws SQLException {
    return !rows(
            connection, "SELECT * FROM pg_publication_tables WHERE tablename = '" + table + "'")
        .isEmpty();
  }
}
