package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.refusal;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// DDL that gives a query another meaning, or its rows other values, is followed like a change of
/// rows.
final class CatalogChangesIT {
  private static final String QUERY = "SELECT id, v, v::text AS t FROM source";
  private static final String OVER_WHOLE = "SELECT v, v::text AS t FROM whole";
  private static final String ABOVE = "SELECT v, count(*) AS n FROM steady GROUP BY v";

  private final LiveDatabase database;
  private final Connection connection;

  enum Change {
    ANOTHER_VIEW(
        """
        CREATE TABLE one (id int PRIMARY KEY, v int);
        CREATE TABLE two (id int PRIMARY KEY, v int);
        INSERT INTO one VALUES (1, 1), (2, 2);
        INSERT INTO two VALUES (1, 1), (7, 7);
        CREATE VIEW inner_source AS SELECT id, v FROM one;
        CREATE VIEW source AS SELECT * FROM inner_source
        """,
        "CREATE OR REPLACE VIEW inner_source AS SELECT id, v + 1 AS v FROM two",
        "INSERT INTO two VALUES (8, 8); DELETE FROM two WHERE id = 1"),
    SWAPPED_TABLES(
        """
        CREATE TABLE source (id int PRIMARY KEY, v int);
        CREATE TABLE next (id int PRIMARY KEY, v int);
        INSERT INTO source VALUES (1, 1), (2, 2);
        INSERT INTO next VALUES (1, 5), (7, 7)
        """,
        """
        BEGIN;
        ALTER TABLE source RENAME TO previous;
        ALTER TABLE next RENAME TO source;
        COMMIT
        """,
        "INSERT INTO source VALUES (8, 8); DELETE FROM source WHERE id = 1"),
    A_CHILD(
        """
        CREATE TABLE source (id int PRIMARY KEY, v int);
        INSERT INTO source VALUES (1, 1), (2, 2)
        """,
        "CREATE TABLE child () INHERITS (source); INSERT INTO child VALUES (3, 3)",
        "INSERT INTO child VALUES (4, 4); DELETE FROM source WHERE id = 1"),
    RENAMED_LABEL(
        """
        CREATE TYPE colour AS ENUM ('red', 'green');

        CREATE TABLE source (id int PRIMARY KEY, v colour);
        ALTER TABLE source REPLICA IDENTITY FULL;
        INSERT INTO source VALUES (1, 'red'), (2, 'green'), (3, 'red')
        """,
        "ALTER TYPE colour RENAME VALUE 'red' TO 'scarlet'",
        "DELETE FROM source WHERE id = 1; INSERT INTO source VALUES (4, 'scarlet')");

    private final String first;
    private final String ddl;
    private final String later;

    Change(String first, String ddl, String later) {
      this.first = first;
      this.ddl = ddl;
      this.later = later;
    }
  }

  @BeforeAll
  static void createRole() throws SQLException {
    try (Connection admin = LiveDatabase.server().connect()) {
      run(admin, "CREATE ROLE tenant LOGIN");
    }
  }

  @AfterAll
  static void dropRole() throws SQLException {
    try (Connection admin = LiveDatabase.server().connect()) {
      run(admin, "DROP ROLE tenant");
    }
  }

