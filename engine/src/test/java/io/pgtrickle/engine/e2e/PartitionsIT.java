package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What is done to a single partition is not in the log, and is followed all the same.
final class PartitionsIT {
  private static final String QUERY = "SELECT k / 10 AS part, count(*) AS n FROM parts GROUP BY 1";
  private static final String KEYED = ", PRIMARY KEY (id, k)";
  private static final String WHOLE_ROWS = "";

  private LiveDatabase database;

  /// What is done, and how the log tells the table's rows apart.
  enum Ddl {
    TRUNCATE(KEYED, "TRUNCATE parts_2"),
    CHANGE_DETACHED(
        WHOLE_ROWS,
        """
        BEGIN;
        ALTER TABLE parts DETACH PARTITION parts_2;
        DELETE FROM parts_2 WHERE k < 15;
        ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (10) TO (20);
        COMMIT
        """),
    ATTACH_WRITTEN(
        KEYED,
        """
        CREATE TABLE parts_3 (id int, k int, PRIMARY KEY (id, k));
        INSERT INTO parts_3 VALUES (60, 25);
        UPDATE parts_3 SET k = 26;
        ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (20) TO (30);
        INSERT INTO parts VALUES (61, 27)
        """),
    ROTATE(
        KEYED,
        """
        CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30);
        INSERT INTO parts VALUES (60, 25), (61, 19);
        DROP TABLE parts_1
        """),
    ROTATE_WHOLE_ROWS(WHOLE_ROWS, ROTATE.commands),
    REPLACE(
        WHOLE_ROWS,
        """
        BEGIN;
        DROP TABLE parts_1;
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (5) TO (10);
        INSERT INTO parts VALUES (60, 7), (61, 8);
        COMMIT
        """),
    TO_DEFAULT(
        WHOLE_ROWS,
        """
        CREATE TABLE parts_d PARTITION OF parts DEFAULT;
        INSERT INTO parts VALUES (60, 55), (61, NULL);
        BEGIN;
        DROP TABLE parts_1;
        INSERT INTO parts VALUES (62, 5), (63, 6);
        COMMIT
        """),
    NESTED(
        KEYED,
        """
        CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30) PARTITION BY LIST (id);
        CREATE TABLE parts_3_odd PARTITION OF parts_3 FOR VALUES IN (1, 3, 5, 7);
        CREATE TABLE parts_3_even PARTITION OF parts_3 FOR VALUES IN (2, 4, 6);
        CREATE TABLE parts_3_rest PARTITION OF parts_3 DEFAULT;
        INSERT INTO parts VALUES (1, 21), (2, 22), (3, 23), (4, 24);
        BEGIN;
        ALTER TABLE parts DETACH PARTITION parts_3;
        DELETE FROM parts_3_odd WHERE id = 1;
        ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (20) TO (30);
        TRUNCATE parts_3_even;
        COMMIT
        """);

    private final String key;
    private final String commands;

    Ddl(String key, String commands) {
      this.key = key;
      this.commands = commands;
    }

    void run(Connection connection) throws SQLException {
      LiveDatabase.run(connection, commands.split(";"));
    }
  }

  @BeforeEach
  void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterEach
  void stop() throws SQLException {
    database.close();
  }

