package io.pgtrickle.cdc.slot;

import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A transaction that the creation of a slot waits for.
///
/// @param pid of the server process; 0 for a prepared transaction, which has none
/// @param transactionStart when it began, if the session is visible to our role
public record Blocker(
    int pid,
    @Nullable String user,
    @Nullable String application,
    @Nullable String state,
    @Nullable Instant transactionStart) {

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
