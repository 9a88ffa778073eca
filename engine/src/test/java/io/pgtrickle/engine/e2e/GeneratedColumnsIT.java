package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Generated columns are columns like others, whether the log has them or not.
final class GeneratedColumnsIT {
  private static final long SEED = 20_261_201;
  private static final int CYCLES = 12;

  /// Rounded to the type, of a collation of its own, NULL at times, and one that only the server
  /// computes.
  private static String columns(String kind) {
    return """
    id int PRIMARY KEY, k int, n numeric(8,3), t text,
    half numeric(6,1) GENERATED ALWAYS AS (n / 2) %1$s,
    name text COLLATE "C" GENERATED ALWAYS AS (coalesce(t, '') || '-' || coalesce(k, 0)::text) %1$s,
    short varchar(3) GENERATED ALWAYS AS (lower(t)::varchar(3)) %1$s,
    parity int GENERATED ALWAYS AS (k %% 3) %1$s,
    digest text GENERATED ALWAYS AS (regexp_replace(t, '(.)b', '[\\1]', 'g') || initcap(t)) %1$s
    """
        .formatted(kind);
  }

  private static final Map<String, String> QUERIES = new LinkedHashMap<>();

  static {
    QUERIES.put("output", "SELECT * FROM items");
    QUERIES.put("filtered", "SELECT id, t FROM items WHERE half > 1.2 AND short <> 'ab'");
    QUERIES.put(
        "joined",
        "SELECT i.id, o.id AS other, o.half FROM items i JOIN items o ON o.id = i.parity");
    QUERIES.put(
        "outer_joined", "SELECT p.id, i.name FROM pairs p LEFT JOIN items i ON i.parity = p.g");
    QUERIES.put(
        "grouped",
        "SELECT parity, count(*) AS c, sum(half) AS s, min(name) AS m, max(short) AS x FROM items"
            + " GROUP BY parity");
    QUERIES.put("sorted", "SELECT id, name FROM items ORDER BY name DESC, id LIMIT 5");
    QUERIES.put("asked", "SELECT digest, count(*) AS c FROM items GROUP BY digest");
    QUERIES.put("whole", "SELECT i.id, to_jsonb(i) AS j FROM items i");
    QUERIES.put(
        "distinct_names", "SELECT DISTINCT short, g FROM items, pairs WHERE pairs.g = items.k");
  }

  private LiveDatabase database;
  private Connection connection;

  @BeforeEach
  void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    connection = database.connect();
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private void require(int version) throws SQLException {
    assumeThat(connection.getMetaData().getDatabaseMajorVersion()).isGreaterThanOrEqualTo(version);
  }

  private void requireKind(String kind) throws SQLException {
    require(kind.equals("VIRTUAL") ? 18 : 14);
  }

  private void define(String name, String query) throws SQLException {
    streamTable(connection, name, query, "DIFFERENTIAL");
  }

  private void requireExact(String table, String query) throws SQLException {
    sync(connection);
    assertThat(differences(connection, table, query)).as(table).isEmpty();
    assertThat(mode(table)).as(table).isEqualTo("DIFFERENTIAL");
  }

