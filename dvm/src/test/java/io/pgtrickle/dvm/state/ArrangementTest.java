package io.pgtrickle.dvm.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.kernel.Slabs;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

final class ArrangementTest {
  /// An entry of the model: what the spine must behave like a sorted map of.
  record Entry(List<Byte> key, List<Byte> row, long weight) {}

  private record ModelKey(Bytes key, Bytes row) {
    static final Comparator<ModelKey> ORDER =
        Comparator.comparing(ModelKey::key).thenComparing(ModelKey::row);
  }

  /// Runs what it is given when told to: merges finish late, in the middle of later steps.
  private static final class Later implements Executor {
    private final Queue<Runnable> tasks = new ArrayDeque<>();

    @Override
    public void execute(Runnable task) {
      tasks.add(task);
    }

    void runOne() {
      Runnable task = tasks.poll();
      if (task != null) {
        task.run();
      }
    }

    void runAll() {
      while (!tasks.isEmpty()) {
        runOne();
      }
    }
  }

  private static byte[] bytes(List<Byte> list) {
    byte[] bytes = new byte[list.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = list.get(i);
    }
    return bytes;
  }

  private static ByteSink sink(byte[] bytes) {
    ByteSink sink = new ByteSink();
    sink.putBytes(bytes);
    return sink;
  }

  // Few distinct bytes, the tags 1 and 2 among them, and lengths around the prefix of nine.
  @Provide
  Arbitrary<List<List<Entry>>> scripts() {
    Arbitrary<List<Byte>> keys =
        Arbitraries.oneOf(
            Arbitraries.of((byte) 0, (byte) 1, (byte) 2, (byte) -1).list().ofMaxSize(12),
            Arbitraries.of((byte) 0, (byte) -1)
                .list()
                .ofMinSize(7)
                .ofMaxSize(10)
                .map(
                    tail -> {
                      List<Byte> key = new ArrayList<>(tail);
                      key.addFirst((byte) 1);
                      return key;
                    }));
    Arbitrary<List<Byte>> rows = Arbitraries.of((byte) 0, (byte) 7, (byte) -1).list().ofMaxSize(3);
    Arbitrary<Long> weights = Arbitraries.of(-1L, 1L, 1L, 2L, -3L, 5_000_000_000L);
    return Combinators.combine(keys, rows, weights)
        .as(Entry::new)
        .list()
        .ofMaxSize(30)
        .list()
        .ofMinSize(1)
        .ofMaxSize(25);
  }

  @Property(tries = 100)
  void theSpineIsASortedMap(@ForAll("scripts") List<List<Entry>> script) {
    Later later = new Later();
    behavesLikeASortedMap(script, new Arrangement(later), later);
  }

  @Property(tries = 100)
  void theSpineIsASortedMapInNativeMemoryToo(@ForAll("scripts") List<List<Entry>> script) {
    Later later = new Later();
    behavesLikeASortedMap(script, later, new Storage(later, new Slabs(), null, Long.MAX_VALUE, 4));
  }

  @Property(tries = 100)
  void theSpineIsASortedMapInACrowdedHeapToo(@ForAll("scripts") List<List<Entry>> script) {
    Later later = new Later();
    behavesLikeASortedMap(
        script, later, new Storage(later, new Slabs(), null, Long.MAX_VALUE, 4, 10));
  }

  private static void behavesLikeASortedMap(
      List<List<Entry>> script, Later later, Storage storage) {
    Arrangement arrangement = new Arrangement(storage);
    Snapshot last = behavesLikeASortedMap(script, arrangement, later);
    Snapshot.Hold hold = last.hold();
    String contents = contents(last.prefix(new ByteSink()));
    arrangement.close();
    later.runAll();
    assertThat(contents(last.prefix(new ByteSink()))).isEqualTo(contents);
    hold.close();
    assertThat(storage.memoryUsed()).isZero();
    storage.close();
  }

