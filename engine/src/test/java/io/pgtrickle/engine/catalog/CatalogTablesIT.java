package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.engine.catalog.StreamTableState.Failure;
import io.pgtrickle.engine.catalog.StreamTableState.Refreshed;
import io.pgtrickle.engine.catalog.StreamTableState.Status;
import io.pgtrickle.engine.catalog.StreamTableState.Untold;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What the sidecar writes.
final class CatalogTablesIT {
  private static final Instant NOON = Instant.parse("2026-03-01T12:00:00Z");

  private CatalogDatabase database;

  @BeforeEach
  void install() throws SQLException {
    database = CatalogDatabase.installed();
  }

  @AfterEach
  void close() throws SQLException {
    database.close();
  }

  private static Lease.Holder holder(String host) {
    return new Lease.Holder(UUID.randomUUID(), host, 42, "http://127.0.0.1:1", "test");
  }

  private static Frontier frontier(String end) {
    return new Frontier("7001", 1, Lsn.parse(end), NOON);
  }

  @Test
  void secondSidecarGetsTheLeaseOnlyWhenTheFirstIsGone() throws SQLException {
    try (Connection second = database.connect()) {
      Lease lease;
      try (Connection first = database.connect()) {
        lease = Lease.acquire(first, holder("a")).orElseThrow();
        assertThat(Lease.acquire(second, holder("b"))).isEmpty();
        assertThat(lease.heartbeat(database.connection())).isTrue();
      }
      Lease successor =
          await()
              .until(() -> Lease.acquire(second, holder("b")), Optional::isPresent)
              .orElseThrow();
      assertThat(successor.token()).isGreaterThan(lease.token());
      assertThat(lease.heartbeat(database.connection())).as("replaced").isFalse();
      successor.release();
    }
  }

  private static Optional<Instant> advance(Connection connection, Frontier frontier, long token)
      throws SQLException {
    AtomicReference<Optional<Instant>> moved = new AtomicReference<>(Optional.empty());
    Pipeline pipeline = new Pipeline();
    Progress.advance(pipeline, frontier, token, Map.of(), moved::set);
    pipeline.run(connection);
    return moved.get();
  }

  @Test
  void replacedSidecarCannotMoveTheFrontier() throws SQLException {
    Connection connection = database.connection();
    try (Connection first = database.connect()) {
      Lease old = Lease.acquire(first, holder("a")).orElseThrow();
      assertThat(Progress.startOver(connection, "7001", 1, "pgtrickle_x", "x", "p", old.token()))
          .isTrue();
      assertThat(Progress.read(connection).position()).isEmpty();
      assertThat(advance(connection, frontier("0/10"), old.token())).isPresent();
      assertThat(Progress.read(connection).position()).contains(frontier("0/10"));
      assertThat(advance(connection, frontier("0/F"), old.token())).as("never backwards").isEmpty();
      old.release();
      Lease young = Lease.acquire(first, holder("b")).orElseThrow();
      assertThat(advance(connection, frontier("0/20"), old.token())).isEmpty();
      assertThat(advance(connection, frontier("0/20"), young.token())).isPresent();
      assertThat(
              advance(connection, new Frontier("7001", 2, Lsn.parse("0/30"), NOON), young.token()))
          .as("another timeline is another history")
          .isEmpty();
      young.release();
    }
    Progress progress = Progress.read(connection);
    assertThat(progress.frontier()).isEqualTo(Lsn.parse("0/20"));
    assertThat(progress.slotName()).isEqualTo("pgtrickle_x");
  }

  private Definition define(String name, String query) throws SQLException {
    database.execute("SELECT pgtrickle.create_stream_table('" + name + "', $q$" + query + "$q$)");
    return Definition.readAll(database.connection()).getLast();
  }

  @Test
  void statesAreReadBackAsTheyWereWritten() throws SQLException {
    Definition definition = define("st", "SELECT 1 AS a");
    Connection connection = database.connection();
    StreamTableState initializing = StreamTableState.initializing(definition);
    initializing.put(connection);
    assertThat(StreamTableState.readAll(connection)).containsExactly(initializing);
    StreamTableState failed =
        new StreamTableState(
            definition.pgtId(),
            1,
            Status.ERROR,
            RefreshMode.FULL,
            "volatile_function",
            "random()",
            true,
            true,
            Lsn.parse("A/1"),
            NOON,
            0,
            new Untold(0, 0, 0, 0),
            2,
            new Failure("22012", "division by zero", NOON),
            NOON);
    failed.put(connection);
    assertThat(StreamTableState.readAll(connection)).containsExactly(failed);
    assertThat(database.rows("SELECT * FROM pgtrickle.explain_refresh_mode('st')"))
        .containsExactly("AUTO | FULL | volatile_function: random()");
    assertThat(
            database.rows(
                "SELECT severity, detail FROM pgtrickle.health_check()"
                    + " WHERE check_name = 'stream_table'"))
        .containsExactly("ERROR | public.st is in state ERROR: division by zero");
  }

