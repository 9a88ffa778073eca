package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Calls that need an answer, and how they fail without one.
final class WaitingCallsIT {
  private CatalogDatabase database;

  @BeforeEach
  void install() throws SQLException {
    database = CatalogDatabase.installed();
    database.execute(
        "CREATE TABLE src (a int PRIMARY KEY);"
            + "SELECT pgtrickle.create_stream_table('st', 'SELECT a FROM src')");
  }

  @AfterEach
  void close() throws SQLException {
    database.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sync()",
        "sync('st')",
        "sync('st', '1 s')",
        "refresh_stream_table('st')",
        "wait_until_ready('st')",
        "explain_stream_table('st')",
        "validate_query('SELECT a FROM src')"
      })
  void withoutASidecarTheyFailAtOnce(String call) {
    var error = database.error("SELECT pgtrickle." + call);
    assertThat(error.getSQLState()).isEqualTo("55000");
    assertThat(error.getMessage()).contains("no live sidecar");
    assertThat(error.getHint()).contains("pgtrickle run --url postgresql://");
  }

  @Test
  void sidecarThatStoppedBeatingIsDead() throws SQLException {
    try (Responder responder = new Responder(database, Responder::agreeably)) {
      assertThat(database.value("SELECT pgtrickle.sync()")).isEqualTo("0/ABC");
      responder.stopBeating();
      // A beat may still be under way: say it again until none undoes it.
      String problem =
          await()
              .until(
                  () -> {
                    database.execute(
                        "UPDATE pgtrickle_internal.pgt_sidecar"
                            + " SET heartbeat_at = now() - interval '11 s'");
                    var rows = database.rows("SELECT * FROM pgtrickle_internal.sidecar_problem()");
                    return rows.isEmpty() ? "" : rows.getFirst();
                  },
                  found -> !found.isEmpty());
      assertThat(problem).contains("heartbeat was 11 seconds ago");
      assertThat(database.error("SELECT pgtrickle.sync()").getSQLState()).isEqualTo("55000");
    }
  }

  @Test
  void sidecarThatDoesNotReadItsSlotIsDead() throws SQLException {
    database.execute(
        "UPDATE pgtrickle_internal.pgt_sidecar SET heartbeat_at = now();"
            + "UPDATE pgtrickle_internal.pgt_progress SET slot_name = 'pgtrickle_none'");
    assertThat(database.error("SELECT pgtrickle.sync()").getMessage())
        .contains("replication slot \"pgtrickle_none\" is not active");
  }

  @Test
  void answersComeBack() throws SQLException {
    try (Responder responder = new Responder(database, Responder::agreeably)) {
      assertThat(database.value("SELECT pgtrickle.sync('st')")).isEqualTo("0/ABC");
      database.execute("SELECT pgtrickle.refresh_stream_table('st')");
      assertThat(database.value("SELECT pgtrickle.explain_stream_table('st')"))
          .isEqualTo("scan of 1");
      assertThat(database.value("SELECT pgtrickle.sync()")).isEqualTo("0/ABC");
      assertThat(responder.requests())
          .extracting(request -> request.getClass().getSimpleName())
          .containsExactly("Sync", "Refresh", "Explain", "Sync");
      assertThat(responder.requests().getLast())
          .isInstanceOfSatisfying(Request.Sync.class, sync -> assertThat(sync.pgtId()).isNull());
    }
  }

  @Test
  void waitingWritesNothing() throws SQLException {
    try (Responder responder = new Responder(database, Responder::agreeably);
        Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      assertThat(
              CatalogDatabase.rows(
                  connection, "SELECT pgtrickle.sync('st'), pg_current_xact_id_if_assigned()"))
          .containsExactly("0/ABC | -");
      connection.rollback();
      assertThat(responder.requests()).hasSize(1);
    }
  }

  @Test
  void errorsOfTheSidecarBecomeTheCallers() throws SQLException {
    try (Responder responder =
        new Responder(
            database,
            (connection, request) ->
                Replies.error(
                    connection,
                    request.id(),
                    new Replies.ErrorReport("22012", "division by zero", "in row 3", null)))) {
      var error = database.error("SELECT pgtrickle.refresh_stream_table('st')");
      assertThat(error.getSQLState()).isEqualTo("22012");
      assertThat(error.getMessage()).isEqualTo("division by zero");
      assertThat(error.getDetail()).isEqualTo("in row 3");
      assertThat(responder.requests()).hasSize(1);
    }
  }

  @Test
  void silenceEndsInATimeout() throws SQLException {
    try (Responder responder = new Responder(database, (connection, request) -> {})) {
      assertThat(database.error("SELECT pgtrickle.sync('st', '700 ms')").getSQLState())
          .isEqualTo("57014");
      database.execute("SET pg_trickle.call_timeout = '200ms'");
      assertThat(database.error("SELECT pgtrickle.refresh_stream_table('st')").getSQLState())
          .isEqualTo("57014");
      assertThat(database.error("SELECT pgtrickle.sync('st', '-1 s')").getSQLState())
          .isEqualTo("22023");
      await().until(() -> !responder.requests().isEmpty());
      assertThat(responder.requests().getFirst().timeout().toMillis()).isEqualTo(700);
    }
  }

  @Test
  void fixedSnapshotsAndOwnDefinitionsAreRefused() throws SQLException {
    try (Responder responder = new Responder(database, Responder::agreeably);
        Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
      assertThat(CatalogDatabase.error(connection, "SELECT pgtrickle.sync()").getSQLState())
          .isEqualTo("25001");
      connection.rollback();
      connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
      CatalogDatabase.execute(
          connection, "SELECT pgtrickle.create_stream_table('uncommitted', 'SELECT a FROM src')");
      for (String call :
          List.of(
              "sync('uncommitted')",
              "refresh_stream_table('uncommitted')",
              "wait_until_ready('uncommitted')")) {
        var savepoint = connection.setSavepoint();
        var error = CatalogDatabase.error(connection, "SELECT pgtrickle." + call);
        assertThat(error.getSQLState()).as(call).isEqualTo("55000");
        assertThat(error.getHint()).isEqualTo("Commit first.");
        connection.rollback(savepoint);
      }
      connection.rollback();
      assertThat(responder.requests()).singleElement().isInstanceOf(Request.Analyze.class);
    }
  }

  @Test
  void callerWhoHasWrittenIsWarned() throws SQLException {
    try (Responder responder = new Responder(database, Responder::agreeably);
        Connection connection = database.connect()) {
      connection.setAutoCommit(false);
      CatalogDatabase.execute(connection, "INSERT INTO src VALUES (1)");
      assertThat(CatalogDatabase.execute(connection, "SELECT pgtrickle.sync('st')"))
          .containsExactly(
              "WARNING: sync() cannot include the uncommitted changes of this transaction");
      connection.rollback();
      assertThat(CatalogDatabase.execute(connection, "SELECT pgtrickle.sync('st')")).isEmpty();
      assertThat(responder.requests()).hasSize(2);
    }
  }

  @Test
  void readinessIsPolledFromTheState() throws SQLException {
    try (Responder responder = new Responder(database, Responder::agreeably)) {
      assertThat(database.error("SELECT pgtrickle.wait_until_ready('st', '100 ms')").getSQLState())
          .isEqualTo("57014");
      Definition definition = Definition.readAll(database.connection()).getFirst();
      StreamTableState.initializing(definition).put(database.connection());
      database.execute("UPDATE pgtrickle.pgt_state SET status = 'ACTIVE', is_populated = true");
      database.execute("SELECT pgtrickle.wait_until_ready('st')");
      database.execute(
          "UPDATE pgtrickle.pgt_state SET status = 'ERROR', error_sqlstate = '0A000',"
              + " error_message = 'cannot', error_at = now()");
      var error = database.error("SELECT pgtrickle.wait_until_ready('st')");
      assertThat(error.getSQLState()).isEqualTo("0A000");
      assertThat(error.getMessage()).isEqualTo("cannot");
      assertThat(responder.requests()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT pgtrickle.drop_stream_table('st') | 42P01",
        "UPDATE pgtrickle.pgt_definitions SET generation = 2;"
            + "INSERT INTO pgtrickle.pgt_state (pgt_id, generation, status, is_populated)"
            + " SELECT pgt_id, 2, 'ACTIVE', true FROM pgtrickle.pgt_definitions | 00000"
      })
  void whatChangesMeanwhileEndsTheWait(String change) throws Exception {
    String statement = change.substring(0, change.lastIndexOf('|'));
    try (Responder responder = new Responder(database, Responder::agreeably);
        Connection waiting = database.connect();
        ExecutorService sessions = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<String> outcome =
          sessions.submit(
              () -> {
                try {
                  CatalogDatabase.execute(
                      waiting, "SELECT pgtrickle.wait_until_ready('st', '9 s')");
                  return "00000";
                } catch (SQLException e) {
                  return String.valueOf(e.getSQLState());
                }
              });
      await()
          .until(
              () ->
                  !database
                      .rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
                      .isEmpty());
      database.execute(statement);
      assertThat(outcome.get()).isEqualTo(change.substring(change.length() - 5));
      assertThat(responder.requests()).isEmpty();
    }
  }

  private static Responder.Answer verdict(RefreshMode mode, String code, String detail) {
    return (connection, request) ->
        Replies.verdict(
            connection,
            request.id(),
            new Replies.Verdict(
                mode,
                code,
                detail,
                List.of("remember this"),
                List.of(
                    new Replies.Finding("random()", 8, "full", "WARNING", code, detail),
                    new Replies.Finding("a + 1", 0, "native", "INFO", null, null))));
  }

  private static String create(String name, String mode) {
    return "SELECT pgtrickle.create_stream_table('"
        + name
        + "', 'SELECT a FROM src', refresh_mode => '"
        + mode
        + "')";
  }

  @Test
  void verdictOfTheSidecarAppearsInTheCallersTransaction() throws SQLException {
    try (Responder responder =
        new Responder(database, verdict(RefreshMode.FULL, "volatile_function", "random()"))) {
      assertThat(CatalogDatabase.execute(database.connection(), create("auto_st", "AUTO")))
          .containsExactly(
              "NOTICE: stream table \"public.auto_st\" uses refresh mode FULL",
              "NOTICE: remember this");
      var error = database.error(create("diff_st", "DIFFERENTIAL"));
      assertThat(error.getSQLState()).isEqualTo("0A000");
      assertThat(error.getDetail()).isEqualTo("random()");
      assertThat(error.getHint()).contains("FULL");
      assertThat(database.value("SELECT to_regclass('diff_st') IS NULL")).isEqualTo("t");
      assertThat(CatalogDatabase.execute(database.connection(), create("full_st", "FULL")))
          .containsExactly("NOTICE: remember this");
      assertThat(
              database.value(
                  "SELECT analysis #>> '{verdict,reason_code}' FROM pgtrickle.pgt_definitions"
                      + " WHERE table_name = 'auto_st'"))
          .isEqualTo("volatile_function");
      assertThat(responder.requests().getFirst())
          .isInstanceOfSatisfying(
              Request.Analyze.class,
              analyze -> {
                assertThat(analyze.name()).isEqualTo("public.auto_st");
                assertThat(analyze.mode()).isEqualTo(RefreshMode.AUTO);
                assertThat(Json.MAPPER.readTree(analyze.document()).path("canonical").asString())
                    .contains("public.src");
              });
    }
  }

  @Test
  void silentSidecarDoesNotPreventCreation() throws SQLException {
    try (Responder responder = new Responder(database, (connection, request) -> {});
        Connection connection = database.connect()) {
      CatalogDatabase.execute(connection, "SET pg_trickle.analyze_timeout = '100ms'");
      assertThat(CatalogDatabase.execute(connection, create("silent", "DIFFERENTIAL")))
          .singleElement()
          .asString()
          .startsWith("WARNING: stream table \"public.silent\" is accepted unchecked: no verdict");
      connection.setAutoCommit(false);
      connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
      assertThat(CatalogDatabase.execute(connection, create("fixed", "AUTO")))
          .singleElement()
          .asString()
          .contains("isolation level REPEATABLE READ hides the verdict");
      connection.rollback();
      await().until(() -> responder.requests().size() == 1);
    }
  }

  @Test
  void validationShowsOneRowPerFinding() throws SQLException {
    try (Responder responder =
        new Responder(database, verdict(RefreshMode.FULL, "volatile_function", "random()"))) {
      assertThat(
              database.rows("SELECT * FROM pgtrickle.validate_query('SELECT a + 1 AS b FROM src')"))
          .containsExactly(
              "postgresql | accepted | INFO | - | - | - | - | -",
              "resolved_refresh_mode | FULL | WARNING | - | - | - | volatile_function | random()",
              "construct | full | WARNING | random() | 8 | full | volatile_function | random()",
              "construct | native | INFO | a + 1 | - | native | - | -");
      assertThat(
              database.error("SELECT pgtrickle.validate_query('SELECT x FROM src')").getSQLState())
          .isEqualTo("42703");
      assertThat(responder.requests()).hasSize(1);
    }
  }
}
