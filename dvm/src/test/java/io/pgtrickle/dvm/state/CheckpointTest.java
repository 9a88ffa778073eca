package io.pgtrickle.dvm.state;

import static io.pgtrickle.dvm.state.ArrangementTest.contents;
import static io.pgtrickle.dvm.state.ArrangementTest.number;
import static io.pgtrickle.dvm.state.ArrangementTest.row;
import static io.pgtrickle.dvm.state.StateDirectoryTest.files;
import static io.pgtrickle.dvm.state.StateDirectoryTest.flip;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.kernel.Slabs;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointTest {
  private static final Origin ORIGIN = new Origin("7312", 2);

  @TempDir Path path;

  private static Bytes frontier(int step) {
    return Bytes.copyOf(Integer.toString(step).getBytes(StandardCharsets.UTF_8));
  }

  /// One process after the other over one directory, and what a sorted map would hold.
  private static final class Life {
    private final Path path;
    private final Random random;
    private final Deque<Runnable> merges = new ArrayDeque<>();
    private final TreeMap<Integer, TreeMap<String, Long>> checkpoints = new TreeMap<>();
    private final StateDirectoryTest.Disk disk = new StateDirectoryTest.Disk(Long.MAX_VALUE);
    private TreeMap<String, Long> model = new TreeMap<>();
    private StateDirectory directory;
    private Storage storage;
    private Arrangement arrangement;

    Life(Path path, Random random) {
      this.path = path;
      this.random = random;
      directory = StateDirectory.open(path, disk);
      storage = storage();
      arrangement = new Arrangement(storage);
    }

    // Some runs in memory, some in files.
    private Storage storage() {
      long memory = random.nextInt(3) * 1_000_000L;
      return new Storage(merges::add, new Slabs(), directory, memory, 8, 64L << 20, Duration.ZERO);
    }

    void step(int step) {
      Batch.Builder delta = new Batch.Builder(4);
      for (int n = random.nextInt(30); n >= 0; n--) {
        int key = random.nextInt(40);
        String row = "r" + random.nextInt(3);
        long weight = random.nextInt(7) - 3L;
        delta.add(number(key), row(row), weight);
        model.merge("%03d %s".formatted(key, row), weight, Long::sum);
      }
      model.values().removeIf(weight -> weight == 0);
      arrangement.settle();
      arrangement.stage(delta.build());
      arrangement.commit();
      if (random.nextInt(3) == 0) {
        runMerges();
      }
      switch (random.nextInt(6)) {
        case 0, 1 -> checkpoint(step);
        case 2 -> failedCheckpoint(step);
        case 3 -> restart();
        default -> agrees();
      }
    }

    void runMerges() {
      while (!merges.isEmpty()) {
        merges.remove().run();
      }
    }

    private Capture capture(int step) {
      return directory.capture(ORIGIN, frontier(step)).put("spine", arrangement);
    }

    private void checkpoint(int step) {
      Capture capture = capture(step);
      // Between the capture and its writing life goes on.
      runMerges();
      arrangement.settle();
      capture.write();
      checkpoints.put(step, new TreeMap<>(model));
      while (checkpoints.size() > 2) {
        checkpoints.pollFirstEntry();
      }
    }

    private void failedCheckpoint(int step) {
      disk.room = random.nextInt(300);
      try {
        capture(step).write();
        checkpoints.put(step, new TreeMap<>(model));
        while (checkpoints.size() > 2) {
          checkpoints.pollFirstEntry();
        }
      } catch (StorageUnavailable e) {
        assertThat(e).hasMessageContaining("No space left");
      }
      disk.room = Long.MAX_VALUE;
    }

    void restart() {
      // What ran is gone; nothing is given back, as after a kill.
      merges.clear();
      directory.close();
      if (!checkpoints.isEmpty() && random.nextInt(3) == 0) {
        tearNewest();
      }
      directory = StateDirectory.open(path, disk);
      storage = storage();
      if (checkpoints.isEmpty()) {
        assertThat(directory.saved()).isEmpty();
        arrangement = new Arrangement(storage);
        model = new TreeMap<>();
      } else {
        Saved saved = directory.saved().orElseThrow();
        assertThat(saved.frontier()).isEqualTo(frontier(checkpoints.lastKey()));
        assertThat(saved.origin()).isEqualTo(ORIGIN);
        arrangement = saved.arrangement("spine", storage);
        model = new TreeMap<>(checkpoints.lastEntry().getValue());
      }
      agrees();
    }

    private void tearNewest() {
      try {
        Path newest =
            path.resolve(
                files(path).stream()
                    .filter(name -> name.startsWith("MANIFEST"))
                    .max(Comparator.comparingInt(name -> Integer.parseInt(name.substring(9))))
                    .orElseThrow());
        try (FileChannel file = FileChannel.open(newest, StandardOpenOption.WRITE)) {
          file.truncate(random.nextInt((int) file.size()));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      checkpoints.pollLastEntry();
    }

    private void agrees() {
      StringBuilder expected = new StringBuilder();
      model.forEach(
          (entry, weight) -> expected.append(entry).append(' ').append(weight).append('\n'));
      StringBuilder found = new StringBuilder();
      Entries entries = arrangement.snapshot().prefix(new ByteSink());
      ByteSink key = new ByteSink();
      while (entries.next()) {
        entries.key(key);
        found
            .append("%03d".formatted(key.array()[8]))
            .append(' ')
            .append(new String(entries.row().bytes(), StandardCharsets.UTF_8))
            .append(' ')
            .append(entries.weight())
            .append('\n');
      }
      assertThat(found.toString()).isEqualTo(expected.toString());
    }

    void end() {
      runMerges();
      arrangement.settle();
      arrangement.close();
      runMerges();
      assertThat(storage.memoryUsed()).isZero();
      directory.close();
    }
  }

  @Property(tries = 60)
  void aRestartGoesOnFromTheLastWholeCheckpoint(@ForAll long seed) throws IOException {
    Path path = Files.createTempDirectory("checkpoints");
    Life life = new Life(path, new Random(seed));
    for (int step = 0; step < 60; step++) {
      life.step(step);
    }
    life.restart();
    life.end();
    delete(path);
  }

  private static void delete(Path path) throws IOException {
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(path);
  }

  private static Batch rows(int from, int to) {
    Batch.Builder all = new Batch.Builder(to - from);
    for (int i = from; i < to; i++) {
      all.add(number(i), row("row " + i), 1);
    }
    return all.build();
  }

  private static void push(Arrangement arrangement, Batch batch) {
    arrangement.settle();
    arrangement.stage(batch);
    arrangement.commit();
    arrangement.settle();
  }

  @Test
  void whatWasWrittenOnceIsNotWrittenAgain() throws IOException {
    try (StateDirectory directory = StateDirectory.open(path)) {
      Storage storage = Storage.of(directory, 100_000_000, Runnable::run);
      Arrangement large = new Arrangement(storage);
      push(large, rows(0, 100_000));
      List<Arrangement> small = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        small.add(new Arrangement(storage));
        push(small.get(i), rows(i, i + 10));
      }
      save(directory, 1, large, small);
      List<String> first = runs();
      assertThat(first).as("one large run, and one file of all small ones").hasSize(2);

      save(directory, 2, large, small);
      assertThat(runs()).isEqualTo(first);

      push(small.get(0), rows(100, 105));
      save(directory, 3, large, small);
      assertThat(runs()).hasSize(3).containsAll(first);

      // Two checkpoints later nothing refers to the runs that were merged away.
      for (int from = 100_000; from < 180_000; from += 20_000) {
        push(large, rows(from, from + 20_000));
      }
      for (int step = 4; step < 7; step++) {
        for (int i = 0; i < 50; i++) {
          for (int n = 0; n < 8; n++) {
            push(small.get(i), rows(1000 * step + 10 * n, 1000 * step + 10 * n + 10));
          }
        }
        save(directory, step, large, small);
      }
      assertThat(runs()).doesNotContainAnyElementsOf(first);
      assertThat(files(path)).filteredOn(name -> name.startsWith("MANIFEST")).hasSize(2);
    }
  }

  private List<String> runs() throws IOException {
    return files(path).stream().filter(name -> name.endsWith(".run")).toList();
  }

  private static void save(
      StateDirectory directory, int step, Arrangement large, List<Arrangement> small) {
    Capture capture = directory.capture(ORIGIN, frontier(step)).put("large", large);
    for (int i = 0; i < small.size(); i++) {
      capture.put("small " + i, small.get(i));
    }
    capture.write();
  }

  @Test
  void valuesComeBackAndUnknownNamesAreDamage() {
    try (StateDirectory directory = StateDirectory.open(path)) {
      directory.capture(ORIGIN, frontier(1)).put("note", frontier(77)).write();
    }
    try (StateDirectory directory = StateDirectory.open(path)) {
      Saved saved = directory.saved().orElseThrow();
      assertThat(saved.value("note")).contains(frontier(77));
      assertThat(saved.value("other")).isEmpty();
      assertThat(saved.has("spine")).isFalse();
      Storage storage = Storage.of(directory, 0, Runnable::run);
      assertThatThrownBy(() -> saved.arrangement("spine", storage))
          .isInstanceOf(StateDamaged.class);
    }
  }

  @Test
  void checkpointsThatAreGivenUpAreGoneAndWhatWasReadOfThemIsNot() throws IOException {
    try (StateDirectory directory = StateDirectory.open(path)) {
      Arrangement arrangement = new Arrangement(Storage.of(directory, 0, Runnable::run));
      push(arrangement, rows(0, 20_000));
      directory.capture(ORIGIN, frontier(1)).put("spine", arrangement).write();
    }
    try (StateDirectory directory = StateDirectory.open(path)) {
      Arrangement arrangement =
          directory
              .saved()
              .orElseThrow()
              .arrangement("spine", Storage.of(directory, 0, Runnable::run));
      directory.forget();
      assertThat(directory.saved()).isEmpty();
      assertThat(arrangement.snapshot().rows()).isEqualTo(20_000);
      arrangement.close();
      assertThat(runs()).isEmpty();
    }
    try (StateDirectory directory = StateDirectory.open(path)) {
      assertThat(directory.saved()).isEmpty();
    }
  }

  @Test
  void damageIsFoundWhereverItIs() throws IOException {
    try (StateDirectory directory = StateDirectory.open(path)) {
      Storage storage = Storage.of(directory, 0, Runnable::run);
      Arrangement arrangement = new Arrangement(storage);
      push(arrangement, rows(0, 2_000));
      directory.capture(ORIGIN, frontier(1)).put("spine", arrangement).write();
    }
    Path file = path.resolve(runs().getFirst());
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(5);
    for (int i = 0; i < 50; i++) {
      int at = random.nextInt(whole.length);
      flip(file, at);
      try (StateDirectory directory = StateDirectory.open(path)) {
        Storage storage = Storage.of(directory, 0, Runnable::run);
        Saved saved = directory.saved().orElseThrow();
        try {
          Arrangement read = saved.arrangement("spine", storage);
          // Only padding between blocks, which nobody reads, goes unnoticed.
          assertThat(contents(read.snapshot().prefix(new ByteSink())).lines()).hasSize(2_000);
          read.close();
        } catch (StateDamaged e) {
          assertThat(e).hasMessageContaining(file.toString());
        }
      }
      Files.write(file, whole);
    }
    Files.delete(file);
    try (StateDirectory directory = StateDirectory.open(path)) {
      Storage storage = Storage.of(directory, 0, Runnable::run);
      Saved saved = directory.saved().orElseThrow();
      assertThatThrownBy(() -> saved.arrangement("spine", storage))
          .isInstanceOf(StateDamaged.class);
    }
  }
}
