package io.pgtrickle.cdc;

import java.util.List;

/// One thing a transaction did, in the order it did it.
///
/// The same row may occur several times in one transaction; what rolled-back savepoints did is
/// already left out by the server.
public sealed interface Change
    permits Change.Insert,
        Change.Update,
        Change.Delete,
        Change.Truncate,
        Change.InPartition,
        LogicalMessage {

  /// A row is new.
  record Insert(Relation relation, Tuple row) implements Change {}

  /// A row changed.
  ///
  /// @param old what the log says about the row before
  /// @param row the row after; cells may be [CellKind#UNCHANGED_TOAST] unless `old` is full
  record Update(Relation relation, OldRow old, Tuple row) implements Change {}

  /// A row is gone.
  ///
  /// @param old what the log says about the deleted row; never [OldRow.Unknown]
  record Delete(Relation relation, OldRow old) implements Change {}

  /// All rows of these tables are gone. One statement, so one change, even for several tables.
  record Truncate(List<Relation> relations, boolean cascade, boolean restartIdentity)
      implements Change {
    public Truncate {
      relations = List.copyOf(relations);
    }
  }

  /// What follows may be rows of this partition, which are told as rows of its root. It does
  /// nothing; but the catalog, asked later, may know the partition no more.
  ///
  /// It is said before the first such row of a connection, and again whenever the partition was
  /// altered.
  ///
  /// @param root the published table
  record InPartition(Relation root, Oid partition) implements Change {}

  /// What the log says about the previous version of a row.
  ///
  /// It is decided per row by the table's replica identity *when the row was written*: a table that
  /// was set to FULL later still delivers keys from the log before.
  sealed interface OldRow {
    /// Nothing was logged: the identity columns did not change, so they are those of the new row.
    record Unknown() implements OldRow {
      public static final Unknown INSTANCE = new Unknown();
    }

    /// Only the identity columns; the other cells are NULL, meaning "not sent".
    record Key(Tuple key) implements OldRow {}

    /// The whole row, as under REPLICA IDENTITY FULL.
    record Full(Tuple row) implements OldRow {}
  }
}
