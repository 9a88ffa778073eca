package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.SourceDatabase;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/// A snapshot of the database that is a cut of its log: it shows exactly the transactions whose
/// commit record starts before [#consistentPoint].
///
/// That is what makes it possible to continue from it: the stream's transactions with
/// `finalLsn ≥ consistentPoint` are precisely those that the snapshot does not show. No other way
/// of
/// taking a snapshot has this property. A plain one, paired with the log position read beside it,
/// is
/// wrong whenever a commit record is written and not yet visible at that moment.
///
/// It comes from a temporary slot, needs one free slot and one free walsender while it is open, and
/// can be imported until it is closed; whoever has imported it by then keeps it. An existing slot
/// cannot export one later, so a copy that fails starts over with a new snapshot.
public final class ExportedSnapshot implements AutoCloseable {
  private final SlotCreation creation;
  private final Lsn consistentPoint;
  private final String name;

  private ExportedSnapshot(SlotCreation creation, Lsn consistentPoint, String name) {
    this.creation = creation;
    this.consistentPoint = consistentPoint;
    this.name = name;
  }

  /// Takes a snapshot. The server waits for every write transaction that is open anywhere in the
  /// cluster, so the caller must not hold one itself.
  ///
  /// @param patience after which the attempt is cancelled
  /// @param reportEvery how often the sessions that are waited for are reported
  public static ExportedSnapshot open(
      SourceDatabase database,
      Duration patience,
      Duration reportEvery,
      Consumer<List<Blocker>> report) {
    SlotCreation creation =
        SlotCreation.start(
            database,
            "CREATE_REPLICATION_SLOT \""
                + Slots.newName()
                + "_tmp\" TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT");
    try {
      SlotCreation.Result created = creation.await(patience, reportEvery, report);
      return new ExportedSnapshot(
          creation,
          created.consistentPoint(),
          Objects.requireNonNull(created.snapshotName(), "EXPORT_SNAPSHOT names a snapshot"));
    } catch (RuntimeException e) {
      creation.close();
      throw e;
    }
  }

  /// Transactions whose commit record starts here or later are not in the snapshot.
  public Lsn consistentPoint() {
    return consistentPoint;
  }

  /// What `SET TRANSACTION SNAPSHOT` takes.
  public String name() {
    return name;
  }

  /// Ends the possibility to import the snapshot, and the temporary slot with it.
  @Override
  public void close() {
    creation.close();
  }
}
