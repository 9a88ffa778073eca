package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.CaptureException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.locks.LockSupport;

/// Runs a few statements as one short transaction under a lock time-out, again and again until the
/// locks were free.
final class GuardedDdl {
  private static final String LOCK_NOT_AVAILABLE = "55P03";
  private static final String DEADLOCK_DETECTED = "40P01";

  private GuardedDdl() {}

  /// @param connection in autocommit mode, and again so afterwards
  /// @param doing completes "failed to …"
  static void run(Connection connection, LockPolicy policy, String doing, Body body) {
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

  interface Body {
    void run(Statement statement) throws SQLException;
  }
}
