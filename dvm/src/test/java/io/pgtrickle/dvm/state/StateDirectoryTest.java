package io.pgtrickle.dvm.state;

import static io.pgtrickle.dvm.state.ArrangementTest.add;
import static io.pgtrickle.dvm.state.ArrangementTest.contents;
import static io.pgtrickle.dvm.state.ArrangementTest.number;
import static io.pgtrickle.dvm.state.ArrangementTest.row;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.kernel.RunFile;
import io.pgtrickle.dvm.kernel.Slabs;
import io.pgtrickle.dvm.type.ByteSink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StateDirectoryTest {
  @TempDir Path path;

  /// The files of a state directory, but for its lock.
  static List<String> files(Path path) throws IOException {
    try (Stream<Path> files = Files.list(path)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals("lock"))
          .sorted()
          .toList();
    }
  }

  /// A disk with so much room, which may grow.
  static final class Disk implements RunFile.Opener {
    long room;
    int attempts;

    Disk(long room) {
      this.room = room;
    }

    @Override
    public RunFile.Output open(Path file) throws IOException {
      attempts++;
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      return new RunFile.Output() {
        @Override
        public int write(ByteBuffer bytes) throws IOException {
          if (room == 0) {
            throw new IOException("No space left on device");
          }
          // As the system does: what fits is written, the next call fails.
          int fits = (int) Math.min(room, bytes.remaining());
          int written = channel.write(bytes.slice(bytes.position(), fits));
          bytes.position(bytes.position() + written);
          room -= written;
          return written;
        }

        @Override
        public void force() throws IOException {
          channel.force(true);
        }

        @Override
        public boolean isOpen() {
          return channel.isOpen();
        }

        @Override
        public void close() throws IOException {
          channel.close();
        }
      };
    }
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
  }

  @Test
  void stateBeyondTheMemoryAllowedLiesInFiles() throws IOException {
    try (StateDirectory directory = StateDirectory.open(path)) {
      Storage storage = Storage.of(directory, 1_000_000, Runnable::run);
      Arrangement arrangement = new Arrangement(storage);
      for (int i = 0; i < 20; i++) {
        push(arrangement, rows(i * 5_000, (i + 1) * 5_000));
      }
      arrangement.settle();
      assertThat(storage.memoryUsed()).isLessThan(1_200_000);
      assertThat(arrangement.snapshot().bytes()).isGreaterThan(2_000_000);
      assertThat(files(path)).isNotEmpty().allMatch(name -> name.endsWith(".run"));
      Random random = new Random(3);
      for (int i = 0; i < 2_000; i++) {
        int id = random.nextInt(100_000);
        assertThat(arrangement.snapshot().first(number(id))).contains(row("row " + id));
      }
      arrangement.close();
      assertThat(files(path)).isEmpty();
      assertThat(storage.memoryUsed()).isZero();
    }
  }

  @Test
  void aFullDiskChangesNothingAndIsOvercomeByRoom() throws IOException {
    Disk disk = new Disk(100_000);
    try (StateDirectory directory = StateDirectory.open(path, disk)) {
      Storage storage =
          new Storage(Runnable::run, new Slabs(), directory, 0, 100, 1L << 30, Duration.ZERO);
      Arrangement arrangement = new Arrangement(storage);
      push(arrangement, rows(0, 10_000));
      arrangement.settle();
      assertThat(storage.problem()).isPresent();
      assertThat(files(path)).isEmpty();
      assertThat(arrangement.snapshot().rows()).isEqualTo(10_000);

      assertThatThrownBy(
              () -> {
                for (int i = 10_000; i < 20_000; i += 100) {
                  push(arrangement, rows(i, i + 100));
                }
              })
          .isInstanceOfSatisfying(
              StorageUnavailable.class, e -> assertThat(e.sqlState()).isEqualTo("53100"))
          .hasMessageContaining("No space left on device");
      assertThat(files(path)).isEmpty();
      Snapshot stopped = arrangement.snapshot();
      String contents = contents(stopped.prefix(new ByteSink()));
      assertThat(stopped.runs()).hasSizeGreaterThan(64);
      assertThatThrownBy(arrangement::settle).isInstanceOf(StorageUnavailable.class);
      assertThat(arrangement.snapshot()).isSameAs(stopped);

      disk.room = Long.MAX_VALUE;
      // The merge that was started again when settling failed did not have the room yet.
      assertThatThrownBy(arrangement::settle).isInstanceOf(StorageUnavailable.class);
      arrangement.settle();
      assertThat(storage.problem()).isEmpty();
      assertThat(contents(arrangement.snapshot().prefix(new ByteSink()))).isEqualTo(contents);
      assertThat(arrangement.snapshot().runs()).hasSizeLessThan(8);
      assertThat(files(path)).isNotEmpty();
    }
  }

  @Test
  void aCrowdedHeapDoesNotHideThatTheDiskIsFull() throws Exception {
    Disk disk = new Disk(0);
    try (StateDirectory directory = StateDirectory.open(path, disk);
        ExecutorService merges = Executors.newSingleThreadExecutor();
        Storage storage =
            new Storage(merges, new Slabs(), directory, 0, 100, 1_000, Duration.ZERO)) {
      Arrangement arrangement = new Arrangement(storage);
      int pushed = 0;
      Optional<StorageUnavailable> problem = Optional.empty();
      while (problem.isEmpty() && pushed < 20_000) {
        try {
          push(arrangement, rows(pushed, pushed + 100));
          pushed += 100;
        } catch (StorageUnavailable e) {
          problem = Optional.of(e);
        }
      }
      assertThat(problem).isPresent();
      assertThat(arrangement.snapshot().rows()).isEqualTo(pushed);

      disk.room = Long.MAX_VALUE;
      boolean busy = true;
      for (int i = 0; busy && i < 100; i++) {
        merges.submit(() -> {}).get(10, TimeUnit.SECONDS);
        try {
          busy = arrangement.settle();
        } catch (StorageUnavailable failedBefore) {
          busy = true;
        }
      }
      assertThat(busy).isFalse();
      assertThat(arrangement.snapshot().rows()).isEqualTo(pushed);
      assertThat(storage.heapIsCrowded()).isFalse();
      arrangement.close();
    }
  }

  @Test
  void aFullDiskIsNotTriedWithEveryStep() {
    Disk disk = new Disk(0);
    try (StateDirectory directory = StateDirectory.open(path, disk);
        Storage storage =
            new Storage(
                Runnable::run, new Slabs(), directory, 0, 100, 1L << 30, Duration.ofHours(1))) {
      Arrangement arrangement = new Arrangement(storage);
      for (int i = 0; i < 40; i++) {
        push(arrangement, rows(i * 1_000, (i + 1) * 1_000));
      }
      assertThat(storage.problem()).isPresent();
      assertThat(disk.attempts).isEqualTo(1);
    }
  }

  @Test
  void aHeapThatCannotBeWrittenStopsTheStepsBeforeItIsFull() {
    Disk disk = new Disk(0);
    long heapLimit = 200_000;
    try (StateDirectory directory = StateDirectory.open(path, disk);
        Storage storage =
            new Storage(
                Runnable::run, new Slabs(), directory, 0, 100, heapLimit, Duration.ofHours(1))) {
      Arrangement arrangement = new Arrangement(storage);
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 60; i++) {
                  push(arrangement, rows(i * 5_000, (i + 1) * 5_000));
                }
              })
          .isInstanceOf(StorageUnavailable.class);
      assertThat(arrangement.snapshot().bytes()).isBetween(8 * heapLimit, 10 * heapLimit);
    }
  }

  @Test
  void someOfTheDiskIsLeftForOthers() {
    assertThat(StateDirectory.reserve(10L << 30)).isEqualTo((10L << 30) / 50);
    assertThat(StateDirectory.reserve(10L << 40)).isEqualTo(1L << 30);
    try (StateDirectory directory = StateDirectory.open(path)) {
      assertThatThrownBy(() -> directory.requireRoom(Long.MAX_VALUE / 2))
          .isInstanceOf(StorageUnavailable.class)
          .hasMessageContaining("make room");
      directory.requireRoom(1);
    }
  }

  @Test
  void aFileThatLostItsEndIsDamageAndNotTheEndOfTheProcess() throws IOException {
    try (StateDirectory directory = StateDirectory.open(path)) {
      Storage storage = new Storage(Runnable::run, new Slabs(), directory, 0, 100);
      Arrangement arrangement = new Arrangement(storage);
      push(arrangement, rows(0, 100_000));
      arrangement.settle();
      try (FileChannel file =
          FileChannel.open(path.resolve(files(path).getFirst()), StandardOpenOption.WRITE)) {
        file.truncate(10);
      }
      assertThatThrownBy(() -> contents(arrangement.snapshot().prefix(new ByteSink())))
          .isInstanceOf(StateDamaged.class);
    }
  }

  @Test
  void aDamagedBlockIsNeverRead() throws IOException {
    try (StateDirectory directory = StateDirectory.open(path)) {
      Storage storage = new Storage(Runnable::run, new Slabs(), directory, 0, 100);
      Arrangement arrangement = new Arrangement(storage);
      push(arrangement, rows(0, 10_000));
      arrangement.settle();
      Path file = path.resolve(files(path).getFirst());
      flip(file, Files.size(file) / 2);

      assertThat(arrangement.snapshot().first(number(1))).contains(row("row 1"));
      assertThatThrownBy(() -> contents(arrangement.snapshot().prefix(new ByteSink())))
          .isInstanceOf(StateDamaged.class)
          .hasMessageContaining(file.toString());
      // Also where a merge finds it.
      push(arrangement, rows(10_000, 30_000));
      assertThatThrownBy(
              () -> {
                for (int i = 0; i < 10; i++) {
                  push(arrangement, rows(30_000 + i * 5_000, 35_000 + i * 5_000));
                }
              })
          .isInstanceOf(StateDamaged.class);
    }
  }

  static void flip(Path file, long at) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      channel.read(one, at);
      one.put(0, (byte) (one.get(0) ^ 0x10)).rewind();
      channel.write(one, at);
    }
  }

  @Test
  void oneOwnerAtATime() {
    try (StateDirectory _ = StateDirectory.open(path)) {
      assertThatThrownBy(() -> StateDirectory.open(path))
          .isInstanceOf(StorageUnavailable.class)
          .hasMessageContaining("in use");
    }
    StateDirectory.open(path).close();
  }

  @Test
  void whatACrashLeftBehindIsDeleted() throws IOException {
    Files.writeString(path.resolve("7.run"), "half a run");
    Files.writeString(path.resolve("8.run.tmp"), "less");
    Files.writeString(path.resolve("notes.txt"), "somebody else's");
    try (StateDirectory directory = StateDirectory.open(path)) {
      assertThat(files(path)).containsExactly("notes.txt");
      Storage storage = new Storage(Runnable::run, new Slabs(), directory, 0, 4);
      Arrangement arrangement = new Arrangement(storage);
      for (int i = 0; i < 100; i++) {
        add(arrangement, i, "a", 1);
      }
      assertThat(arrangement.snapshot().first(number(50))).contains(row("a"));
      arrangement.close();
    }
  }
}
