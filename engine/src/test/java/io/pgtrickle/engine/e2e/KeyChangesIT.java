package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Contents whose rows the key of the query does not tell apart are replaced all the same.
final class KeyChangesIT {
  private LiveDatabase database;
  private Connection connection;

  @BeforeEach
  void start() throws Exception {
    database = LiveDatabase.start();
    connection = database.connect();
    run(
        connection,
        "CREATE TABLE src (id int PRIMARY KEY, g int, t text, v int)",
        "INSERT INTO src SELECT i, i % 5, CASE WHEN i % 4 > 0 THEN 't' || i % 4 END, i % 3"
            + " FROM generate_series(1, 40) i");
  }

  @AfterEach
  void close() throws SQLException {
    connection.close();
    database.close();
  }

  /// Queries of the same columns; the one before yields rows that the key of the one after does not
  /// tell apart.
  enum Change {
    TO_AN_INTEGER_KEY("SELECT g, v FROM src", "SELECT g, max(v) AS v FROM src GROUP BY g"),
    TO_A_TEXT_KEY("SELECT t, v FROM src", "SELECT t, max(v) AS v FROM src GROUP BY t"),
    TO_ONE_ROW("SELECT g, v FROM src", "SELECT max(g) AS g, max(v) AS v FROM src"),
    TO_ANOTHER_KEY(
        "SELECT id, min(g) AS g FROM src GROUP BY id",
        "SELECT max(id) AS id, g FROM src GROUP BY g"),
    FROM_COPIES("SELECT 1 AS g, 2 AS v FROM src", "SELECT DISTINCT 1 AS g, 2 AS v FROM src"),
    FROM_AN_EMPTY_TABLE_WITH_A_KEY(
        "SELECT g, max(v) AS v FROM src WHERE v > 100 GROUP BY g", "SELECT g, v FROM src");

    private final String before;
    private final String after;

    Change(String before, String after) {
      this.before = before;
      this.after = after;
    }
  }

  private void assertFollows(String query) throws SQLException {
    ready(connection, "st");
    sync(connection);
    assertThat(differences(connection, "st", query)).isEmpty();
    run(
        connection,
        "UPDATE src SET v = v + 5 WHERE id % 7 = 0",
        "DELETE FROM src WHERE id % 11 = 0",
        "INSERT INTO src VALUES (100, 100, 'new', 100)");
    sync(connection);
    assertThat(differences(connection, "st", query)).isEmpty();
  }

  private static String alter(String query) {
    return "SELECT pgtrickle.alter_stream_table('st', query => $q$" + query + "$q$)";
  }

  @ParameterizedTest
  @EnumSource
  void alteringReplacesTheContents(Change change) throws SQLException {
    streamTable(connection, "st", change.before, "DIFFERENTIAL");
    String relation = LiveDatabase.value(connection, "SELECT 'st'::regclass::oid");
    run(connection, alter(change.after));
    assertFollows(change.after);
    assertThat(LiveDatabase.value(connection, "SELECT 'st'::regclass::oid"))
        .as("the table is the same")
        .isEqualTo(relation);
    assertThat(
            rows(
                connection,
                "SELECT count(*) FROM pg_index WHERE indrelid = 'st'::regclass AND indisvalid"))
        .as("one index, or none where there is one row")
        .containsExactly(change == Change.TO_ONE_ROW ? "0" : "1");
  }

  @Test
  void alteringReplacesTheContentsOfAnotherOwner() throws SQLException {
    run(
        connection,
        "CREATE ROLE keys_owner LOGIN",
        "ALTER TABLE src OWNER TO keys_owner",
        "GRANT CREATE, USAGE ON SCHEMA public TO keys_owner");
    try (Connection owner = database.connectAs("keys_owner")) {
      streamTable(owner, "st", Change.TO_AN_INTEGER_KEY.before, "DIFFERENTIAL");
      run(owner, alter(Change.TO_AN_INTEGER_KEY.after));
      assertFollows(Change.TO_AN_INTEGER_KEY.after);
    } finally {
      run(connection, "SELECT pgtrickle.drop_stream_table('st')");
      run(connection, "DROP OWNED BY keys_owner CASCADE", "DROP ROLE keys_owner");
    }
  }

