package io.pgtrickle.cdc.slot;

import io.pgtrickle.cdc.Lsn;
import io.pgtrickle.cdc.slot.ServerIdentity.StoredPosition;
import java.util.Optional;

/// Whether the stream can go on from a stored position. Everything but [Continues] calls for a new
/// slot and a new snapshot of every table.
public sealed interface StartCheck {

  /// The position lies in this server's log.
  record Continues(ServerIdentity server) implements StartCheck {}

  /// The position comes from a cluster made by another `initdb`.
  record OtherCluster(String storedSystemId, String systemId) implements StartCheck {}

  /// The position lies on a branch of history that this server left before it, or never was on.
  ///
  /// @param fork where this server's history left the stored timeline
  record Forked(StoredPosition stored, int timeline, Optional<Lsn> fork) implements StartCheck {}

  /// The position is one that this server has not reached: it lost the end of the log.
  record Ahead(StoredPosition stored, Lsn flushed) implements StartCheck {}
}
