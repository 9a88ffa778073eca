package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
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

  private GuardedDdl() {}

  /// @param connection in autocommit mode, and again so afterwards
  /// @param doing completes "failed to …"
  static void run(Connection connection, LockPolicy policy, String doing, Body body) {
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
        if (attempt == policy.attempts()) {
          throw new CaptureException.Retry(
              LOCK_NOT_AVAILABLE,
              "failed to "
                  + doing
                  + ": a lock was not free in "
                  + attempt
                  + " attempts of "
                  + policy.timeout().toMillis()
                  + " ms; find the transaction that holds it in pg_locks, or try again later",
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
      return row.wasNull() ? 0 : millis + GIVING_UP_MILLIS;
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

  interface Body {
    void run(Statement statement) throws SQLException;
  }
}
