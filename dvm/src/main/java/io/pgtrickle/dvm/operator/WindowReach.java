package io.pgtrickle.dvm.operator;

/// How far from a row are those on which its results depend.
///
/// @param back how many places before the row
/// @param ahead how many places behind it
/// @param peers whether all peers of a row count with it
/// @param counted whether the number of rows in front counts too
/// @param running whether all rows in front count too
/// @param whole whether every row of the partition counts
record WindowReach(
    long back, long ahead, boolean peers, boolean counted, boolean running, boolean whole) {
  static final WindowReach NONE = new WindowReach(0, 0, false, false, false, false);
  static final WindowReach PEERS = new WindowReach(0, 0, true, false, false, false);
  static final WindowReach COUNTED = new WindowReach(0, 0, false, true, false, false);
  static final WindowReach RUNNING = new WindowReach(0, 0, false, false, true, false);
  static final WindowReach WHOLE = new WindowReach(0, 0, false, false, false, true);

  // Further than that is no nearer than everything.
  private static final long FAR = 1L << 30;

  static WindowReach back(long places) {
    return places > FAR ? WHOLE : new WindowReach(places, 0, false, false, false, false);
  }

  static WindowReach ahead(long places) {
    return places > FAR ? WHOLE : new WindowReach(0, places, false, false, false, false);
  }

  WindowReach and(WindowReach other) {
    return new WindowReach(
        Math.max(back, other.back),
        Math.max(ahead, other.ahead),
        peers || other.peers,
        counted || other.counted,
        running || other.running,
        whole || other.whole);
  }
}
