package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.state.LabelSpace.Lean;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Labels for values of which only the server knows the order: bytes that compare as the values do.
///
///     a < b  ⇔  label(a) < label(b)        a = b  ⇔  label(a) = label(b)
///
/// where `<` and `=` are those of the server, such as text under a collation, or a type that an
/// extension defines. A label never changes, so state may be kept in its order; a value that comes
/// later gets a label between those of its neighbours ([LabelSpace]).
///
/// The place of new values is found by having the server sort them together with some values of
/// the dictionary, evenly spread ones first, then such between the neighbours found: two or three
/// times, however many values there are.
///
/// A value stays known for as long as the dictionary lives, whether a row has it or not.
///
/// Safe for use by several threads.
public final class OrderedDictionary implements AutoCloseable {
  /// Sorts values as the server does.
  @FunctionalInterface
  public interface Sorting {
    /// The place of each value among the distinct ones, from 1; equal values share a place.
    int[] denseRanks(List<Bytes> values);
  }

  /// So many values are looked up and placed at a time, and so many bytes of them.
  private static final int CHUNK = 10_000;

  private static final long CHUNK_BYTES = 4L << 20;

  /// So many known values at the least are sorted along with them. Finding one by its place among
  /// many costs about as much as having the server compare twenty.
  private static final int FENCES = 32;

  /// A gap of no more values is sorted as a whole.
  private static final int SMALL_GAP = 64;

  private static final int VALUE = 0;
  private static final int LABEL = 1;
  private static final Schema ENTRY =
      Schema.of(new Column("value", SqlType.BYTEA), new Column("label", SqlType.BYTEA));
  private static final ByteSink ALL = new ByteSink(1);
  private static final String DISORDER =
      "values are not sorted as they were: the function that compares them was replaced";
  // What the function does is no damage of ours (external routine exception).
  private static final String CONTRADICTION = "38000";

  private final Arrangement byValue;
  // One value of each label.
  private final Arrangement byLabel;
  private @Nullable Bytes lastLow;
  private @Nullable Bytes lastHigh;
  private boolean closed;

  /// An empty dictionary.
  public OrderedDictionary(Storage storage) {
    this(new Arrangement(storage), new Arrangement(storage));
  }

  private OrderedDictionary(Arrangement byValue, Arrangement byLabel) {
    this.byValue = byValue;
    this.byLabel = byLabel;
  }

  /// A dictionary that was saved under a name.
  ///
  /// @throws io.pgtrickle.dvm.TrickleException.StateDamaged when it is missing or damaged
  public static OrderedDictionary restore(Saved saved, String name, Storage storage) {
    Arrangement byValue = saved.arrangement(name + "/values", storage);
    try {
      return new OrderedDictionary(byValue, saved.arrangement(name + "/labels", storage));
    } catch (RuntimeException e) {
      byValue.close();
      throw e;
    }
  }

  /// Puts the dictionary into a checkpoint, unless it is closed.
  public synchronized void save(Capture capture, String name) {
    if (!closed) {
      capture.put(name + "/values", byValue).put(name + "/labels", byLabel);
    }
  }

  /// How many values are known.
  public synchronized long size() {
    return byValue.snapshot().rows();
  }

  /// How many bytes the entries take.
  public synchronized long bytes() {
    return byValue.snapshot().bytes() + byLabel.snapshot().bytes();
  }

  /// The label of each value, whatever its bytes stand for; the server is asked about those that
  /// are not known. Others get their turn while many values are placed.
  ///
  /// @param values each in one form only
  /// @throws StateDamaged when the server sorts what is known otherwise than it did, or did so
  ///     before, or what is known cannot be read: the dictionary is closed then; or when a value
  ///     has no place in an order that contradicts itself
  public Map<Bytes, Bytes> labels(Collection<Bytes> values, Sorting sorting) {
    Map<Bytes, Bytes> labels = new HashMap<>();
    List<Bytes> distinct = List.copyOf(new TreeSet<>(values));
    for (int from = 0; from < distinct.size(); ) {
      int to = chunkEnd(distinct, from);
      chunk(distinct.subList(from, to), sorting, labels);
      from = to;
    }
    return labels;
  }

  // The order of bytes, in which the values come, is that of keys.
  private synchronized void chunk(List<Bytes> values, Sorting sorting, Map<Bytes, Bytes> labels) {
    if (closed) {
      throw new StateDamaged(DISORDER, null);
    }
    try {
      find(values, sorting, labels);
    } catch (StateDamaged e) {
      if (!e.sqlState().equals(CONTRADICTION)) {
        close();
      }
      throw e;
    }
  }

