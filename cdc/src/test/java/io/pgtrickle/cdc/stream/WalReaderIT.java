package io.pgtrickle.cdc.stream;

import static io.pgtrickle.cdc.stream.Capture.next;
import static io.pgtrickle.cdc.stream.Capture.nextEvent;
import static io.pgtrickle.cdc.stream.Capture.rendered;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.Rendering;
import io.pgtrickle.cdc.ReplicaIdentity;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.TypeName;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.Slots;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// What a real server's stream looks like to the consumer.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class WalReaderIT {
  private static final String LARGE =
      "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i)";

  private Capture capture;
  private WalReader reader;

  @BeforeAll
  void startReading() {
    capture =
        Capture.of(
            List.of(
                "CREATE TABLE t (id int8 PRIMARY KEY, n int4, v text)",
                "CREATE TABLE f (id int8, v text)",
                "ALTER TABLE f REPLICA IDENTITY FULL",
                "CREATE TABLE wide (id int8 PRIMARY KEY, n int4, v text)",
                "CREATE TABLE widefull (id int8 PRIMARY KEY, n int4, v text)",
                "ALTER TABLE widefull REPLICA IDENTITY FULL",
                "CREATE TABLE a (id int8 PRIMARY KEY)",
                "CREATE TABLE b (id int8 PRIMARY KEY REFERENCES a)",
                "CREATE DOMAIN price AS numeric(10, 2)",
                "CREATE TYPE mood AS ENUM ('sad', 'ok')",
                "CREATE TABLE typed (id int8 PRIMARY KEY, p price, m mood, acl aclitem)",
                "CREATE TABLE parted (id int8 PRIMARY KEY, v text) PARTITION BY RANGE (id)",
                "CREATE TABLE parted1 PARTITION OF parted FOR VALUES FROM (0) TO (100)",
                "CREATE TABLE parted2 PARTITION OF parted FOR VALUES FROM (100) TO (200)",
                "CREATE TABLE altered (id int8 PRIMARY KEY)",
                "CREATE TABLE unpublished (id int8 PRIMARY KEY)"),
            "t",
            "f",
            "wide",
            "widefull",
            "a",
            "b",
            "typed",
            "parted",
            "altered");
    reader = capture.open();
  }

  @AfterAll
  void stopReading() {
    reader.close();
    TestServer.execute(
        capture.database, "SELECT pg_drop_replication_slot('" + capture.slot.name() + "')");
  }

  /// One transaction of these statements, as the reader delivers it.
  private List<String> changes(String... statements) {
    return rendered(transaction(statements));
  }

  private Transaction transaction(String... statements) {
    String[] all = new String[statements.length + 2];
    all[0] = "BEGIN";
    System.arraycopy(statements, 0, all, 1, statements.length);
    all[all.length - 1] = "COMMIT";
    TestServer.execute(capture.database, all);
    return next(reader);
  }

  @Test
  void deliversTheChangesOfATransactionInTheirOrder() {
    assertThat(
            changes(
                "INSERT INTO t VALUES (1, 10, 'one'), (2, NULL, 'zwölf')",
                "UPDATE t SET n = 11 WHERE id = 1",
                "UPDATE t SET id = 3 WHERE id = 2",
                "DELETE FROM t WHERE id = 1",
                "INSERT INTO t VALUES (1, 12, NULL)",
                "DELETE FROM t"))
        .containsExactly(
            "I (1,10,one)",
            "I (2,null,zwölf)",
            "U ? -> (1,11,one)",
            "U key(2,null,null) -> (3,null,zwölf)",
            "D key(1,null,null)",
            "I (1,12,null)",
            "D key(3,null,null)",
            "D key(1,null,null)");
  }

  @Test
  void deliversWholeOldRowsUnderFullIdentity() {
    assertThat(
            changes(
                "INSERT INTO f VALUES (1, 'x')",
                "UPDATE f SET v = NULL",
                "UPDATE f SET v = v",
                "DELETE FROM f"))
        .containsExactly(
            "I (1,x)", "U full(1,x) -> (1,null)", "U full(1,null) -> (1,null)", "D full(1,null)");
  }

  @Test
  void leavesUnchangedLargeValuesOpenUnderDefaultIdentity() {
    TestServer.execute(capture.database, "ALTER TABLE wide ALTER v SET STORAGE EXTERNAL");
    changes("INSERT INTO wide VALUES (1, 1, " + LARGE + ")");
    assertThat(changes("UPDATE wide SET n = 2")).containsExactly("U ? -> (1,2,unchanged)");
    assertThat(changes("UPDATE wide SET id = 2"))
        .containsExactly("U key(1,null,null) -> (2,2,unchanged)");
  }

  @Test
  void completesUnchangedLargeValuesUnderFullIdentity() {
    TestServer.execute(capture.database, "ALTER TABLE widefull ALTER v SET STORAGE EXTERNAL");
    changes("INSERT INTO widefull VALUES (1, 1, " + LARGE + ")");
    assertThat(changes("UPDATE widefull SET n = 2"))
        .containsExactly("U full(1,1,9600 chars) -> (1,2,9600 chars)");
  }

  @Test
  void deliversATruncateOfSeveralTablesAsOneChange() {
    changes("INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)");
    // They are described one after the other, as a table and its partition are.
    assertThat(changes("TRUNCATE a CASCADE")).containsExactly("P a", "T [a, b] cascade");
    assertThat(changes("TRUNCATE b RESTART IDENTITY")).containsExactly("T [b] restart");
    assertThat(changes("INSERT INTO a VALUES (2)")).containsExactly("I (2)");
  }

  @Test
  void deliversTransactionalMessagesInTheirPlace() {
    assertThat(
            changes(
                "INSERT INTO t VALUES (50, 1, NULL)",
                "SELECT pg_logical_emit_message(true, 'here', 'größe')",
                "DELETE FROM t"))
        .containsExactly("I (50,1,null)", "M here=größe", "D key(50,null,null)");
  }

  @Test
  void deliversOtherMessagesAtOnceAndEvenFromTransactionsThatRollBack() throws Exception {
    try (Connection writer = capture.database.connect("tests")) {
      TestServer.execute(
          writer,
          "BEGIN",
          "INSERT INTO t VALUES (60, 1, NULL)",
          "SELECT pg_logical_emit_message(false, 'loose', 'x')");
      // Nothing flushes such a message; the next commit of anybody does.
      capture.mark("flush");
      WalEvent event = nextEvent(reader);
      while (event instanceof WalEvent.Idle) {
        event = nextEvent(reader);
      }
      LogicalMessage message = (LogicalMessage) event;
      assertThat(message.prefix()).isEqualTo("loose");
      assertThat(message.transactional()).isFalse();
      assertThat(message.lsn()).isGreaterThan(capture.slot.consistentPoint());
      assertThat(rendered(next(reader))).containsExactly("M flush=");
      TestServer.execute(writer, "ROLLBACK");
    }
    assertThat(changes("INSERT INTO t VALUES (61, 1, NULL)", "DELETE FROM t WHERE id = 61"))
        .hasSize(2);
  }

  @Test
  void leavesOutWhatASavepointRolledBack() {
    assertThat(
            changes(
                "INSERT INTO t VALUES (70, 1, NULL)",
                "SAVEPOINT s",
                "INSERT INTO t VALUES (71, 1, NULL)",
                "ROLLBACK TO s",
                "SAVEPOINT s2",
                "DELETE FROM t WHERE id = 70",
                "RELEASE s2"))
        .containsExactly("I (70,1,null)", "D key(70,null,null)");
  }

  @Test
  void deliversAPreparedTransactionWholeWhenItCommits() {
    TestServer.execute(
        capture.database,
        "BEGIN",
        "INSERT INTO t VALUES (80, 1, NULL)",
        "PREPARE TRANSACTION 'gid'");
    Transaction between = transaction("INSERT INTO t VALUES (81, 1, NULL)");
    assertThat(rendered(between)).containsExactly("I (81,1,null)");
    TestServer.execute(capture.database, "COMMIT PREPARED 'gid'");
    Transaction prepared = next(reader);
    assertThat(rendered(prepared)).containsExactly("I (80,1,null)");
    assertThat(prepared.finalLsn()).isGreaterThanOrEqualTo(between.endLsn());
    changes("DELETE FROM t");
  }

  @Test
  void describesTypesThatAreNotBuiltIn() {
    Transaction transaction =
        transaction("INSERT INTO typed VALUES (1, 12.5, 'ok', 'postgres=r/postgres')");
    Change.Insert insert = (Change.Insert) transaction.changes().getFirst();
    List<Relation.Column> columns = insert.relation().columns();
    assertThat(columns.get(0).typeName()).isNull();
    assertThat(columns.get(1).typeName()).isEqualTo(new TypeName("pg_catalog", "numeric"));
    assertThat(columns.get(2).typeName()).isEqualTo(new TypeName("public", "mood"));
    // An enum's binary form is its label; aclitem has none and comes as text.
    assertThat(Rendering.render(columns.get(2).type(), insert.row(), 2)).isEqualTo("ok");
    assertThat(insert.row().kind(3)).isEqualTo(io.pgtrickle.cdc.CellKind.TEXT);
    assertThat(insert.row().text(3)).isEqualTo("postgres=r/postgres");
  }

  @Test
  void describesRelations() {
    Transaction transaction =
        transaction("INSERT INTO t VALUES (90, 1, NULL)", "DELETE FROM t WHERE id = 90");
    Relation relation = ((Change.Insert) transaction.changes().getFirst()).relation();
    long oid = Long.parseLong(TestServer.query(capture.database, "SELECT 't'::regclass::oid"));
    assertThat(relation)
        .isEqualTo(
            new Relation(
                Oid.of(oid),
                "public",
                "t",
                ReplicaIdentity.DEFAULT,
                List.of(
                    new Relation.Column("id", new Oid(20), -1, true, null),
                    new Relation.Column("n", new Oid(23), -1, false, null),
                    new Relation.Column("v", new Oid(25), -1, false, null))));
    assertThat(transaction.committedAt())
        .isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(60));
  }

  @Test
  void decodesEachRowByTheDefinitionOfItsTime() {
    assertThat(
            changes(
                "INSERT INTO altered VALUES (1)",
                "ALTER TABLE altered ADD COLUMN x int4 DEFAULT 5",
                "INSERT INTO altered VALUES (2)",
                "ALTER TABLE altered DROP COLUMN x",
                "INSERT INTO altered VALUES (3)"))
        .containsExactly("I (1)", "I (2,5)", "I (3)");
  }

  @Test
  void namesThePartitionedTableAndNotItsPartitions() {
    Transaction transaction =
        transaction("INSERT INTO parted VALUES (1, 'x')", "UPDATE parted SET id = 101");
    assertThat(rendered(transaction))
        .containsExactly("P parted", "I (1,x)", "D key(1,null)", "P parted", "I (101,x)");
    assertThat(((Change.Insert) transaction.changes().getLast()).relation().name())
        .isEqualTo("parted");
  }

  @Test
  void tellsOfProgressWhereNothingConcernsTheConsumer() {
    TestServer.execute(capture.database, "INSERT INTO unpublished VALUES (1)");
    Lsn written = Lsn.parse(TestServer.query(capture.database, "SELECT pg_current_wal_lsn()"));
    WalEvent event = nextEvent(reader);
    while (event.position().isBefore(written)) {
      assertThat(event).isInstanceOf(WalEvent.Idle.class);
      event = nextEvent(reader);
    }
    assertThat(event).isInstanceOf(WalEvent.Idle.class);
  }

  @Test
  void reportsConfirmedPositionsWithinMoments() {
    Transaction transaction =
        transaction("INSERT INTO t VALUES (95, 1, NULL)", "DELETE FROM t WHERE id = 95");
    reader.confirm(transaction.endLsn());
    await()
        .atMost(Duration.ofSeconds(1))
        .untilAsserted(
            () ->
                assertThat(
                        Lsn.parse(
                            TestServer.query(
                                capture.database,
                                "SELECT confirmed_flush_lsn FROM pg_replication_slots"
                                    + " WHERE slot_name = '"
                                    + capture.slot.name()
                                    + "'")))
                    .isGreaterThanOrEqualTo(transaction.endLsn()));
    reader.confirm(transaction.finalLsn());
    assertThat(reader.confirmed()).isGreaterThanOrEqualTo(transaction.endLsn());
  }

  @Test
  void refusesToConfirmWhatWasNotDelivered() {
    Transaction transaction =
        transaction("INSERT INTO t VALUES (96, 1, NULL)", "DELETE FROM t WHERE id = 96");
    assertThatThrownBy(() -> reader.confirm(transaction.endLsn().plus(1L << 40)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("was delivered");
  }

  @Test
  void refusesASlotThatIsBeingReadForNow() {
    assertThatThrownBy(capture::open)
        .isInstanceOf(CaptureException.Retry.class)
        .extracting(e -> ((CaptureException) e).sqlState())
        .isEqualTo("55006");
  }

  @Test
  void refusesASlotThatDoesNotExistForGood() {
    StreamOptions options =
        StreamOptions.of(Slots.newName(), Capture.PUBLICATION, capture.slot.consistentPoint());
    assertThatThrownBy(() -> WalReader.start(capture.database, options))
        .isInstanceOf(CaptureException.SlotLost.class)
        .hasMessageContaining("does not exist");
  }
}