  @Property(tries = 40)
  void theSpineIsASortedMapInFilesToo(@ForAll("scripts") List<List<Entry>> script)
      throws IOException {
    Path path = Files.createTempDirectory("spine");
    Later later = new Later();
    StateDirectory directory = StateDirectory.open(path);
    Storage storage = new Storage(later, new Slabs(), directory, 0, 4);
    Arrangement arrangement = new Arrangement(storage);
    Snapshot last = behavesLikeASortedMap(script, arrangement, later);
    Snapshot.Hold hold = last.hold();
    String contents = contents(last.prefix(new ByteSink()));
    arrangement.close();
    later.runAll();
    assertThat(contents(last.prefix(new ByteSink()))).isEqualTo(contents);
    hold.close();
    later.runAll();
    assertThat(storage.memoryUsed()).isZero();
    assertThat(StateDirectoryTest.files(path)).isEmpty();
    directory.close();
    Files.delete(path.resolve("lock"));
    Files.delete(path);
  }

  private static Snapshot behavesLikeASortedMap(
      List<List<Entry>> script, Arrangement arrangement, Later later) {
    TreeMap<ModelKey, Long> model = new TreeMap<>(ModelKey.ORDER);
    int step = 0;
    for (List<Entry> entries : script) {
      Batch.Builder delta = new Batch.Builder(4);
      TreeMap<ModelKey, Long> next = new TreeMap<>(model);
      for (Entry entry : entries) {
        byte[] key = bytes(entry.key);
        byte[] row = bytes(entry.row);
        delta.add(sink(key), Row.ofOwned(row), entry.weight);
        next.merge(new ModelKey(Bytes.copyOf(key), Bytes.copyOf(row)), entry.weight, Long::sum);
        next.values().removeIf(weight -> weight == 0);
      }
      Snapshot before = arrangement.snapshot();
      arrangement.stage(delta.build());
      agrees(before, model);
      agrees(arrangement.staged(), next);
      if (step % 4 == 3) {
        arrangement.rollback();
      } else {
        arrangement.commit();
        model = next;
      }
      agrees(arrangement.snapshot(), model);
      if (step % 3 == 0) {
        later.runOne();
      }
      arrangement.settle();
      agrees(arrangement.snapshot(), model);
      step++;
    }
    return arrangement.snapshot();
  }

  private static void agrees(Snapshot snapshot, SortedMap<ModelKey, Long> model) {
    assertThat(contents(snapshot.prefix(new ByteSink()))).isEqualTo(text(model));
    Lookup ascending = snapshot.lookup();
    SortedMap<Bytes, StringBuilder> keys = new TreeMap<>();
    model.forEach(
        (entry, weight) ->
            keys.computeIfAbsent(entry.key, _ -> new StringBuilder())
                .append(entry.row)
                .append(weight)
                .append(' '));
    SortedSet<Bytes> probes = new TreeSet<>(keys.keySet());
    probes.add(Bytes.copyOf(new byte[] {1, 0, 0}));
    for (Bytes key : probes) {
      StringBuilder found = new StringBuilder();
      ascending
          .seek(sink(key.toArray()))
          .forEach(
              (row, weight) -> found.append(Bytes.copyOf(row.bytes())).append(weight).append(' '));
      assertThat(found.toString())
          .isEqualTo(keys.getOrDefault(key, new StringBuilder()).toString());
    }
    for (byte[] prefix :
        List.of(
            new byte[0], new byte[] {1}, new byte[] {-1}, new byte[] {1, -1}, new byte[] {2, 0})) {
      SortedMap<ModelKey, Long> range = new TreeMap<>(ModelKey.ORDER);
      model.forEach(
          (entry, weight) -> {
            if (entry.key.size() >= prefix.length
                && Arrays.equals(entry.key.toArray(), 0, prefix.length, prefix, 0, prefix.length)) {
              range.put(entry, weight);
            }
          });
      assertThat(contents(snapshot.prefix(sink(prefix)))).isEqualTo(text(range));
      Optional<ModelKey> first =
          range.entrySet().stream()
              .filter(e -> e.getValue() > 0)
              .map(Map.Entry::getKey)
              .findFirst();
      assertThat(snapshot.first(sink(prefix)).map(r -> Bytes.copyOf(r.bytes()).toString()))
          .isEqualTo(first.map(entry -> entry.row.toString()));
      Optional<Bytes> greatest =
          range.reversed().entrySet().stream()
              .filter(e -> e.getValue() > 0)
              .map(e -> e.getKey().key)
              .findFirst();
      Optional<String> last =
          greatest.map(
              key ->
                  range.entrySet().stream()
                      .filter(e -> e.getValue() > 0 && e.getKey().key.equals(key))
                      .map(e -> e.getKey().row.toString())
                      .findFirst()
                      .orElseThrow());
      assertThat(snapshot.last(sink(prefix)).map(r -> Bytes.copyOf(r.bytes()).toString()))
          .isEqualTo(last);
    }
  }

