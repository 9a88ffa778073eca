package io.pgtrickle.cdc.slot;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A transaction that the creation of a slot, or a lock on a table, waits for.
///
/// @param pid of the server process; 0 for a prepared transaction, which has none
/// @param transactionStart when it began, if the session is visible to our role
public record Blocker(
    int pid,
    @Nullable String user,
    @Nullable String application,
    @Nullable String state,
    @Nullable Instant transactionStart) {

  static Blocker of(ResultSet row) throws SQLException {
    Timestamp since = row.getTimestamp("xact_start");
    return new Blocker(
        row.getInt("pid"),
        row.getString("usename"),
        row.getString("application_name"),
        row.getString("state"),
        since == null ? null : since.toInstant());
  }

  public Optional<Instant> since() {
    return Optional.ofNullable(transactionStart);
  }

  @Override
  public String toString() {
    return pid == 0
        ? "a prepared transaction (see pg_prepared_xacts)"
        : "process "
            + pid
            + " (user "
            + user
            + ", application '"
            + application
            + "', "
            + state
            + ", in a transaction since "
            + transactionStart
            + ")";
  }
}
