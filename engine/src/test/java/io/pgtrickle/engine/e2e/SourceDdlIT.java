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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// DDL on sources that leaves their rows as they are initializes nothing anew.
final class SourceDdlIT {
  private static final String QUERY =
      "SELECT p.k, sum(t.v) AS s FROM plain t JOIN parted p ON p.id = t.id GROUP BY p.k";

  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE ROLE clerk",
          "CREATE TYPE mood AS ENUM ('calm', 'cross')",
          "CREATE TABLE plain (id int PRIMARY KEY, v int, t text, m mood)",
          "CREATE TABLE parted (id int, k int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k)",
          "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100)",
          "INSERT INTO plain SELECT i, i, i FROM generate_series(1, 20) i",
          "INSERT INTO parted SELECT i, i % 5 FROM generate_series(1, 20) i");
      streamTable(connection, "steady", QUERY, "DIFFERENTIAL");
      streamTable(connection, "whole", QUERY + " ORDER BY 1 LIMIT 3", "FULL");
    }
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
    try (Connection admin = LiveDatabase.server().connect()) {
      run(admin, "DROP ROLE clerk");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ALTER TABLE plain ALTER v SET NOT NULL; ALTER TABLE plain ALTER v DROP NOT NULL",
        "ALTER TABLE plain ALTER v SET DEFAULT 7; ALTER TABLE plain ALTER t SET STORAGE EXTERNAL",
        "ALTER TABLE plain ADD COLUMN IF NOT EXISTS unused text DEFAULT 'x'",
        "ALTER TABLE plain ADD COLUMN IF NOT EXISTS stamped timestamptz DEFAULT clock_timestamp()",
        "COMMENT ON TABLE plain IS 'c'; COMMENT ON COLUMN plain.v IS 'c'",
        "CREATE INDEX ON plain (v); CREATE UNIQUE INDEX ON plain (id, v)",
        "GRANT SELECT ON plain TO clerk; GRANT UPDATE (v) ON plain TO clerk",
        "ALTER TABLE plain ADD CHECK (v > -1000); ANALYZE plain",
        "ALTER TABLE plain ALTER v SET STATISTICS 10; CREATE STATISTICS correlated ON id, v FROM"
            + " plain",
        "ALTER TABLE plain RENAME CONSTRAINT plain_pkey TO plain_key;"
            + " ALTER TABLE plain RENAME CONSTRAINT plain_key TO plain_pkey",
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'cheerful' BEFORE 'cross'",
        "ALTER TABLE parted ALTER k SET DEFAULT 3; COMMENT ON TABLE parted_1 IS 'c'",
      })
  void isNotNoticed(String ddl) throws SQLException {
    assertNothingIsInitialized(ddl.split(";"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"VACUUM FULL plain", "CLUSTER plain USING plain_pkey"})
  void rewritingTheFileIsNotNoticedEvenAfterAHarmlessChange(String rewrite) throws SQLException {
    assertNothingIsInitialized("ALTER TABLE plain ALTER v SET DEFAULT 8");
    assertNothingIsInitialized(rewrite);
  }

  @Test
  void aTypeThatIsNotTheTablesIsSaidAndRepaired() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE grown (id int PRIMARY KEY, v numeric(4,1))",
          "INSERT INTO grown VALUES (1, 2.5)");
      streamTable(connection, "grown_st", "SELECT id, v FROM grown", "DIFFERENTIAL");
      run(connection, "ALTER TABLE grown ALTER v TYPE float8");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(status(connection, "grown_st")).isEqualTo("ERROR 42P17"));
      assertThat(
              value(
                  connection,
                  "SELECT last_error_message FROM pgtrickle.stream_tables_info"
                      + " WHERE pgt_name = 'grown_st'"))
          .contains(
              "are (\"id\" integer, \"v\" numeric(4,1))", "has (\"id\" integer, \"v\" double");
      run(
          connection,
          "SELECT pgtrickle.repair_stream_table('grown_st')",
          "INSERT INTO grown VALUES (2, 1e10)");
      ready(connection, "grown_st");
      sync(connection);
      assertThat(differences(connection, "grown_st", "SELECT id, v FROM grown")).isEmpty();
      run(connection, "SELECT pgtrickle.drop_stream_table('grown_st')", "DROP TABLE grown");
    }
  }

  @Test
  void valuesOfATypeOfTheUsersAreNotTakenForThoseOfTheOneBefore() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TYPE phase AS ENUM ('open', 'paid', 'void')",
          "CREATE TABLE phased (id int PRIMARY KEY, p int)",
          "INSERT INTO phased VALUES (1, 0)");
      streamTable(connection, "phased_st", "SELECT id, p FROM phased", "DIFFERENTIAL");
      run(
          connection,
          "ALTER TABLE phased ALTER p TYPE phase USING"
              + " (enum_range(NULL::phase))[p + 1];"
              + " INSERT INTO phased VALUES (2, 'paid')");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "phased_st")).isEqualTo("ERROR 42P17"));
      assertThat(rows(connection, "SELECT * FROM phased_st")).containsExactly("1|0");
      run(
          connection,
          "SELECT pgtrickle.drop_stream_table('phased_st')",
          "DROP TABLE phased",
          "DROP TYPE phase");
    }
  }

  // A table whose values are rewritten at the same time tells when the sources have been looked at.
  private static void assertNothingIsInitialized(String... ddl) throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE canary (id int PRIMARY KEY, v int)",
          "INSERT INTO canary VALUES (1, 1)");
      streamTable(connection, "canary_st", "SELECT id, v FROM canary", "DIFFERENTIAL");
      sync(connection);
      String before = initialized(connection);
      run(connection, ddl);
      run(connection, "ALTER TABLE canary ALTER v TYPE bigint USING v + 1");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(status(connection, "canary_st")).isEqualTo("ERROR 42P17"));
      assertThat(initialized(connection)).isEqualTo(before);
      run(connection, "SELECT pgtrickle.drop_stream_table('canary_st')", "DROP TABLE canary");
      run(connection, "UPDATE plain SET v = v + 1");
      sync(connection);
      assertThat(differences(connection, "steady", QUERY)).isEmpty();
    }
  }

  // Written when a table is initialized, and with no epoch that changes nothing in it.
  private static @Nullable String initialized(Connection connection) throws SQLException {
    return value(
        connection,
        "SELECT string_agg(s.updated_at::text, ' ' ORDER BY pgt_id) FROM pgtrickle.pgt_state s"
            + " JOIN pgtrickle.pgt_definitions USING (pgt_id)"
            + " WHERE table_name IN ('steady', 'whole')");
  }
}