  static String contents(Entries entries) {
    StringBuilder text = new StringBuilder();
    ByteSink key = new ByteSink();
    while (entries.next()) {
      entries.key(key);
      text.append(Bytes.copyOf(key.toArray()))
          .append(Bytes.copyOf(entries.row().bytes()))
          .append(entries.weight())
          .append('\n');
    }
    return text.toString();
  }

  private static String text(SortedMap<ModelKey, Long> model) {
    StringBuilder text = new StringBuilder();
    model.forEach(
        (entry, weight) -> text.append(entry.key).append(entry.row).append(weight).append('\n'));
    return text.toString();
  }

  static ByteSink number(long value) {
    ByteSink key = new ByteSink();
    key.putByte(1);
    key.putLong(value ^ Long.MIN_VALUE);
    return key;
  }

  static Row row(String text) {
    return Row.ofOwned(text.getBytes(StandardCharsets.UTF_8));
  }

  static void add(Arrangement arrangement, long key, String row, long weight) {
    arrangement.stage(new Batch.Builder(1).add(number(key), row(row), weight).build());
    arrangement.commit();
    arrangement.settle();
  }

  @Test
  void manyBlocksAreFoundAgain() {
    manyBlocksAreFoundAgain(Storage.onHeap(Runnable::run));
    Storage storage = Storage.inMemory(Runnable::run);
    manyBlocksAreFoundAgain(storage);
    assertThat(storage.memoryUsed()).isPositive();
  }