  @Test
  void refreshesAreCountedAndKeptApartFromWhatWasTold() throws SQLException {
    Definition definition = define("counted", "SELECT 1 AS a");
    Connection connection = database.connection();
    long id = definition.pgtId();
    StreamTableState.initializing(definition).put(connection);
    StreamTableState.counted(connection, id, 10);
    Pipeline pipeline = new Pipeline();
    StreamTableState.refreshed(
        pipeline,
        List.of(
            new Refreshed(id, 3, 1, Lsn.parse("0/A0"), NOON),
            new Refreshed(-5, 1, 1, Lsn.parse("0/A0"), NOON)));
    StreamTableState.refreshed(
        pipeline, List.of(new Refreshed(id, 0, 0, Lsn.parse("0/B0"), NOON.plusSeconds(1))));
    pipeline.run(connection);
    StreamTableState state = StreamTableState.readAll(connection).getFirst();
    assertThat(state.refreshId()).as("an empty refresh is none").isEqualTo(1);
    assertThat(state.pending()).isEqualTo(new Untold(1, 1, 3, 1));
    assertThat(state.frontier()).isEqualTo(Lsn.parse("0/B0"));
    assertThat(state.dataTimestamp()).isEqualTo(NOON.plusSeconds(1));
    assertThat(database.value("SELECT row_count FROM pgtrickle.pgt_state")).isEqualTo("12");
    state.put(connection);
    assertThat(StreamTableState.readAll(connection).getFirst())
        .as("a change of state keeps the counters")
        .isEqualTo(state);
  }

  @Test
  void newerDefinitionIsShownAsInitializing() throws SQLException {
    Definition definition = define("rebuilt", "SELECT 1 AS a");
    StreamTableState.initializing(definition).put(database.connection());
    database.execute("UPDATE pgtrickle.pgt_state SET status = 'ACTIVE', is_populated = true");
    String status = "SELECT status FROM pgtrickle.pgt_status()";
    assertThat(database.value(status)).isEqualTo("ACTIVE");
    database.execute("SELECT pgtrickle.repair_stream_table('rebuilt')");
    assertThat(database.value(status)).isEqualTo("INITIALIZING");
  }

  @Test
  void liveTableIsAsFreshAsTheStream() throws SQLException {
    Definition definition = define("live", "SELECT 1 AS a");
    StreamTableState.initializing(definition).put(database.connection());
    database.execute(
        "UPDATE pgtrickle.pgt_state SET status = 'ACTIVE', effective_refresh_mode ="
            + " 'DIFFERENTIAL', frontier = '0/10', data_timestamp = now() - interval '1 h';"
            + "UPDATE pgtrickle_internal.pgt_progress SET frontier = '0/20',"
            + " frontier_timestamp = now() - interval '1 s'");
    assertThat(
            database.value(
                "SELECT frontier || ' ' || (staleness < interval '10 s')"
                    + " FROM pgtrickle.stream_tables_info"))
        .isEqualTo("0/20 true");
    assertThat(database.value("SELECT name, frontier, lag_bytes > 0 FROM pgtrickle.freshness()"))
        .isEqualTo("public.live | 0/20 | t");
    database.execute("SELECT pgtrickle.alter_stream_table('live', schedule => '10m')");
    assertThat(database.value("SELECT frontier, stale FROM pgtrickle.stream_tables_info"))
        .as("with a schedule it is as old as its last release")
        .isEqualTo("0/10 | t");
  }

