package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.status;
import static io.pgtrickle.engine.e2e.LiveDatabase.streamTable;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Residue is planted in joining stream tables whose rows no key leads to, and goes when a
/// transaction touches it.
final class ResidueIT {
  private static LiveDatabase database;

  @BeforeAll
  static void start() throws SQLException, InterruptedException {
    database = LiveDatabase.start();
    try (Connection connection = database.connect()) {
      run(
          connection,
          "CREATE TABLE buyers (id int PRIMARY KEY, name text, region text)",
          "CREATE TABLE sales (id int PRIMARY KEY, buyer int, note text, amount numeric)",
          "INSERT INTO buyers VALUES (1, 'ada', 'north'), (2, 'bob', 'south')",
          "INSERT INTO sales SELECT i, 1 + i % 2, 'n' || i % 7, i FROM generate_series(1, 40) i",
          "CREATE FUNCTION loud(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
              + " $$ BEGIN RETURN upper($1) || '!'; END $$");
    }
  }

  @AfterAll
  static void stop() throws SQLException {
    database.close();
  }

  private static double counted(String what) {
    String name = "pgtrickle_phd1_" + what + "_rows_total ";
    return database
        .sidecar()
        .meters()
        .scrape()
        .lines()
        .filter(line -> line.startsWith(name))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length())))
        .sum();
  }

  /// @param copied the condition for the rows of the stream table of which a copy is planted
  /// @param touching what makes these rows part of a delta
  private static void assertRemoved(
      String table, String query, String copied, String touching, String back) throws SQLException {
    try (Connection connection = database.connect();
        Connection admin = database.connect()) {
      streamTable(connection, table, query, "DIFFERENTIAL");
      double removed = counted("removed");
      double unchecked = counted("unchecked");
      run(
          admin,
          "SET session_replication_role = replica",
          "INSERT INTO %s SELECT * FROM %s WHERE %s".formatted(table, table, copied));
      assertThat(differences(connection, table, query)).isNotEmpty();
      run(connection, touching);
      sync(connection);
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(differences(connection, table, query)).isEmpty());
      assertThat(counted("removed")).isEqualTo(removed + 1);
      run(connection, back);
      sync(connection);
      assertThat(differences(connection, table, query)).isEmpty();
      assertThat(counted("removed")).isEqualTo(removed + 1);
      assertThat(counted("unchecked")).isEqualTo(unchecked);
      assertThat(status(connection, table)).isEqualTo("ACTIVE");
      assertThat(
              rows(
                  connection,
                  "SELECT effective_refresh_mode FROM pgtrickle.pgt_stream_tables WHERE pgt_name ="
                      + " '%s'".formatted(table.toLowerCase(Locale.ROOT))))
          .containsExactly("DIFFERENTIAL");
      run(connection, "SELECT pgtrickle.drop_stream_table('" + table + "')");
    }
  }

  @Test
  void ofAJoinThatShowsNoKey() throws SQLException {
    assertRemoved(
        "keyless",
        "SELECT s.note, s.amount, b.region FROM sales s JOIN buyers b ON b.id = s.buyer",
        "amount = 5",
        "DELETE FROM sales WHERE id = 5",
        "INSERT INTO sales VALUES (5, 2, 'n5', 5)");
  }

  @Test
  void ofALeftJoinThatShowsNoKey() throws SQLException {
    assertRemoved(
        "keyless_left",
        "SELECT s.note, s.amount, b.region FROM sales s LEFT JOIN buyers b ON b.id = s.buyer",
        "amount = 6",
        "UPDATE sales SET buyer = NULL WHERE id = 6",
        "UPDATE sales SET buyer = 1 WHERE id = 6");
  }

  @Test
  void ofAJoinUnderLimit() throws SQLException {
    assertRemoved(
        "first_ones",
        "SELECT s.note, s.amount, b.name FROM sales s JOIN buyers b ON b.id = s.buyer"
            + " ORDER BY s.amount LIMIT 3",
        "amount = 3",
        "DELETE FROM sales WHERE id = 3",
        "INSERT INTO sales VALUES (3, 2, 'n3', 3)");
  }

  @Test
  void ofAJoinUnderAWindow() throws SQLException {
    assertRemoved(
        "numbered",
        "SELECT b.name, s.amount, lag(s.note) OVER w AS previous, sum(s.amount) OVER w AS running"
            + " FROM sales s JOIN buyers b ON b.id = s.buyer"
            + " WINDOW w AS (PARTITION BY b.name ORDER BY s.amount)",
        "amount = 38",
        "DELETE FROM sales WHERE id = 38",
        "INSERT INTO sales VALUES (38, 1, 'n3', 38)");
  }

  @Test
  void ofAJoinThatTheServerWasAskedAbout() throws SQLException {
    assertRemoved(
        "shouted",
        "SELECT s.amount, loud(s.note) AS loud, b.name FROM sales s JOIN buyers b ON b.id = s.buyer"
            + " AND loud(b.name) <> 'CY!'",
        "amount = 7",
        "DELETE FROM sales WHERE id = 7",
        "INSERT INTO sales VALUES (7, 2, 'n0', 7)");
  }
}