  @Test
  void contentsAreReplacedWhenNoRowFailsAnyMore() throws SQLException {
    streamTable(connection, "st", Change.TO_AN_INTEGER_KEY.before, "DIFFERENTIAL");
    String query = "SELECT g, max(10 / v) AS v FROM src GROUP BY g";
    run(connection, alter(query));
    await()
        .atMost(PATIENCE)
        .until(() -> LiveDatabase.status(connection, "st").equals("ERROR 22012"));
    run(connection, "UPDATE src SET v = 3 WHERE v = 0");
    await().atMost(PATIENCE).until(() -> LiveDatabase.status(connection, "st").equals("ACTIVE"));
    assertFollows(query);
  }

  /// The index is of use to readers, and an update of the other columns does not touch it.
  @Test
  void groupsAreFoundByTheKeyOfATableAlone() throws SQLException {
    String query =
        "SELECT a.id, a.t, a.g, b.v, count(*) AS n FROM src a JOIN src b ON b.g = a.id"
            + " GROUP BY a.id, a.t, a.g, b.v";
    streamTable(connection, "st", query, "DIFFERENTIAL");
    int version = connection.getMetaData().getDatabaseMajorVersion();
    assertThat(
            rows(
                connection,
                "SELECT indisunique, pg_get_indexdef(indexrelid) ~ '[(]id, v[)]|ROW[(]id, v[)]'"
                    + " FROM pg_index WHERE indrelid = 'st'::regclass"))
        .containsExactly(version >= 15 ? "t|t" : "f|t");
    run(connection, "UPDATE src SET t = 'other', g = g + 1 WHERE id < 20");
    sync(connection);
    assertThat(differences(connection, "st", query)).isEmpty();
  }

  /// A key that is gone tells nothing apart any more, whatever the replica identity is.
  @Test
  void groupsAreNotToldApartByAKeyThatIsGone() throws SQLException {
    String query = "SELECT id, t, count(*) AS n FROM src GROUP BY id, t";
    String rows = "SELECT t, id FROM src";
    run(connection, "ALTER TABLE src REPLICA IDENTITY FULL");
    streamTable(connection, "st", query, "DIFFERENTIAL");
    streamTable(connection, "plain", rows, "DIFFERENTIAL");
    run(
        connection,
        "BEGIN",
        "ALTER TABLE src DROP CONSTRAINT src_pkey",
        "INSERT INTO src SELECT id, g, 'another', v FROM src",
        "COMMIT");
    await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(SQLException.class)
        .untilAsserted(
            () -> {
              run(connection, "SELECT pgtrickle.wait_until_ready('st', '1 s')");
              run(connection, "SELECT pgtrickle.wait_until_ready('plain', '1 s')");
              run(connection, "SELECT pgtrickle.sync(timeout => '1 s')");
              assertThat(differences(connection, "st", query)).isEmpty();
              assertThat(differences(connection, "plain", rows)).isEmpty();
            });
    // One that is added disturbs nobody.
    run(
        connection,
        "DELETE FROM src WHERE t = 'another'",
        "ALTER TABLE src ADD PRIMARY KEY (id)",
        "UPDATE src SET t = 'last'");
    sync(connection);
    assertThat(differences(connection, "st", query)).isEmpty();
  }

  @Test
  void rowThatWasDuplicatedByHandIsGoneWhenItsKeyChanges() throws SQLException {
    String query = "SELECT t, max(v) AS v FROM src GROUP BY t";
    streamTable(connection, "st", query, "DIFFERENTIAL");
    run(
        connection,
        "SET session_replication_role = replica",
        "INSERT INTO st SELECT * FROM st WHERE t = 't1'",
        "RESET session_replication_role",
        "UPDATE src SET v = 50 WHERE id = 1");
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(differences(connection, "st", query)).isEmpty());
    assertFollows(query);
    assertThat(List.of(LiveDatabase.status(connection, "st"))).containsExactly("ACTIVE");
  }
}
