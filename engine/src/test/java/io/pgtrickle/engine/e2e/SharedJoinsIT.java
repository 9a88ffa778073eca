package io.pgtrickle.engine.e2e;

import static io.pgtrickle.engine.e2e.LiveDatabase.PATIENCE;
import static io.pgtrickle.engine.e2e.LiveDatabase.differences;
import static io.pgtrickle.engine.e2e.LiveDatabase.ready;
import static io.pgtrickle.engine.e2e.LiveDatabase.rows;
import static io.pgtrickle.engine.e2e.LiveDatabase.run;
import static io.pgtrickle.engine.e2e.LiveDatabase.sync;
import static io.pgtrickle.engine.e2e.LiveDatabase.value;
import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Stream tables over one join that show different columns of it have it in common, whoever of them
/// comes, goes, or is restored.
final class SharedJoinsIT {
  private static final Pattern JOIN = Pattern.compile("#(\\d+) (?:Join|Left join)");

  private final Map<String, String> tables = new LinkedHashMap<>();
  private final LiveDatabase database;
  private final Connection connection;
  private int round;

  SharedJoinsIT() throws SQLException {
    database = LiveDatabase.create();
    connection = database.connect();
  }

  @BeforeEach
  void start() throws SQLException, InterruptedException {
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
    run(
        connection,
        "CREATE TABLE facts (id int PRIMARY KEY, d int, a numeric, b int, c text, e text)",
        "INSERT INTO facts SELECT i, i % 20, i / 3.0, i % 7, 'c' || i % 5, repeat('e', i % 9)"
            + " FROM generate_series(1, 2000) i",
        "CREATE TABLE dims (d int PRIMARY KEY, name text, size int)",
        "INSERT INTO dims SELECT i, 'd' || i % 6, i FROM generate_series(0, 17) i");
  }

  @AfterEach
  void stop() throws SQLException {
    connection.close();
    database.close();
  }

  private void define(String name, String query) throws SQLException {
    run(
        connection,
        "SELECT pgtrickle.create_stream_table('%s', $q$%s$q$, refresh_mode => 'DIFFERENTIAL')"
            .formatted(name, query));
    tables.put(name, query);
  }

  private void defineTogether(Map<String, String> definitions) throws SQLException {
    connection.setAutoCommit(false);
    for (Map.Entry<String, String> one : definitions.entrySet()) {
      define(one.getKey(), one.getValue());
    }
    connection.commit();
    connection.setAutoCommit(true);
    for (String name : definitions.keySet()) {
      ready(connection, name);
    }
  }

  private void drop(String name) throws SQLException {
    run(connection, "SELECT pgtrickle.drop_stream_table('%s')".formatted(name));
    tables.remove(name);
  }

  // Rows come, go and move in both tables within a transaction, and change in columns that only
  // some show.
  private void change() throws SQLException {
    round++;
    connection.setAutoCommit(false);
    run(
        connection,
        "UPDATE facts SET a = a + 1 WHERE id %% 11 = %d".formatted(round % 11),
        "UPDATE facts SET b = NULL, c = c || '!' WHERE id %% 17 = %d".formatted(round % 17),
        "UPDATE facts SET d = (d + 3) %% 21 WHERE id %% 13 = %d".formatted(round % 13),
        "UPDATE dims SET name = name || 'x', size = size + 1 WHERE d %% 5 = %d"
            .formatted(round % 5),
        "DELETE FROM dims WHERE d = %d".formatted(round % 18),
        "INSERT INTO dims SELECT coalesce(max(d), 0) + 1, 'new', 0 FROM dims",
        "DELETE FROM facts WHERE id %% 29 = %d".formatted(round % 29),
        "INSERT INTO facts SELECT max(id) + 1, %d, NULL, 1, NULL, 'e' FROM facts"
            .formatted(round % 18));
    connection.commit();
    connection.setAutoCommit(true);
  }

  private void requireExact() throws SQLException {
    sync(connection);
    for (Map.Entry<String, String> table : tables.entrySet()) {
      assertThat(differences(connection, table.getKey(), table.getValue()))
          .as(table.getKey())
          .isEmpty();
    }
  }

  private void changeAndRequireExact(int rounds) throws SQLException {
    for (int i = 0; i < rounds; i++) {
      change();
      requireExact();
    }
  }

  /// The joins of which some stream tables are made.
  private Set<Integer> joins(String... names) throws SQLException {
    Set<Integer> joins = new TreeSet<>();
    for (String name : names) {
      Matcher found =
          JOIN.matcher(
              String.valueOf(
                  value(
                      connection,
                      "SELECT pgtrickle.explain_stream_table('%s', 'text')".formatted(name))));
      while (found.find()) {
        joins.add(Integer.valueOf(found.group(1)));
      }
    }
    return joins;
  }

  private int initializations() throws SQLException {
    return rows(
            connection,
            "SELECT h.action FROM pgtrickle.pgt_definitions d,"
                + " pgtrickle.get_refresh_history(d.table_name, 1000) h"
                + " WHERE h.action = 'REINITIALIZE'")
        .size();
  }

  private void restart() throws SQLException, InterruptedException {
    database.stopSidecar();
    assertThat(database.startSidecar().awaitReady(PATIENCE)).isTrue();
  }

  private static final Map<String, String> TOGETHER =
      new LinkedHashMap<>(
          Map.of(
              "shown", "SELECT f.id, f.a, d.name FROM facts f LEFT JOIN dims d USING (d)",
              "others", "SELECT f.id, f.b, d.size FROM facts f LEFT JOIN dims d USING (d)",
              "totals",
                  "SELECT d.name, sum(f.a) AS s, count(*) AS n"
                      + " FROM facts f LEFT JOIN dims d USING (d) GROUP BY d.name"));

  @Test
  void oneJoinServesAllThatShowSomethingOfIt() throws Exception {
    defineTogether(TOGETHER);
    assertThat(joins("shown", "others", "totals")).hasSize(1);
    changeAndRequireExact(4);
    int initialized = initializations();
    restart();
    changeAndRequireExact(2);
    assertThat(joins("shown", "others", "totals")).hasSize(1);

    // One that comes later and needs no more.
    define(
        "late", "SELECT d.name, max(f.b) AS m FROM facts f LEFT JOIN dims d USING (d) GROUP BY 1");
    ready(connection, "late");
    assertThat(joins("shown", "late")).hasSize(1);
    changeAndRequireExact(2);
    restart();
    changeAndRequireExact(2);
    assertThat(initializations()).isEqualTo(initialized + 1);
  }

  /// What a stream table has because of others stays kept of the sources when those are gone, also
  /// through a copy with further columns.
  @Test
  void whoIsLeftGoesOnWithTheColumnsOfThoseThatWent() throws Exception {
    defineTogether(TOGETHER);
    drop("totals");
    drop("shown");
    changeAndRequireExact(2);
    restart();
    changeAndRequireExact(2);
    define("texts", "SELECT id, c FROM facts");
    ready(connection, "texts");
    changeAndRequireExact(3);
    define("all_of_it", "SELECT f.*, d.name, d.size FROM facts f LEFT JOIN dims d USING (d)");
    ready(connection, "all_of_it");
    changeAndRequireExact(3);
    restart();
    changeAndRequireExact(2);
    drop("others");
    changeAndRequireExact(2);
  }
}
