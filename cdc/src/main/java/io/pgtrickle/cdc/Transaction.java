package io.pgtrickle.cdc;

import java.time.Instant;
import java.util.List;

/// A committed transaction with everything it did to the published tables.
///
/// Transactions arrive in commit order, so `finalLsn` and `endLsn` ascend from one to the next, and
/// `finalLsn < endLsn`. `endLsn` is what to store with the transaction's effects and to resume
/// from;
/// `finalLsn` decides on which side of a cut (a snapshot's consistent point, a stored position) the
/// transaction is: it is after `cut` iff `finalLsn ≥ cut`.
///
/// @param finalLsn where the commit record starts
/// @param endLsn where the commit record ends
/// @param committedAt the server's clock; for sessions with a replication origin the origin's, or
///     2000-01-01. Never order by it
/// @param bytes an estimate of the memory this transaction occupies
public record Transaction(
    int xid, Lsn finalLsn, Lsn endLsn, Instant committedAt, List<Change> changes, long bytes)
    implements WalEvent {

  public Transaction {
    if (!finalLsn.isBefore(endLsn)) {
      throw new IllegalArgumentException(
          "a commit record ends after it starts, seen " + finalLsn + " to " + endLsn);
    }
    changes = List.copyOf(changes);
  }

  @Override
  public Lsn position() {
    return endLsn;
  }
}
