package io.pgtrickle.dvm.state;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.kernel.Slabs;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Places in a spine of many runs against a sorted list of the same rows.
final class RankedTest {
  private record Entry(int group, int sort, int row) {
    static final Comparator<Entry> ORDER =
        Comparator.comparingInt(Entry::group)
            .thenComparingInt(Entry::sort)
            .thenComparingInt(Entry::row);

    ByteSink key() {
      ByteSink key = prefix(group);
      key.putByte(1);
      key.putInt(sort);
      return key;
    }

    Row bytes() {
      ByteSink bytes = new ByteSink();
      bytes.putInt(row);
      return Row.of(bytes);
    }
  }

  private static ByteSink prefix(int group) {
    ByteSink key = new ByteSink();
    key.putByte(1);
    key.putInt(group);
    return key;
  }

  // Merges that finish only when told leave many runs of all sizes beside each other.
  private final Queue<Runnable> merges = new ArrayDeque<>();
  private final Storage storage = new Storage(merges::add, new Slabs(), null, Long.MAX_VALUE, 100);
  private final Arrangement arrangement = new Arrangement(storage);
  private final Map<Entry, Long> model = new TreeMap<>(Entry.ORDER);

  private void change(Map<Entry, Long> delta) {
    Batch.Builder batch = new Batch.Builder(delta.size());
    delta.forEach((entry, weight) -> batch.add(entry.key(), entry.bytes(), weight));
    arrangement.stage(batch.build());
    arrangement.commit();
    delta.forEach((entry, weight) -> model.merge(entry, weight, Long::sum));
    model.values().removeIf(weight -> weight == 0);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void placesAreThoseOfTheSortedRows(long seed) {
    Random random = new Random(seed);
    for (int step = 0; step < 60; step++) {
      Map<Entry, Long> delta = new TreeMap<>(Entry.ORDER);
      int size = random.nextInt(10) == 0 ? 4_000 : random.nextInt(60);
      for (int i = 0; i < size; i++) {
        Entry entry = new Entry(random.nextInt(3), random.nextInt(900), random.nextInt(4));
        long present = model.getOrDefault(entry, 0L) + delta.getOrDefault(entry, 0L);
        long weight =
            present > 0 && random.nextInt(3) > 0 ? -present : random.nextInt(20) == 0 ? 7 : 1;
        delta.merge(entry, weight, Long::sum);
      }
      delta.values().removeIf(weight -> weight == 0);
      change(delta);
      if (step % 7 == 0) {
        for (int n = merges.size(); n > 0; n--) {
          merges.remove().run();
        }
        arrangement.settle();
      }
      for (int group = 0; group < 4; group++) {
        agrees(random, group, "seed " + seed + ", step " + step + ", group " + group);
      }
    }
    arrangement.close();
    merges.forEach(Runnable::run);
    storage.close();
  }

  private void agrees(Random random, int group, String where) {
    List<Entry> places = new ArrayList<>();
    model.forEach(
        (entry, weight) -> {
          for (long copy = 0; copy < weight && entry.group == group; copy++) {
            places.add(entry);
          }
        });
    Ranked ranked = arrangement.snapshot().ranked(prefix(group));
    assertThat(ranked.size()).as(where).isEqualTo(places.size());
    for (int probe = 0; probe < 10; probe++) {
      int place = random.nextInt(places.size() + 3);
      Entries found = ranked.at(place);
      assertThat(found.next()).as(where).isEqualTo(place < places.size());
      if (place < places.size()) {
        Entry expected = places.get(place);
        assertThat(found.row()).as(where).isEqualTo(expected.bytes());
        assertThat(found.weight()).as(where).isEqualTo(model.get(expected));
      }
      Entry bound = new Entry(group, random.nextInt(900), random.nextInt(4));
      long before = places.stream().filter(e -> Entry.ORDER.compare(e, bound) < 0).count();
      long same = model.getOrDefault(bound, 0L);
      long peers = places.stream().filter(e -> e.sort == bound.sort).count();
      long below = places.stream().filter(e -> e.sort < bound.sort).count();
      assertThat(ranked.rank(bound.key(), bound.bytes(), false)).as(where).isEqualTo(before);
      assertThat(ranked.rank(bound.key(), bound.bytes(), true)).as(where).isEqualTo(before + same);
      assertThat(ranked.rank(bound.key(), null, false)).as(where).isEqualTo(below);
      assertThat(ranked.rank(bound.key(), null, true)).as(where).isEqualTo(below + peers);
      assertThat(rows(ranked.from(bound.key(), null, true)))
          .as(where)
          .isEqualTo(places.stream().skip(below + peers).distinct().map(Entry::bytes).toList());
      assertThat(rows(ranked.downFrom(bound.key(), bound.bytes(), true)))
          .as(where)
          .isEqualTo(
              places.stream()
                  .limit(before + same)
                  .distinct()
                  .map(Entry::bytes)
                  .toList()
                  .reversed());
    }
  }

  private static List<Row> rows(Entries entries) {
    List<Row> rows = new ArrayList<>();
    while (entries.next()) {
      rows.add(entries.row());
    }
    return rows;
  }
}
