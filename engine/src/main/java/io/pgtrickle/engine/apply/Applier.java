package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.apply.DeltaWriter.Written;
import io.pgtrickle.engine.catalog.Pipeline;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongFunction;

/// Applies one epoch: the deltas of all stream tables it changes, and whatever else must become
/// visible with them, in one transaction (law 3).
///
/// On the usual path all of it is one round trip, and the commit another. When something fails, the
/// transaction is rolled back and done again table by table, to find out which: a table that cannot
/// be written (a lock not granted in time, a user's constraint or trigger, an index row too large)
/// must not stop the others, so it is left out with its dependents.
public final class Applier {
  // A pipeline is prepared per combination of its statements, and the driver keeps some hundred of
  // them; beyond a few tables combinations hardly ever come back.
  private static final int PIPELINED_TABLES = 6;

  private final Connection connection;

  /// @param connection autocommit off, `synchronous_commit` on, `lock_timeout` set, holding the
  /// writers' lock
  public Applier(Connection connection) {
    this.connection = connection;
  }

  /// The released delta of one stream table.
  ///
  /// @param weights what the weight of a row must be, see [ResidueCheck]; empty for a table that is
  ///     not checked
  /// @param held whether the table could not be written the last time: it is tried by itself, so
  /// that
  ///     one that is still locked costs the others one `lock_timeout` and not two
  public record TableDelta(
      StreamTable table, ZSet delta, Optional<Function<Row, OptionalLong>> weights, boolean held) {}

  /// Why a table could not be written.
  ///
  /// @param damaged whether the table is not what the state believes, so that waiting cannot help
  public record Failure(String sqlState, String message, boolean damaged) {}

  /// What an epoch's transaction did.
  ///
  /// @param written per `pgt_id` the rows written
  /// @param residues per `pgt_id` what reading the rows back found, where it was done already
  /// @param failures per `pgt_id` why it was left out; dependents of such a table are in neither
  /// map
  public record Applied(
      Map<Long, Written> written,
      Map<Long, ResidueCheck.Residue> residues,
      Map<Long, Failure> failures) {}

  /// Statements that belong to the same transaction: frontier, replies, notifications.
  @FunctionalInterface
  public interface Epilogue {
    /// Adds the statements, last in the transaction.
    ///
    /// @param connection for what does not fit into a pipeline; it runs before
    /// @param written what is written in this attempt
    void add(Connection connection, Pipeline pipeline, Map<Long, Written> written)
        throws SQLException;
  }

  /// Writes and commits.
  ///
  /// @param dependents the stream tables that read a given one, directly or not
  /// @throws SourceUnavailable when the connection is lost; whether the transaction was committed
  /// is then told
  ///     by the stored frontier only
  public Applied apply(
      List<TableDelta> deltas, LongFunction<Set<Long>> dependents, Epilogue epilogue) {
    if (deltas.size() <= PIPELINED_TABLES && deltas.stream().noneMatch(TableDelta::held)) {
      Attempt attempt = new Attempt();
      try {
        for (TableDelta delta : deltas) {
          attempt.add(delta);
        }
        return attempt.finish(epilogue, Map.of());
      } catch (SQLException | StateDamaged e) {
        rollback(e);
      }
    }
    return applyOneByOne(deltas, dependents, epilogue);
  }

  private Applied applyOneByOne(
      List<TableDelta> deltas, LongFunction<Set<Long>> dependents, Epilogue epilogue) {
    Map<Long, Failure> failures = new LinkedHashMap<>();
    List<TableDelta> remaining = new ArrayList<>(deltas);
    boolean careful = false;
    while (true) {
      Attempt attempt = new Attempt();
      Optional<TableDelta> current = Optional.empty();
      try {
        for (TableDelta delta : remaining) {
          current = Optional.of(delta);
          attempt.add(delta);
          attempt.run();
          if (careful) {
            checkConstraintsNow();
          }
        }
        current = Optional.empty();
        return attempt.finish(epilogue, failures);
      } catch (SQLException e) {
        rollback(e);
        if (current.isPresent()) {
          exclude(current.get(), failure(e), remaining, failures, dependents);
        } else if (!careful && !remaining.isEmpty()) {
          // COMMIT itself failed: a deferred constraint or trigger. Find out whose.
          careful = true;
        } else {
          throw unavailable("the epoch's transaction could not be committed", e);
        }
      } catch (StateDamaged e) {
        rollback(e);
        TableDelta damaged = current.orElseThrow(() -> e);
        exclude(
            damaged,
            new Failure(e.sqlState(), String.valueOf(e.getMessage()), true),
            remaining,
            failures,
            dependents);
      }
    }
  }

  /// One try at the epoch's transaction.
  private final class Attempt {
    private final Map<Long, Written> written = new LinkedHashMap<>();
    private final Map<Long, ResidueCheck> checks = new LinkedHashMap<>();
    private Pipeline pipeline = new Pipeline();

    Attempt() {
      OwnerCalls.ownSettings(pipeline);
    }

    void add(TableDelta delta) throws SQLException {
      StreamTable table = delta.table();
      written.put(table.id(), new DeltaWriter(connection, table).write(delta.delta(), pipeline));
      delta
          .weights()
          .filter(weights -> ResidueCheck.belongsToEpoch(delta.delta()))
          .ifPresent(
              weights -> {
                ResidueCheck check = new ResidueCheck(table);
                check.readBack(delta.delta(), weights, pipeline);
                checks.put(table.id(), check);
              });
    }

    void run() throws SQLException {
      pipeline.run(connection);
      pipeline = new Pipeline();
    }

    Applied finish(Epilogue epilogue, Map<Long, Failure> failures) throws SQLException {
      epilogue.add(connection, pipeline, written);
      run();
      Map<Long, ResidueCheck.Residue> residues = new LinkedHashMap<>();
      for (Map.Entry<Long, ResidueCheck> entry : checks.entrySet()) {
        residues.put(entry.getKey(), entry.getValue().removeSurplus(connection));
      }
      connection.commit();
      return new Applied(written, residues, failures);
    }
  }

  private static void exclude(
      TableDelta failed,
      Failure failure,
      List<TableDelta> remaining,
      Map<Long, Failure> failures,
      LongFunction<Set<Long>> dependents) {
    failures.put(failed.table().id(), failure);
    Set<Long> after = dependents.apply(failed.table().id());
    remaining.removeIf(
        d -> d.table().id() == failed.table().id() || after.contains(d.table().id()));
  }

  private static Failure failure(SQLException e) {
    return new Failure(String.valueOf(e.getSQLState()), String.valueOf(e.getMessage()), false);
  }

  private void checkConstraintsNow() throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute("SET CONSTRAINTS ALL IMMEDIATE");
    }
  }

  private void rollback(Exception cause) {
    try {
      if (connection.isClosed()) {
        throw new SQLException("the connection is closed", "08003");
      }
      connection.rollback();
    } catch (SQLException e) {
      e.addSuppressed(cause);
      throw unavailable("the apply connection was lost", e);
    }
    if (cause instanceof SQLException sql && lost(sql)) {
      throw unavailable("the apply connection was lost", sql);
    }
  }

  // Classes 08 (connection), 57P0x (shutdown, crash) and 53 (resources) concern the server, not a
  // table.
  private static boolean lost(SQLException e) {
    String state = String.valueOf(e.getSQLState());
    return state.startsWith("08") || state.startsWith("57P") || state.startsWith("53");
  }

  private static SourceUnavailable unavailable(String what, SQLException e) {
    return new SourceUnavailable(String.valueOf(e.getSQLState()), what + ": " + e.getMessage(), e);
  }
}
