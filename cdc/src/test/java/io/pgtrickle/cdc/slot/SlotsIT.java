package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.slot.SlotState.WalStatus;
import io.pgtrickle.cdc.stream.StreamOptions;
import io.pgtrickle.cdc.stream.WalReader;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.PGConnection;

final class SlotsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final SourceDatabase database = TestServer.createDatabase();

  private Slots.Created create() {
    return Slots.create(database, PATIENCE, PATIENCE, blockers -> {});
  }

  @Test
  void everySlotHasANameOfItsOwn() {
    assertThat(Slots.newName()).matches("pgtrickle_[0-9a-f]{8}").isNotEqualTo(Slots.newName());
  }

  @Test
  void createsInspectsAndDrops() throws Exception {
    Slots.Created created = create();
    try (Connection connection = database.connect("tests")) {
      assertThat(Slots.inspect(connection, created.name()))
          .get()
          .satisfies(
              slot -> {
                assertThat(slot.plugin()).contains("pgoutput");
                assertThat(slot.database()).isNotEmpty();
                assertThat(slot.active()).isFalse();
                assertThat(slot.activePid()).isEmpty();
                assertThat(slot.confirmedFlush()).contains(created.consistentPoint());
                assertThat(slot.restartLsn()).isNotEmpty();
                assertThat(slot.walStatus()).isEqualTo(WalStatus.RESERVED);
                assertThat(slot.invalidationReason()).isEmpty();
                assertThat(slot.isLost()).isFalse();
              });
      assertThat(Slots.drop(connection, created.name())).isTrue();
      assertThat(Slots.drop(connection, created.name())).isFalse();
      assertThat(Slots.inspect(connection, created.name())).isEmpty();
    }
  }

  @Test
  void aSlotOfAnotherDatabaseOrPluginIsNoneOfOurs() throws Exception {
    Slots.Created created = create();
    StreamOptions options = StreamOptions.of(created.name(), "p", created.consistentPoint());
    String foreign = Slots.newName();
    TestServer.execute(
        database,
        "CREATE PUBLICATION p",
        "SELECT pg_create_logical_replication_slot('" + foreign + "', 'test_decoding')");
    try (WalReader reader = WalReader.start(database, options);
        Connection elsewhere = TestServer.createDatabase().connect("tests");
        Connection connection = database.connect("tests")) {
      int pid = Slots.inspect(connection, created.name()).orElseThrow().activePid().orElseThrow();
      assertThat(Slots.inspect(elsewhere, created.name())).isEmpty();
      assertThat(Slots.terminateReader(elsewhere, created.name(), PATIENCE)).isTrue();
      Slots.terminateReader(elsewhere, created.name(), pid, PATIENCE);
      assertThat(Slots.drop(elsewhere, created.name())).isFalse();
      assertThat(Slots.inspect(connection, created.name()).orElseThrow().activePid())
          .as("it is still being read")
          .hasValue(pid);
      assertThat(reader.failure()).isEmpty();
      assertThat(Slots.inspect(connection, foreign)).isEmpty();
      assertThat(Slots.drop(connection, foreign)).isFalse();
    } finally {
      TestServer.execute(database, "SELECT pg_drop_replication_slot('" + foreign + "')");
    }
  }

  @Test
  void onlyNamesThatWeMakeAreTakenForOurs() throws Exception {
    Slots.Created created = create();
    String temporary = Slots.newName();
    TestServer.execute(
        database,
        "SELECT pg_create_logical_replication_slot('pgtrickle_audit', 'pgoutput')",
        "SELECT pg_create_logical_replication_slot('pgtrickle_0badcafe_', 'pgoutput')");
    try (Connection connection = database.connect("tests")) {
      TestServer.execute(
          connection,
          "SELECT pg_create_logical_replication_slot('" + temporary + "', 'pgoutput', true)");
      assertThat(Slots.names(connection)).containsExactly(created.name());
    } finally {
      TestServer.execute(
          database,
          "SELECT pg_drop_replication_slot('pgtrickle_audit')",
          "SELECT pg_drop_replication_slot('pgtrickle_0badcafe_')");
    }
  }

  @Test
  void endsAReaderThatTheServerHasNotGivenUp() throws Exception {
    Slots.Created created = create();
    try (Connection connection = database.connect("tests")) {
      Publications.create(connection, "p");
      StreamOptions options = StreamOptions.of(created.name(), "p", created.consistentPoint());
      try (WalReader stale = WalReader.start(database, options)) {
        assertThat(Slots.inspect(connection, created.name()))
            .get()
            .satisfies(slot -> assertThat(slot.activePid()).isNotEmpty());
        assertThatThrownBy(() -> Slots.drop(connection, created.name()))
            .isInstanceOf(CaptureException.Retry.class)
            .hasMessageContaining("active");
        assertThat(Slots.terminateReader(connection, created.name(), PATIENCE)).isTrue();
        WalReader.start(database, options).close();
        await().until(() -> stale.failure().isPresent());
      }
      await()
          .until(
              () -> Slots.inspect(connection, created.name()).orElseThrow().activePid().isEmpty());
      assertThat(Slots.terminateReader(connection, created.name(), PATIENCE)).isTrue();
      Slots.drop(connection, created.name());
    }
  }

  @Test
  void saysWhomItsCreationWaitsForAndGivesUp() throws Exception {
    TestServer.execute(database, "CREATE TABLE t (id int8)");
    try (Connection writer = database.connect("the blocker");
        Connection connection = database.connect("tests")) {
      TestServer.execute(writer, "BEGIN", "INSERT INTO t VALUES (1)");
      int pid = writer.unwrap(PGConnection.class).getBackendPID();
      List<Blocker> reported = new ArrayList<>();
      assertThatThrownBy(
              () ->
                  Slots.create(
                      database, Duration.ofSeconds(2), Duration.ofSeconds(1), reported::addAll))
          .isInstanceOf(CaptureException.Retry.class)
          .hasMessageContaining("process " + pid)
          .hasMessageContaining("the blocker");
      assertThat(reported)
          .singleElement()
          .satisfies(
              blocker -> {
                assertThat(blocker.pid()).isEqualTo(pid);
                assertThat(blocker.application()).isEqualTo("the blocker");
                assertThat(blocker.state()).isEqualTo("idle in transaction");
                assertThat(blocker.since()).isNotEmpty();
              });
      // Cancelled, the server forgets the half-made slot although its blocker is still there.
      await()
          .until(
              () ->
                  TestServer.query(
                          database,
                          "SELECT count(*) FROM pg_replication_slots WHERE database ="
                              + " current_database()")
                      .equals("0"));
      TestServer.execute(writer, "ROLLBACK");
      assertThat(Slots.drop(connection, create().name())).isTrue();
    }
  }

  /// What ends the wait for a slot, other than patience.
  enum End {
    INTERRUPTED,
    NOT_REPORTED
  }

  @ParameterizedTest
  @EnumSource
  void leavesNoSlotBehindHoweverItGivesUp(End end) throws Exception {
    TestServer.execute(database, "CREATE TABLE t (id int8)");
    try (Connection writer = database.connect("the blocker")) {
      TestServer.execute(writer, "BEGIN", "INSERT INTO t VALUES (1)");
      FutureTask<Slots.Created> creation =
          new FutureTask<>(
              () ->
                  Slots.create(
                      database,
                      PATIENCE,
                      Duration.ofMillis(100),
                      blockers -> {
                        if (end == End.NOT_REPORTED) {
                          throw new CaptureException.Retry("53300", "no session for a look");
                        }
                        Thread.currentThread().interrupt();
                      }));
      Thread.ofVirtual().start(creation);
      assertThatThrownBy(() -> creation.get(20, TimeUnit.SECONDS))
          .hasRootCauseInstanceOf(
              end == End.INTERRUPTED ? InterruptedException.class : CaptureException.Retry.class);
      // Although its blocker is still there.
      await()
          .until(
              () ->
                  TestServer.query(
                          database,
                          "SELECT count(*) FROM pg_replication_slots WHERE database ="
                              + " current_database()")
                      .equals("0"));
    }
  }

  @Test
  void acceptsAServerThatDecodes() throws Exception {
    try (Connection connection = database.connect("tests")) {
      Slots.requireLogicalDecoding(connection);
    }
  }

  @Test
  void refusesADatabaseWhoseTextsAreOfNoKnownEncoding() throws Exception {
    TestServer.execute(
        database,
        "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE"
            + " 'C'");
    SourceDatabase bytes = TestServer.at("localhost", TestServer.port(), "bytes");
    try (Connection connection = bytes.connect("tests")) {
      assertThatThrownBy(() -> Slots.requireLogicalDecoding(connection))
          .isInstanceOf(CaptureException.Misconfigured.class)
          .hasMessageContaining("the encoding of database \"bytes\" is SQL_ASCII")
          .hasMessageContaining("ENCODING 'UTF8'")
          .extracting(e -> ((CaptureException) e).sqlState())
          .isEqualTo("0A000");
    }
    TestServer.execute(database, "DROP DATABASE bytes");
  }
}
