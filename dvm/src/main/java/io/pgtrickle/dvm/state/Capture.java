package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.type.Bytes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// State at one moment, on its way to disk.
///
/// The threads that own the state put it in, between two steps; that takes holds of runs and
/// copies nothing, so it is a matter of microseconds. Then any one thread makes it a checkpoint
/// by [#write], while steps go on.
public final class Capture implements AutoCloseable {
  private final StateDirectory directory;
  private final Origin origin;
  private final Bytes frontier;
  private final Map<String, Bytes> values = new LinkedHashMap<>();
  private final Map<String, Snapshot> snapshots = new LinkedHashMap<>();
  private final Map<String, Snapshot.Hold> holds = new LinkedHashMap<>();

  Capture(StateDirectory directory, Origin origin, Bytes frontier) {
    this.directory = directory;
    this.origin = origin;
    this.frontier = frontier;
  }

  /// Adds the committed contents of an arrangement.
  public Capture put(String name, Arrangement arrangement) {
    Snapshot contents = arrangement.snapshot();
    if (snapshots.putIfAbsent(name, contents) != null) {
      throw new IllegalArgumentException(name + " has been captured already");
    }
    holds.put(name, contents.hold());
    return this;
  }

  /// Adds something small.
  public Capture put(String name, Bytes value) {
    values.put(name, value);
    return this;
  }

  /// Makes everything durable, then this the newest checkpoint; in the end lets go of the state.
  ///
  /// @throws io.pgtrickle.dvm.TrickleException.StorageUnavailable when it cannot be written; the
  ///     checkpoint before is still the newest then
  public void write() {
    try {
      Map<String, List<Run>> runs = new LinkedHashMap<>();
      snapshots.forEach((name, contents) -> runs.put(name, contents.runs()));
      directory.publish(origin, frontier, values, runs);
    } finally {
      close();
    }
  }

  /// Lets go of the state, whether it was written or not.
  @Override
  public void close() {
    holds.values().forEach(Snapshot.Hold::close);
  }
}
