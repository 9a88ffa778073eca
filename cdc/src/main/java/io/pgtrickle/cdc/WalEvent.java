package io.pgtrickle.cdc;

/// What the log tells, one after the other.
public sealed interface WalEvent permits Transaction, LogicalMessage, WalEvent.Idle {

  /// What may be confirmed once this event and all before it are durable at the consumer.
  Lsn position();

  /// Nothing that concerns the consumer happened between the previous event and this position.
  ///
  /// Confirming it is not optional housekeeping. Without, an idle publication in a busy cluster
  /// pins
  /// the log until the disk is full, and a server asked to shut down waits for the confirmation of
  /// what it decoded. It must not be stored where storing it writes to the source database: on
  /// PostgreSQL 14 that write comes back as the next idle position, for ever.
  record Idle(Lsn position) implements WalEvent {}
}
