package io.pgtrickle.cdc.pgoutput;

import io.pgtrickle.cdc.Change;
import io.pgtrickle.cdc.LogicalMessage;
import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.Relation;
import io.pgtrickle.cdc.TypeName;
import java.time.Instant;

/// A message of protocol version 1 or 2, decoded.
public sealed interface PgOutputMessage {

  /// A transaction follows, whole.
  ///
  /// @param finalLsn where the commit record of the transaction that follows starts
  record Begin(Lsn finalLsn, Instant committedAt, int xid) implements PgOutputMessage {}

  /// The transaction is complete.
  ///
  /// @param commitLsn equals the `finalLsn` of the Begin
  /// @param endLsn where the commit record ends
  record Commit(Lsn commitLsn, Lsn endLsn, Instant committedAt) implements PgOutputMessage {}

  /// A piece of an open transaction follows; until [StreamStop] all messages belong to it.
  record StreamStart(int xid) implements PgOutputMessage {}

  /// The piece ends.
  record StreamStop() implements PgOutputMessage {}

  /// A transaction that was sent in pieces is committed.
  record StreamCommit(int xid, Lsn commitLsn, Lsn endLsn, Instant committedAt)
      implements PgOutputMessage {}

  /// A transaction that was sent in pieces is rolled back, or a part of it.
  ///
  /// @param subxid the subtransaction that is undone; `xid` itself when all is
  record StreamAbort(int xid, int subxid) implements PgOutputMessage {}

  /// The transaction was replayed here from elsewhere; its position there.
  record Origin(Lsn originLsn, String name) implements PgOutputMessage {}

  /// A table is described, for the first time on this connection or anew.
  record Described(Relation relation) implements PgOutputMessage {}

  /// A type that is not built in is named, before the relation that uses it.
  record Named(Oid type, TypeName name) implements PgOutputMessage {}

  /// Rows changed.
  record Changed(Change change) implements PgOutputMessage {}

  /// Somebody emitted a logical message.
  record Emitted(LogicalMessage message) implements PgOutputMessage {}
}
