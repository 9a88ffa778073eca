package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.kernel.EntrySorter;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.Arrays;
import java.util.List;

/// An immutable, consolidated delta of an arrangement: (key, row) entries in order, with weights.
public final class Batch {
  public static final Batch EMPTY = new Batch(Run.EMPTY);

  private final Run run;

  private Batch(Run run) {
    this.run = run;
  }

  Run run() {
    return run;
  }

  public long size() {
    return run.entries();
  }

  public boolean isEmpty() {
    return run.isEmpty();
  }

  /// How many entries are retractions.
  public long retractions() {
    return run.negatives();
  }

  /// The entries whose key starts with some bytes, as places in an order.
  public Ranked ranked(ByteSink keyPrefix) {
    return new Ranked(List.of(run), keyPrefix, new Snapshot.Debt());
  }

  /// Walks batches together, key by key.
  public static Walk walk(Batch... batches) {
    return new Walk(Arrays.stream(batches).map(Batch::run).toList());
  }

  /// Collects entries in any order.
  public static final class Builder {
    private final EntrySorter sorter;

    public Builder(int expectedEntries) {
      sorter = new EntrySorter(expectedEntries);
    }

    /// Adds an entry; the key is copied.
    public Builder add(ByteSink key, Row row, long weight) {
      sorter.add(key, row, weight);
      return this;
    }

    /// Sums equal entries and drops zeros; the builder is used up.
    public Batch build() {
      Run run = sorter.build();
      return run.isEmpty() ? EMPTY : new Batch(run);
    }
  }
}
