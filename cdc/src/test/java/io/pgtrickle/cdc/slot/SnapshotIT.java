package io.pgtrickle.cdc.slot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.Change.OldRow;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Rendering;
import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.TestServer;
import io.pgtrickle.cdc.Transaction;
import io.pgtrickle.cdc.Tuple;
import io.pgtrickle.cdc.WalEvent;
import io.pgtrickle.cdc.stream.StreamOptions;
import io.pgtrickle.cdc.stream.WalReader;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/// A table's contents at a point of the log, and how the log continues from there.
final class SnapshotIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final TableName T = new TableName("public", "t");
  private static final List<String> COLUMNS = List.of("id", "n");
  private static final Oid INT8 = new Oid(20);
  private static final int WRITERS = 4;
  private static final int ROUNDS = 8;

  private final SourceDatabase database = TestServer.createDatabase();

  private ExportedSnapshot snapshot() {
    return ExportedSnapshot.open(database, PATIENCE, PATIENCE, blockers -> {});
  }

  @Test
  void showsTheStateAtItsPointToAnyNumberOfCopiersEvenAfterItIsClosed() {
    TestServer.execute(
        database,
        "CREATE TABLE t (id int8 PRIMARY KEY, n int8)",
        "CREATE TABLE child () INHERITS (t)",
        "INSERT INTO child VALUES (-1, -1)",
        "INSERT INTO t VALUES (1, NULL), (2, 20)");
    ExportedSnapshot snapshot = snapshot();
    try (BulkCopy first = BulkCopy.open(database, snapshot);
        BulkCopy second = BulkCopy.open(database, snapshot)) {
      snapshot.close();
      TestServer.execute(database, "INSERT INTO t VALUES (3, 30)");
      List<String> rows = new ArrayList<>();
      assertThat(first.copy(T, COLUMNS, row -> rows.add(render(row)))).isEqualTo(2);
      assertThat(rows).containsExactly("1,null", "2,20");
      assertThat(second.copy(T, List.of("n"), row -> {})).isEqualTo(2);
      assertThat(second.copy(T, COLUMNS, row -> {})).isEqualTo(2);
    }
    assertThat(
            TestServer.query(
                database,
                "SELECT count(*) FROM pg_replication_slots s WHERE"
                    + " s.database = current_database()"))
        .isEqualTo("0");
  }

  @Test
  void copiesAllPartitionsOfAPartitionedTable() {
    TestServer.execute(
        database,
        "CREATE TABLE t (id int8 PRIMARY KEY, n int8) PARTITION BY HASH (id)",
        "CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
        "INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i");
    try (ExportedSnapshot snapshot = snapshot();
        BulkCopy copy = BulkCopy.open(database, snapshot)) {
      assertThat(copy.copy(T, COLUMNS, row -> {})).isEqualTo(1_000);
    }
  }

  @Test
  void refusesToLeaveOutRowsThatAPolicyHides() {
    String role = "limited_" + TestServer.query(database, "SELECT current_database()");
    TestServer.execute(
        database,
        "CREATE TABLE t (id int8 PRIMARY KEY, n int8)",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY upper_half ON t USING (id > 5)",
        "CREATE ROLE " + role + " LOGIN",
        "GRANT SELECT ON t TO " + role);
    try (ExportedSnapshot snapshot = snapshot();
        BulkCopy copy = BulkCopy.open(database.with("user", role), snapshot)) {
      assertThatThrownBy(() -> copy.copy(T, COLUMNS, row -> {}))
          .isInstanceOf(CaptureException.Misconfigured.class)
          .hasMessageContaining("row-level security");
    }
  }

  @Test
  void endsACopyWhoseSinkFails() {
    TestServer.execute(
        database,
        "CREATE TABLE t (id int8 PRIMARY KEY, n int8)",
        "INSERT INTO t SELECT i, i FROM generate_series(1, 100000) i");
    try (ExportedSnapshot snapshot = snapshot();
        BulkCopy copy = BulkCopy.open(database, snapshot)) {
      assertThatThrownBy(
              () ->
                  copy.copy(
                      T,
                      COLUMNS,
                      row -> {
                        throw new IllegalStateException("sink");
                      }))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("sink");
    }
  }

  /// The procedure for a new table, under fire: contents of the snapshot plus the transactions with
  /// `finalLsn ≥ C` are the contents of the table, whatever was going on.
  @Test
  void endsTheSessionOfAQueryWhoseSinkFails() throws SQLException {
    try (Connection session = database.connect("session")) {
      assertThatThrownBy(
              () ->
                  BulkCopy.query(
                      session,
                      "SELECT repeat('x', 1000) FROM generate_series(1, 100000)",
                      1,
                      _ -> {
                        throw new IllegalStateException("full");
                      }))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("full");
      assertThat(session.isClosed()).isTrue();
    }
  }

  @Test
  void continuesExactlyWhereTheSnapshotEnds() throws Exception {
    long seed = System.nanoTime();
    TestServer.execute(database, "CREATE TABLE other (id int8 PRIMARY KEY)");
    Slots.Created slot = Slots.create(database, PATIENCE, PATIENCE, blockers -> {});
    try (Connection connection = database.connect("tests")) {
      Publications.create(connection, "p");
      StreamOptions options = StreamOptions.of(slot.name(), "p", slot.consistentPoint());
      try (WalReader reader = WalReader.start(database, options)) {
        for (int round = 0; round < ROUNDS; round++) {
          addATableUnderFire(connection, reader, seed + round, "t" + round);
        }
      }
    }
  }

  private void addATableUnderFire(Connection connection, WalReader reader, long seed, String name)
      throws Exception {
    Random random = new Random(seed);
    TestServer.execute(
        connection,
        "CREATE TABLE " + name + " (id int8 PRIMARY KEY, n int8)",
        "INSERT INTO " + name + " SELECT i, 0 FROM generate_series(1, 200) i");
    List<FutureTask<Void>> writers = new ArrayList<>();
    for (int i = 0; i < WRITERS; i++) {
      Random own = new Random(random.nextLong());
      FutureTask<Void> writer = new FutureTask<>(() -> write(own, name));
      writers.add(writer);
      Thread.ofPlatform().daemon().start(writer);
    }
    TableName table = new TableName("public", name);
    Publications.add(connection, "p", List.of(table), LockPolicy.POLITE);
    Map<Long, String> contents = new TreeMap<>();
    try (ExportedSnapshot snapshot = snapshot();
        BulkCopy copy = BulkCopy.open(database, snapshot)) {
      copy.copy(table, COLUMNS, row -> contents.put(id(row), render(row)));
      for (FutureTask<Void> writer : writers) {
        writer.get();
      }
      TestServer.execute(connection, "SELECT pg_logical_emit_message(true, '" + name + "', '')");
      boolean end = false;
      while (!end) {
        for (WalEvent event : reader.drain(1 << 20, PATIENCE)) {
          if (event instanceof Transaction transaction) {
            end |= isMark(transaction, name);
            if (!transaction.finalLsn().isBefore(snapshot.consistentPoint())) {
              apply(transaction, contents);
            }
          }
          reader.confirm(event.position());
        }
      }
    }
    assertThat(contents).as("seed %d", seed).isEqualTo(contents(connection, name));
  }

  private static boolean isMark(Transaction transaction, String name) {
    return transaction.changes().stream()
        .anyMatch(change -> change instanceof LogicalMessage m && m.prefix().equals(name));
  }

  /// Transactions of several statements with rollbacks, savepoints and changes of keys.
  private Void write(Random random, String name) throws SQLException {
    try (Connection connection = database.connect("writer");
        Statement statement = connection.createStatement()) {
      statement.execute("SET deadlock_timeout = 10");
      connection.setAutoCommit(false);
      for (int i = 0; i < 60; i++) {
        try {
          int statements = 1 + random.nextInt(4);
          for (int j = 0; j < statements; j++) {
            statement.execute(statement(random, name));
          }
          if (random.nextInt(5) == 0) {
            statement.execute("SAVEPOINT s");
            statement.execute("DELETE FROM " + name + " WHERE id < 30");
            statement.execute("ROLLBACK TO s");
          }
          if (random.nextInt(6) == 0) {
            connection.rollback();
          } else {
            connection.commit();
          }
        } catch (SQLException e) {
          // Two writers met: a duplicate key or a deadlock. Any other failure is the test's.
          assertThat(e.getSQLState()).isIn("23505", "40P01");
          connection.rollback();
        }
      }
    }
    return null;
  }

  private static String statement(Random random, String name) {
    int id = 1 + random.nextInt(400);
    int other = 1 + random.nextInt(400);
    return switch (random.nextInt(4)) {
      case 0 ->
          "INSERT INTO "
              + name
              + " VALUES ("
              + id
              + ", 1) ON CONFLICT (id) DO UPDATE SET n = "
              + name
              + ".n + 1";
      case 1 -> "UPDATE " + name + " SET n = n + 1 WHERE id = " + id;
      case 2 -> "UPDATE " + name + " SET id = " + other + " WHERE id = " + id;
      default -> "DELETE FROM " + name + " WHERE id = " + id;
    };
  }

  /// Applies changes strictly: what is not there cannot be updated, what is there not inserted.
  private static void apply(Transaction transaction, Map<Long, String> contents) {
    for (Change change : transaction.changes()) {
      switch (change) {
        case Change.Insert(_, Tuple row) -> assertThat(contents.put(id(row), render(row))).isNull();
        case Change.Update(_, OldRow old, Tuple row) -> {
          assertThat(contents.remove(old instanceof OldRow.Key(Tuple key) ? id(key) : id(row)))
              .isNotNull();
          assertThat(contents.put(id(row), render(row))).isNull();
        }
        case Change.Delete(_, OldRow.Key(Tuple key)) ->
            assertThat(contents.remove(id(key))).isNotNull();
        case Change.Delete(_, OldRow old) -> throw new AssertionError(old);
        case Change.Truncate truncate -> throw new AssertionError(truncate);
        case Change.InPartition _, LogicalMessage _ -> {}
      }
    }
  }

  private static long id(Tuple row) {
    return row.value(0).getLong();
  }

  private static String render(Tuple row) {
    return Rendering.render(INT8, row, 0) + "," + Rendering.render(INT8, row, 1);
  }

  private static Map<Long, String> contents(Connection connection, String name)
      throws SQLException {
    Map<Long, String> contents = new TreeMap<>();
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT id, n FROM " + name)) {
      while (row.next()) {
        contents.put(row.getLong(1), row.getLong(1) + "," + row.getLong(2));
      }
    }
    return contents;
  }
}