  private static void createParts(Connection connection, String key) throws SQLException {
    run(
        connection,
        "CREATE TABLE parts (id int, k int%s) PARTITION BY RANGE (k)".formatted(key),
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parts SELECT i, i FROM generate_series(0, 19) i");
    streamTable(connection, "steady", QUERY, "DIFFERENTIAL");
    streamTable(connection, "whole", QUERY, "FULL");
    streamTable(connection, "above", "SELECT sum(n) AS s FROM steady", "DIFFERENTIAL");
    sync(connection);
  }

  @ParameterizedTest
  @EnumSource
  void whatTheLogDoesNotTellIsFollowedByReadingThosePartitions(Ddl ddl) throws SQLException {
    try (Connection connection = database.connect()) {
      createParts(connection, ddl.key);
      ddl.run(connection);
      awaitExact(connection);
      assertFollows(connection);
      if (isTold(connection, ddl)) {
        awaitRepairs(connection, 1);
        assertThat(initializations(connection, "steady")).isEqualTo(1);
        assertThat(copiesAgain(connection)).isEmpty();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TRUNCATE", "CHANGE_DETACHED", "ROTATE"})
  void whatHappensWhileNoSidecarRunsIsNoticed(Ddl ddl) throws SQLException, InterruptedException {
    try (Connection connection = database.connect()) {
      createParts(connection, ddl.key);
      database.stopSidecar();
      ddl.run(connection);
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      awaitExact(connection);
      assertFollows(connection);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        """
        CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30);
        INSERT INTO parts VALUES (60, 25), (61, 15);
        DROP TABLE parts_3
        """,
        """
        BEGIN;
        CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30);
        INSERT INTO parts VALUES (60, 25), (61, 15);
        DROP TABLE parts_3;
        COMMIT
        """
      })
  void aPartitionThatNobodySawLeavesNothing(String commands)
      throws SQLException, InterruptedException {
    try (Connection connection = database.connect()) {
      createParts(connection, KEYED);
      run(connection, commands.split(";"));
      awaitExact(connection);
      assertFollows(connection);
      database.stopSidecar();
      run(connection, commands.replace("60", "62").replace("61", "63").split(";"));
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      awaitExact(connection);
      assertFollows(connection, 50);
    }
  }

  @Test
  void whatWasFollowedIsThereAfterARestart() throws SQLException, InterruptedException {
    try (Connection connection = database.connect()) {
      createParts(connection, KEYED);
      Ddl.ROTATE.run(connection);
      awaitExact(connection);
      database.stopSidecar();
      run(connection, "INSERT INTO parts VALUES (70, 21)", "DELETE FROM parts WHERE k = 25");
      assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
      awaitExact(connection);
      assertFollows(connection);
      if (isTold(connection, Ddl.ROTATE)) {
        assertThat(copiesAgain(connection)).isEmpty();
        assertThat(initializations(connection, "steady")).isEqualTo(1);
      }
    }
  }

  @Test
  void aPartitionThatWasEmptiedAndFilledAgainIsNotCopied() throws SQLException {
    try (Connection connection = database.connect()) {
      createParts(connection, KEYED);
      run(connection, "TRUNCATE parts_2", "INSERT INTO parts VALUES (12, 12), (13, 13)");
      sync(connection);
      run(connection, "TRUNCATE parts_2", "INSERT INTO parts VALUES (12, 12), (14, 14)");
      awaitExact(connection);
      awaitRepairs(connection, 1);
      assertFollows(connection);
      assertThat(initializations(connection, "steady")).isEqualTo(1);
    }
  }

  @Test
  void aPartitionThatCannotBeReadIsRememberedUntilItCanOrIsGone() throws SQLException {
    try (Connection connection = database.connect();
        Connection other = database.connect()) {
      createParts(connection, KEYED);
      run(connection, "CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)");
      run(
          connection,
          "INSERT INTO parts VALUES (60, 25)",
          "BEGIN",
          "INSERT INTO parts_3 VALUES (61, 26)");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(
                          rows(
                              other,
                              "SELECT pid FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'"
                                  + " AND relation = 'parts_3'::regclass"))
                      .isNotEmpty());
      run(connection, "COMMIT");
      run(connection, "DROP TABLE parts_3");
      awaitExact(connection);
      assertFollows(connection);
    }
  }

  @Test
  void aTableThatBecomesAPartitionIsNotFollowedAsWhatItWas() throws SQLException {
    try (Connection connection = database.connect()) {
      createParts(connection, KEYED);
      run(
          connection,
          "CREATE TABLE parts_3 (id int, k int, PRIMARY KEY (id, k))",
          "INSERT INTO parts_3 VALUES (60, 25)");
      String query = "SELECT k, count(*) AS n FROM parts_3 GROUP BY 1";
      streamTable(connection, "alone", query, "AUTO");
      sync(connection);
      run(
          connection,
          "ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (20) TO (30)",
          "INSERT INTO parts VALUES (61, 27)");
      awaitExact(connection);
      run(connection, "INSERT INTO parts VALUES (62, 28)", "DELETE FROM parts WHERE k = 25");
      awaitExact(connection);
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(differences(connection, "alone", query)).isEmpty());
    }
  }

  @Test
  void partitionsThatLogKeysUnderATableThatLogsWholeRowsAreFollowed() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE wide (id int PRIMARY KEY, v int, t text) PARTITION BY RANGE (id)",
          "CREATE TABLE wide_1 PARTITION OF wide FOR VALUES FROM (0) TO (100)",
          "ALTER TABLE wide ALTER t SET STORAGE EXTERNAL",
          "ALTER TABLE wide_1 ALTER t SET STORAGE EXTERNAL",
          "ALTER TABLE wide REPLICA IDENTITY FULL",
          "INSERT INTO wide SELECT i, i, repeat(i::text, 5000) FROM generate_series(1, 9) i");
      String query = "SELECT id, v, md5(t) AS h, length(t) AS n FROM wide";
      streamTable(connection, "narrow", query, "DIFFERENTIAL");
      run(
          connection,
          "UPDATE wide SET id = id + 10 WHERE id < 4",
          "UPDATE wide SET v = -v, id = id + 20 WHERE id > 6",
          "UPDATE wide SET v = 0 WHERE id = 5",
          "DELETE FROM wide WHERE id = 6");
      sync(connection);
      assertThat(differences(connection, "narrow", query)).isEmpty();
      assertThat(initializations(connection, "narrow")).isEqualTo(1);
    }
  }

  @Test
  void partitionsComeAndGoWhileRowsAreWritten() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE keyed (k int, v int, PRIMARY KEY (k, v)) PARTITION BY RANGE (k)",
          "CREATE TABLE loose (k int, v int) PARTITION BY RANGE (k)");
      List<String> queries =
          List.of(
              "SELECT k, v, count(*) AS n FROM keyed GROUP BY k, v",
              "SELECT k, v, count(*) AS n FROM loose GROUP BY k, v",
              "SELECT a.k, a.v, b.v AS w FROM keyed a LEFT JOIN loose b ON a.k = b.k");
      for (int i = 0; i < queries.size(); i++) {
        streamTable(connection, "q" + i, queries.get(i), "DIFFERENTIAL");
      }
      sync(connection);
      Random random = new Random(20261129);
      Set<Integer> there = new TreeSet<>();
      for (int cycle = 0; cycle < 12; cycle++) {
        for (int i = 0; i < 3; i++) {
          int part = random.nextInt(4);
          int how = random.nextInt(4);
          boolean stays = !there.contains(part) || how > 1;
          for (String table : List.of("keyed", "loose")) {
            run(connection, ddl(table, part, there.contains(part), how));
          }
          if (stays) {
            there.add(part);
          } else {
            there.remove(part);
          }
          for (String table : List.of("keyed", "loose")) {
            run(connection, dml(table, there, random));
          }
        }
        awaitEqual(connection, queries);
      }
      if (isTold(connection, Ddl.ROTATE)) {
        awaitRepairs(connection, 13);
        // A row that is changed before its partition is known to have come has the table copied.
        assertThat(initializations(connection, "q0")).isLessThan(12);
      }
    }
  }

  private static String[] ddl(String table, int part, boolean there, int how) {
    String name = table + "_" + part;
    String attach =
        "ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)"
            .formatted(table, name, 10 * part, 10 * part + 10);
    String detach = "ALTER TABLE %s DETACH PARTITION %s".formatted(table, name);
    // As a partition without a key must have at once, or its users could not update it.
    String identify = "ALTER TABLE %s REPLICA IDENTITY FULL".formatted(name);
    String insert = "INSERT INTO %s VALUES (%d, 1), (%d, 2)".formatted(name, 10 * part, 10 * part);
    String drop = "DROP TABLE " + name;
    if (!there) {
      String create = "CREATE TABLE %s (LIKE %s INCLUDING ALL)".formatted(name, table);
      String partOf =
          attach
              .replaceFirst("ALTER TABLE \\w+ ATTACH PARTITION", "CREATE TABLE")
              .replaceFirst("FOR VALUES", "PARTITION OF " + table + " FOR VALUES");
      return how % 2 == 0
          ? new String[] {"BEGIN", partOf, identify, insert, "COMMIT"}
          : new String[] {create, identify, insert, attach};
    }
    return switch (how) {
      case 0 -> new String[] {drop};
      case 1 -> new String[] {detach, insert.replace("(", "(1"), drop};
      case 2 -> new String[] {"TRUNCATE " + name};
      default -> new String[] {detach, "UPDATE " + name + " SET v = v + 100", attach};
    };
  }

  private static String[] dml(String table, Set<Integer> there, Random random) {
    if (there.isEmpty()) {
      return new String[0];
    }
    List<Integer> parts = new ArrayList<>(there);
    int from = 10 * parts.get(random.nextInt(parts.size()));
    int to = 10 * parts.get(random.nextInt(parts.size()));
    return new String[] {
      "INSERT INTO %s SELECT %d + i, 10 + %d FROM generate_series(0, 4) i ON CONFLICT DO NOTHING"
          .formatted(table, to, random.nextInt(9)),
      "BEGIN",
      "UPDATE %s SET v = v + 1000 WHERE k = %d AND v < 1000"
          .formatted(table, from + random.nextInt(5)),
      "DELETE FROM %s WHERE k = %d".formatted(table, to + random.nextInt(5)),
      "COMMIT",
      "UPDATE %1$s SET k = %2$d, v = v + %4$d WHERE k = %3$d"
          .formatted(
              table, to + random.nextInt(5), from + random.nextInt(5), random.nextInt(1 << 20))
    };
  }

  @Test
  void boundsOfManyTypesAreUnderstood() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "CREATE TYPE mood AS ENUM ('glum', 'glad')");
      List<List<String>> bounds =
          List.of(
              List.of("date", "RANGE (k)", "FROM ('2026-01-01') TO ('2026-02-01')", "'2026-01-31'"),
              List.of(
                  "timestamptz",
                  "RANGE (k)",
                  "FROM ('2026-01-01 00:00+01') TO (MAXVALUE)",
                  "'2026-01-31 12:00+05'"),
              List.of(
                  "timestamp(0)", "RANGE (k)", "FROM (MINVALUE) TO ('2026-01-01')", "'2025-1-1'"),
              List.of("text COLLATE \"C\"", "RANGE (k)", "FROM ('a') TO ('b')", "'az'"),
              List.of("text", "LIST (k)", "IN ('x', 'it''s', NULL)", "'it''s'"),
              List.of("numeric(9, 2)", "RANGE (k)", "FROM (1.50) TO (2.25)", "2.24"),
              List.of("bigint", "LIST (k)", "IN (NULL)", "NULL"),
              List.of("uuid", "RANGE (k)", "FROM (MINVALUE) TO (MAXVALUE)", "gen_random_uuid()"),
              List.of("boolean", "LIST (k)", "IN (true)", "true"),
              List.of("bigint", "RANGE ((k / 10))", "FROM (1) TO (2)", "19"));
      List<String> queries = new ArrayList<>();
      for (int i = 0; i < bounds.size(); i++) {
        List<String> one = bounds.get(i);
        run(
            connection,
            "CREATE TABLE b%d (id int, k %s) PARTITION BY %s".formatted(i, one.get(0), one.get(1)));
        queries.add("SELECT id, k FROM b" + i);
        streamTable(connection, "q" + i, queries.getLast(), "DIFFERENTIAL");
      }
      sync(connection);
      for (String command :
          List.of(
              "BEGIN; CREATE TABLE b%1$d_x PARTITION OF b%1$d FOR VALUES %2$s;"
                  + " ALTER TABLE b%1$d_x REPLICA IDENTITY FULL; COMMIT",
              "INSERT INTO b%1$d VALUES (1, %3$s), (2, %3$s)",
              "TRUNCATE b%1$d_x; INSERT INTO b%1$d VALUES (3, %3$s)",
              "DROP TABLE b%1$d_x")) {
        for (int i = 0; i < bounds.size(); i++) {
          List<String> one = bounds.get(i);
          run(connection, command.formatted(i, one.get(2), one.get(3)).split("; "));
        }
        awaitEqual(connection, queries);
      }
      boolean told = isTold(connection, Ddl.ROTATE);
      awaitRepairs(connection, told ? 2 * bounds.size() : bounds.size());
      if (told) {
        assertThat(copiesAgain(connection)).isEmpty();
      }
    }
  }

  @Test
  void whereBoundsAreNotComputedNativelyTheTableIsCopiedAgain() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE hashed (id int PRIMARY KEY) PARTITION BY HASH (id)",
          "CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
          "CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
          "INSERT INTO hashed SELECT generate_series(1, 20)");
      List<String> queries = List.of("SELECT id FROM hashed");
      streamTable(connection, "q0", queries.getFirst(), "DIFFERENTIAL");
      sync(connection);
      run(connection, "TRUNCATE hashed_1");
      awaitEqual(connection, queries);
      run(connection, "INSERT INTO hashed SELECT generate_series(21, 40)");
      awaitEqual(connection, queries);
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(copiesAgain(connection))
                      .singleElement()
                      .asString()
                      .contains("natively"));
    }
  }

  @Test
  void whatIsNoPartitionAnyMoreIsNotFollowed() throws SQLException {
    try (Connection connection = database.connect()) {
      createParts(connection, KEYED);
      run(
          connection,
          "UPDATE parts SET id = id + 100 WHERE k = 12",
          "ALTER TABLE parts DETACH PARTITION parts_2");
      awaitExact(connection);
      run(connection, "INSERT INTO parts_2 VALUES (70, 12)", "DELETE FROM parts_2 WHERE k = 15");
      String query = "SELECT k, count(*) AS n FROM parts_2 GROUP BY 1";
      streamTable(connection, "alone", query, "AUTO");
      run(connection, "INSERT INTO parts_2 VALUES (71, 13)", "INSERT INTO parts VALUES (72, 3)");
      awaitExact(connection);
      assertThat(differences(connection, "alone", query)).isEmpty();
    }
  }

  @Test
  void truncatingAndRewritingThemAllIsExact() throws SQLException {
    try (Connection connection = database.connect()) {
      createParts(connection, KEYED);
      run(connection, "VACUUM FULL parts", "INSERT INTO parts VALUES (30, 7)");
      awaitExact(connection);
      run(connection, "TRUNCATE parts", "INSERT INTO parts VALUES (31, 8)");
      awaitExact(connection);
      assertFollows(connection);
    }
  }

  private static void assertFollows(Connection connection) throws SQLException {
    assertFollows(connection, 40);
  }

  private static void assertFollows(Connection connection, int id) throws SQLException {
    run(
        connection,
        "INSERT INTO parts VALUES (%d, 11), (%d, 19)".formatted(id, id + 1),
        "DELETE FROM parts WHERE k = 3");
    awaitExact(connection);
    run(connection, "UPDATE parts SET id = id + 1000 WHERE k > 15");
    awaitExact(connection);
  }

  private static void awaitExact(Connection connection) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(differences(connection, "steady", QUERY)).isEmpty();
              assertThat(differences(connection, "whole", QUERY)).isEmpty();
              assertThat(differences(connection, "above", "SELECT sum(n) AS s FROM steady"))
                  .isEmpty();
            });
  }

  private static void awaitEqual(Connection connection, List<String> queries) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              for (int i = 0; i < queries.size(); i++) {
                assertThat(differences(connection, "q" + i, queries.get(i)))
                    .as(queries.get(i))
                    .isEmpty();
              }
            });
  }

  // Version 14 may tell anything of a partition that is none any more.
  private static boolean isTold(Connection connection, Ddl ddl) throws SQLException {
    return connection.getMetaData().getDatabaseMajorVersion() >= 15
        || !(ddl.commands.contains("DROP") || ddl.commands.contains("DETACH"));
  }

  private static int initializations(Connection connection, String table) throws SQLException {
    return rows(
            connection,
            "SELECT action FROM pgtrickle.get_refresh_history('%s')".formatted(table)
                + " WHERE action = 'REINITIALIZE'")
        .size();
  }

  // What happens is written down at the next look, in the order in which it happened.
  private static void awaitRepairs(Connection connection, int atLeast) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(
                        rows(
                            connection,
                            "SELECT detail FROM pgtrickle_internal.pgt_capture_events"
                                + " WHERE kind = 'partitions_changed'"))
                    .hasSizeGreaterThanOrEqualTo(atLeast));
  }

  // Of FULL tables the query is evaluated anew, which is said in other words.
  private static List<String> copiesAgain(Connection connection) throws SQLException {
    return rows(
        connection,
        "SELECT detail FROM pgtrickle_internal.pgt_capture_events"
            + " WHERE kind = 'source_altered' AND detail NOT LIKE 'partitions of relation%'");
  }
}
