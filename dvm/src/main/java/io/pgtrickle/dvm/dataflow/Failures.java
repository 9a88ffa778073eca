package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/// The errors of a view's query: how many there are of each SQLSTATE, and what some of them say.
///
/// Messages show values, so there may be as many as there are rows. All are counted and a few are
/// kept; of a committed state no count is negative, so nothing fails exactly when all counts are 0.
/// A value that never changes.
final class Failures {
  static final Failures NONE = new Failures(Map.of(), ZSet.EMPTY);

  private static final int MOST_SAMPLES = 256;
  private static final int LONGEST_SAMPLE = 8 << 10;
  private static final String UNKNOWN = "(more rows fail than messages are kept of)";

  private final Map<String, Long> counts;
  private final ZSet samples;

  private Failures(Map<String, Long> counts, ZSet samples) {
    this.counts = counts;
    this.samples = samples;
  }

  /// What there is after a change.
  ///
  /// @param delta rows of [Node#ERRORS]
  Failures plus(ZSet delta) {
    if (delta.isEmpty()) {
      return this;
    }
    Map<String, Long> sums = new TreeMap<>(counts);
    ZSet.Builder kept = new ZSet.Builder();
    kept.addAll(samples);
    int room = MOST_SAMPLES - samples.size();
    for (int i = 0; i < delta.size(); i++) {
      Row row = delta.row(i);
      sums.merge(sqlState(row), delta.weight(i), Failures::sum);
      boolean known = samples.weightOf(row) != 0;
      if (known || (delta.weight(i) > 0 && room > 0 && row.bytes().length <= LONGEST_SAMPLE)) {
        kept.add(row, delta.weight(i));
        room -= known ? 0 : 1;
      }
    }
    return new Failures(sums, positive(kept.build(), sums));
  }

  private static Long sum(long a, long b) {
    return Math.addExact(a, b);
  }

  // A message may have come when there was no room for it, and go when it is a sample.
  private static ZSet positive(ZSet samples, Map<String, Long> sums) {
    sums.values().removeIf(count -> count == 0);
    ZSet.Builder positive = new ZSet.Builder();
    samples.forEach(
        (row, weight) -> {
          if (weight > 0 && sums.containsKey(sqlState(row))) {
            positive.add(row, weight);
          }
        });
    return positive.build();
  }

  private static String sqlState(Row row) {
    return String.valueOf(Node.ERRORS.value(row, 0));
  }

  boolean isEmpty() {
    return counts.values().stream().noneMatch(count -> count > 0);
  }

  /// What people are told.
  ViewErrors toViewErrors() {
    long rows = counts.values().stream().filter(count -> count > 0).mapToLong(each -> each).sum();
    if (rows == 0) {
      return ViewErrors.NONE;
    }
    if (!samples.isEmpty()) {
      Row sample = samples.row(0);
      return new ViewErrors(rows, sqlState(sample), String.valueOf(Node.ERRORS.value(sample, 1)));
    }
    String sqlState =
        counts.entrySet().stream()
            .filter(each -> each.getValue() > 0)
            .findFirst()
            .orElseThrow()
            .getKey();
    return new ViewErrors(rows, sqlState, UNKNOWN);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Failures that
        && counts.equals(that.counts)
        && samples.equals(that.samples);
  }

  @Override
  public int hashCode() {
    return 31 * counts.hashCode() + samples.hashCode();
  }

  // ---- checkpoints ------------------------------------------------------------------------------

  void write(DataOutputStream out) throws IOException {
    out.writeInt(counts.size());
    for (Map.Entry<String, Long> each : counts.entrySet()) {
      out.writeUTF(each.getKey());
      out.writeLong(each.getValue());
    }
    out.writeInt(samples.size());
    for (int i = 0; i < samples.size(); i++) {
      out.writeInt(samples.row(i).bytes().length);
      out.write(samples.row(i).bytes());
      out.writeLong(samples.weight(i));
    }
  }

  static Failures read(DataInputStream in) throws IOException {
    Map<String, Long> counts = new TreeMap<>();
    for (int n = in.readInt(); n > 0; n--) {
      counts.put(in.readUTF(), in.readLong());
    }
    ZSet.Builder samples = new ZSet.Builder();
    for (int n = in.readInt(); n > 0; n--) {
      samples.add(Row.ofOwned(in.readNBytes(in.readInt())), in.readLong());
    }
    return new Failures(counts, samples.build());
  }
}
