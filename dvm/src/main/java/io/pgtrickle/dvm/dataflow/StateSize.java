package io.pgtrickle.dvm.dataflow;

/// How much state something keeps.
///
/// @param rows stored entries, not all of them merged yet
/// @param bytes their packed size
public record StateSize(long rows, long bytes) {
  public static final StateSize NONE = new StateSize(0, 0);

  public StateSize plus(StateSize other) {
    return new StateSize(rows + other.rows, bytes + other.bytes);
  }
}
