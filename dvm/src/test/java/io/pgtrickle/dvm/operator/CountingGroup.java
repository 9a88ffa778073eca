package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;

/// A key with one multiset, kept in sorted maps, that counts the rows an operator looks at.
final class CountingGroup implements KeyGroup {
  private final RowKey key;
  private final NavigableMap<Bytes, NavigableMap<Row, Long>> old = new TreeMap<>();
  private final NavigableMap<Bytes, NavigableMap<Row, Long>> next = new TreeMap<>();
  private final NavigableMap<Bytes, NavigableMap<Row, Long>> delta = new TreeMap<>();
  private long touched;

  CountingGroup(RowKey key) {
    this.key = key;
  }

  /// Runs an epoch; gives how many rows were looked at.
  long step(KeyedOperator operator, Map<Row, Long> change, Output out) {
    delta.clear();
    change.forEach((row, weight) -> add(delta, row, weight));
    change.forEach((row, weight) -> add(next, row, weight));
    touched = 0;
    operator.step(this, out);
    change.forEach((row, weight) -> add(old, row, weight));
    return touched;
  }

  private void add(NavigableMap<Bytes, NavigableMap<Row, Long>> to, Row row, long weight) {
    ByteSink bytes = new ByteSink();
    key.encode(row, bytes);
    Map<Row, Long> rows = to.computeIfAbsent(Bytes.copyOf(bytes.toArray()), _ -> new TreeMap<>());
    if (rows.merge(row, weight, Long::sum) == 0) {
      rows.remove(row);
    }
  }

  @Override
  public Sequence oldSequence(int multiset) {
    return new Counted(old);
  }

  @Override
  public Sequence newSequence(int multiset) {
    return new Counted(next);
  }

  @Override
  public Sequence deltaSequence(int multiset) {
    return new Counted(delta);
  }

  private record Entry(Bytes key, Row row, long weight) {
    boolean before(Place place) {
      if (place.equals(Place.START) || place.equals(Place.END)) {
        return place.past();
      }
      Row bound = place.row();
      int order = key.compareTo(place.key());
      if (order == 0 && bound != null) {
        order = row.compareTo(bound);
      }
      return order == 0 ? place.past() : order < 0;
    }
  }

  private final class Counted implements Sequence {
    private final List<Entry> entries;

    Counted(NavigableMap<Bytes, NavigableMap<Row, Long>> map) {
      entries =
          map.entrySet().stream()
              .flatMap(
                  e ->
                      e.getValue().entrySet().stream()
                          .map(row -> new Entry(e.getKey(), row.getKey(), row.getValue())))
              .toList();
    }

    private static long places(Collection<Entry> some) {
      return some.stream().mapToLong(Entry::weight).sum();
    }

    @Override
    public long size() {
      return places(entries);
    }

    @Override
    public long rank(Place place) {
      return places(entries.stream().takeWhile(entry -> entry.before(place)).toList());
    }

    @Override
    public Cursor from(Place place) {
      return walk(entries.stream().dropWhile(entry -> entry.before(place)).toList());
    }

    @Override
    public Cursor downFrom(Place place) {
      return walk(entries.stream().takeWhile(entry -> entry.before(place)).toList().reversed());
    }

    @Override
    public Cursor at(long place) {
      long passed = 0;
      for (int i = 0; i < entries.size(); i++) {
        passed += entries.get(i).weight;
        if (passed > place) {
          return walk(entries.subList(i, entries.size()));
        }
      }
      return walk(List.of());
    }

    private Cursor walk(List<Entry> rest) {
      return new Cursor() {
        private int at = -1;

        @Override
        public boolean next() {
          boolean found = ++at < rest.size();
          if (found) {
            touched++;
          }
          return found;
        }

        @Override
        public Row row() {
          return rest.get(at).row;
        }

        @Override
        public long weight() {
          return rest.get(at).weight;
        }

        @Override
        public void key(ByteSink out) {
          out.clear();
          out.putBytes(rest.get(at).key.toArray());
        }
      };
    }
  }

  private static UnsupportedOperationException notShown() {
    return new UnsupportedOperationException("the key has one multiset and nothing else");
  }

  @Override
  public boolean changed(int input) {
    throw notShown();
  }

  @Override
  public void delta(int input, ObjLongConsumer<Row> action) {
    throw notShown();
  }

  @Override
  public void old(int input, ObjLongConsumer<Row> action) {
    throw notShown();
  }

  @Override
  public boolean hadRows(int input) {
    throw notShown();
  }

  @Override
  public boolean hasRows(int input) {
    throw notShown();
  }

  @Override
  public boolean isNullKey() {
    throw notShown();
  }

  @Override
  public Optional<Row> value() {
    throw notShown();
  }

  @Override
  public void replace(Optional<Row> value) {
    throw notShown();
  }

  @Override
  public Optional<Row> least(int multiset) {
    throw notShown();
  }

  @Override
  public Optional<Row> greatest(int multiset) {
    throw notShown();
  }
}
