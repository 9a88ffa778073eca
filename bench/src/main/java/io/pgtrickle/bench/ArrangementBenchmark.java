package io.pgtrickle.bench;

import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Batch;
import io.pgtrickle.dvm.state.Lookup;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.zset.Row;
import java.util.ArrayList;
import java.util.List;
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

/// An arrangement of 1,000,000 orders by customer: adding a batch of updates (with the merging that
/// it causes), and looking up the orders of `batch` customers in one ascending pass.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class ArrangementBenchmark {
  private static final int ORDERS = 1_000_000;
  private static final int CUSTOMERS = ORDERS / 10;
  private static final int[] KEY = {1};

  @Param({"1", "100", "10000"})
  int batch;

  private final Arrangement arrangement = new Arrangement(Runnable::run);
  private final List<ByteSink> keys = new ArrayList<>();
  private Batch forth = Batch.EMPTY;
  private Batch back = Batch.EMPTY;
  private boolean direction;

  @Setup(Level.Trial)
  public void fill() {
    Batch.Builder all = new Batch.Builder(ORDERS);
    for (int id = 0; id < ORDERS; id++) {
      add(all, Samples.order(id, CUSTOMERS), 1);
    }
    push(all.build());
    forth = update(1);
    back = update(-1);
    for (int i = 0; i < batch; i++) {
      ByteSink key = new ByteSink();
      Samples.CUSTOMERS.appendKey(Samples.customer(i * (CUSTOMERS / batch)), new int[] {0}, key);
      keys.add(key);
    }
  }

  @Benchmark
  public boolean push() {
    direction = !direction;
    return push(direction ? forth : back);
  }

  @Benchmark
  public long lookup() {
    Lookup lookup = arrangement.snapshot().lookup();
    long sum = 0;
    for (ByteSink key : keys) {
      lookup.seek(key);
      while (lookup.next()) {
        sum += lookup.row().bytes().length * lookup.weight();
      }
    }
    return sum;
  }

  /// Packing, sorting and consolidating one batch of entries.
  @Benchmark
  public Batch build() {
    return update(1);
  }

  private boolean push(Batch delta) {
    arrangement.stage(delta);
    arrangement.commit();
    return arrangement.settle();
  }

  private Batch update(int weight) {
    Batch.Builder builder = new Batch.Builder(2 * batch);
    for (int i = 0; i < batch; i++) {
      int id = i * (ORDERS / batch);
      add(builder, Samples.order(id, CUSTOMERS, 0), -weight);
      add(builder, Samples.order(id, CUSTOMERS, 1), weight);
    }
    return builder.build();
  }

  private static void add(Batch.Builder builder, Row row, long weight) {
    ByteSink key = new ByteSink(16);
    Samples.ORDERS.appendKey(row, KEY, key);
    builder.add(key, row, weight);
  }
}
