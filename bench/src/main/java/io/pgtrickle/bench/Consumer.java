package io.pgtrickle.bench;

import java.io.IOException;
import java.sql.SQLException;

/// Somebody who reads a slot.
interface Consumer {
  String name();

  /// Reads a slot from where it stands until so many rows have come, and ends.
  Reading read(Rig rig, String slot, long rows)
      throws SQLException, IOException, InterruptedException;

  /// How long a slot was read, and what that cost.
  ///
  /// @param nanos from the first request for the log to the last row
  /// @param serverSeconds of processor time, of the server's process that sent it
  /// @param ownSeconds of processor time, of this process
  record Reading(long nanos, double serverSeconds, double ownSeconds) {}
}
