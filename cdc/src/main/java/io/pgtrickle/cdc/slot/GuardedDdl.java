package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.TableName;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/// Runs a few statements as one short transaction under a lock time-out, again and again until the
/// locks were free.
final class GuardedDdl {
  private static final String LOCK_NOT_AVAILABLE = "55P03";
  private static final String DEADLOCK_DETECTED = "40P01";

  private GuardedDdl() {}

  /// @param connection in autocommit mode, and again so afterwards
  /// @param tables what is locked
  /// @param shutsOut whom the locks have to wait for
  /// @param doing completes "failed to …"
  static void run(
      Connection connection,
      LockPolicy policy,
      Collection<TableName> tables,
      ShutsOut shutsOut,
      String doing,
      Body body) {
    for (int attempt = 1; ; attempt++) {
      try {
        attempt(connection, policy, body);
        return;
      } catch (SQLException e) {
        boolean lockHeld =
            LOCK_NOT_AVAILABLE.equals(e.getSQLState()) || DEADLOCK_DETECTED.equals(e.getSQLState());
        if (!lockHeld) {
          throw CaptureException.of(e, doing);
        }
        List<Blocker> blockers = holders(connection, tables, shutsOut, doing);
        if (!blockers.isEmpty()) {
          policy.report().accept(blockers);
        }
        if (attempt == policy.attempts()) {
          throw new CaptureException.Retry(
              LOCK_NOT_AVAILABLE,
              "failed to "
                  + doing
                  + ": a lock was not free in "
                  + attempt
                  + " attempts of "
                  + policy.timeout().toMillis()
                  + " ms, held now by "
                  + blockers
                  + "; end what holds it, or try again later",
              e);
        }
        LockSupport.parkNanos(policy.pause().toNanos());
      }
    }
  }

  private static void attempt(Connection connection, LockPolicy policy, Body body)
      throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET LOCAL lock_timeout = " + policy.timeout().toMillis());
      body.run(statement);
      connection.commit();
    } catch (SQLException e) {
      connection.rollback();
      throw e;
    } finally {
      connection.setAutoCommit(true);
    }
  }

  /// Whom a lock has to wait for.
  enum ShutsOut {
    /// Those who write, or change the table.
    WRITERS,
    /// Everybody who uses the table at all.
    EVERYBODY
  }

  private static List<Blocker> holders(
      Connection connection, Collection<TableName> tables, ShutsOut shutsOut, String doing) {
    List<Blocker> holders = new ArrayList<>();
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT DISTINCT l.pid, a.usename, a.application_name, a.state, a.xact_start"
                + " FROM unnest(?::text[]) n(name)"
                + " CROSS JOIN LATERAL (SELECT to_regclass(n.name)::oid UNION SELECT relid"
                + " FROM pg_partition_tree(to_regclass(n.name))) t(oid)"
                + " JOIN pg_locks l ON l.relation = t.oid AND l.locktype = 'relation' AND l.granted"
                + " AND l.database = (SELECT oid FROM pg_database WHERE datname ="
                + " current_database())"
                + " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
                + " WHERE l.pid IS DISTINCT FROM pg_backend_pid()"
                + " AND (? OR l.mode NOT IN ('AccessShareLock', 'RowShareLock'))"
                + " ORDER BY l.pid")) {
      query.setArray(
          1, connection.createArrayOf("text", tables.stream().map(TableName::sql).toArray()));
      query.setBoolean(2, shutsOut == ShutsOut.EVERYBODY);
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          holders.add(Blocker.of(row));
        }
      }
      return holders;
    } catch (SQLException e) {
      throw CaptureException.of(e, doing);
    }
  }

  interface Body {
    void run(Statement statement) throws SQLException;
  }
}
