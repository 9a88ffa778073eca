package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// FULL refreshes, and when tables are refreshed.
final class FullModeIT {
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
  void onlyRowsThatDifferAreWritten() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE scores (id int PRIMARY KEY, v int)",
          "INSERT INTO scores SELECT i, i FROM generate_series(1, 10) i");
      streamTable(
          connection,
          "ranked",
          "SELECT id, v, rank() OVER (ORDER BY v DESC) AS r FROM scores",
          "FULL");
      String before = value(connection, "SELECT xmin FROM ranked WHERE id = 10");
      run(connection, "UPDATE scores SET v = 0 WHERE id = 1");
      run(connection, "SELECT pgtrickle.refresh_stream_table('ranked')");
      assertThat(value(connection, "SELECT v FROM ranked WHERE id = 1")).isEqualTo("0");
      assertThat(value(connection, "SELECT xmin FROM ranked WHERE id = 10")).isEqualTo(before);
      assertThat(
              rows(
                  connection,
                  "SELECT * FROM ranked EXCEPT ALL SELECT id, v, rank() OVER (ORDER BY v DESC) FROM"
                      + " scores"))
          .isEmpty();
    }
  }

  @Test
  void aLimitedQueryFollowsByItself() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE newest (id int PRIMARY KEY)",
          "INSERT INTO newest SELECT generate_series(1, 10)");
      streamTable(connection, "top3", "SELECT id FROM newest ORDER BY id DESC LIMIT 3", "AUTO");
      assertThat(rows(connection, "SELECT * FROM top3 ORDER BY 1")).containsExactly("8", "9", "10");
      run(connection, "INSERT INTO newest VALUES (11)", "DELETE FROM newest WHERE id = 9");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT * FROM top3 ORDER BY 1"))
                      .containsExactly("8", "10", "11"));
    }
  }

  @Test
  void rowsOfChildrenAreRowsOfTheirParent() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE parent (id int PRIMARY KEY)",
          "CREATE TABLE child () INHERITS (parent)",
          "INSERT INTO parent VALUES (1)");
      streamTable(connection, "family", "SELECT id FROM parent", "AUTO");
      sync(connection);
      assertThat(rows(connection, "SELECT * FROM family")).containsExactly("1");
      run(connection, "INSERT INTO child VALUES (2)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT * FROM family ORDER BY 1"))
                      .containsExactly("1", "2"));
    }
  }

  @Test
  void whatAQueryReadsBesidesRowsCountsAsChangedAtEveryDueTime() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE quiet (id int PRIMARY KEY)",
          "CREATE TABLE inside (v int)",
          "CREATE FUNCTION looked_up() RETURNS bigint STABLE LANGUAGE sql"
              + " RETURN (SELECT count(*) FROM inside)",
          "CREATE VIEW hours AS SELECT id, current_timestamp(3) AS v FROM quiet",
          "INSERT INTO quiet VALUES (1)");
      Map<String, String> queries =
          Map.of(
              "clock", "SELECT id, now() AS v FROM quiet",
              "chance", "SELECT id, random() AS v FROM quiet",
              "by_view", "SELECT id, v FROM hours",
              "sampled", "SELECT id, clock_timestamp() AS v FROM quiet TABLESAMPLE BERNOULLI (100)",
              "looks_up", "SELECT id, looked_up() AS v FROM quiet");
      for (Map.Entry<String, String> one : queries.entrySet()) {
        run(
            connection,
            "SELECT pgtrickle.create_stream_table('%s', $$%s$$, schedule => '1s')"
                .formatted(one.getKey(), one.getValue()));
      }
      for (String table : queries.keySet()) {
        LiveDatabase.ready(connection, table);
        assertThat(status(connection, table)).as(table).isEqualTo("ACTIVE");
      }
      // What was written last may have them evaluated once more.
      for (int i = 0; i < 3; i++) {
        for (String table : List.of("clock", "chance", "by_view", "sampled")) {
          String before = value(connection, "SELECT v FROM " + table);
          await(table)
              .atMost(PATIENCE)
              .untilAsserted(
                  () ->
                      assertThat(value(connection, "SELECT v FROM " + table)).isNotEqualTo(before));
        }
      }
      run(connection, "INSERT INTO inside VALUES (1)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(rows(connection, "SELECT v FROM looks_up")).containsExactly("1"));
    }
  }

  @Test
  void jsonIsCarriedAsItIs() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE docs (id int PRIMARY KEY, d json)",
          "INSERT INTO docs VALUES (1, '{\"b\": 1,  \"a\":2}'), (2, NULL)");
      streamTable(connection, "docs_st", "SELECT id, d FROM docs", "AUTO");
      run(
          connection,
          "UPDATE docs SET d = '{\"a\":  3}' WHERE id = 1",
          "INSERT INTO docs VALUES (3, '[]')");
      run(connection, "SELECT pgtrickle.refresh_stream_table('docs_st')");
      assertThat(rows(connection, "SELECT id, d::text FROM docs_st ORDER BY 1"))
          .containsExactly("1|{\"a\":  3}", "2|null", "3|[]");
      run(connection, "DELETE FROM docs WHERE id < 3");
      sync(connection);
      assertThat(rows(connection, "SELECT id, d::text FROM docs_st")).containsExactly("3|[]");
    }
  }

  @Test
  void aDifferentialTableFollowsAFullOne() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE chain (id int PRIMARY KEY, g text, v int)",
          "INSERT INTO chain VALUES (1, 'a', 5), (2, 'b', 6), (3, 'a', 7)");
      streamTable(
          connection, "chain_low", "SELECT id, g, v FROM chain WHERE v > 0", "DIFFERENTIAL");
      streamTable(
          connection,
          "chain_full",
          "SELECT g, v, row_number() OVER (PARTITION BY g ORDER BY v DESC) AS n FROM chain_low",
          "FULL");
      streamTable(
          connection, "chain_top", "SELECT g, v FROM chain_full WHERE n = 1", "DIFFERENTIAL");
      assertThat(rows(connection, "SELECT * FROM chain_top ORDER BY 1"))
          .containsExactly("a|7", "b|6");
      run(
          connection,
          "INSERT INTO chain VALUES (4, 'b', 60), (5, 'c', 1)",
          "DELETE FROM chain WHERE id = 3");
      run(connection, "SELECT pgtrickle.sync('chain_top', '60 s')");
      assertThat(rows(connection, "SELECT * FROM chain_top ORDER BY 1"))
          .containsExactly("a|5", "b|60", "c|1");
    }
  }

  @Test
  void aManualTableChangesOnlyWhenAsked() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE m (id int PRIMARY KEY)", "INSERT INTO m VALUES (1)");
      run(
          connection,
          "SELECT pgtrickle.create_stream_table('m_manual', 'SELECT id FROM m', schedule =>"
              + " 'manual')",
          "SELECT pgtrickle.create_stream_table('m_full', 'SELECT id FROM m LIMIT 99', schedule =>"
              + " 'manual')");
      streamTable(connection, "m_live", "SELECT id FROM m", "DIFFERENTIAL");
      LiveDatabase.ready(connection, "m_manual");
      LiveDatabase.ready(connection, "m_full");
      run(connection, "INSERT INTO m VALUES (2)", "SELECT pgtrickle.sync('m_live')");
      assertThat(rows(connection, "SELECT * FROM m_manual")).containsExactly("1");
      assertThat(rows(connection, "SELECT * FROM m_full")).containsExactly("1");
      for (String table : new String[] {"m_manual", "m_full"}) {
        run(connection, "SELECT pgtrickle.refresh_stream_table('" + table + "')");
        assertThat(rows(connection, "SELECT * FROM " + table + " ORDER BY 1"))
            .as(table)
            .containsExactly("1", "2");
      }
    }
  }

  @Test
  void schedulesAndSuspensionAreChangedInFlight() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TABLE p (id int PRIMARY KEY)", "INSERT INTO p VALUES (1)");
      run(
          connection,
          "SELECT pgtrickle.create_stream_table('p_st', 'SELECT id FROM p', schedule => '1s')");
      streamTable(connection, "p_live", "SELECT id FROM p", "DIFFERENTIAL");
      LiveDatabase.ready(connection, "p_st");
      run(connection, "INSERT INTO p VALUES (2)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT * FROM p_st ORDER BY 1"))
                      .containsExactly("1", "2"));
      run(connection, "SELECT pgtrickle.alter_stream_table('p_st', status => 'PAUSED')");
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  "SUSPENDED"
                      .equals(
                          value(
                              connection,
                              "SELECT status FROM pgtrickle.pgt_stream_tables WHERE pgt_name ="
                                  + " 'p_st'")));
      // The sidecar knows of the pause once a wait for it is refused.
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          LiveDatabase.refusal(connection, "SELECT pgtrickle.sync('p_st')")
                              .getSQLState())
                      .isEqualTo("55000"));
      run(connection, "INSERT INTO p VALUES (3)", "SELECT pgtrickle.sync('p_live')");
      assertThat(rows(connection, "SELECT * FROM p_st ORDER BY 1")).containsExactly("1", "2");
      run(
          connection,
          "SELECT pgtrickle.resume_stream_table('p_st')",
          "SELECT pgtrickle.alter_stream_table('p_st', schedule => 'calculated')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT * FROM p_st ORDER BY 1"))
                      .containsExactly("1", "2", "3"));
    }
  }
}
