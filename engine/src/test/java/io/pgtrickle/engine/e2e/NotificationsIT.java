package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
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
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// What a client on `LISTEN` gets to know: everything, summed, and never before the rows are there.
final class NotificationsIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  /// A session that listens, and all it was told.
  private static final class Listener implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final Connection connection;
    private final List<JsonNode> told = new ArrayList<>();

    Listener(String channel) throws SQLException {
      connection = database.connect();
      run(connection, "LISTEN " + channel);
    }

    List<JsonNode> told() throws SQLException {
      PGNotification[] news = connection.unwrap(PGConnection.class).getNotifications(1);
      for (PGNotification one : news == null ? new PGNotification[0] : news) {
        told.add(JSON.readTree(one.getParameter()));
      }
      return told;
    }

    long sum(String field) throws SQLException {
      return told().stream().mapToLong(payload -> payload.path(field).asLong()).sum();
    }

    @Override
    public void close() throws SQLException {
      connection.close();
    }
  }

  @Test
  void theFirstNotificationComesWithTheRowsItSpeaksOf() throws SQLException {
    try (Connection connection = database.connect();
        Listener listener = new Listener("firsts")) {
      run(connection, "CREATE TABLE f (id int PRIMARY KEY, v int)");
      streamTable(connection, "firsts_st", "SELECT id, v FROM f", "DIFFERENTIAL");
      run(connection, "SELECT pgtrickle.subscribe('firsts_st', 'firsts')");
      run(connection, "INSERT INTO f SELECT i, i FROM generate_series(1, 7) i");
      await().atMost(PATIENCE).until(() -> !listener.told().isEmpty());
      // The listener's next statement must see what it was told of.
      assertThat(value(listener.connection, "SELECT count(*) FROM firsts_st")).isEqualTo("7");
      JsonNode payload = listener.told().getFirst();
      assertThat(payload.propertyNames())
          .containsExactlyInAnyOrder(
              "name", "refresh_id", "inserted_count", "deleted_count", "frontier");
      assertThat(payload.path("name").asString()).isEqualTo("public.firsts_st");
      assertThat(payload.path("refresh_id").asLong()).isEqualTo(1);
      assertThat(payload.path("inserted_count").asLong()).isEqualTo(7);
      assertThat(payload.path("deleted_count").asLong()).isZero();
      assertThat(payload.path("frontier").asString()).matches("[0-9A-F]+/[0-9A-F]+");
    }
  }

  @Test
  void manyRefreshesAreSummedIntoFewNotifications() throws SQLException {
    try (Connection connection = database.connect();
        Listener listener = new Listener("sums")) {
      run(connection, "CREATE TABLE s (id int PRIMARY KEY, v int)");
      streamTable(connection, "sums_st", "SELECT id, v FROM s WHERE v >= 0", "DIFFERENTIAL");
      run(
          connection,
          "SELECT pgtrickle.subscribe('sums_st', 'sums')",
          // Long enough for a slow machine to refresh several times.
          "SELECT pgtrickle.set_config('notify_coalesce_ms', '2000')");
      for (int i = 0; i < 200; i++) {
        run(connection, "INSERT INTO s VALUES (" + i + ", " + i + ")");
        sync(connection);
      }
      for (int i = 0; i < 50; i++) {
        run(connection, "DELETE FROM s WHERE id = " + i);
      }
      sync(connection);
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(listener.sum("inserted_count") - listener.sum("deleted_count"))
                    .isEqualTo(150);
                assertThat(listener.sum("inserted_count")).isGreaterThanOrEqualTo(150);
              });
      List<Long> ids = listener.told().stream().map(p -> p.path("refresh_id").asLong()).toList();
      assertThat(ids).isSorted().doesNotHaveDuplicates();
      assertThat(ids.getLast())
          .isEqualTo(
              Long.parseLong(
                  String.valueOf(
                      value(
                          connection,
                          "SELECT refresh_id FROM pgtrickle.pgt_state JOIN"
                              + " pgtrickle.pgt_definitions USING (pgt_id)"
                              + " WHERE table_name = 'sums_st'"))));
      assertThat(listener.told().size()).isLessThan(100);
      run(connection, "SELECT pgtrickle.set_config('notify_coalesce_ms', '250')");
    }
  }

  @Test
  void whatChangedWhileTheSidecarWasDownIsToldWhenItIsBack()
      throws SQLException, InterruptedException {
    try (Connection connection = database.connect();
        Listener listener = new Listener("restarts")) {
      run(connection, "CREATE TABLE r (id int PRIMARY KEY, v int)");
      run(connection, "INSERT INTO r SELECT i, i FROM generate_series(1, 10) i");
      streamTable(connection, "restarts_st", "SELECT id, v FROM r", "DIFFERENTIAL");
      run(connection, "SELECT pgtrickle.subscribe('restarts_st', 'restarts')");
      for (int round = 1; round <= 3; round++) {
        // Two refreshes within one window: the second is still untold when the sidecar goes.
        run(connection, "INSERT INTO r VALUES (" + (round * 100) + ", 0)");
        sync(connection);
        run(connection, "INSERT INTO r VALUES (" + (round * 100 + 1) + ", 0)");
        sync(connection);
        database.stopSidecar();
        run(connection, "INSERT INTO r VALUES (" + (round * 100 + 2) + ", 0)");
        run(connection, "DELETE FROM r WHERE id = " + round);
        assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
        sync(connection);
        long expected = round;
        await()
            .atMost(PATIENCE)
            .untilAsserted(
                () -> {
                  assertThat(listener.sum("inserted_count")).isEqualTo(3 * expected);
                  assertThat(listener.sum("deleted_count")).isEqualTo(expected);
                });
      }
    }
  }

  @Test
  void whoUnsubscribedIsNotTold() throws SQLException {
    try (Connection connection = database.connect();
        Listener gone = new Listener("gone");
        Listener stays = new Listener("stays")) {
      run(connection, "CREATE TABLE u (id int PRIMARY KEY)");
      streamTable(connection, "unsubscribed_st", "SELECT id FROM u", "DIFFERENTIAL");
      run(
          connection,
          "SELECT pgtrickle.subscribe('unsubscribed_st', 'gone')",
          "SELECT pgtrickle.subscribe('unsubscribed_st', 'stays')",
          "SELECT pgtrickle.unsubscribe('unsubscribed_st', 'gone')",
          "INSERT INTO u VALUES (1)");
      await().atMost(PATIENCE).until(() -> !stays.told().isEmpty());
      assertThat(gone.told()).isEmpty();
    }
  }
}
