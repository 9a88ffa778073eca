package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Of a base table those columns are kept that stream tables read, and those by which its rows are
/// told apart; when another one is read, the table is copied again, and nobody notices.
final class ColumnsReadIT {
  private final Map<String, String> tables = new LinkedHashMap<>();
  private LiveDatabase database;
  private Connection connection;

  ColumnsReadIT() throws SQLException {
    database = LiveDatabase.create();
    connection = database.connect();
  }

  @BeforeEach
  void start() throws SQLException, InterruptedException {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  /// @param identity the table's replica identity, which decides what is logged of an old row
  private void createWide(String identity) throws SQLException {
    run(
        connection,
        "CREATE TABLE wide (id int PRIMARY KEY, code text NOT NULL, g int, v numeric, note text,"
            + " big text, at timestamptz, flags bool, UNIQUE (code))",
        "ALTER TABLE wide ALTER big SET STORAGE EXTERNAL",
        "ALTER TABLE wide REPLICA IDENTITY " + identity,
        "INSERT INTO wide SELECT i, 'c' || i, i % 5, i / 4.0, 'note ' || i % 7,"
            + " repeat('b', 5000) || i % 3, now() + i * interval '1 hour', i % 2 = 0"
            + " FROM generate_series(1, 300) i");
  }

  private void define(String name, String query) throws SQLException {
    streamTable(connection, name, query, "DIFFERENTIAL");
    tables.put(name, query);
  }

  private void requireExact() throws SQLException {
    sync(connection);
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }

  private void change() throws SQLException {
    run(
        connection,
        "UPDATE wide SET note = note || '!' WHERE id % 11 = 0",
        "UPDATE wide SET v = v + 1, flags = NOT flags WHERE id % 13 = 0",
        "UPDATE wide SET big = repeat('n', 6000) || id WHERE id % 17 = 0",
        "UPDATE wide SET id = id + 1000, code = code || 'x' WHERE id % 19 = 0",
        "DELETE FROM wide WHERE id % 23 = 0",
        "INSERT INTO wide SELECT max(id) + 1, 'n' || max(id), 2, NULL, NULL, NULL, NULL, NULL"
            + " FROM wide");
  }

  /// The columns that are kept of the only table that a stream table reads.
  private Set<String> kept(String table) throws SQLException {
    JsonNode node =
        new JsonMapper()
            .readTree(
                value(
                    connection,
                    "SELECT pgtrickle.explain_stream_table('%s', 'json')".formatted(table)));
    while (node.path("columns").isMissingNode()) {
      node = node.path("inputs").get(0);
    }
    Set<String> names = new TreeSet<>();
    StreamSupport.stream(node.path("columns").spliterator(), false)
        .forEach(name -> names.add(name.asString()));
    return names;
  }

  private int initializations(String table) throws SQLException {
    return rows(
            connection,
            "SELECT action FROM pgtrickle.get_refresh_history('%s')".formatted(table)
                + " WHERE action = 'REINITIALIZE'")
        .size();
  }

  private String refreshes(String table) throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT refresh_id FROM pgtrickle.pgt_state s JOIN pgtrickle.pgt_definitions d"
                + " USING (pgt_id) WHERE d.table_name = '%s'".formatted(table)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"DEFAULT", "USING INDEX wide_code_key", "FULL"})
  void furtherColumnsAreFetchedWhenTheyAreRead(String identity) throws Exception {
    createWide(identity);
    Set<String> key =
        switch (identity) {
          case "DEFAULT" -> Set.of("id");
          case "FULL" -> Set.of();
          default -> Set.of("code");
        };
    define("sums", "SELECT g, sum(v) AS s, count(*) AS n FROM wide GROUP BY g");
    assertThat(kept("sums")).isEqualTo(union(key, "g", "v"));
    requireExact();
    change();
    requireExact();

    String before = refreshes("sums");
    run(connection, "UPDATE wide SET note = 'another', big = 'small', at = NULL");
    sync(connection);
    assertThat(refreshes("sums")).as("nothing that it reads has changed").isEqualTo(before);

    AtomicBoolean stopped = new AtomicBoolean();
    CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> write(stopped));
    define("notes", "SELECT DISTINCT note, flags FROM wide WHERE v > 10");
    define("large", "SELECT id, big FROM wide WHERE g <> 1");
    stopped.set(true);
    writing.get();
    assertThat(kept("sums")).isEqualTo(union(key, "g", "v", "note", "flags", "id", "big"));
    assertThat(initializations("sums")).isEqualTo(1);
    requireExact();
    change();
    requireExact();
    run(connection, "TRUNCATE wide");
    requireExact();
    run(connection, "INSERT INTO wide (id, code, g, v, big) VALUES (1, 'a', 1, 2, 'c')");
    requireExact();
  }

  private static Set<String> union(Set<String> key, String... others) {
    Set<String> all = new TreeSet<>(key);
    all.addAll(List.of(others));
    return all;
  }

  private void write(AtomicBoolean stopped) {
    try (Connection writer = database.connect()) {
      for (int i = 0; !stopped.get(); i++) {
        run(
            writer,
            "BEGIN",
            "UPDATE wide SET v = v + 1, note = 'n' || %d WHERE id %% 50 = %d".formatted(i, i % 50),
            "UPDATE wide SET g = g + 1 WHERE id %% 40 = %d".formatted(i % 40),
            "DELETE FROM wide WHERE id = " + (100 + i),
            "INSERT INTO wide (id, code, g, v, big, note) VALUES (%d, 'w%d', 3, 1.50, 'b', 'w')"
                .formatted(10_000 + i, i),
            "COMMIT");
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whatIsKeptComesBackAfterARestart() throws Exception {
    createWide("DEFAULT");
    define("sums", "SELECT g, sum(v) AS s FROM wide GROUP BY g");
    define("large", "SELECT id, big FROM wide WHERE g <> 1");
    requireExact();
    requireRestored();

    // Fewer are read after that one is gone, and all that there are still serve.
    run(connection, "SELECT pgtrickle.drop_stream_table('large')");
    tables.remove("large");
    sync(connection);
    requireRestored();

    // Without state only what is read is copied.
    database.stopSidecar();
    database.deleteState();
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    ready(connection, "sums");
    requireExact();
    assertThat(kept("sums")).containsExactly("g", "id", "v");
    change();
    requireExact();
  }

  private void requireRestored() throws SQLException, InterruptedException {
    database.stopSidecar();
    change();
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    requireExact();
    assertThat(initializations("sums")).isEqualTo(1);
    assertThat(kept("sums")).containsExactly("big", "g", "id", "v");
  }

  @Test
  void rowsOfWhichNothingIsReadAreCounted() throws SQLException {
    run(
        connection,
        "CREATE TABLE keyless (a int, b text)",
        "INSERT INTO keyless SELECT i % 3, 'b' FROM generate_series(1, 100) i");
    define("counted", "SELECT count(*) AS n FROM keyless");
    assertThat(kept("counted")).isEmpty();
    requireExact();
    run(
        connection,
        "DELETE FROM keyless WHERE a = 1",
        "UPDATE keyless SET b = 'c'",
        "INSERT INTO keyless VALUES (NULL, NULL)");
    requireExact();
    define("few", "SELECT a, count(*) AS n FROM keyless GROUP BY a");
    assertThat(kept("counted")).containsExactly("a");
    run(connection, "UPDATE keyless SET a = a + 1 WHERE a = 2", "TRUNCATE keyless");
    requireExact();
  }

  @Test
  void readersThatAreBuiltAnewHaveAllTheirColumns() throws SQLException {
    createWide("DEFAULT");
    define("sums", "SELECT g, sum(v) AS s FROM wide GROUP BY g");
    define("notes", "SELECT note, count(*) AS n FROM wide GROUP BY note");
    define("large", "SELECT id, big FROM wide");
    run(connection, "ALTER TABLE wide ALTER v TYPE numeric USING v * 2");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              for (String table : tables.keySet()) {
                assertThat(initializations(table)).as(table).isGreaterThan(1);
              }
            });
    for (String table : tables.keySet()) {
      ready(connection, table);
      assertThat(initializations(table)).as(table).isEqualTo(2);
    }
    assertThat(kept("sums")).containsExactly("big", "g", "id", "note", "v");
    change();
    requireExact();
    // A column more changes the shape of what is scanned: all are built anew, with all they read.
    run(connection, "ALTER TABLE wide ADD extra int DEFAULT 7");
    define("extras", "SELECT extra, count(*) AS n FROM wide GROUP BY extra");
    for (String table : tables.keySet()) {
      ready(connection, table);
    }
    requireExact();
    assertThat(kept("sums")).containsExactly("big", "extra", "g", "id", "note", "v");
    change();
    requireExact();
  }

  /// Nobody has noticed yet when the table is copied again.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "ALTER TABLE wide ALTER v TYPE numeric USING v * 2",
        "ALTER PUBLICATION pgtrickle DROP TABLE wide; UPDATE wide SET v = v + 1, g = g + 1",
        "ALTER PUBLICATION pgtrickle DROP TABLE wide; DELETE FROM wide WHERE id % 2 = 0;"
            + " ALTER PUBLICATION pgtrickle ADD TABLE wide",
        "ALTER TABLE wide DROP g; ALTER TABLE wide ADD g int; UPDATE wide SET g = id % 3",
        "BEGIN; TRUNCATE wide; INSERT INTO wide (id, code, g, v) VALUES (1, 'a', 1, 2); COMMIT"
      })
  void whatHappenedJustBeforeIsNotHiddenByTheCopy(String ddl) throws SQLException {
    createWide("DEFAULT");
    define("sums", "SELECT g, sum(v) AS s, count(*) AS n FROM wide GROUP BY g");
    requireExact();
    run(connection, ddl);
    define("notes", "SELECT note, count(*) AS n FROM wide GROUP BY note");
    awaitExact();
    change();
    awaitExact();
  }

  /// Of a batch in which one source is refused, the others are looked at one by one.
  @Test
  void membersOfABatchDoNotTakeColumnsFromEachOther() throws SQLException {
    if (connection.getMetaData().getDatabaseMajorVersion() < 18) {
      // The server refuses no such table.
      return;
    }
    createWide("DEFAULT");
    run(connection, "CREATE TABLE hidden (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)");
    tables.put("sums", "SELECT g, sum(v) AS s FROM wide GROUP BY g");
    tables.put("notes", "SELECT note, count(*) AS n FROM wide GROUP BY note");
    tables.put("large", "SELECT id, big FROM wide");
    connection.setAutoCommit(false);
    for (Map.Entry<String, String> table : tables.entrySet()) {
      create(table.getKey(), table.getValue());
    }
    create("refused", "SELECT a FROM hidden");
    connection.commit();
    connection.setAutoCommit(true);
    for (String table : tables.keySet()) {
      ready(connection, table);
    }
    awaitExact();
    assertThat(kept("sums")).containsExactly("big", "g", "id", "note", "v");
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, "refused")).isEqualTo("ERROR 0A000"));
  }

  private void create(String name, String query) throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('%s', $q$%s$q$, refresh_mode => 'DIFFERENTIAL')"
            .formatted(name, query));
  }

  @Test
  void ofAPartitionedTableAllColumnsAreKept() throws SQLException {
    run(
        connection,
        "CREATE TABLE parts (id int, k int, v int, note text, PRIMARY KEY (id, k))"
            + " PARTITION BY RANGE (k)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parts SELECT i, i % 20, i % 7, 'n' || i % 3 FROM generate_series(1, 50) i");
    define("by_v", "SELECT v, count(*) AS n FROM parts GROUP BY v");
    assertThat(kept("by_v")).containsExactly("id", "k", "note", "v");
    run(connection, "TRUNCATE parts_2");
    define("by_note", "SELECT note, count(*) AS n FROM parts GROUP BY note");
    awaitExact();
    run(connection, "UPDATE parts SET v = v + 1 WHERE id % 3 = 0");
    awaitExact();
    assertThat(initializations("by_v")).isEqualTo(1);
  }

  private void awaitExact() {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                tables.forEach(
                    (table, query) -> {
                      try {
                        assertThat(differences(connection, table, query)).as(table).isEmpty();
                      } catch (SQLException e) {
                        throw new IllegalStateException(e);
                      }
                    }));
  }
}
