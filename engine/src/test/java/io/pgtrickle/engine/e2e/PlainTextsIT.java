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
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Ordinary dates in texts cost no question to the server, unusual ones do and are right.
///
/// A session for questions is opened with the first one, so that without it there was none.
final class PlainTextsIT {
  private static final String QUERY =
      "SELECT id, d::date AS day, d::timestamp AS at, d::timestamptz AS zoned, d::date + id AS"
          + " later, i::interval AS took FROM events";
  private static final List<String> DATES =
      List.of(
          "'2024-02-29'",
          "'2024-07-01T12:30:05.1234567+02:00'",
          "' 2023-01-31 23:59:60 '",
          "'29.2.2024 6:30 PM'",
          "'03/04/05'",
          "'31 March 2024 02:30'",
          "'2024-10-27 02:30:00'",
          "'20240101'",
          "'15-Mar-1944'",
          "'infinity'",
          "'2024-02-29 00:00Z'",
          "NULL");
  private static final List<String> SPANS =
      List.of("'1 day 02:03:04'", "'-1 year 2 mons'", "'P3DT4H'", "'90 minutes'", "NULL");

  private static String event(int id, int n) {
    return "INSERT INTO events VALUES (%d, %s, %s)"
        .formatted(id, DATES.get(n % DATES.size()), SPANS.get(n % SPANS.size()));
  }

  private static void assertExact(Connection connection) throws SQLException {
    sync(connection);
    assertThat(differences(connection, "dated", QUERY)).isEmpty();
  }

  private static @Nullable String questioners(Connection connection) throws SQLException {
    return value(
        connection,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgtrickle evaluate' AND"
            + " datname = current_database()");
  }

  @Test
  void onlyUnusualTextsAreAskedAbout() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, "CREATE TABLE events (id int, d text, i text)");
      run(connection, "SET TimeZone = 'Europe/Berlin'", "SET DateStyle = 'ISO, DMY'");
      streamTable(connection, "dated", QUERY, "DIFFERENTIAL");
      for (int n = 0; n < DATES.size(); n++) {
        connection.setAutoCommit(false);
        run(connection, event(n, n), event(n, n), event(n + 1, n + 5));
        run(connection, "DELETE FROM events WHERE id = " + (n - 2));
        run(connection, "UPDATE events SET d = '1.2.2003' WHERE id = " + (n - 1));
        connection.commit();
        connection.setAutoCommit(true);
        assertExact(connection);
      }
      assertThat(value(connection, "SELECT pgtrickle.explain_stream_table('dated')"))
          .contains("Ask server about texts that are not plain");
      assertThat(
              rows(
                  connection,
                  "SELECT DISTINCT tier FROM pgtrickle.validate_query($$"
                      + QUERY
                      + "$$) WHERE tier IS NOT NULL"))
          .containsExactly("mixed");
      assertThat(questioners(connection)).isEqualTo("0");

      run(connection, "INSERT INTO events VALUES (1, '5 Mar 2024 10:00 CET', '1.5 days')");
      run(connection, "INSERT INTO events VALUES (2, '0044-03-15 BC', '@ 1 day ago')");
      assertExact(connection);
      assertThat(questioners(connection)).isNotEqualTo("0");
      run(connection, "DELETE FROM events WHERE d LIKE '%BC' OR d LIKE '%CET'");
      assertExact(connection);
      assertThat(
              rows(
                  connection,
                  "SELECT DISTINCT effective_refresh_mode FROM" + " pgtrickle.pgt_stream_tables"))
          .containsExactly("DIFFERENTIAL");
    }
  }

  @Test
  void anErrorOfATextIsTheServersAndHeals() throws SQLException, InterruptedException {
    try (LiveDatabase database = LiveDatabase.start();
        Connection connection = database.connect()) {
      run(connection, "CREATE TABLE events (id int, d text, i text)");
      run(connection, "INSERT INTO events VALUES (1, '2024-02-29', '1 day')");
      streamTable(connection, "dated", QUERY, "DIFFERENTIAL");
      assertHeals(connection, "'2024-02-30'", "ERROR 22008");
      assertHeals(connection, "'2024-02-29 10:00+16'", "ERROR 22009");
      assertThat(questioners(connection)).isEqualTo("0");
      assertHeals(connection, "'nothing'", "ERROR 22007");
      assertHeals(connection, "'today'", "ERROR 0A000");
    }
  }

  private static void assertHeals(Connection connection, String date, String status)
      throws SQLException {
    run(connection, "INSERT INTO events VALUES (2, " + date + ", '1 day')");
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(status(connection, "dated")).isEqualTo(status));
    assertThat(value(connection, "SELECT count(*) FROM dated")).isEqualTo("1");
    run(connection, "DELETE FROM events WHERE id = 2");
    assertExact(connection);
    assertThat(status(connection, "dated")).isEqualTo("ACTIVE");
  }
}