  CatalogChangesIT() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection admin = database.connect()) {
      run(
          admin,
          "GRANT USAGE ON SCHEMA pgtrickle TO tenant",
          "GRANT CREATE ON SCHEMA public TO tenant");
    }
    connection = database.connectAs("tenant");
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private void define(Change change) throws SQLException {
    run(connection, change.first.split(";"));
    define();
  }

  private void define() throws SQLException {
    streamTable(connection, "steady", QUERY, "AUTO");
    streamTable(connection, "above", ABOVE, "AUTO");
    streamTable(connection, "whole", QUERY, "FULL");
    streamTable(connection, "over_whole", OVER_WHOLE, "AUTO");
    sync(connection);
  }

  @ParameterizedTest
  @EnumSource
  void isFollowedAtOnce(Change change) throws SQLException {
    define(change);
    run(connection, change.ddl.split(";"));
    awaitExact();
    run(connection, change.later.split(";"));
    awaitExact();
  }

  @ParameterizedTest
  @EnumSource
  void isFollowedAtOnceWithTheChangesAfterIt(Change change) throws SQLException {
    define(change);
    run(connection, change.ddl.split(";"));
    run(connection, change.later.split(";"));
    awaitExact();
  }

  @ParameterizedTest
  @EnumSource
  void isFollowedAfterARestart(Change change) throws SQLException, InterruptedException {
    define(change);
    database.stopSidecar();
    run(connection, change.ddl.split(";"));
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    awaitExact();
    run(connection, change.later.split(";"));
    awaitExact();
  }

  @Test
  void aRenamedSourceIsSaidToBeMissing() throws SQLException {
    define(Change.SWAPPED_TABLES);
    run(connection, "ALTER TABLE source RENAME TO elsewhere");
    awaitStatuses("ERROR 42P01");
    run(
        connection,
        "ALTER TABLE elsewhere RENAME TO source",
        "INSERT INTO source VALUES (9, 9)",
        "SELECT pgtrickle.repair_stream_table('steady')",
        "SELECT pgtrickle.repair_stream_table('whole')");
    awaitExact();
  }

  /// A query means what its text says: another schema of that name is another source.
  @Test
  void aRenamedSchemaIsSaidToBeMissingAndFoundAgain() throws SQLException {
    try (Connection admin = database.connect()) {
      run(
          admin,
          "CREATE SCHEMA shop AUTHORIZATION tenant",
          "CREATE SCHEMA other AUTHORIZATION tenant");
    }
    run(
        connection,
        "SET search_path = public, shop",
        "CREATE TABLE shop.source (id int PRIMARY KEY, v int)",
        "INSERT INTO shop.source VALUES (1, 1), (2, 2)",
        "CREATE TABLE other.source (id int PRIMARY KEY, v int)",
        "INSERT INTO other.source VALUES (1, 7), (3, 3)");
    define();
    try (Connection admin = database.connect()) {
      run(admin, "ALTER SCHEMA shop RENAME TO gone", "INSERT INTO gone.source VALUES (9, 9)");
    }
    awaitStatuses("ERROR 42P01");
    try (Connection admin = database.connect()) {
      run(admin, "ALTER SCHEMA other RENAME TO shop", "INSERT INTO shop.source VALUES (4, 4)");
    }
    run(
        connection,
        "SELECT pgtrickle.repair_stream_table('steady')",
        "SELECT pgtrickle.repair_stream_table('whole')");
    awaitExact();
    run(connection, "DELETE FROM shop.source WHERE id = 1");
    awaitExact();
  }

  @Test
  void ofASourceOnlyTheColumnsThatAreReadHaveToBePermitted() throws SQLException {
    try (Connection admin = database.connect()) {
      run(
          admin,
          "CREATE TABLE source (id int PRIMARY KEY, v int, secret text)",
          "INSERT INTO source VALUES (1, 1, 'a'), (2, 2, 'b')",
          "GRANT SELECT (id, v) ON source TO tenant");
    }
    define();
    assertThat(
            refusal(
                    connection,
                    "SELECT pgtrickle.create_stream_table('spy', 'SELECT id, secret FROM source')")
                .getSQLState())
        .isEqualTo("42501");
    try (Connection admin = database.connect()) {
      run(
          admin,
          "UPDATE source SET secret = 'c', v = 5 WHERE id = 1",
          "INSERT INTO source VALUES (3, 3, 'd')",
          "UPDATE source SET secret = 'e'");
    }
    awaitExact();
    try (Connection admin = database.connect()) {
      run(
          admin,
          "REVOKE SELECT (v) ON source FROM tenant",
          "SELECT pgtrickle.repair_stream_table('steady')",
          "SELECT pgtrickle.repair_stream_table('whole')");
    }
    awaitStatuses("ERROR 42501");
    try (Connection admin = database.connect()) {
      run(
          admin,
          "GRANT SELECT (v) ON source TO tenant",
          "DELETE FROM source WHERE id = 2",
          "SELECT pgtrickle.repair_stream_table('steady')",
          "SELECT pgtrickle.repair_stream_table('whole')");
    }
    awaitExact();
  }

  /// Neither its columns nor who evaluates its query become those of who called.
  @Test
  void whatASuperuserRepairsStaysItsOwners() throws SQLException {
    run(
        connection,
        "CREATE TABLE source (id int PRIMARY KEY, v int)",
        "INSERT INTO source VALUES (1, 1), (2, 2)");
    String query = "SELECT v, count(*) AS n, min(current_user::text) AS me FROM source GROUP BY v";
    streamTable(connection, "mine", query, "FULL");
    streamTable(connection, "kept", "SELECT v FROM source", "DIFFERENTIAL");
    try (Connection admin = database.connect()) {
      run(
          admin,
          "GRANT SELECT ON mine TO PUBLIC",
          "ALTER TABLE source ALTER v TYPE bigint",
          "SELECT pgtrickle.repair_stream_table('mine')",
          "SELECT pgtrickle.repair_stream_table('kept')");
      ready(admin, "mine");
      ready(admin, "kept");
      assertThat(
              rows(
                  admin,
                  "SELECT relname, relowner::regrole FROM pg_class"
                      + " WHERE relname IN ('mine', 'kept') ORDER BY 1"))
          .containsExactly("kept|tenant", "mine|tenant");
      assertThat(rows(admin, "SELECT DISTINCT me FROM mine")).containsExactly("tenant");
      run(
          admin,
          "INSERT INTO source VALUES (3, 1)",
          "SELECT pgtrickle.refresh_stream_table('mine')");
    }
    sync(connection);
    assertThat(differences(connection, "kept", "SELECT v FROM source")).isEmpty();
    assertThat(differences(connection, "mine", query)).isEmpty();
  }

  @Test
  void rowsThatTheOwnerMayNotSeeAnyMoreAreAnError() throws SQLException {
    run(
        connection,
        "CREATE TABLE source (id int PRIMARY KEY, v int)",
        "INSERT INTO source VALUES (1, 1), (2, 2)",
        "CREATE POLICY low ON source USING (v < 2)",
        "ALTER TABLE source FORCE ROW LEVEL SECURITY");
    define();
    run(connection, "ALTER TABLE source ENABLE ROW LEVEL SECURITY");
    awaitStatuses("ERROR 42501");
    run(
        connection,
        "ALTER TABLE source DISABLE ROW LEVEL SECURITY",
        "INSERT INTO source VALUES (3, 3)",
        "SELECT pgtrickle.repair_stream_table('steady')",
        "SELECT pgtrickle.repair_stream_table('whole')");
    awaitExact();
  }

  private void awaitStatuses(String expected) throws SQLException {
    try (Connection admin = database.connect()) {
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(status(admin, "steady")).isEqualTo(expected);
                assertThat(status(admin, "whole")).isEqualTo(expected);
                assertThat(status(admin, "above")).isEqualTo("ERROR 55000");
              });
    }
  }

  private void awaitExact() {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(differences(connection, "steady", QUERY)).isEmpty();
              assertThat(differences(connection, "whole", QUERY)).isEmpty();
              assertThat(differences(connection, "above", ABOVE)).isEmpty();
              assertThat(differences(connection, "over_whole", OVER_WHOLE)).isEmpty();
            });
  }
}
