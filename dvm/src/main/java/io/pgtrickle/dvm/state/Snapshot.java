package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.Merge;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.ObjLongConsumer;
import java.util.stream.Stream;

/// The contents of an arrangement at one moment; an immutable list of runs whose sum it is.
///
/// It is readable until the arrangement changes, and for as long as somebody has taken a [#hold] of
/// it before that, whatever becomes of the arrangement. The rows it passes on are consolidated:
/// distinct under their key, with their net weight, never zero.
public final class Snapshot {
  private final List<Run> runs;
  private final Debt debt;

  Snapshot(List<Run> runs, Debt debt) {
    this.runs = List.copyOf(runs);
    this.debt = debt;
  }

  List<Run> runs() {
    return runs;
  }

  /// Keeps the contents readable until the hold is closed, on any thread. Taken by the thread that
  /// owns the arrangement.
  public Hold hold() {
    List<Run> held = new ArrayList<>(runs.size());
    try {
      for (Run run : runs) {
        run.hold();
        held.add(run);
      }
    } finally {
      if (held.size() < runs.size()) {
        held.forEach(Run::letGo);
      }
    }
    return new Hold(runs);
  }

  /// A claim on a snapshot's memory.
  public static final class Hold implements AutoCloseable {
    private final List<Run> runs;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Hold(List<Run> runs) {
      this.runs = runs;
    }

    /// Lets go; more than once is fine.
    @Override
    public void close() {
      if (!closed.getAndSet(true)) {
        runs.forEach(Run::letGo);
      }
    }
  }

  /// The stored entries: at least the number of distinct (key, row) pairs, at most about 1.5 times
  /// it once merging has caught up.
  public long rows() {
    long rows = 0;
    for (Run run : runs) {
      rows += run.entries();
    }
    return rows;
  }

  /// The bytes of the stored entries.
  public long bytes() {
    long bytes = 0;
    for (Run run : runs) {
      bytes += run.bytes();
    }
    return bytes;
  }

  /// Some entries.
  public static Snapshot of(Batch entries) {
    return new Snapshot(List.of(), new Debt()).plus(entries);
  }

  /// The contents with some more entries.
  public Snapshot plus(Batch delta) {
    return delta.isEmpty()
        ? this
        : new Snapshot(Stream.concat(runs.stream(), Stream.of(delta.run())).toList(), debt);
  }

  /// The rows under one key, in the order of their bytes.
  public void lookup(ByteSink key, ObjLongConsumer<Row> action) {
    lookup().seek(key).forEach(action);
  }

  /// Starts look-ups of ascending keys.
  public Lookup lookup() {
    return new Lookup(runs, debt);
  }

  /// The entries whose key starts with some bytes, in order from the first; all of them for none.
  public Entries prefix(ByteSink keyPrefix) {
    return new Entries(Merge.prefixed(runs, keyPrefix, false), debt);
  }

  /// The entries whose key starts with some bytes, as places in an order.
  public Ranked ranked(ByteSink keyPrefix) {
    return new Ranked(runs, keyPrefix, debt);
  }

  /// The row of positive weight with the least key among those that start with some bytes; among
  /// equal keys the least row bytes.
  public Optional<Row> first(ByteSink keyPrefix) {
    return firstPositive(Merge.prefixed(runs, keyPrefix, false));
  }

  /// The row of positive weight with the greatest key among those that start with some bytes; among
  /// equal keys, again, the least row bytes.
  public Optional<Row> last(ByteSink keyPrefix) {
    Merge down = Merge.prefixed(runs, keyPrefix, true);
    if (firstPositive(down).isEmpty()) {
      return Optional.empty();
    }
    ByteSink key = new ByteSink();
    down.key(key);
    Lookup rows = lookup().seek(key);
    while (rows.next()) {
      if (rows.weight() > 0) {
        return Optional.of(rows.row());
      }
    }
    throw new IllegalStateException(
        "the greatest key lost its row between two reads of a snapshot");
  }

  private Optional<Row> firstPositive(Merge merge) {
    Optional<Row> found = Optional.empty();
    while (found.isEmpty() && merge.next()) {
      debt.read(1);
      if (merge.weight() > 0) {
        found = Optional.of(merge.row());
      }
    }
    debt.add(merge.cancelled());
    return found;
  }

  /// The work that scans have spent on skipping entries that cancel; a reason to merge. All that is
  /// read is counted for the storage.
  static final class Debt {
    private final Reads reads;
    private long skipped;

    Debt() {
      this(new Reads());
    }

    Debt(Reads reads) {
      this.reads = reads;
    }

    void add(long more) {
      skipped += more;
      reads.add(more);
    }

    void read(long entries) {
      reads.add(entries);
    }

    long skipped() {
      return skipped;
    }

    void settle() {
      skipped = 0;
    }
  }
}
