package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/// One CREATE_REPLICATION_SLOT command, watched while it runs.
///
/// The server builds the slot's first snapshot by waiting for every write transaction of the
/// cluster
/// that is open when it looks, one lock after the other, and there is no setting that bounds the
/// whole. So the command runs on a thread of its own; this one says whom it waits for, and cancels.
/// Closing the connection would not do: a walsender that waits for a lock does not notice.
final class SlotCreation implements AutoCloseable {
  private final SourceDatabase database;
  private final Connection connection;
  private final Statement statement;
  private final FutureTask<Result> command;

  private SlotCreation(
      SourceDatabase database, Connection connection, Statement statement, String sql) {
    this.database = database;
    this.connection = connection;
    this.statement = statement;
    this.command = new FutureTask<>(() -> execute(statement, sql));
  }

  static SlotCreation start(SourceDatabase database, String sql) {
    Connection connection = database.connectForReplication("pgtrickle slot creation");
    try {
      SlotCreation creation =
          new SlotCreation(database, connection, connection.createStatement(), sql);
      Thread.ofVirtual().name("slot-creation").start(creation.command);
      return creation;
    } catch (SQLException e) {
      throw CaptureException.of(e, "create a replication slot");
    }
  }

  private static Result execute(Statement statement, String sql) throws SQLException {
    try (ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return new Result(
          row.getString("slot_name"),
          Lsn.parse(row.getString("consistent_point")),
          row.getString("snapshot_name"));
    }
  }

  /// However this ends without a slot, the command is cancelled: one that went on alone would leave
  /// a slot behind that nobody knows of.
  Result await(Duration patience, Duration reportEvery, Consumer<List<Blocker>> report) {
    try {
      return result(patience, reportEvery, report);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof SQLException refused) {
        throw CaptureException.of(refused, "create a replication slot");
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      CaptureException interrupted =
          new CaptureException.Retry(
              "57014", "interrupted while creating a replication slot; create it again", e);
      // Before the thread counts as interrupted again, which would end the cancellation, too.
      cancel(interrupted);
      Thread.currentThread().interrupt();
      throw interrupted;
    } catch (RuntimeException e) {
      cancel(e);
      throw e;
    }
  }

  private Result result(Duration patience, Duration reportEvery, Consumer<List<Blocker>> report)
      throws ExecutionException, InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      long left = deadline - System.nanoTime();
      try {
        return command.get(Math.min(left, reportEvery.toNanos()), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        if (left <= reportEvery.toNanos()) {
          throw new CaptureException.Retry(
              "57014",
              "no replication slot after "
                  + patience.toMillis()
                  + " ms: its creation waits for every open write transaction of the cluster, now"
                  + " for "
                  + blockers()
                  + "; end them or try again later",
              e);
        }
        report.accept(blockers());
      }
    }
  }

  private void cancel(Exception why) {
    try {
      statement.cancel();
    } catch (SQLException e) {
      why.addSuppressed(e);
    }
  }

  /// Whom the creation waits for right now.
  List<Blocker> blockers() {
    try (Connection observer = database.connect("pgtrickle slot observer");
        PreparedStatement query =
            observer.prepareStatement(
                "SELECT b.pid, a.usename, a.application_name, a.state, a.xact_start"
                    + " FROM unnest(pg_blocking_pids(?)) AS b(pid)"
                    + " LEFT JOIN pg_stat_activity a ON a.pid = b.pid")) {
      query.setInt(1, connection.unwrap(PGConnection.class).getBackendPID());
      List<Blocker> blockers = new ArrayList<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          blockers.add(Blocker.of(row));
        }
      }
      return blockers;
    } catch (SQLException e) {
      throw CaptureException.of(e, "find out whom the creation of a replication slot waits for");
    }
  }

  /// The connection whose next command, or whose end, ends the exported snapshot.
  @Override
  public void close() {
    try {
      connection.close();
    } catch (SQLException e) {
      throw CaptureException.of(e, "close a replication connection");
    }
  }

  /// @param snapshotName null if none was to be exported
  record Result(String slotName, Lsn consistentPoint, @Nullable String snapshotName) {}
}