  private void find(List<Bytes> values, Sorting sorting, Map<Bytes, Bytes> labels) {
    List<Bytes> unknown = new ArrayList<>();
    ByteSink key = new ByteSink();
    Lookup known = byValue.snapshot().lookup();
    for (Bytes value : values) {
      key.clear();
      ENTRY.codec(VALUE).appendKey(value, key);
      if (known.seek(key).next()) {
        labels.put(value, label(known.row()));
      } else {
        unknown.add(value);
      }
    }
    if (!unknown.isEmpty()) {
      labels.putAll(add(unknown, sorting));
    }
  }

  private static int chunkEnd(List<Bytes> values, int from) {
    int to = from;
    for (long bytes = 0; to < values.size() && to - from < CHUNK && bytes < CHUNK_BYTES; to++) {
      bytes += values.get(to).size();
    }
    return to;
  }

  private static Bytes label(Row entry) {
    return (Bytes) Objects.requireNonNull(ENTRY.value(entry, LABEL));
  }

  private static Bytes value(Row entry) {
    return (Bytes) Objects.requireNonNull(ENTRY.value(entry, VALUE));
  }

  // ---- new values
  // ------------------------------------------------------------------------------

  // A value on its way to its place: `low` entries at least are below it, `high` at most.
  private static final class Newcomer {
    final Bytes value;
    long low;
    long high;
    int rank;
    @Nullable Bytes label;
    // Whether it is the first of its label.
    boolean first;

    Newcomer(Bytes value, long high) {
      this.value = value;
      this.high = high;
    }

    boolean placed() {
      return label != null || low == high;
    }
  }

  private Map<Bytes, Bytes> add(List<Bytes> values, Sorting sorting) {
    byValue.settle();
    byLabel.settle();
    Ranked known = byLabel.snapshot().ranked(ALL);
    List<Newcomer> newcomers = new ArrayList<>();
    values.forEach(value -> newcomers.add(new Newcomer(value, known.size())));
    // The first time, all of them are sorted: that also tells them from each other.
    List<Newcomer> open = newcomers;
    boolean first = true;
    while (!open.isEmpty()) {
      sort(open, fences(open, known), sorting, first);
      first = false;
      open = open.stream().filter(each -> !each.placed()).toList();
    }
    newcomers.sort(Comparator.comparingInt(each -> each.rank));
    label(newcomers, known);
    return store(newcomers);
  }

  // Entries to compare with, by their place.
  private static SortedMap<Long, Row> fences(List<Newcomer> open, Ranked known) {
    TreeMap<Long, Long> gaps = new TreeMap<>();
    open.forEach(each -> gaps.put(each.low, each.high));
    int share = Math.max(FENCES, open.size() / gaps.size());
    TreeMap<Long, Row> fences = new TreeMap<>();
    gaps.forEach(
        (low, high) -> {
          long width = high - low;
          if (width <= Math.max(share, SMALL_GAP)) {
            Entries entries = known.at(low);
            for (long place = low; place < high && entries.next(); place++) {
              fences.put(place, entries.row());
            }
          } else {
            for (long i = 1; i <= share; i++) {
              long place = low + width * i / (share + 1);
              Entries entries = known.at(place);
              entries.next();
              fences.put(place, entries.row());
            }
          }
        });
    return fences;
  }

  private static void sort(
      List<Newcomer> open, SortedMap<Long, Row> fences, Sorting sorting, boolean first) {
    List<Bytes> sorted = new ArrayList<>();
    open.forEach(each -> sorted.add(each.value));
    fences.values().forEach(entry -> sorted.add(value(entry)));
    int[] ranks = sorting.denseRanks(sorted);
    if (ranks.length != sorted.size()) {
      throw new IllegalStateException(
          sorted.size() + " values were to be sorted, and " + ranks.length + " were");
    }
    TreeMap<Integer, Map.Entry<Long, Row>> byRank = new TreeMap<>();
    int i = open.size();
    for (Map.Entry<Long, Row> fence : fences.entrySet()) {
      if (!byRank.isEmpty() && ranks[i] <= byRank.lastKey()) {
        throw contradiction(fences, sorting);
      }
      byRank.put(ranks[i++], fence);
    }
    for (i = 0; i < open.size(); i++) {
      Newcomer newcomer = open.get(i);
      int rank = ranks[i];
      if (first) {
        newcomer.rank = rank;
      }
      Map.Entry<Long, Row> equal = byRank.get(rank);
      if (equal != null) {
        newcomer.label = label(equal.getValue());
        continue;
      }
      Map.Entry<Integer, Map.Entry<Long, Row>> below = byRank.lowerEntry(rank);
      Map.Entry<Integer, Map.Entry<Long, Row>> above = byRank.higherEntry(rank);
      if (below != null) {
        newcomer.low = Math.max(newcomer.low, below.getValue().getKey() + 1);
      }
      if (above != null) {
        newcomer.high = Math.min(newcomer.high, above.getValue().getKey());
      }
      if (newcomer.low > newcomer.high) {
        throw contradiction(fences, sorting);
      }
    }
  }

