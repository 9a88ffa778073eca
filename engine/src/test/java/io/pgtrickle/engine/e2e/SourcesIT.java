package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Base tables as people have them: truncated, partitioned, oddly named, owned by others.
final class SourcesIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static void assertExact(Connection connection, String table, String query)
      throws SQLException {
    sync(connection);
    assertThat(differences(connection, table, query)).as(table).isEmpty();
  }

  @Test
  void truncateIsAChangeLikeAnyOther() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE tp (id int PRIMARY KEY, v int)",
          "CREATE TABLE tc (id int, p int REFERENCES tp)",
          "INSERT INTO tp VALUES (1, 1), (2, 2)",
          "INSERT INTO tc VALUES (1, 1), (1, 1), (2, 2)");
      String query = "SELECT c.id, p.v FROM tc c JOIN tp p ON p.id = c.p";
      streamTable(connection, "truncated", query, "DIFFERENTIAL");
      run(connection, "TRUNCATE tp CASCADE");
      assertExact(connection, "truncated", query);
      connection.setAutoCommit(false);
      run(
          connection,
          "INSERT INTO tp VALUES (1, 5), (3, 3)",
          "INSERT INTO tc VALUES (1, 1)",
          "TRUNCATE tp CASCADE",
          "INSERT INTO tp VALUES (3, 4)",
          "INSERT INTO tc VALUES (8, 3)");
      connection.commit();
      connection.setAutoCommit(true);
      assertExact(connection, "truncated", query);
      assertThat(rows(connection, "SELECT * FROM truncated")).containsExactly("8|4");
    }
  }

  @Test
  void unchangedToastValuesAreKept() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE toast (id int PRIMARY KEY, v int, big text)",
          "ALTER TABLE toast ALTER big SET STORAGE EXTERNAL",
          "INSERT INTO toast SELECT i, i, repeat(i::text, 9000) FROM generate_series(1, 5) i");
      String query = "SELECT id, v, big FROM toast";
      streamTable(connection, "toast_st", query, "DIFFERENTIAL");
      assertThat(value(connection, "SELECT relreplident FROM pg_class WHERE relname = 'toast'"))
          .isEqualTo("d");
      run(connection, "UPDATE toast SET v = v + 1", "UPDATE toast SET id = id + 10 WHERE id < 3");
      assertExact(connection, "toast_st", query);
      run(
          connection,
          "UPDATE toast SET big = repeat('n', 9000) WHERE id = 11",
          "UPDATE toast SET v = 0 WHERE id = 11",
          "DELETE FROM toast WHERE id = 3");
      assertExact(connection, "toast_st", query);
    }
  }

  @Test
  void keysMayChangeAndSwap() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE keys (id int PRIMARY KEY DEFERRABLE, v text)",
          "INSERT INTO keys VALUES (1, 'a'), (2, 'b'), (3, 'c')");
      streamTable(connection, "keys_st", "SELECT id, v FROM keys", "DIFFERENTIAL");
      run(connection, "UPDATE keys SET id = 4 - id", "UPDATE keys SET id = id + 1");
      assertExact(connection, "keys_st", "SELECT id, v FROM keys");
    }
  }

  @Test
  void partitionsAreOneTable() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE parts (id int, k int, v int, PRIMARY KEY (id, k)) PARTITION BY RANGE (k)",
          "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)",
          "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)",
          "INSERT INTO parts SELECT i, i, i FROM generate_series(0, 19) i");
      String query = "SELECT k / 10 AS part, count(*) AS n, sum(v) AS s FROM parts GROUP BY k / 10";
      streamTable(connection, "parts_st", query, "AUTO");
      run(
          connection,
          "UPDATE parts SET k = 15 WHERE id = 3",
          "INSERT INTO parts_1 VALUES (50, 1, 1)",
          "DELETE FROM parts WHERE k = 12");
      assertExact(connection, "parts_st", query);
      run(
          connection,
          "CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)",
          "INSERT INTO parts VALUES (60, 25, 7)");
      assertExact(connection, "parts_st", query);
    }
  }

  @Test
  void namesMayBeAnything() throws SQLException {
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE SCHEMA \"Größe.x\"",
          "CREATE TABLE \"Größe.x\".\"Ta\"\"ble.1\" (\"Spalte 1\" int PRIMARY KEY, \"select\""
              + " text)",
          "INSERT INTO \"Größe.x\".\"Ta\"\"ble.1\" VALUES (1, 'ü')");
      String query = "SELECT \"Spalte 1\", \"select\" FROM \"Größe.x\".\"Ta\"\"ble.1\"";
      streamTable(connection, "\"Größe.x\".\"Mein 'Strom'.\"\"1\"\"\"", query, "DIFFERENTIAL");
      run(connection, "INSERT INTO \"Größe.x\".\"Ta\"\"ble.1\" VALUES (2, '𝄞')");
      assertExact(connection, "\"Größe.x\".\"Mein 'Strom'.\"\"1\"\"\"", query);
      assertThat(
              rows(connection, "SELECT * FROM \"Größe.x\".\"Mein 'Strom'.\"\"1\"\"\" ORDER BY 1"))
          .containsExactly("1|ü", "2|𝄞");
    }
  }

  @Test
  void anotherOwnersTableIsWrittenAsItsOwner() throws SQLException {
    try (Connection admin = database.connect()) {
      run(
          admin,
          "CREATE ROLE renter LOGIN",
          "GRANT USAGE ON SCHEMA pgtrickle TO renter",
          "CREATE SCHEMA flat AUTHORIZATION renter");
      try (Connection renter = database.connectAs("renter")) {
        run(
            renter,
            "SET search_path = flat",
            "CREATE TABLE b (id int PRIMARY KEY, v int)",
            "CREATE TABLE seen (who text, id int)",
            "INSERT INTO b VALUES (1, 1)");
        streamTable(renter, "own", "SELECT id, v FROM b", "DIFFERENTIAL");
        streamTable(
            renter, "own_full", "SELECT id, current_user::text AS u FROM b LIMIT 9", "FULL");
        run(
            renter,
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO"
                + " flat.seen VALUES (current_user, NEW.id); RETURN NEW; END $$",
            "CREATE TRIGGER note AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION note()",
            "INSERT INTO b VALUES (2, 2), (3, 3)");
        sync(renter);
        run(renter, "DELETE FROM b WHERE id = 3", "UPDATE b SET v = 9 WHERE id = 1");
        sync(renter);
        assertThat(differences(renter, "own", "SELECT id, v FROM b")).isEmpty();
        // Before 15 there is no unique index to update by, and a changed row is inserted anew.
        assertThat(rows(renter, "SELECT * FROM seen WHERE id > 1 ORDER BY 2"))
            .containsExactly("renter|2", "renter|3");
        assertThat(rows(renter, "SELECT DISTINCT who FROM seen")).containsExactly("renter");
        assertThat(rows(renter, "SELECT * FROM own_full ORDER BY 1"))
            .containsExactly("1|renter", "2|renter");
        assertThat(value(renter, "SELECT tableowner FROM pg_tables WHERE tablename = 'own'"))
            .isEqualTo("renter");
        assertThat(LiveDatabase.refusal(renter, "DELETE FROM own").getSQLState())
            .isEqualTo("55000");
        run(
            renter,
            "SELECT pgtrickle.drop_stream_table('own')",
            "SELECT pgtrickle.drop_stream_table('own_full')");
      } finally {
        run(admin, "DROP SCHEMA flat CASCADE", "DROP OWNED BY renter", "DROP ROLE renter");
      }
    }
  }
}
