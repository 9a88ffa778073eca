package io.pgtrickle.cdc.stream;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Lsn;

/// Tells a place of the log that cannot be read from a connection that fails now and then.
///
/// A slot sends the same again as long as nobody has taken it. So a message that we do not
/// understand, or that the server fails to make, is met again by the next connection, and no
/// restart gets beyond it, while the slot keeps the log until the disk is full. What fails often
/// enough at one place is therefore taken for the end of what the slot is good for.
///
/// Outlives streams: within a large transaction a failure ends the consumer too, which then starts
/// at an earlier position.
///
/// Used by one thread at a time.
public final class RepeatedFailure {
  private static final int TOO_OFTEN = 6;

  private String slot = "";
  private Lsn place = Lsn.ZERO;
  private int times;

  /// Nothing has failed yet.
  public RepeatedFailure() {
    this.times = 0;
  }

  /// Counts a failure, if it may be about what is sent rather than about sending it.
  ///
  /// @param at where the transaction commits that was being read
  /// @throws CaptureException.SlotLost when it has happened there too often
  void count(String name, Lsn at, CaptureException failure) {
    if (!isAboutContents(failure)) {
      return;
    }
    times = slot.equals(name) && place.equals(at) ? times + 1 : 1;
    slot = name;
    place = at;
    if (times >= TOO_OFTEN) {
      throw new CaptureException.SlotLost(
          failure.sqlState(),
          name,
          "the log cannot be read beyond the transaction at "
              + at
              + ": "
              + times
              + " attempts in a row ended there, the last one with: "
              + failure.getMessage()
              + "; create a new slot and take a new snapshot of every table",
          failure);
    }
  }

  // Not about what is sent, but about the connection (08), resources (53), shutdowns (57P), the
  // disk
  // of either side (58), or another reader (55006).
  private static boolean isAboutContents(CaptureException failure) {
    String state = failure.sqlState();
    return state.equals(CaptureException.PROTOCOL_VIOLATION)
        || !(state.startsWith("08")
            || state.startsWith("53")
            || state.startsWith("57P")
            || state.startsWith("58")
            || state.equals("55006"));
  }
}
