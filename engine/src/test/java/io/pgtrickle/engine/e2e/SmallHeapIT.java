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

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Stream tables that are larger than the heap come to be, in a process of its own that ends when
/// its heap is full.
final class SmallHeapIT {
  private static final String HEAP = "128m";
  private static final String OTHERS = "SELECT v, count(*) AS n FROM other GROUP BY v";

  @TempDir Path directory;

  @Test
  void contentsLargerThanTheHeapAreFilledFromSourcesLargerThanTheHeap() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      // The many rows have the lower relation number; packed they take some 110 MB.
      run(
          connection,
          "CREATE TABLE facts (id int PRIMARY KEY, d int, v int, note text)",
          "INSERT INTO facts SELECT i, i % 20, i % 1000, repeat('n', 190) || i"
              + " FROM generate_series(1, 500000) i",
          "CREATE TABLE dims (d int PRIMARY KEY, name text)",
          "INSERT INTO dims SELECT i, 'dimension ' || i FROM generate_series(0, 19) i");
      Map<String, String> tables = new LinkedHashMap<>();
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startProcess(directory.resolve("state"), log, HEAP);
      try {
        tables.put("joined", "SELECT f.id, f.note, m.name FROM facts f JOIN dims m USING (d)");
        tables.put(
            "grouped",
            "SELECT m.name, count(*) AS n, sum(f.v) AS s FROM facts f JOIN dims m USING (d)"
                + " GROUP BY m.name");
        tables.put("over", "SELECT name, max(note) AS m FROM joined GROUP BY name");
        // Every one of them makes something else of the same chunks.
        for (int i = 0; i < 8; i++) {
          tables.put(
              "several_" + i,
              ("SELECT f.id %% 10000 AS k, max(f.note) AS m, count(DISTINCT m.name) AS n FROM facts"
                      + " f JOIN dims m USING (d) WHERE f.v %% 8 = %d GROUP BY 1")
                  .formatted(i));
        }
        awaitHeartbeat(connection, sidecar);
        connection.setAutoCommit(false);
        for (Map.Entry<String, String> table : tables.entrySet()) {
          run(
              connection,
              "SELECT pgtrickle.create_stream_table('%s', '%s', refresh_mode => 'DIFFERENTIAL')"
                  .formatted(table.getKey(), table.getValue()));
        }
        connection.commit();
        connection.setAutoCommit(true);
        for (String table : tables.keySet()) {
          ready(connection, table);
        }
        run(connection, "UPDATE facts SET v = v + 1, d = 0 WHERE id % 1000 = 0");
        requireAgreement(connection, tables);
      } finally {
        end(sidecar, log);
      }
      // With the state that it has saved, all of which is on the heap at first where it is small.
      Path later = directory.resolve("later.log");
      sidecar = database.startProcess(directory.resolve("state"), later, HEAP);
      try {
        run(connection, "UPDATE facts SET v = v + 1, d = 1 WHERE id % 500 = 0");
        awaitHeartbeat(connection, sidecar);
        requireAgreement(connection, tables);
      } finally {
        end(sidecar, later);
      }
    }
  }

  /// Neither fits into the heap at once, so the table is copied again, and what reads it computed.
  @Test
  void whatChangesByMoreThanTheHeapHoldsIsCopiedAgain() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE facts (id int PRIMARY KEY, g int, v int, note text)",
          "INSERT INTO facts SELECT i, i % 20, i % 1000, repeat('n', 190) || i"
              + " FROM generate_series(1, 250000) i",
          "CREATE TABLE other (id int PRIMARY KEY)");
      Map<String, String> tables =
          Map.of(
              "grouped",
                  "SELECT g, count(*) AS n, sum(v) AS s, max(note) AS m FROM facts GROUP BY g",
              "others", "SELECT count(*) AS n FROM other");
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startProcess(directory.resolve("state"), log, HEAP);
      try {
        awaitHeartbeat(connection, sidecar);
        for (Map.Entry<String, String> table : tables.entrySet()) {
          streamTable(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
        }
        run(connection, "UPDATE facts SET v = v + 1", "INSERT INTO other VALUES (1)");
        awaitCopy(connection, 1, "grouped");
        requireAgreement(connection, tables);
        run(
            connection,
            "BEGIN; TRUNCATE facts; INSERT INTO facts SELECT i, i % 20, i, 'new'"
                + " FROM generate_series(1, 1000) i; INSERT INTO other VALUES (2); COMMIT");
        awaitCopy(connection, 2, "grouped");
        requireAgreement(connection, tables);
        assertThat(failures(connection, "others")).isEmpty();
      } finally {
        end(sidecar, log);
      }
    }
  }

  /// What is written meanwhile is more than the heap, too: it waits beside the build, which stands
  /// still for as long as it takes.
  @Test
  void whatIsWrittenDuringALongInitializationNeedNotFitIntoTheHeap() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE facts (id int PRIMARY KEY, g int, v int, note text)",
          "INSERT INTO facts SELECT i, i % 20, i % 1000, repeat('n', 190) || i"
              + " FROM generate_series(1, 160000) i",
          "CREATE TABLE brake (id int)",
          "CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
              + " WHILE EXISTS (SELECT FROM public.brake) LOOP PERFORM pg_sleep(0.02); END LOOP;"
              + " RETURN NULL; END'");
      Map<String, String> tables = new LinkedHashMap<>();
      tables.put(
          "grouped", "SELECT g, count(*) AS n, sum(v) AS s, max(note) AS m FROM facts GROUP BY g");
      tables.put("copied", "SELECT id, v, note FROM facts");
      tables.put(
          "paired",
          "SELECT a.id, b.g, b.v FROM facts a JOIN facts b ON b.id = a.v WHERE a.id % 5 = 0");
      Path log = directory.resolve("sidecar.log");
      Process sidecar = database.startProcess(directory.resolve("state"), log, HEAP);
      try {
        awaitHeartbeat(connection, sidecar);
        connection.setAutoCommit(false);
        for (Map.Entry<String, String> table : tables.entrySet()) {
          run(
              connection,
              "SELECT pgtrickle.create_stream_table('%s', '%s', refresh_mode => 'DIFFERENTIAL')"
                  .formatted(table.getKey(), table.getValue()));
        }
        run(
            connection,
            "CREATE TRIGGER stand_still AFTER INSERT ON grouped"
                + " FOR EACH STATEMENT EXECUTE FUNCTION stand_still()",
            "INSERT INTO brake VALUES (1)");
        connection.commit();
        connection.setAutoCommit(true);
        await()
            .atMost(PATIENCE)
            .until(
                () ->
                    sidecar.isAlive()
                        && !rows(
                                connection,
                                "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                            .isEmpty());
        for (int i = 0; i < 25; i++) {
          run(
              connection,
              "UPDATE facts SET v = v + 1, note = note || 'x' WHERE id % 25 = " + i,
              "DELETE FROM facts WHERE id % 500 = " + i,
              "INSERT INTO facts SELECT id + 200000, g, NULL, note FROM facts WHERE id % 1000 = "
                  + (500 + i));
        }
        run(connection, "DELETE FROM brake");
        for (String table : tables.keySet()) {
          ready(connection, table);
        }
        requireAgreement(connection, tables);
      } finally {
        end(sidecar, log);
      }
    }
  }

  /// Each row of the dimension has half of the facts, and all that is joined is more than a step
  /// may make.
  @Test
  void aRowOfADimensionThatHasMoreFactsThanTheHeapAllowsMayChange() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      makeFacts(connection);
      run(
          connection,
          "CREATE TABLE dims (d int PRIMARY KEY, name text)",
          "INSERT INTO dims VALUES (0, 'even'), (1, NULL)");
      Map<String, String> tables =
          Map.of(
              "large",
              "SELECT f.id, f.note, m.name FROM facts f LEFT JOIN dims m ON m.d = f.g",
              "names",
              "SELECT d, name FROM dims");
      beside(
          database,
          connection,
          tables,
          () -> {
            run(connection, "UPDATE dims SET name = 'odd' WHERE d = 1");
            awaitAnew(connection, 1);
            requireAgreement(connection, tables);
            run(connection, "DELETE FROM dims WHERE d = 0");
            awaitAnew(connection, 2);
            requireAgreement(connection, tables);
            assertThat(failures(connection, "names")).isEmpty();
          });
    }
  }

  @Test
  void whatAGateHasHeldBackMayBeMoreThanTheHeapAllows() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      makeFacts(connection);
      Map<String, String> tables =
          Map.of("large", "SELECT id, v, note FROM facts", "others", OTHERS);
      beside(
          database,
          connection,
          tables,
          () -> {
            run(connection, "SELECT pgtrickle.gate_source('facts')");
            changeAll(connection);
            run(connection, "SELECT pgtrickle.ungate_source('facts')");
            awaitAnew(connection, 1);
            requireAgreement(connection, tables);
            assertThat(failures(connection, "others")).isEmpty();
          });
    }
  }

  @Test
  void aHeldTableThatLacksMoreThanTheHeapAllowsRejoins() throws Exception {
    try (LiveDatabase database = LiveDatabase.create();
        Connection connection = database.connect()) {
      makeFacts(connection);
      Map<String, String> tables =
          Map.of("large", "SELECT id, v, note FROM facts", "others", OTHERS);
      beside(
          database,
          connection,
          tables,
          () -> {
            run(
                connection,
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                    + " 'BEGIN RAISE EXCEPTION USING ERRCODE = ''P0001''; END'",
                "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON large"
                    + " FOR EACH ROW EXECUTE FUNCTION refuse()");
            changeAll(connection);
            await().atMost(PATIENCE).until(() -> status(connection, "large").equals("HELD P0001"));
            run(connection, "DROP TRIGGER refuse ON large");
            awaitAnew(connection, 1);
            requireAgreement(connection, tables);
            assertThat(failures(connection, "others")).isEmpty();
          });
    }
  }

  private static void makeFacts(Connection connection) throws SQLException {
    run(
        connection,
        "CREATE TABLE facts (id int PRIMARY KEY, g int, v int, note text)",
        "INSERT INTO facts SELECT i, i % 2, i % 1000, repeat('n', 190) || i"
            + " FROM generate_series(1, 120000) i",
        "CREATE TABLE other (id int PRIMARY KEY, v int)");
  }

  // In transactions that are small, so that nothing but their sum is large; others go on.
  private static void changeAll(Connection connection) throws SQLException {
    for (int i = 0; i < 20; i++) {
      run(
          connection,
          "UPDATE facts SET v = nullif(v, 7) + 1 WHERE id % 20 = " + i,
          "INSERT INTO other VALUES (" + i + ", nullif(" + i + " % 3, 0))",
          "SELECT pgtrickle.sync('others', '60 s')");
    }
    run(connection, "DELETE FROM facts WHERE id % 50 = 3", "DELETE FROM other WHERE id = 4");
  }

  /// What happens while a sidecar with a small heap follows.
  @FunctionalInterface
  private interface Story {
    void happens() throws Exception;
  }

  private void beside(
      LiveDatabase database, Connection connection, Map<String, String> tables, Story story)
      throws Exception {
    Path log = directory.resolve("sidecar.log");
    Process sidecar = database.startProcess(directory.resolve("state"), log, HEAP);
    try {
      awaitHeartbeat(connection, sidecar);
      for (Map.Entry<String, String> table : tables.entrySet()) {
        streamTable(connection, table.getKey(), table.getValue(), "DIFFERENTIAL");
      }
      story.happens();
    } finally {
      end(sidecar, log);
    }
  }

  private static boolean isTooMuch(String failure) {
    return failure.contains("one step makes more of it than there is memory for");
  }

  private static void awaitAnew(Connection connection, int times) throws SQLException {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(failures(connection, "large").stream().filter(SmallHeapIT::isTooMuch))
                    .hasSize(times));
    ready(connection, "large");
  }

  private static void awaitCopy(Connection connection, int times, String table)
      throws SQLException {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(failures(connection, table))
                    .hasSize(times)
                    .allMatch(
                        failure ->
                            failure.contains("\"facts\" changed by so much at once")
                                && failure.contains("PGTRICKLE_HEAP")));
    ready(connection, table);
  }

  private static List<String> failures(Connection connection, String table) throws SQLException {
    return rows(
        connection,
        "SELECT h.error_message FROM pgtrickle.pgt_refresh_history h JOIN pgtrickle.pgt_definitions d USING (pgt_id) WHERE d.table_name = '%s' AND h.error_message IS NOT NULL"
            .formatted(table));
  }

  private static void end(Process sidecar, Path log) throws Exception {
    boolean alive = sidecar.isAlive();
    sidecar.destroy();
    if (!sidecar.waitFor(PATIENCE)) {
      sidecar.destroyForcibly().waitFor();
    }
    assertThat(alive).as(Files.readString(log)).isTrue();
  }

  private static void requireAgreement(Connection connection, Map<String, String> tables)
      throws SQLException {
    sync(connection);
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }

  private static void awaitHeartbeat(Connection connection, Process sidecar) {
    await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(SQLException.class)
        .until(
            () -> {
              run(connection, "SELECT pgtrickle_internal.require_sidecar()");
              return sidecar.isAlive();
            });
  }
}
