package io.pgtrickle.engine;

import io.pgtrickle.cdc.SourceDatabase;
import io.pgtrickle.engine.backfill.Initializer;
import io.pgtrickle.engine.catalog.Lease;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Opens the sessions of a tenure, each set up for what it does.
///
/// May be used from any thread.
final class Sessions implements Initializer.Sessions {
  private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);
  /*
   * Commits are synchronous whatever the role's default: what a reader or listener saw is never taken back
   * by a crash. A blocked table may cost an epoch half a second, then it is held. Deltas are small
   * against their tables, whatever statistics say that are older than the table's growth: every
   * statement is to go through the index, by one plan for ever.
   */
  private static final String APPLY =
      "SET synchronous_commit = on; SET lock_timeout = '500ms'; SET enable_hashjoin = off;"
          + " SET enable_mergejoin = off; SET enable_seqscan = off; SET plan_cache_mode ="
          + " force_generic_plan; SET jit = off; SET row_security = off;"
          + " SET client_min_messages = error";
  private static final String FILL =
      "SET synchronous_commit = on; SET lock_timeout = '10s'; SET jit = off; SET row_security ="
          + " off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET client_min_messages ="
          + " error";

  // What waits for somebody's lock on one table keeps all others waiting.
  private static final String CONTROL = "SET lock_timeout = '10s'";

  private final SourceDatabase database;
  private final Lease lease;
  private final Set<Connection> open = ConcurrentHashMap.newKeySet();

  Sessions(SourceDatabase database, Lease lease) {
    this.database = database;
    this.lease = lease;
  }

  @Override
  public Connection control() throws SQLException {
    Connection connection = ordinary();
    try (Statement statement = connection.createStatement()) {
      statement.execute(CONTROL);
      return connection;
    } catch (SQLException e) {
      try (connection) {
        throw e;
      }
    }
  }

  /// A session whose work concerns one stream table, and waits for locks as long as it takes.
  Connection ordinary() {
    return remembered(database.connect("pgtrickle control"));
  }

  @Override
  public Connection writer() throws SQLException {
    return writing("pgtrickle fill", FILL);
  }

  /// The refresh thread's session.
  Connection apply() throws SQLException {
    return writing("pgtrickle apply", APPLY);
  }

  /// For what the server evaluates in the middle of a step.
  Connection evaluator() throws SQLException {
    Connection connection = remembered(database.connect("pgtrickle evaluate"));
    connection.setAutoCommit(false);
    return connection;
  }

  /// Drops every session without waiting for its server, so that whoever waits in one wakes up.
  void abort() {
    for (Connection connection : open) {
      try {
        connection.abort(Runnable::run);
      } catch (SQLException e) {
        LOG.debug("a session was not aborted: {}", e.getMessage());
      }
    }
    open.clear();
  }

  private Connection remembered(Connection connection) {
    open.removeIf(Sessions::isClosed);
    open.add(connection);
    return connection;
  }

  private static boolean isClosed(Connection connection) {
    try {
      return connection.isClosed();
    } catch (SQLException e) {
      return true;
    }
  }

  private Connection writing(String name, String settings) throws SQLException {
    Connection connection = remembered(database.with("prepareThreshold", "1").connect(name));
    try (Statement statement = connection.createStatement()) {
      statement.execute(settings);
      lease.admit(connection);
      connection.setAutoCommit(false);
      return connection;
    } catch (SQLException e) {
      try (connection) {
        throw e;
      }
    }
  }
}
