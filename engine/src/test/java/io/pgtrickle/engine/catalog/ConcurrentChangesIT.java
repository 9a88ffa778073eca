package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.util.PSQLException;

/// Two sessions change one stream table, or two that concern each other: the second one waits, and
/// then acts on what the first one has left.
final class ConcurrentChangesIT {
  private static final ExecutorService SESSIONS = Executors.newVirtualThreadPerTaskExecutor();
  private static CatalogDatabase database;

  @BeforeAll
  static void install() throws SQLException {
    database = CatalogDatabase.installed();
    database.execute("CREATE TABLE orders (id int PRIMARY KEY, customer text, amount numeric)");
  }

  @AfterAll
  static void close() throws SQLException {
    SESSIONS.close();
    database.close();
  }

  private static String create(String name, String query) {
    return "SELECT pgtrickle.create_stream_table('" + name + "', $q$" + query + "$q$)";
  }

  private static String alter(String name, String change) {
    return "SELECT pgtrickle.alter_stream_table('" + name + "', " + change + ")";
  }

  /// How a statement ended.
  ///
  /// @param error the SQLSTATE, empty when it succeeded
  private record Outcome(String error, List<String> messages) {
    static Outcome of(Connection session, String sql) {
      try {
        return new Outcome("", CatalogDatabase.execute(session, sql));
      } catch (PSQLException e) {
        return new Outcome(
            String.valueOf(e.getSQLState()), List.of(String.valueOf(e.getMessage())));
      } catch (SQLException e) {
        throw new AssertionError("not an error of the server", e);
      }
    }
  }

  /// Runs one statement, and another one in another session that has to wait for the first to be
  /// committed.
  private static Outcome meanwhile(String first, String second)
      throws SQLException, InterruptedException, ExecutionException {
    try (Connection one = database.connect();
        Connection other = database.connect()) {
      one.setAutoCommit(false);
      CatalogDatabase.execute(one, first);
      String pid = CatalogDatabase.rows(other, "SELECT pg_backend_pid()").getFirst();
      Future<Outcome> outcome = SESSIONS.submit(() -> Outcome.of(other, second));
      await()
          .until(
              () ->
                  database
                      .value("SELECT cardinality(pg_blocking_pids(" + pid + ")) > 0")
                      .equals("t"));
      one.commit();
      return outcome.get();
    }
  }

  private static String definition(String table, String columns) throws SQLException {
    return database.value(
        "SELECT " + columns + " FROM pgtrickle.pgt_definitions WHERE table_name = '" + table + "'");
  }