  private String mode(String table) throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT effective_refresh_mode FROM pgtrickle.pgt_stream_tables WHERE pgt_name = '%s'"
                .formatted(table)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"STORED", "VIRTUAL"})
  void whateverIsMadeOfThemFollowsTheRowsTheyAreOf(String kind) throws SQLException {
    requireKind(kind);
    run(
        connection,
        "CREATE TABLE items (" + columns(kind) + ")",
        "CREATE TABLE pairs (id int, g bigint GENERATED ALWAYS AS (id % 4) STORED)");
    Random random = new Random(SEED);
    for (int i = 0; i < 20; i++) {
      change(random);
    }
    for (Map.Entry<String, String> one : QUERIES.entrySet()) {
      define(one.getKey(), one.getValue());
    }
    String chain = "SELECT parity, s, upper(m) AS m FROM grouped WHERE c > 1";
    define("chain", chain);
    for (int cycle = 0; cycle < CYCLES; cycle++) {
      for (int i = 0; i < 10; i++) {
        change(random);
      }
      for (Map.Entry<String, String> one : QUERIES.entrySet()) {
        requireExact(one.getKey(), one.getValue());
      }
      requireExact("chain", chain);
    }
  }

  private void change(Random random) throws SQLException {
    int id = random.nextInt(12);
    String k = random.nextInt(4) == 0 ? "NULL" : String.valueOf(random.nextInt(5));
    String n = random.nextInt(4) == 0 ? "NULL" : String.valueOf(random.nextInt(5000) / 1000.0);
    String t = List.of("'ABC'", "'ab'", "'zebra'", "''", "NULL").get(random.nextInt(5));
    switch (random.nextInt(5)) {
      case 0 -> run(connection, "DELETE FROM items WHERE id = " + id);
      case 1 -> run(connection, "UPDATE items SET k = %s WHERE id = %d".formatted(k, id));
      case 2 ->
          run(
              connection,
              "INSERT INTO pairs VALUES (%d), (%d)".formatted(id, id),
              "DELETE FROM pairs WHERE id = " + random.nextInt(12));
      default ->
          run(
              connection,
              "INSERT INTO items VALUES (%1$d, %2$s, %3$s, %4$s) ON CONFLICT (id) DO UPDATE SET n = excluded.n, t = excluded.t"
                  .formatted(id, k, n, t));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"STORED", "VIRTUAL"})
  void anotherExpressionIsFollowed(String kind) throws SQLException {
    require(kind.equals("VIRTUAL") ? 18 : 17);
    run(
        connection,
        "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) %s, v int)"
            .formatted(kind),
        "INSERT INTO a SELECT i FROM generate_series(1, 50) i");
    String query = "SELECT g % 7 AS g, count(*) AS n FROM a GROUP BY 1";
    define("st", query);
    requireExact("st", query);
    // Of a virtual column in a publication the server lets nobody change it in place.
    run(
        connection,
        kind.equals("VIRTUAL")
            ? "ALTER TABLE a DROP g, ADD g int GENERATED ALWAYS AS (id * 3) VIRTUAL"
            : "ALTER TABLE a ALTER g SET EXPRESSION AS (id * 3)",
        "INSERT INTO a VALUES (77)");
    await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> requireExact("st", query));
    run(connection, "UPDATE a SET id = id + 1000 WHERE id % 3 = 0", "DELETE FROM a WHERE id = 2");
    requireExact("st", query);
  }

  @Test
  void aColumnThatIsNoLongerGeneratedIsFollowed() throws SQLException {
    run(
        connection,
        "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)",
        "INSERT INTO a SELECT i FROM generate_series(1, 20) i");
    String query = "SELECT g, count(*) AS n FROM a GROUP BY 1";
    define("st", query);
    run(
        connection,
        "ALTER TABLE a ALTER g DROP EXPRESSION",
        "UPDATE a SET g = id + 1 WHERE id < 9",
        "INSERT INTO a VALUES (30, NULL)");
    await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> requireExact("st", query));
    run(connection, "UPDATE a SET g = NULL WHERE id < 5");
    requireExact("st", query);
  }

  /// Before 18 the log tells nothing of such a key, nor of rows by it.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "g int PRIMARY KEY GENERATED ALWAYS AS (a + 1) STORED",
        "g int GENERATED ALWAYS AS (a + 1) STORED, PRIMARY KEY (b, g)"
      })
  void aKeyMayBeGenerated(String key) throws SQLException {
    run(
        connection,
        "CREATE TABLE keyed (a int, b int DEFAULT 1, v int, " + key + ")",
        "INSERT INTO keyed (a, v) SELECT i, i % 5 FROM generate_series(1, 40) i");
    String groups = "SELECT v, count(*) AS n, min(g) AS g FROM keyed GROUP BY v";
    String all = "SELECT g, a, v FROM keyed";
    define("groups", groups);
    define("everything", all);
    run(
        connection,
        "UPDATE keyed SET v = v + 1 WHERE g % 3 = 0",
        "UPDATE keyed SET a = a + 100 WHERE g < 10",
        "DELETE FROM keyed WHERE g % 4 = 1");
    requireExact("groups", groups);
    requireExact("everything", all);
  }

  @Test
  void partitionsAreComputedAlikeOrNotIncrementally() throws SQLException {
    run(
        connection,
        "CREATE TABLE parts (id int, k int, g int GENERATED ALWAYS AS (id * 2) STORED)"
            + " PARTITION BY RANGE (k)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parts_2 (gone int, k int, g int GENERATED ALWAYS AS (id * 2) STORED, id int)",
        "ALTER TABLE parts_2 DROP gone",
        "ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parts SELECT i, i FROM generate_series(1, 19) i");
    String query = "SELECT g % 4 AS g, count(*) AS n FROM parts GROUP BY 1";
    define("st", query);
    run(connection, "UPDATE parts SET id = id + 1, k = 19 - k WHERE k % 3 = 0");
    requireExact("st", query);
    run(
        connection,
        "CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)",
        "INSERT INTO parts VALUES (7, 25)",
        "TRUNCATE parts_1");
    await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> requireExact("st", query));
    int version = connection.getMetaData().getDatabaseMajorVersion();
    // Earlier ones attach no such partition; later ones log what each has computed.
    if (version == 16 || version == 17) {
      run(
          connection,
          "CREATE TABLE parts_4 (id int, k int, g int GENERATED ALWAYS AS (id * 3) STORED)",
          "INSERT INTO parts_4 VALUES (5, 35)");
      streamTable(connection, "free", "SELECT id, g FROM parts", "AUTO");
      run(connection, "ALTER TABLE parts ATTACH PARTITION parts_4 FOR VALUES FROM (30) TO (40)");
      await().atMost(PATIENCE).untilAsserted(() -> assertThat(mode("free")).isEqualTo("FULL"));
      assertThat(reason("free")).isEqualTo("generated_column");
    }
  }

  private String reason(String table) throws SQLException {
    return String.valueOf(
        value(
            connection,
            "SELECT reason_code FROM pgtrickle.pgt_stream_tables WHERE pgt_name = '%s'"
                .formatted(table)));
  }

  /// What is stored was computed by the function as it was then.
  @Test
  void whatAFunctionOfAUserHasStoredIsReadNotComputed() throws SQLException {
    run(
        connection,
        "CREATE FUNCTION twice(v int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT v * 2'",
        "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (twice(id)) STORED,"
            + " f text GENERATED ALWAYS AS ((id / 3::float8)::text) STORED)",
        "INSERT INTO a SELECT i FROM generate_series(1, 9) i",
        "CREATE OR REPLACE FUNCTION twice(v int) RETURNS int LANGUAGE sql IMMUTABLE AS"
            + " 'SELECT v * 20'",
        "SET extra_float_digits = -5",
        "INSERT INTO a VALUES (10), (11)",
        "RESET extra_float_digits");
    boolean logged = connection.getMetaData().getDatabaseMajorVersion() >= 18;
    Map<String, String> queries =
        Map.of("called", "SELECT id, g FROM a", "printed", "SELECT id, f FROM a");
    for (Map.Entry<String, String> one : queries.entrySet()) {
      streamTable(connection, one.getKey(), one.getValue(), "AUTO");
      assertThat(mode(one.getKey())).isEqualTo(logged ? "DIFFERENTIAL" : "FULL");
    }
    define("ids", "SELECT id FROM a");
    run(connection, "INSERT INTO a VALUES (12)", "DELETE FROM a WHERE id = 3");
    sync(connection);
    for (Map.Entry<String, String> one : queries.entrySet()) {
      if (!logged) {
        assertThat(reason(one.getKey())).isEqualTo("generated_column");
        run(connection, "SELECT pgtrickle.refresh_stream_table('%s')".formatted(one.getKey()));
      }
      assertThat(differences(connection, one.getKey(), one.getValue())).isEmpty();
    }
    requireExact("ids", "SELECT id FROM a");
  }

  /// How a type of columns is written is a matter of settings, though it counts as immutable.
  @Test
  void whatSettingsOfTheWriterHaveAPartInIsReadNotComputed() throws SQLException {
    int version = connection.getMetaData().getDatabaseMajorVersion();
    Map<String, String> columns = new LinkedHashMap<>();
    columns.put("point", "text GENERATED ALWAYS AS (p::text) STORED");
    columns.put("quoted", "text GENERATED ALWAYS AS (quote_ident(t)) STORED");
    columns.put("called", "text GENERATED ALWAYS AS (textin(float8out(f))) STORED");
    columns.put("zoned", "timestamp GENERATED ALWAYS AS (w AT TIME ZONE 'EST') STORED");
    columns.put("extension", "text GENERATED ALWAYS AS (c::text) STORED");
    if (version >= 16) {
      columns.put("object", "json GENERATED ALWAYS AS (JSON_OBJECT('f': f, 'p': p)) STORED");
    }
    StringBuilder table =
        new StringBuilder(
            "CREATE TABLE a (id int PRIMARY KEY, p point, t text, f float8, w timestamptz, c cube");
    columns.forEach((name, definition) -> table.append(", " + name + " " + definition));
    String insert =
        "INSERT INTO a SELECT i, point(i / 3.0, 1), 'plain', i / 3.0::float8, '2020-01-01"
            + " 12:00+00', cube(i / 3.0::float8) FROM generate_series(%d, %d) i";
    run(connection, "CREATE EXTENSION cube", table + ")", insert.formatted(1, 9));
    Map<String, String> queries = new LinkedHashMap<>();
    for (String name : columns.keySet()) {
      queries.put(
          name,
          "SELECT id, %1$s%2$s AS %1$s FROM a"
              .formatted(name, name.equals("object") ? "::text" : ""));
    }
    for (Map.Entry<String, String> one : queries.entrySet()) {
      streamTable(connection, one.getKey(), one.getValue(), "AUTO");
    }
    define("ids", "SELECT id, f FROM a");
    run(
        connection,
        "SET extra_float_digits = -5",
        "SET quote_all_identifiers = on",
        "SET timezone_abbreviations = 'Australia'",
        insert.formatted(10, 12),
        "RESET ALL");
    sync(connection);
    Map<String, String> wrong = new LinkedHashMap<>();
    for (Map.Entry<String, String> one : queries.entrySet()) {
      String expected = version < 18 ? "FULL" : "DIFFERENTIAL";
      if (!mode(one.getKey()).equals(expected)) {
        wrong.put(one.getKey(), mode(one.getKey()));
      } else if (version < 18) {
        assertThat(reason(one.getKey())).as(one.getKey()).isEqualTo("generated_column");
        run(connection, "SELECT pgtrickle.refresh_stream_table('%s')".formatted(one.getKey()));
      }
      List<String> differences = differences(connection, one.getKey(), one.getValue());
      if (!differences.isEmpty()) {
        wrong.merge(one.getKey(), differences.toString(), (mode, rows) -> mode + " " + rows);
      }
    }
    assertThat(wrong).isEmpty();
    requireExact("ids", "SELECT id, f FROM a");
  }

  /// The server refuses updates of a published table whose virtual columns are of its identity.
  @Test
  void aVirtualColumnThatComesToATableWithoutAKeyLeavesItsUsersAlone() throws SQLException {
    require(18);
    run(
        connection,
        "CREATE TABLE a (id int NOT NULL, v int)",
        "INSERT INTO a SELECT i, i % 3 FROM generate_series(1, 9) i");
    String query = "SELECT v, count(*) AS n FROM a GROUP BY v";
    define("st", query);
    run(connection, "ALTER TABLE a ADD g int GENERATED ALWAYS AS (v * 2) VIRTUAL");
    await().atMost(PATIENCE).until(() -> status(connection, "st").startsWith("ERROR"));
    run(connection, "UPDATE a SET v = v + 1 WHERE id < 5", "DELETE FROM a WHERE id = 9");
    run(
        connection,
        "ALTER TABLE a ADD PRIMARY KEY (id), REPLICA IDENTITY DEFAULT",
        "SELECT pgtrickle.repair_stream_table('st')");
    await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> requireExact("st", query));
    run(connection, "UPDATE a SET v = NULL WHERE id < 3");
    requireExact("st", query);
  }

  @Test
  void aPublicationThatLeavesThemOutIsMended() throws SQLException {
    require(18);
    run(
        connection,
        "CREATE TABLE a (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)",
        "INSERT INTO a SELECT i FROM generate_series(1, 9) i");
    String query = "SELECT g, count(*) AS n FROM a GROUP BY 1";
    define("st", query);
    run(
        connection,
        "ALTER PUBLICATION pgtrickle SET (publish_generated_columns = none)",
        "INSERT INTO a VALUES (20), (21)",
        "DELETE FROM a WHERE id = 3");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(rows(connection, "SELECT pubgencols FROM pg_publication"))
                    .containsExactly("s"));
    run(connection, "INSERT INTO a VALUES (30)");
    await().atMost(PATIENCE).ignoreExceptions().untilAsserted(() -> requireExact("st", query));
  }
}
