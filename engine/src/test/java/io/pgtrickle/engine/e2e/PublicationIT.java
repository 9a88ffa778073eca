package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Somebody else changes the publication or the slot: what may be missing is initialized again, all
/// of it and nothing else, and the database says so.
final class PublicationIT {
  private static LiveDatabase database;
  private static int number;

  private String hurt;
  private String spared;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  @BeforeEach
  void twoTables() throws SQLException {
    number++;
    hurt = "hurt" + number;
    spared = "spared" + number;
    try (Connection connection = database.connect()) {
      for (String name : List.of(hurt, spared)) {
        run(
            connection,
            "CREATE TABLE %s (id int PRIMARY KEY, v int)".formatted(name),
            "INSERT INTO %s VALUES (1, 1), (2, 2)".formatted(name));
        streamTable(connection, name + "_st", query(name), "DIFFERENTIAL");
      }
      // Told before the next look takes the present state for what it was.
      sync(connection);
    }
  }

  @Test
  void aTableTakenOutAndInAgainIsInitializedAgain() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "ALTER PUBLICATION pgtrickle DROP TABLE " + hurt,
          "INSERT INTO %s VALUES (3, 3)".formatted(hurt),
          "DELETE FROM %s WHERE id = 1".formatted(hurt),
          "ALTER PUBLICATION pgtrickle ADD TABLE " + hurt,
          "INSERT INTO %s VALUES (4, 4)".formatted(hurt));
      awaitMended(connection);
      assertOnlyHurt(connection);
    }
  }

  @Test
  void aTableThatStaysOutIsPublishedAgain() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "ALTER PUBLICATION pgtrickle DROP TABLE " + hurt,
          "INSERT INTO %s VALUES (3, 3)".formatted(hurt));
      awaitMended(connection);
      assertOnlyHurt(connection);
      run(connection, "INSERT INTO %s VALUES (5, 5)".formatted(hurt));
      assertExact(connection);
    }
  }

  @Test
  void aRowFilterIsRemoved() throws SQLException {
    try (Connection connection = database.connect()) {
      // Servers before that have no row filters.
      assumeTrue(connection.getMetaData().getDatabaseMajorVersion() >= 15);
      String others =
          value(
              connection,
              "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ')"
                  + " FROM pg_publication_tables WHERE pubname = 'pgtrickle' AND tablename <> '"
                  + hurt
                  + "'");
      run(
          connection,
          "ALTER PUBLICATION pgtrickle SET TABLE %s, %s WHERE (id > 100)".formatted(others, hurt),
          "INSERT INTO %s VALUES (3, 3)".formatted(hurt));
      awaitMended(connection);
      assertThat(
              value(connection, "SELECT count(*) FROM pg_publication_rel WHERE prqual IS NOT NULL"))
          .isEqualTo("0");
    }
  }

  @Test
  void aWatchedSourceOfAFullTableIsPublishedAgain() throws SQLException {
    try (Connection connection = database.connect()) {
      String query = "SELECT id, row_number() OVER (ORDER BY id, random()) AS n FROM " + hurt;
      String name = hurt + "_full";
      streamTable(connection, name, query, "FULL");
      sync(connection);
      run(
          connection,
          "ALTER PUBLICATION pgtrickle DROP TABLE " + hurt,
          "INSERT INTO %s VALUES (3, 3)".formatted(hurt));
      awaitMended(connection);
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(
              () ->
                  assertThat(rows(connection, "SELECT id FROM " + name + " ORDER BY 1"))
                      .containsExactly("1", "2", "3"));
    }
  }

  @Test
  void anAlteredPublicationIsMendedAndEverythingInitializedAgain() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "ALTER PUBLICATION pgtrickle SET (publish = 'insert')",
          "DELETE FROM %s WHERE id = 1".formatted(hurt));
      awaitLost(connection, "altered");
      assertThat(
              value(connection, "SELECT pubdelete FROM pg_publication WHERE pubname = 'pgtrickle'"))
          .isEqualTo("t");
    }
  }

  @Test
  void aDroppedPublicationIsMadeAgain() throws SQLException {
    try (Connection connection = database.connect()) {
      run(connection, "DROP PUBLICATION pgtrickle", "DELETE FROM %s WHERE id = 1".formatted(hurt));
      // Up to 17 the log cannot be decoded from here on, which is noticed before anything else.
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  events(connection, "slot_lost").stream()
                      .anyMatch(event -> event.contains("the publication did not exist")));
      assertExact(connection);
    }
  }

  @Test
  void aDroppedSlotIsReplaced() throws SQLException {
    try (Connection connection = database.connect()) {
      String slot = value(connection, "SELECT slot_name FROM pgtrickle_internal.pgt_progress");
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(
              () ->
                  run(
                      connection,
                      "SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots"
                          + " WHERE slot_name = '"
                          + slot
                          + "'",
                      "SELECT pg_drop_replication_slot('" + slot + "')"));
      run(connection, "DELETE FROM %s WHERE id = 1".formatted(hurt));
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  !String.valueOf(slot)
                      .equals(
                          value(
                              connection,
                              "SELECT slot_name FROM pgtrickle_internal.pgt_progress")));
      assertExact(connection);
      assertThat(events(connection, "slot_lost"))
          .anyMatch(e -> e.contains(slot + "\": it is gone"));
    }
  }

  private static String query(String table) {
    return "SELECT id, v * 2 AS w FROM " + table;
  }

  private void awaitMended(Connection connection) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                events(connection, "publication_altered").stream()
                    .anyMatch(event -> event.contains("\"" + hurt + "\";")));
    assertExact(connection);
  }

  private void awaitLost(Connection connection, String how) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                events(connection, "publication_altered").stream()
                        .anyMatch(event -> event.contains("was " + how))
                    && events(connection, "slot_lost").stream()
                        .anyMatch(event -> event.contains("publication")));
    assertExact(connection);
  }

  private static List<String> events(Connection connection, String kind) throws SQLException {
    return rows(
        connection,
        "SELECT detail FROM pgtrickle.health_check() WHERE check_name = '%s'".formatted(kind));
  }

  private void assertOnlyHurt(Connection connection) throws SQLException {
    // History is written every few seconds.
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(failures(connection)).contains(hurt + "_st"));
    assertThat(failures(connection)).doesNotContain(spared + "_st");
    assertThat(
            rows(
                connection,
                "SELECT source_table, coalesce(alert, 'none'), phase FROM"
                    + " pgtrickle.check_cdc_health()"
                    + " WHERE source_table = 'public.%s'".formatted(hurt)))
        .containsExactly("public." + hurt + "|none|READING");
  }

  private static List<String> failures(Connection connection) throws SQLException {
    return rows(
        connection,
        "SELECT d.table_name FROM pgtrickle.pgt_refresh_history h"
            + " JOIN pgtrickle.pgt_definitions d USING (pgt_id) WHERE h.status = 'FAILED'");
  }

  private void assertExact(Connection connection) {
    await()
        .atMost(PATIENCE)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              for (String name : List.of(hurt, spared)) {
                ready(connection, name + "_st");
              }
              sync(connection);
              for (String name : List.of(hurt, spared)) {
                assertThat(differences(connection, name + "_st", query(name))).isEmpty();
              }
            });
  }
}
