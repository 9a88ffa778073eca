package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Somebody has a source locked while stream tables are created, and keeps it so.
final class LockedSourcesIT {
  private static final int READERS = 7;

  /// The first keeps it from being published, the second its readers from being looked at.
  @ParameterizedTest
  @ValueSource(strings = {"ROW EXCLUSIVE", "ACCESS EXCLUSIVE"})
  void whoReadsSomethingElseDoesNotWaitAndWhoReadsItWaitsOnce(String mode) throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection locker = database.connect();
        ExecutorService locks = Executors.newSingleThreadExecutor()) {
      run(
          connection,
          "CREATE TABLE locked (id int PRIMARY KEY, v int)",
          "INSERT INTO locked SELECT i, nullif(i % 5, 0) FROM generate_series(1, 50) i",
          "CREATE TABLE free (id int PRIMARY KEY, v int)",
          "INSERT INTO free SELECT i, nullif(i % 3, 0) FROM generate_series(1, 50) i");
      Map<String, String> readers = new LinkedHashMap<>();
      for (int i = 0; i < READERS; i++) {
        readers.put(
            "reader_" + i, "SELECT v, count(*) AS n FROM locked WHERE id > " + i + " GROUP BY v");
      }
      Map<String, String> others = new LinkedHashMap<>();
      others.put("other", "SELECT v, count(*) AS n FROM free GROUP BY v");
      others.put("over_other", "SELECT n, count(*) AS m FROM other GROUP BY n");
      // With a copy to be made, the second lock would be waited for by the copy.
      streamTable(connection, "before", "SELECT id, v FROM free", "DIFFERENTIAL");
      connection.setAutoCommit(false);
      create(connection, readers);
      create(connection, others);
      locker.setAutoCommit(false);
      // Whoever waits for it has it before anybody looks at what is committed.
      Future<?> lock = locks.submit(() -> lock(locker, mode));
      try (Connection observer = database.connect()) {
        awaitLock(observer, mode);
      }
      connection.commit();
      lock.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      connection.setAutoCommit(true);
      for (String other : others.keySet()) {
        ready(connection, other);
      }
      run(
          connection,
          "INSERT INTO free VALUES (51, 1), (52, NULL)",
          "DELETE FROM free WHERE id = 3");
      for (String other : others.keySet()) {
        run(connection, "SELECT pgtrickle.sync('%s', '60 s')".formatted(other));
      }
      requireAgreement(connection, others);
      // One after the other would take longer than is waited for here.
      Set<String> refused = new HashSet<>();
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                for (String reader : readers.keySet()) {
                  String status = status(connection, reader);
                  assertThat(status).doesNotStartWith("ACTIVE");
                  if (status.equals("ERROR 55P03")) {
                    refused.add(reader);
                  }
                }
                return refused.size() == READERS;
              });
      locker.rollback();
      for (String reader : readers.keySet()) {
        // Until it is tried again it is in error.
        await().atMost(PATIENCE).until(() -> status(connection, reader).startsWith("ACTIVE"));
      }
      run(connection, "UPDATE locked SET v = 9 WHERE id < 20", "DELETE FROM locked WHERE id = 30");
      sync(connection);
      requireAgreement(connection, readers);
    }
  }

  /// What fails is tried again after the same pauses as what is locked.
  @ParameterizedTest
  @ValueSource(strings = {"ROW EXCLUSIVE", "ACCESS EXCLUSIVE"})
  void whoIsPutOffForTheSakeOfWhatFailsIsTriedAllTheSame(String mode) throws Exception {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect();
        Connection locker = database.connect()) {
      String query = "SELECT v, count(*) AS n FROM locked GROUP BY v";
      String failing = "SELECT count(*) AS n FROM free";
      run(
          connection,
          "CREATE TABLE locked (id int PRIMARY KEY, v int)",
          "INSERT INTO locked SELECT i, nullif(i % 5, 0) FROM generate_series(1, 50) i",
          "CREATE TABLE free (id int PRIMARY KEY)",
          "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
              + " 'BEGIN RAISE EXCEPTION ''no''; END'");
      // With a copy to be made, the second lock would be waited for by the copy.
      streamTable(connection, "before", "SELECT id FROM free", "DIFFERENTIAL");
      connection.setAutoCommit(false);
      create(connection, Map.of("reader", query, "failing", failing));
      run(
          connection,
          "CREATE TRIGGER refuse BEFORE INSERT ON failing FOR EACH ROW EXECUTE FUNCTION refuse()");
      locker.setAutoCommit(false);
      if (mode.equals("ROW EXCLUSIVE")) {
        lock(locker, mode);
        connection.commit();
      } else {
        try (ExecutorService locks = Executors.newSingleThreadExecutor();
            Connection observer = database.connect()) {
          Future<?> lock = locks.submit(() -> lock(locker, mode));
          awaitLock(observer, mode);
          connection.commit();
          lock.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
      }
      connection.setAutoCommit(true);
      await().atMost(PATIENCE).until(() -> status(connection, "reader").equals("ERROR 55P03"));
      locker.rollback();
      await().atMost(PATIENCE).until(() -> status(connection, "reader").startsWith("ACTIVE"));
      await().atMost(PATIENCE).until(() -> status(connection, "failing").equals("ERROR P0001"));
      run(connection, "DROP TRIGGER refuse ON failing");
      await().atMost(PATIENCE).until(() -> status(connection, "failing").startsWith("ACTIVE"));
      run(
          connection,
          "UPDATE locked SET v = 9 WHERE id < 20",
          "DELETE FROM locked WHERE id = 30",
          "INSERT INTO free VALUES (1)");
      sync(connection);
      requireAgreement(connection, Map.of("reader", query, "failing", failing));
    }
  }

  private static void awaitLock(Connection observer, String mode) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                !rows(
                        observer,
                        "SELECT 1 FROM pg_locks WHERE relation = 'locked'::regclass AND mode ="
                            + " '%sLock' AND (granted OR mode LIKE 'Access%%')"
                                .formatted(lockMode(mode)))
                    .isEmpty());
  }

  private static boolean lock(Connection locker, String mode) throws SQLException {
    run(locker, "LOCK TABLE locked IN " + mode + " MODE");
    return true;
  }

  private static String lockMode(String mode) {
    return mode.equals("ROW EXCLUSIVE") ? "RowExclusive" : "AccessExclusive";
  }

  private static void create(Connection connection, Map<String, String> tables)
      throws SQLException {
    for (Map.Entry<String, String> table : tables.entrySet()) {
      run(
          connection,
          "SELECT pgtrickle.create_stream_table('%s', '%s', refresh_mode => 'DIFFERENTIAL')"
              .formatted(table.getKey(), table.getValue()));
    }
  }

  private static void requireAgreement(Connection connection, Map<String, String> tables)
      throws SQLException {
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }
}