  @Test
  void whatDroppedTablesLeaveBehindIsRemoved() throws SQLException {
    Definition kept = define("kept", "SELECT 1 AS a");
    Definition dropped = define("dropped", "SELECT 1 AS a");
    Connection connection = database.connection();
    for (Definition definition : List.of(kept, dropped)) {
      StreamTableState.initializing(definition).put(connection);
      History.append(connection, List.of(entry(definition.pgtId(), NOON)));
      database.execute("SELECT pgtrickle.subscribe('" + definition.table().name() + "', 'c')");
    }
    database.execute("SELECT pgtrickle.drop_stream_table('dropped')");
    assertThat(StreamTableState.removeOrphans(connection)).isEqualTo(1);
    for (String table :
        List.of(
            "pgtrickle.pgt_state",
            "pgtrickle.pgt_refresh_history",
            "pgtrickle_internal.pgt_subscriptions")) {
      assertThat(database.rows("SELECT pgt_id FROM " + table))
          .as(table)
          .containsExactly(Long.toString(kept.pgtId()));
    }
  }

  private static History.Entry entry(long pgtId, Instant start) {
    return new History.Entry(
        pgtId,
        7,
        start,
        start,
        start.plusMillis(20),
        History.Action.DIFFERENTIAL,
        History.Outcome.FAILED,
        History.Initiator.MANUAL,
        "why",
        3,
        5,
        6,
        20.5,
        "{\"25\": 3}",
        Lsn.parse("0/77"),
        "22012",
        "division by zero");
  }

  @Test
  void historyIsShownNewestFirstAndPrunedInBatches() throws SQLException {
    Definition definition = define("past", "SELECT 1 AS a");
    Connection connection = database.connection();
    Instant now = Instant.parse("2026-01-01T00:00:00Z");
    History.append(
        connection,
        List.of(
            entry(definition.pgtId(), now),
            entry(definition.pgtId(), now.plusSeconds(1)),
            entry(definition.pgtId(), now.plusSeconds(2))));
    assertThat(
            database.rows(
                "SELECT refresh_id, action, status, rows_inserted, rows_deleted, duration_ms,"
                    + " error_message, refreshes, reason_code"
                    + " FROM pgtrickle.get_refresh_history('past', 1)"))
        .containsExactly("7 | DIFFERENTIAL | FAILED | 5 | 6 | 20.5 | division by zero | 3 | why");
    assertThat(
            database.rows(
                "SELECT extract(second FROM start_time)::int"
                    + " FROM pgtrickle.get_refresh_history('past')"))
        .containsExactly("2", "1", "0");
    assertThat(History.prune(connection, Duration.ofDays(365_000), 10)).isZero();
    assertThat(History.prune(connection, Duration.ZERO, 2)).isEqualTo(2);
    assertThat(History.prune(connection, Duration.ZERO, 2)).isEqualTo(1);
  }

  @Test
  void dependenciesOrderReadersAfterTheirSources() throws SQLException {
    database.execute("CREATE TABLE src (a int)");
    Definition bottom = define("bottom", "SELECT a FROM src");
    database.execute("CREATE VIEW through AS SELECT a FROM bottom");
    Definition left = define("lft", "SELECT a FROM through");
    Definition right = define("rgt", "SELECT a FROM bottom");
    Definition top = define("top", "SELECT l.a FROM lft l JOIN rgt r USING (a)");
    Dependencies dependencies = Dependencies.read(database.connection());
    assertThat(dependencies.upstream())
        .isEqualTo(
            Map.of(
                left.pgtId(), Set.of(bottom.pgtId()),
                right.pgtId(), Set.of(bottom.pgtId()),
                top.pgtId(), Set.of(left.pgtId(), right.pgtId())));
    assertThat(dependencies.upstreamFirst(List.of(top.pgtId(), right.pgtId(), bottom.pgtId())))
        .containsExactly(bottom.pgtId(), right.pgtId(), top.pgtId());
    assertThat(dependencies.downstream(bottom.pgtId()))
        .containsExactly(left.pgtId(), right.pgtId(), top.pgtId());
    assertThat(
            database.rows(
                "SELECT source_name, source_type FROM pgtrickle.pgt_dependencies WHERE pgt_id = "
                    + left.pgtId()
                    + " ORDER BY 1"))
        .as("not what the stream table below reads")
        .containsExactly("bottom | STREAM_TABLE", "through | VIEW");
  }

  @Test
  void oldRepliesArePruned() throws SQLException {
    Connection connection = database.connection();
    UUID request = UUID.randomUUID();
    Replies.text(connection, request, "once");
    Replies.text(connection, request, "twice");
    assertThat(database.value("SELECT reply ->> 'text' FROM pgtrickle_internal.pgt_replies"))
        .as("the first answer stands")
        .isEqualTo("once");
    assertThat(Replies.prune(connection, Duration.ofHours(1))).isZero();
    assertThat(Replies.prune(connection, Duration.ZERO)).isEqualTo(1);
  }
}