  private static void manyBlocksAreFoundAgain(Storage storage) {
    Arrangement arrangement = new Arrangement(storage);
    int n = 50_000;
    Random random = new Random(7);
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      order.add(i);
    }
    java.util.Collections.shuffle(order, random);
    for (int from = 0; from < n; from += 1000) {
      Batch.Builder batch = new Batch.Builder(1000);
      for (int i : order.subList(from, from + 1000)) {
        batch.add(number(2L * i), row("row " + i), 1);
      }
      arrangement.stage(batch.build());
      arrangement.commit();
      arrangement.settle();
    }
    Snapshot snapshot = arrangement.snapshot();
    assertThat(snapshot.rows()).isEqualTo(n);
    Lookup ascending = snapshot.lookup();
    for (int i = -1; i < 2 * n + 1; i++) {
      List<String> found = new ArrayList<>();
      ascending
          .seek(number(i))
          .forEach((row, _) -> found.add(new String(row.bytes(), StandardCharsets.UTF_8)));
      boolean present = i >= 0 && i < 2 * n && i % 2 == 0;
      assertThat(found).isEqualTo(present ? List.of("row " + i / 2) : List.of());
    }
  }

  @Test
  void updatesDoNotPileUp() {
    Arrangement arrangement = new Arrangement(Runnable::run);
    Batch.Builder all = new Batch.Builder(16);
    for (int i = 0; i < 6_000; i++) {
      all.add(number(i), row("0"), 1);
    }
    arrangement.stage(all.build());
    arrangement.commit();
    long most = 0;
    int mostRuns = 0;
    for (int round = 0; round < 12_000; round++) {
      int i = round % 6_000;
      int version = round / 6_000;
      arrangement.stage(
          new Batch.Builder(2)
              .add(number(i), row("" + version), -1)
              .add(number(i), row("" + (version + 1)), 1)
              .build());
      arrangement.commit();
      arrangement.settle();
      most = Math.max(most, arrangement.snapshot().rows());
      mostRuns = Math.max(mostRuns, arrangement.snapshot().runs().size());
    }
    assertThat(most).isLessThan(6_000 * 3 / 2 + 500);
    assertThat(mostRuns).isLessThan(40);
    assertThat(arrangement.snapshot().first(number(11))).contains(row("2"));
  }

  @Test
  void aSnapshotOutlivesTheMergesThatFollow() {
    Arrangement arrangement = new Arrangement(Runnable::run);
    for (int i = 0; i < 100; i++) {
      add(arrangement, i, "a", 1);
    }
    Snapshot then = arrangement.snapshot();
    for (int i = 0; i < 100; i++) {
      add(arrangement, i, "a", -1);
    }
    assertThat(arrangement.snapshot().prefix(new ByteSink()).next()).isFalse();
    Entries entries = then.prefix(new ByteSink());
    int count = 0;
    while (entries.next()) {
      count++;
    }
    assertThat(count).isEqualTo(100);
  }

  @Test
  void aLargeRunLeavesTheHeap() {
    Storage storage = Storage.inMemory(Runnable::run);
    Arrangement arrangement = new Arrangement(storage);
    Batch.Builder all = new Batch.Builder(16);
    for (int i = 0; i < 5_000; i++) {
      all.add(number(i), row("a"), 1);
    }
    arrangement.stage(all.build());
    assertThat(arrangement.staged().runs()).allMatch(Run::onHeap);
    arrangement.commit();
    arrangement.settle();
    assertThat(arrangement.snapshot().runs()).noneMatch(Run::onHeap);
    assertThat(storage.memoryUsed()).isPositive();
    assertThat(arrangement.snapshot().first(number(4_999))).contains(row("a"));
    arrangement.close();
    assertThat(storage.memoryUsed()).isZero();
  }

  @Test
  void hugeRowsHaveABlockOfTheirOwn() {
    Storage storage = Storage.inMemory(Runnable::run);
    Arrangement arrangement = new Arrangement(storage);
    Batch.Builder all = new Batch.Builder(16);
    for (int i = 0; i < 3; i++) {
      all.add(number(i), Row.ofOwned(new byte[3_000_000 + i]), 1);
    }
    arrangement.stage(all.build());
    arrangement.commit();
    arrangement.settle();
    assertThat(arrangement.snapshot().first(number(2)).orElseThrow().bytes()).hasSize(3_000_002);
    assertThat(storage.memoryUsed()).isBetween(9_000_000L, 10_000_000L);
    arrangement.close();
    assertThat(storage.memoryUsed()).isZero();
  }

  @Test
  void aSnapshotThatNobodyHoldsIsUnreadableAfterwards() {
    Storage storage = Storage.inMemory(Runnable::run);
    Arrangement arrangement = new Arrangement(storage);
    Batch.Builder all = new Batch.Builder(16);
    for (int i = 0; i < 5_000; i++) {
      all.add(number(i), row("a"), 1);
    }
    arrangement.stage(all.build());
    arrangement.commit();
    arrangement.settle();
    Snapshot then = arrangement.snapshot();
    arrangement.close();
    assertThatThrownBy(() -> then.first(number(1))).isInstanceOf(RuntimeException.class);
    assertThatThrownBy(then::hold).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void theLeastRowIsFoundAlthoughManyBelowItWereDeleted() {
    Arrangement arrangement = new Arrangement(Runnable::run);
    int n = 10_000;
    Batch.Builder all = new Batch.Builder(n);
    for (int i = 0; i < n; i++) {
      all.add(number(i), row("r" + i), 1);
    }
    arrangement.stage(all.build());
    arrangement.commit();
    // A queue: the least is deleted again and again, and asked for each time.
    for (int i = 0; i < 2_000; i++) {
      add(arrangement, i, "r" + i, -1);
      assertThat(arrangement.snapshot().first(new ByteSink())).contains(row("r" + (i + 1)));
    }
    // The skipped entries were merged away before the size rule asked for it.
    assertThat(arrangement.snapshot().rows()).isLessThan(n);
  }

  @Test
  void onlyOneDeltaIsOnTrialAtATime() {
    Arrangement arrangement = new Arrangement(Runnable::run);
    arrangement.stage(Batch.EMPTY);
    assertThatThrownBy(() -> arrangement.stage(Batch.EMPTY))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void deltasThatAStepKeepsAreCommittedOrForgottenTogether() {
    Arrangement arrangement = new Arrangement(Storage.inMemory(Runnable::run));
    add(arrangement, 1, "1", 1);
    for (boolean committed : List.of(false, true)) {
      Snapshot before = arrangement.snapshot();
      int n = 5_000;
      for (int part = 0; part < 70; part++) {
        Batch.Builder batch = new Batch.Builder(n);
        for (int i = 0; i < n; i++) {
          batch.add(number(2L + i), row("" + part), part % 2 == 0 ? 1 : -1);
        }
        arrangement.stage(batch.add(number(1), row("1"), 1).build());
        assertThat(arrangement.current().lookup().weight(number(1), row("1"))).isEqualTo(1 + part);
        arrangement.keep();
        assertThat(arrangement.staged().runs().size()).isLessThan(20);
        assertThat(arrangement.snapshot()).isSameAs(before);
      }
      if (committed) {
        arrangement.commit();
      } else {
        arrangement.rollback();
      }
      assertThat(arrangement.current()).isSameAs(arrangement.snapshot());
      assertThat(arrangement.snapshot().lookup().weight(number(1), row("1")))
          .isEqualTo(committed ? 71 : 1);
      assertThat(arrangement.snapshot().lookup().weight(number(7), row("69")))
          .isEqualTo(committed ? -1 : 0);
    }
  }

  @Test
  void whatStepsPutOnTheHeapIsBounded() {
    // No merge ever finishes.
    try (Storage storage = new Storage(_ -> {}, new Slabs(), null, Long.MAX_VALUE, 4, 10_000);
        Arrangement arrangement = new Arrangement(storage)) {
      for (int step = 0; step < 120; step++) {
        Batch.Builder batch = new Batch.Builder(20);
        for (int i = 0; i < 20; i++) {
          batch.add(sink(new byte[] {(byte) i, (byte) step}), Row.ofOwned(new byte[100]), 1);
        }
        arrangement.stage(batch.build());
        boolean _ = arrangement.commit();
        boolean _ = arrangement.settle();
        long onHeap =
            arrangement.snapshot().runs().stream()
                .filter(storage::isMisplaced)
                .mapToLong(Run::bytes)
                .sum();
        assertThat(onHeap).as("what the merge has, and as much again").isLessThan(20_000);
        assertThat(arrangement.snapshot().runs()).hasSizeLessThan(64);
      }
      assertThat(total(arrangement)).isEqualTo(120 * 20);
    }
  }

  @Test
  void whatAllArrangementsPutOnTheHeapIsBounded() {
    Queue<Runnable> merges = new ArrayDeque<>();
    List<Arrangement> arrangements = new ArrayList<>();
    try (Storage storage = new Storage(merges::add, new Slabs(), null, Long.MAX_VALUE, 4, 10_000)) {
      for (int i = 0; i < 40; i++) {
        arrangements.add(new Arrangement(storage));
      }
      for (int step = 0; step < 40; step++) {
        for (Arrangement arrangement : arrangements) {
          Batch.Builder batch = new Batch.Builder(20);
          // Large ones, and small ones.
          int rows = step % 2 == 0 ? 20 : 3;
          for (int i = 0; i < rows; i++) {
            batch.add(
                sink(new byte[] {(byte) i, (byte) step}), Row.ofOwned(new byte[20_000 / rows]), 1);
          }
          arrangement.stage(batch.build());
          boolean _ = arrangement.commit();
          boolean _ = arrangement.settle();
        }
        assertThat(arrangements.stream().mapToLong(ArrangementTest::onHeap).sum())
            .as("four limits, and what it is not worth to look at")
            .isLessThan(40_000 + 40 * 80_000);
      }
      // Among them those that were given up.
      while (!merges.isEmpty()) {
        merges.remove().run();
        arrangements.forEach(Arrangement::settle);
      }
      for (Arrangement arrangement : arrangements) {
        assertThat(total(arrangement)).isEqualTo(20 * 20 + 20 * 3);
        arrangement.close();
      }
      assertThat(storage.memoryUsed()).isZero();
      assertThat(storage.heapIsCrowded()).isFalse();
    }
  }

  private static long onHeap(Arrangement arrangement) {
    return arrangement.snapshot().runs().stream().filter(Run::onHeap).mapToLong(Run::bytes).sum();
  }

  private static long total(Arrangement arrangement) {
    Entries entries = arrangement.snapshot().prefix(new ByteSink(0));
    long total = 0;
    while (entries.next()) {
      total += entries.weight();
    }
    return total;
  }
}
