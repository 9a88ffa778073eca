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
///
/// Autovacuum gives a lock up for somebody who has waited for `deadlock_timeout`, which is longer
/// than anybody should wait in front of users. So the last attempt waits for as long where there is
/// an autovacuum; otherwise one that works for hours would keep us out as long.
final class GuardedDdl {
  private static final String LOCK_NOT_AVAILABLE = "55P03";
  private static final String DEADLOCK_DETECTED = "40P01";

  // Workers of autovacuum are nobody's, which anybody may see.
  private static final String PATIENCE =
      """
      SELECT max(s.setting::bigint) FROM pg_settings s, pg_stat_activity a
      WHERE s.name = 'deadlock_timeout' AND a.datname = current_database() AND a.usesysid IS NULL
      """;

  private static final long GIVING_UP_MILLIS = 500;

  // Users wait behind us meanwhile.
  private static final long LONGEST_MILLIS = 3_000;

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
        long patience = attempt == policy.attempts() ? patience(connection) : 0;
        attempt(connection, Math.max(policy.timeout().toMillis(), patience), body);
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

  private static long patience(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(PATIENCE)) {
      row.next();
      long millis = row.getLong(1);
      return row.wasNull() ? 0 : Math.min(millis + GIVING_UP_MILLIS, LONGEST_MILLIS);
    }
  }

  private static void attempt(Connection connection, long timeoutMillis, Body body)
      throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET LOCAL lock_timeout = " + timeoutMillis);
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

  // Without pg_partition_tree(), which waits for locks itself.
  private static List<Blocker> holders(
      Connection connection, Collection<TableName> tables, ShutsOut shutsOut, String doing) {
    List<Blocker> holders = new ArrayList<>();
    try (PreparedStatement query =
        connection.prepareStatement(
            "WITH RECURSIVE t (oid) AS (SELECT to_regclass(n.name)::oid FROM unnest(?::text[])"
                + " n(name) UNION SELECT i.inhrelid FROM t JOIN pg_inherits i ON i.inhparent ="
                + " t.oid) SELECT DISTINCT l.pid, a.usename, a.application_name, a.state,"
                + " a.xact_start FROM t JOIN pg_locks l ON l.relation = t.oid AND l.locktype ="
                + " 'relation' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE"
                + " datname = current_database()) LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
                + " WHERE l.pid IS DISTINCT FROM pg_backend_pid() AND (? OR l.mode NOT IN"
                + " ('AccessShareLock', 'RowShareLock')) ORDER BY l.pid")) {
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
