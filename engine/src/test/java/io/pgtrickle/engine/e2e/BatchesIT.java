package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Stream tables that are defined together come to be together; what is wrong with one of them is
/// its own matter.
final class BatchesIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void define(Connection connection, String name, String query, String mode)
      throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('%s', $q$%s$q$, refresh_mode => '%s')"
            .formatted(name, query, mode));
  }

  private static void awaitStatus(Connection connection, String table, String status) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, table)).isEqualTo(status));
  }

  private static void requireAgreement(Connection connection, Map<String, String> tables)
      throws SQLException {
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }

  @Test
  void membersInTroubleDoNotConcernTheOthers() throws Exception {
    Map<String, String> good = new LinkedHashMap<>();
    good.put("t_joined", "SELECT f.id, f.v, d.name FROM t_facts f JOIN t_dims d USING (d)");
    good.put("t_grouped", "SELECT d, count(*) AS n, sum(v) AS s FROM t_facts GROUP BY d");
    good.put("t_over", "SELECT name, max(v) AS m FROM t_joined GROUP BY name");
    good.put("t_far", "SELECT DISTINCT note FROM t_others");
    try (Connection connection = database.connect();
        Connection writer = database.connect()) {
      run(
          connection,
          "CREATE TABLE t_facts (id int PRIMARY KEY, d int, v int)",
          "INSERT INTO t_facts SELECT i, i % 10, i % 97 FROM generate_series(0, 20000) i",
          "CREATE TABLE t_dims (d int PRIMARY KEY, name text)",
          "INSERT INTO t_dims SELECT i, 'd' || i % 4 FROM generate_series(0, 9) i",
          "CREATE TABLE t_others (id int PRIMARY KEY, note text)",
          "INSERT INTO t_others SELECT i, 'note ' || i % 5 FROM generate_series(1, 100) i");
      AtomicBoolean stopped = new AtomicBoolean();
      CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> write(writer, stopped));
      connection.setAutoCommit(false);
      for (Map.Entry<String, String> table : good.entrySet()) {
        define(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
      }
      define(connection, "t_failing", "SELECT id, 100 / v AS q FROM t_facts", "DIFFERENTIAL");
      define(connection, "t_full", "SELECT count(*) AS n FROM t_dims", "FULL");
      // All rows of a group of dimensions have the same name.
      define(connection, "t_refused", "SELECT d, name FROM t_dims", "DIFFERENTIAL");
      run(connection, "ALTER TABLE t_refused ADD CONSTRAINT once UNIQUE (name)");
      connection.commit();
      connection.setAutoCommit(true);
      for (String table : good.keySet()) {
        ready(connection, table);
      }
      ready(connection, "t_full");
      awaitStatus(connection, "t_failing", "ERROR 22012");
      awaitStatus(connection, "t_refused", "ERROR 23505");
      stopped.set(true);
      writing.get();

      refusal(connection, "SELECT pgtrickle.sync()");
      requireAgreement(connection, good);
      assertThat(rows(connection, "SELECT count(*) FROM t_failing")).containsExactly("0");
      assertThat(rows(connection, "SELECT count(*) FROM t_refused")).containsExactly("0");

      run(connection, "UPDATE t_facts SET v = 1 WHERE v = 0", "UPDATE t_dims SET name = 'd' || d");
      awaitStatus(connection, "t_failing", "ACTIVE");
      awaitStatus(connection, "t_refused", "ACTIVE");
      sync(connection);
      good.put("t_failing", "SELECT id, 100 / v AS q FROM t_facts");
      good.put("t_refused", "SELECT d, name FROM t_dims");
      requireAgreement(connection, good);
    }
  }

  private static void write(Connection connection, AtomicBoolean stopped) {
    try {
      for (int i = 0; !stopped.get(); i++) {
        run(
            connection,
            "BEGIN",
            "UPDATE t_facts SET v = v + 1, d = (d + 1) %% 10 WHERE id %% 500 = %d"
                .formatted(i % 500),
            "DELETE FROM t_facts WHERE id = " + (1000 + i),
            "INSERT INTO t_facts VALUES (%d, %d, 0)".formatted(100_000 + i, i % 10),
            "UPDATE t_others SET note = 'new %d' WHERE id = %d".formatted(i % 7, i % 100),
            "COMMIT");
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatSharesSourcesStartsFromTheSameMoment() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE s_one (id int PRIMARY KEY, v int)",
          "CREATE TABLE s_two (id int PRIMARY KEY, v int)");
      connection.setAutoCommit(false);
      define(connection, "s_a", "SELECT sum(v) AS s FROM s_one", "DIFFERENTIAL");
      define(connection, "s_b", "SELECT o.id FROM s_one o JOIN s_two t USING (id)", "DIFFERENTIAL");
      define(connection, "s_c", "SELECT max(v) AS m FROM s_two", "DIFFERENTIAL");
      define(connection, "s_d", "SELECT count(*) AS n FROM s_b", "DIFFERENTIAL");
      connection.commit();
      connection.setAutoCommit(true);
      for (String table : List.of("s_a", "s_b", "s_c", "s_d")) {
        ready(connection, table);
      }
      assertThat(
              value(
                  connection,
                  "SELECT count(DISTINCT h.start_time) FROM pgtrickle.pgt_refresh_history h"
                      + " JOIN pgtrickle.pgt_stream_tables t USING (pgt_id)"
                      + " WHERE t.pgt_name IN ('s_a', 's_b', 's_c')"
                      + " AND h.action = 'REINITIALIZE'"))
          .isEqualTo("1");
      run(
          connection,
          "INSERT INTO s_one SELECT i, i FROM generate_series(1, 10) i",
          "INSERT INTO s_two SELECT i, i FROM generate_series(5, 15) i");
      sync(connection);
      assertThat(rows(connection, "SELECT s, m, n FROM s_a, s_c, s_d")).containsExactly("55|15|6");
    }
  }

  @Test
  void aMemberThatIsDroppedMeanwhileLeavesTheOthersAlone() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE g (id int PRIMARY KEY, v int)",
          "INSERT INTO g SELECT i, i % 1000 FROM generate_series(1, 60000) i");
      Map<String, String> tables =
          Map.of("g_all", "SELECT id, v FROM g", "g_sum", "SELECT sum(v) AS s FROM g");
      for (int delay : new int[] {1, 30, 100, 200, 300}) {
        connection.setAutoCommit(false);
        for (Map.Entry<String, String> table : tables.entrySet()) {
          define(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
        }
        define(connection, "g_gone", "SELECT v, count(*) AS n FROM g GROUP BY v", "DIFFERENTIAL");
        connection.commit();
        connection.setAutoCommit(true);
        await().pollDelay(Duration.ofMillis(delay)).until(() -> true);
        run(
            connection,
            "SELECT pgtrickle.drop_stream_table('g_gone')",
            "UPDATE g SET v = -v WHERE id % 100 = 0");
        ready(connection, "g_all");
        ready(connection, "g_sum");
        sync(connection);
        requireAgreement(connection, tables);
        for (String table : tables.keySet()) {
          run(connection, "SELECT pgtrickle.drop_stream_table('" + table + "')");
        }
      }
    }
  }
}
