package io.pgtrickle.bench;

import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
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
import org.openjdk.jmh.annotations.Warmup;

/// Consolidating rows into a Z-set: distinct ones in random order, and pairs that cancel.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class ZSetBenchmark {
  private static final long SEED = 20_261_121;

  @Param({"1", "100", "10000"})
  int rows;

  private final List<Row> shuffled = new ArrayList<>();
  private ZSet even = ZSet.EMPTY;
  private ZSet odd = ZSet.EMPTY;

  @Setup(Level.Trial)
  public void fill() {
    ZSet.Builder evenRows = new ZSet.Builder();
    ZSet.Builder oddRows = new ZSet.Builder();
    for (int id = 0; id < rows; id++) {
      Row row = Samples.order(id, 1_000);
      shuffled.add(row);
      (id % 2 == 0 ? evenRows : oddRows).add(row, 1);
    }
    even = evenRows.build();
    odd = oddRows.build();
    Collections.shuffle(shuffled, new Random(SEED));
  }

  @Benchmark
  public ZSet build() {
    ZSet.Builder builder = new ZSet.Builder(rows);
    for (Row row : shuffled) {
      builder.add(row, 1);
    }
    return builder.build();
  }

  @Benchmark
  public ZSet cancel() {
    ZSet.Builder builder = new ZSet.Builder(2 * rows);
    for (Row row : shuffled) {
      builder.add(row, 1);
      builder.add(row, -1);
    }
    return builder.build();
  }

  @Benchmark
  public ZSet plus() {
    return even.plus(odd);
  }
}
