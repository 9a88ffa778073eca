package io.pgtrickle.cdc;

import java.time.Instant;
import java.util.List;

/// A committed transaction with everything it did to the published tables, or a part of one that is
/// too large to be handed over at once.
///
/// Transactions arrive in commit order, so `finalLsn` and `endLsn` ascend from one to the next, and
/// `finalLsn < endLsn`. `endLsn` is what to store with the transaction's effects and to resume
/// from;
/// `finalLsn` decides on which side of a cut (a snapshot's consistent point, a stored position) the
/// transaction is: it is after `cut` iff `finalLsn ≥ cut`.
///
/// The parts of a transaction come one after the other with nothing between them, all with the same
/// positions. A consumer takes all of them or none: it must not show the effects of some.
///
/// @param finalLsn where the commit record starts
/// @param endLsn where the commit record ends
/// @param committedAt the server's clock; for sessions with a replication origin the origin's, or
///     2000-01-01. Never order by it
/// @param bytes an estimate of the memory this transaction, or this part of it, occupies
/// @param part whether more of it follows
public record Transaction(
    int xid,
    Lsn finalLsn,
    Lsn endLsn,
    Instant committedAt,
    List<Change> changes,
    long bytes,
    Part part)
    implements WalEvent {

  /// How much of a transaction this completes.
  public enum Part {
    /// Nothing: more of it follows at once.
    MORE_FOLLOWS,
    /// All of it.
    LAST
  }

  public Transaction {
    if (!finalLsn.isBefore(endLsn)) {
      throw new IllegalArgumentException(
          "a commit record ends after it starts, seen " + finalLsn + " to " + endLsn);
    }
    changes = List.copyOf(changes);
  }

  /// Whether this is the whole transaction, or the last part of it.
  public boolean isComplete() {
    return part == Part.LAST;
  }

  /// Until the transaction is complete, it lies before it: all of it comes again after a restart
  /// there.
  @Override
  public Lsn position() {
    return isComplete() ? endLsn : finalLsn;
  }
}