  // Otherwise a newcomer would be looked for a place that there is not, without end. Where known
  // values are not in their order without it either, their labels are of no use to anybody any
  // more.
  private static StateDamaged contradiction(SortedMap<Long, Row> fences, Sorting sorting) {
    int[] ranks =
        sorting.denseRanks(fences.values().stream().map(OrderedDictionary::value).toList());
    for (int i = 1; i < ranks.length; i++) {
      if (ranks[i] <= ranks[i - 1]) {
        return new StateDamaged(DISORDER, null);
      }
    }
    return new StateDamaged(
        CONTRADICTION,
        "a value cannot be sorted: the function that compares contradicts itself",
        null);
  }

  // Of newcomers in their order, those between the same neighbours share the gap.
  private void label(List<Newcomer> newcomers, Ranked known) {
    int from = 0;
    while (from < newcomers.size()) {
      Newcomer head = newcomers.get(from);
      if (head.label != null) {
        from++;
        continue;
      }
      List<List<Newcomer>> classes = new ArrayList<>();
      int to = from;
      for (; to < newcomers.size(); to++) {
        Newcomer each = newcomers.get(to);
        if (each.label != null || each.low != head.low) {
          break;
        }
        if (classes.isEmpty() || classes.getLast().getFirst().rank != each.rank) {
          classes.add(new ArrayList<>());
        }
        classes.getLast().add(each);
      }
      label(classes, at(known, head.low - 1), at(known, head.low));
      from = to;
    }
  }

  private void label(List<List<Newcomer>> classes, @Nullable Bytes low, @Nullable Bytes high) {
    Lean lean = Lean.EVEN;
    if (low != null && Objects.equals(low, lastHigh)) {
      lean = Lean.LOW;
    } else if (high != null && Objects.equals(high, lastLow)) {
      lean = Lean.HIGH;
    }
    List<Bytes> labels = LabelSpace.between(low, high, classes.size(), lean);
    for (int i = 0; i < classes.size(); i++) {
      classes.get(i).getFirst().first = true;
      for (Newcomer each : classes.get(i)) {
        each.label = labels.get(i);
      }
    }
    lastLow = labels.getFirst();
    lastHigh = labels.getLast();
  }

  private static @Nullable Bytes at(Ranked known, long place) {
    if (place < 0) {
      return null;
    }
    Entries entries = known.at(place);
    return entries.next() ? label(entries.row()) : null;
  }

  private Map<Bytes, Bytes> store(List<Newcomer> newcomers) {
    Map<Bytes, Bytes> labels = new HashMap<>();
    Batch.Builder values = new Batch.Builder(newcomers.size());
    Batch.Builder places = new Batch.Builder(newcomers.size());
    ByteSink key = new ByteSink();
    for (Newcomer each : newcomers) {
      Bytes label = Objects.requireNonNull(each.label);
      labels.put(each.value, label);
      Row entry = ENTRY.pack(each.value, label);
      key.clear();
      ENTRY.codec(VALUE).appendKey(each.value, key);
      values.add(key, entry, 1);
      if (each.first) {
        key.clear();
        ENTRY.codec(LABEL).appendKey(label, key);
        places.add(key, entry, 1);
      }
    }
    byValue.stage(values.build());
    byValue.commit();
    byLabel.stage(places.build());
    byLabel.commit();
    return labels;
  }

  /// Whether there are no labels any more, because it was closed, or sorted values in two ways.
  public synchronized boolean isClosed() {
    return closed;
  }

  @Override
  public synchronized void close() {
    closed = true;
    byValue.close();
    byLabel.close();
  }
}
