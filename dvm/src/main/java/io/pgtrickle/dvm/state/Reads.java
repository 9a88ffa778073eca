package io.pgtrickle.dvm.state;

/// How many entries of arrangements have been read, those that cancelled among them: the work that
/// a step makes of its changes. Merges are not in it.
///
/// Exact where one thread reads; others may lose each other's counts.
final class Reads {
  private long entries;

  void add(long more) {
    entries += more;
  }

  long entries() {
    return entries;
  }
}
