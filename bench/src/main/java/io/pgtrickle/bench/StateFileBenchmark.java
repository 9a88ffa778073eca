package io.pgtrickle.bench;

import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.state.Origin;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.state.StateDirectory;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.zset.Row;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Where state lies: looking up one random key of 1,000,000 rows on the heap, in native memory and
/// in
/// a file; and what a checkpoint costs, the pause, the writing of a delta, and the way back.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class StateFileBenchmark {
  private static final int ROWS = 1_000_000;
  private static final int PIECE = 100_000;
  private static final Origin ORIGIN = new Origin("1", 1);
  private static final Bytes FRONTIER = Bytes.copyOf(new byte[16]);

  /// Where the rows are.
  public enum Place {
    HEAP,
    NATIVE,
    FILE
  }

  @Param Place place = Place.HEAP;

  private final Random random = new Random(1);
  private final Path path = temporary();
  private final StateDirectory directory = StateDirectory.open(path);
  private Storage storage = Storage.onHeap(Runnable::run);
  private Arrangement arrangement = new Arrangement(storage);
  private int next;

  private static Path temporary() {
    try {
      return Files.createTempDirectory("state");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Setup(Level.Trial)
  public void fill() {
    storage =
        switch (place) {
          case HEAP -> Storage.onHeap(Runnable::run);
          case NATIVE -> Storage.inMemory(Runnable::run);
          case FILE -> Storage.of(directory, 0, Runnable::run);
        };
    arrangement = new Arrangement(storage);
    for (int from = 0; from < ROWS; from += PIECE) {
      Batch.Builder piece = new Batch.Builder(PIECE);
      for (int i = from; i < from + PIECE; i++) {
        // Scattered, so that every piece covers all keys.
        long id = i * 2_654_435_761L % ROWS;
        piece.add(key(id), Samples.order((int) id, ROWS), 1);
      }
      push(piece.build());
    }
    capture().write();
  }

  @TearDown(Level.Trial)
  public void delete() throws IOException {
    arrangement.close();
    storage.close();
    directory.close();
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(path);
  }

  private static ByteSink key(long id) {
    ByteSink key = new ByteSink(16);
    key.putByte(1);
    key.putLong(id ^ Long.MIN_VALUE);
    return key;
  }

  private void push(Batch delta) {
    arrangement.stage(delta);
    arrangement.commit();
    arrangement.settle();
  }

  private Capture capture() {
    return directory.capture(ORIGIN, FRONTIER).put("orders", arrangement);
  }

  @Benchmark
  public Row lookup() {
    Snapshot contents = arrangement.snapshot();
    Lookup found = contents.lookup().seek(key(random.nextInt(ROWS)));
    if (!found.next()) {
      throw new IllegalStateException("a row is missing");
    }
    return found.row();
  }

  /// What the stream waits for.
  @Benchmark
  public Capture checkpointPause() {
    Capture capture = capture();
    capture.close();
    return capture;
  }

  /// A checkpoint after one changed row, fsync and all.
  @Benchmark
  public void checkpointOfOneRow() {
    long id = next++ % ROWS;
    push(new Batch.Builder(1).add(key(id), Samples.order((int) id, ROWS), 1).build());
    capture().write();
  }

  /// The arrangement of the last checkpoint, ready for look-ups.
  @Benchmark
  public long restore() {
    Arrangement restored =
        directory.saved().orElseThrow().arrangement("orders", Storage.onHeap(Runnable::run));
    long rows = restored.snapshot().rows();
    restored.close();
    return rows;
  }
}