  @Test
  void alteringTheScheduleKeepsTheQueryThatAnotherHasSet() throws Exception {
    database.execute(create("twice", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            alter("twice", "query => 'SELECT id FROM orders WHERE amount > 7'"),
            alter("twice", "schedule => '5s'"));
    assertThat(outcome.error()).isEmpty();
    assertThat(definition("twice", "query, analysis ->> 'query', schedule, generation"))
        .isEqualTo(
            "SELECT id FROM orders WHERE amount > 7 | SELECT id FROM orders WHERE amount > 7 | 5s"
                + " | 2");
  }

  @Test
  void alteringTheModeKeepsTheColumnsThatAnotherHasSet() throws Exception {
    database.execute(create("reshaped", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            alter("reshaped", "query => 'SELECT id, amount FROM orders'"),
            alter("reshaped", "refresh_mode => 'FULL'"));
    assertThat(outcome.error()).isEmpty();
    assertThat(definition("reshaped", "query, refresh_mode, relid = 'reshaped'::regclass"))
        .isEqualTo("SELECT id, amount FROM orders | FULL | t");
    assertThat(database.rows("SELECT id, amount FROM reshaped")).isEmpty();
  }

  @Test
  void repairRepairsWhatAnotherHasSet() throws Exception {
    database.execute(create("repaired", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            alter("repaired", "query => 'SELECT id, customer FROM orders', refresh_mode => 'FULL'"),
            "SELECT pgtrickle.repair_stream_table('repaired')");
    assertThat(outcome.error()).isEmpty();
    assertThat(definition("repaired", "query, analysis ->> 'query', refresh_mode"))
        .isEqualTo("SELECT id, customer FROM orders | SELECT id, customer FROM orders | FULL");
    assertThat(database.rows("SELECT id, customer FROM repaired")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT pgtrickle.alter_stream_table('gone', schedule => '5s')",
        "SELECT pgtrickle.alter_stream_table('gone', query => 'SELECT id + 1 AS id FROM orders')",
        "SELECT pgtrickle.resume_stream_table('gone')",
        "SELECT pgtrickle.repair_stream_table('gone')",
        "SELECT pgtrickle.drop_stream_table('gone')"
      })
  void whatAnotherHasDroppedDoesNotExist(String change) throws Exception {
    database.execute(create("gone", "SELECT id FROM orders"));
    Outcome outcome = meanwhile("SELECT pgtrickle.drop_stream_table('gone')", change);
    assertThat(outcome.error()).as("%s", outcome).isEqualTo("42P01");
    assertThat(database.value("SELECT to_regclass('gone') IS NULL")).isEqualTo("t");
  }

  @Test
  void whatAnotherHasReplacedIsAlteredAsItIsNow() throws Exception {
    database.execute(create("reborn", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            "SELECT pgtrickle.drop_stream_table('reborn');"
                + create("reborn", "SELECT customer FROM orders"),
            alter("reborn", "schedule => '5s'"));
    assertThat(outcome.error()).isEmpty();
    assertThat(definition("reborn", "query, schedule"))
        .isEqualTo("SELECT customer FROM orders | 5s");
  }

  @Test
  void whatAnotherHasAlteredCanBeDropped() throws Exception {
    database.execute(create("short", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            alter("short", "query => 'SELECT id, amount FROM orders'"),
            "SELECT pgtrickle.drop_stream_table('short')");
    assertThat(outcome.error()).isEmpty();
    assertThat(database.value("SELECT to_regclass('short') IS NULL")).isEqualTo("t");
  }

  @Test
  void nameThatAnotherHasTakenIsTaken() throws Exception {
    Outcome outcome =
        meanwhile(
            create("wanted", "SELECT id FROM orders"),
            create("wanted", "SELECT amount FROM orders"));
    assertThat(outcome.error()).as("%s", outcome).isEqualTo("42P07");
    assertThat(definition("wanted", "query")).isEqualTo("SELECT id FROM orders");
  }

  @Test
  void nameThatAnotherHasTakenIsSkipped() throws Exception {
    Outcome outcome =
        meanwhile(
            create("shared", "SELECT id FROM orders"),
            "SELECT pgtrickle.create_stream_table_if_not_exists('shared',"
                + " 'SELECT amount FROM orders')");
    assertThat(outcome.error()).as("%s", outcome).isEmpty();
    assertThat(outcome.messages())
        .contains("NOTICE: stream table \"shared\" already exists, skipping");
    assertThat(definition("shared", "query")).isEqualTo("SELECT id FROM orders");
  }

  @Test
  void nameThatAnotherHasTakenIsReplaced() throws Exception {
    Outcome outcome =
        meanwhile(
            create("latest", "SELECT id FROM orders"),
            "SELECT pgtrickle.create_or_replace_stream_table('latest',"
                + " 'SELECT amount FROM orders', '5s')");
    assertThat(outcome.error()).as("%s", outcome).isEmpty();
    assertThat(definition("latest", "query, schedule")).isEqualTo("SELECT amount FROM orders | 5s");
    assertThat(database.rows("SELECT amount FROM latest")).isEmpty();
  }

  @Test
  void whatAnotherHasDroppedIsCreatedByReplacing() throws Exception {
    database.execute(create("renewed", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            "SELECT pgtrickle.drop_stream_table('renewed')",
            "SELECT pgtrickle.create_or_replace_stream_table('renewed',"
                + " 'SELECT amount FROM orders')");
    assertThat(outcome.error()).as("%s", outcome).isEmpty();
    assertThat(definition("renewed", "query, generation"))
        .isEqualTo("SELECT amount FROM orders | 1");
  }

  @Test
  void whatAnotherHasBegunToReadIsNotDropped() throws Exception {
    database.execute(create("below", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            create("above", "SELECT id FROM below"), "SELECT pgtrickle.drop_stream_table('below')");
    assertThat(outcome.error()).as("%s", outcome).isEqualTo("2BP01");
  }

  @Test
  void whatAnotherHasBegunToReadKeepsItsColumns() throws Exception {
    database.execute(create("lower", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            create("upper", "SELECT id FROM lower"),
            alter("lower", "query => 'SELECT amount FROM orders'"));
    assertThat(outcome.error()).as("%s", outcome).isEqualTo("42P16");
  }

  @Test
  void twoChangesThatCloseACircleAreRefused() throws Exception {
    database.execute(create("left_half", "SELECT id FROM orders"));
    database.execute(create("right_half", "SELECT id FROM orders"));
    Outcome outcome =
        meanwhile(
            alter("left_half", "query => 'SELECT id FROM right_half'"),
            alter("right_half", "query => 'SELECT id FROM left_half'"));
    assertThat(outcome.error()).as("%s", outcome).isEqualTo("3F000");
    assertThat(definition("right_half", "query")).isEqualTo("SELECT id FROM orders");
  }
}
