package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Entries;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The rows that are made in a recursion, each behind the number of its iteration, and which of
/// them it has: all with UNION ALL, else per class of equal rows the least of the first iteration.
///
/// They are arranged by the class, if any, and the iteration; so the first entry of a class is the
/// one that the recursion has. Behind them all stands how many rows iterations have.
///
/// In a step, changes wait for the turn of their iteration. A class whose row comes from another
/// iteration than before is looked at again when it is the turn of that: then its candidates up to
/// there are final.
final class Candidates {
  private static final int COUNTS = 0xFF;
  private static final Row COUNTED = Schema.of().pack();
  private static final int NONE = -1;

  private final Schema schema;
  private final @Nullable RowKey classes;
  private Arrangement state;
  private final ByteSink key = new ByteSink();
  private final NavigableMap<Integer, ZSet.Builder> waiting = new TreeMap<>();
  private final NavigableMap<Integer, Set<Bytes>> again = new TreeMap<>();
  private Batch.Builder counts = new Batch.Builder(4);

  /// @param schema of rows behind their iterations
  /// @param classes what equal rows have in common; `null` where equal rows are as many
  Candidates(Schema schema, @Nullable RowKey classes, Storage storage) {
    this.schema = schema;
    this.classes = classes;
    state = new Arrangement(storage);
  }

  boolean areDistinct() {
    return classes != null;
  }

  /// Starts a step.
  void begin() {
    waiting.clear();
    again.clear();
    counts = new Batch.Builder(4);
  }

  void add(Row row, long weight) {
    waiting.computeIfAbsent(iteration(row), _ -> new ZSet.Builder()).add(row, weight);
  }

  int iteration(Row row) {
    if (schema.value(row, 0) instanceof Long number) {
      return number.intValue();
    }
    throw new IllegalStateException("a row without its iteration");
  }

  /// The first iteration that may have changed; empty when there is none left.
  Optional<Integer> next() {
    if (waiting.isEmpty() && again.isEmpty()) {
      return Optional.empty();
    }
    int candidates = waiting.isEmpty() ? Integer.MAX_VALUE : waiting.firstKey();
    return Optional.of(again.isEmpty() ? candidates : Math.min(candidates, again.firstKey()));
  }

  /// Takes an iteration's changes in, and says what has changed among the rows that it has.
  ZSet take(int iteration) {
    ZSet.Builder made = waiting.remove(iteration);
    ZSet delta = made == null ? ZSet.EMPTY : made.build();
    Set<Bytes> touched = again.remove(iteration);
    Set<Bytes> changed = touched == null ? new TreeSet<>() : touched;
    Batch.Builder batch = new Batch.Builder(Math.max(4, delta.size()));
    for (int i = 0; i < delta.size(); i++) {
      Row row = delta.row(i);
      key.clear();
      if (classes != null) {
        classes.encode(row, key);
        changed.add(Bytes.copyOf(key.array(), 0, key.size()));
      }
      key.putInt(iteration);
      batch.add(key, row, delta.weight(i));
    }
    state.stage(batch.build());
    ZSet result = classes == null ? delta : firsts(iteration, changed);
    state.keep();
    return result;
  }

  private ZSet firsts(int iteration, Set<Bytes> changed) {
    ZSet.Builder rows = new ZSet.Builder(changed.size());
    Snapshot before = state.snapshot();
    Snapshot after = state.staged();
    for (Bytes of : changed) {
      key.clear();
      key.putBytes(of.toArray());
      Optional<Row> was = before.first(key);
      Optional<Row> is = after.first(key);
      int wasIn = was.map(this::iteration).orElse(NONE);
      int isIn = is.map(this::iteration).orElse(NONE);
      Row old = wasIn == iteration ? was.orElseThrow() : null;
      Row now = isIn == iteration ? is.orElseThrow() : null;
      if (!Objects.equals(old, now)) {
        if (old != null) {
          rows.add(old, -1);
        }
        if (now != null) {
          rows.add(now, 1);
        }
      }
      lookAgain(iteration, wasIn, of);
      lookAgain(iteration, isIn, of);
    }
    return rows.build();
  }

  private void lookAgain(int iteration, int later, Bytes of) {
    if (later > iteration) {
      again.computeIfAbsent(later, _ -> new TreeSet<>()).add(of);
    }
  }

  /// How many rows an iteration had before the step.
  long count(int iteration) {
    key.clear();
    key.putByte(COUNTS);
    key.putInt(iteration);
    return state.snapshot().lookup().weight(key, COUNTED);
  }

  /// Counts rows that an iteration has come to have.
  void count(int iteration, long more) {
    if (more != 0) {
      key.clear();
      key.putByte(COUNTS);
      key.putInt(iteration);
      counts.add(key, COUNTED, more);
    }
  }

  /// The rows that an iteration had before the step.
  ZSet before(int iteration) {
    return rows(state.snapshot(), iteration);
  }

  /// The rows that an iteration has whose turn has come.
  ZSet after(int iteration) {
    return rows(state.staged(), iteration);
  }

  private ZSet rows(Snapshot contents, int iteration) {
    ZSet.Builder rows = new ZSet.Builder();
    ByteSink prefix = new ByteSink();
    if (classes == null) {
      prefix.putInt(iteration);
    }
    Entries entries = contents.prefix(prefix);
    Bytes last = null;
    while (entries.next()) {
      entries.key(key);
      if (key.size() > 0 && (key.array()[0] & 0xFF) == COUNTS) {
        break;
      }
      Bytes of = Bytes.copyOf(key.array(), 0, key.size() - Integer.BYTES);
      boolean first = classes == null || last == null || !of.equals(last);
      if (first && entries.weight() > 0) {
        last = of;
        if (iteration(entries.row()) == iteration) {
          rows.add(entries.row(), classes == null ? entries.weight() : 1);
        }
      }
    }
    return rows.build();
  }

  /// Ends a step.
  void end() {
    state.stage(counts.build());
    state.keep();
  }

  Arrangement state() {
    return state;
  }

  void restore(Arrangement saved) {
    state.close();
    state = saved;
  }
}
