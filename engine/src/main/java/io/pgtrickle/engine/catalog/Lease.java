package io.pgtrickle.engine.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// The right to write this database's stream tables, held by one sidecar at a time.
///
/// What decides is a session-level advisory lock: the server gives it to one session and takes it
/// back when that session ends, however it ends. With the lock comes a *fencing token*, larger than
/// every earlier one, which stands in `pgt_progress` and is compared by [Progress#advance]; so a
/// holder that lost its session without noticing cannot commit another epoch. And with it comes a
/// *secret*, which the guard trigger of the storage tables asks for.
///
/// The heartbeat tells callers that somebody will answer. It does not decide who holds the lease.
public final class Lease {
  private final Connection session;
  private final long key;
  private final UUID owner;
  private final long token;
  private final UUID secret;

  private Lease(Connection session, long key, UUID owner, long token, UUID secret) {
    this.session = session;
    this.key = key;
    this.owner = owner;
    this.token = token;
    this.secret = secret;
  }

  /// Who asks for the lease, for people to see.
  ///
  /// @param owner different for every start of a process
  /// @param host the machine
  /// @param pid the process on it
  /// @param httpUrl where its status is served; empty if nowhere
  /// @param version of the sidecar
  public record Holder(UUID owner, String host, long pid, String httpUrl, String version) {}

  /// Takes the lease if nobody has it.
  ///
  /// @param session in autocommit mode; holds the lease as long as it lives, and may be used for
  ///     anything else meanwhile
  /// @return empty while another sidecar has it: stand by and try again
  public static Optional<Lease> acquire(Connection session, Holder holder) throws SQLException {
    long key = key(session);
    try (PreparedStatement lock = session.prepareStatement("SELECT pg_try_advisory_lock(?)")) {
      lock.setLong(1, key);
      try (ResultSet row = lock.executeQuery()) {
        row.next();
        if (!row.getBoolean(1)) {
          return Optional.empty();
        }
      }
    }
    UUID secret = UUID.randomUUID();
    Lease lease = new Lease(session, key, holder.owner, takeToken(session, holder, secret), secret);
    lease.admit(session);
    return Optional.of(lease);
  }

  /// Ends the session that holds the lease, if it is a dead one: that of a holder we once were, or
  /// of
  /// one whose last heartbeat is long ago. A process that only slept finds its epoch refused.
  ///
  /// @param former who we were before; null if nobody
  /// @param stale after how much time without a heartbeat a holder counts as dead
  public static void endDeadHolder(Connection session, @Nullable UUID former, Duration stale)
      throws SQLException {
    try (PreparedStatement end =
        session.prepareStatement(
            "SELECT pg_terminate_backend(l.pid) FROM pgtrickle_internal.pgt_sidecar s JOIN pg_locks"
                + " l ON l.locktype = 'advisory' AND l.pid = s.backend_pid AND l.granted AND"
                + " l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                + " WHERE s.owner = ? OR s.heartbeat_at < clock_timestamp() - ? * interval '1"
                + " ms'")) {
      end.setObject(1, former);
      end.setLong(2, stale.toMillis());
      end.execute();
    }
  }

  private static long key(Connection session) throws SQLException {
    try (PreparedStatement query =
            session.prepareStatement("SELECT advisory_key FROM pgtrickle_internal.pgt_sidecar");
        ResultSet row = query.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  /// Both rows change in one statement: no one can see the new holder with the old token.
  private static long takeToken(Connection session, Holder holder, UUID secret)
      throws SQLException {
    try (PreparedStatement take =
        session.prepareStatement(
            "WITH fence AS (UPDATE pgtrickle_internal.pgt_progress"
                + " SET fencing_token = fencing_token + 1 RETURNING fencing_token)"
                + " UPDATE pgtrickle_internal.pgt_sidecar SET owner = ?, token = fencing_token,"
                + " secret = ?, backend_pid = pg_backend_pid(), host = ?, pid = ?,"
                + " http_url = nullif(?, ''), version = ?, started_at = clock_timestamp(),"
                + " heartbeat_at = clock_timestamp() FROM fence RETURNING token")) {
      take.setObject(1, holder.owner);
      take.setObject(2, secret);
      take.setString(3, holder.host);
      take.setLong(4, holder.pid);
      take.setString(5, holder.httpUrl);
      take.setString(6, holder.version);
      try (ResultSet row = take.executeQuery()) {
        row.next();
        return row.getLong(1);
      }
    }
  }

  /// The fencing token, for [Progress#advance].
  public long token() {
    return token;
  }

  /// Lets another session of this process write storage tables: tells it the secret. A session in a
  /// transaction forgets it if that rolls back, so call it outside of one.
  public void admit(Connection connection) throws SQLException {
    try (PreparedStatement tell =
        connection.prepareStatement("SELECT set_config('pgtrickle.lease', ?, false)")) {
      tell.setString(1, secret.toString());
      tell.execute();
    }
  }

  /// How often to call [#heartbeat].
  ///
  /// From version 17 on a waiting call flushes its message itself. Before, the message lies in the
  /// server's buffer until somebody commits or a page is full; on an idle server that somebody is
  /// the heartbeat, and its pause is how long a caller waits.
  public static Duration heartbeatPause(int serverVersion) {
    return serverVersion >= 170_000 ? Duration.ofSeconds(2) : Duration.ofMillis(100);
  }

  /// Tells callers that somebody is here, from any connection that commits synchronously.
  ///
  /// @return false if the lease is another's by now: stop
  public boolean heartbeat(Connection connection) throws SQLException {
    try (PreparedStatement beat =
        connection.prepareStatement(
            "UPDATE pgtrickle_internal.pgt_sidecar SET heartbeat_at = clock_timestamp()"
                + " WHERE owner = ? AND token = ?")) {
      beat.setObject(1, owner);
      beat.setLong(2, token);
      return beat.executeUpdate() == 1;
    }
  }

  /// Gives the lease back at an orderly stop, so that a standby need not wait and callers are told
  /// at once. The session stays open.
  public void release() throws SQLException {
    try (PreparedStatement clear =
        session.prepareStatement(
            "UPDATE pgtrickle_internal.pgt_sidecar SET secret = NULL, backend_pid = NULL,"
                + " heartbeat_at = NULL WHERE owner = ? AND token = ?")) {
      clear.setObject(1, owner);
      clear.setLong(2, token);
      clear.executeUpdate();
    }
    try (PreparedStatement unlock = session.prepareStatement("SELECT pg_advisory_unlock(?)")) {
      unlock.setLong(1, key);
      unlock.execute();
    }
  }
}
