package io.pgtrickle.cdc.stream;

import static org.awaitility.Awaitility.await;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Rendering;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.Slots;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A database with a publication and a slot, ready to be read from.
final class Capture {
  static final String PUBLICATION = "it's \"ours\"";
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  final SourceDatabase database;
  final Slots.Created slot;

  private Capture(SourceDatabase database, Slots.Created slot) {
    this.database = database;
    this.slot = slot;
  }

  /// Runs the statements in a new database and publishes the tables.
  static Capture of(List<String> statements, String... tables) {
    SourceDatabase database = TestServer.createDatabase();
    TestServer.execute(database, statements.toArray(String[]::new));
    try (Connection connection = database.connect("tests")) {
      Publications.create(connection, PUBLICATION);
      Publications.add(
          connection,
          PUBLICATION,
          List.of(tables).stream().map(name -> new TableName("public", name)).toList(),
          LockPolicy.POLITE);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    return new Capture(database, Slots.create(database, PATIENCE, PATIENCE, blockers -> {}));
  }

  StreamOptions options(Lsn start) {
    return StreamOptions.of(slot.name(), PUBLICATION, start);
  }

  /// Drops the slot, if it is still there, as soon as nobody reads it: a server has few.
  void dropSlot() {
    await()
        .ignoreExceptions()
        .until(
            () ->
                TestServer.query(
                    database,
                    "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots"
                        + " WHERE slot_name = '"
                        + slot.name()
                        + "'"),
            _ -> true);
  }

  WalReader open() {
    return WalReader.start(database, options(slot.consistentPoint()));
  }

  /// The next transaction, whatever idle positions come before it.
  static Transaction next(WalReader reader) {
    WalEvent event = nextEvent(reader);
    while (event instanceof WalEvent.Idle) {
      event = nextEvent(reader);
    }
    return (Transaction) event;
  }

  static WalEvent nextEvent(WalReader reader) {
    try {
      return reader.poll(PATIENCE).orElseThrow(() -> new AssertionError("no event in " + PATIENCE));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  static List<String> rendered(Transaction transaction) {
    return transaction.changes().stream().map(Rendering::render).toList();
  }

  /// The changes of the next transactions, up to and with the one that emitted `message`.
  static List<String> upTo(WalReader reader, String message) {
    List<String> changes = new ArrayList<>();
    while (!changes.contains("M " + message + "=")) {
      changes.addAll(rendered(next(reader)));
    }
    changes.removeLast();
    return changes;
  }

  void mark(String message) {
    TestServer.execute(database, "SELECT pg_logical_emit_message(true, '" + message + "', '')");
  }
}
