package io.pgtrickle.bench;

import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
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

/// One epoch of a join, with and without an aggregate above it: `batch` of 200,000 orders get
/// another amount. Arranging, joining, merging of runs and the release of the output are included.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class JoinBenchmark {
  private static final int ORDERS = 200_000;

  @Param({"1", "100", "1000", "10000"})
  int batch;

  private Dataflow joined = new Dataflow(Runnable::run);
  private Dataflow aggregated = joined;
  private ZSet forth = ZSet.EMPTY;
  private ZSet back = ZSet.EMPTY;
  private boolean direction;
  private Row output = Row.ofOwned(new byte[0]);

  @Setup(Level.Trial)
  public void fill() {
    joined = Shop.dataflow(Shop.join(), ORDERS);
    aggregated = Shop.dataflow(Shop.aggregate(), ORDERS);
    forth = Shop.update(ORDERS, batch, true);
    back = Shop.update(ORDERS, batch, false);
    ZSet released = Objects.requireNonNull(step(joined).released().get(Shop.VIEW));
    for (int i = 0; i < released.size(); i++) {
      if (released.weight(i) > 0) {
        output = released.row(i);
      }
    }
    step(joined);
  }

  @Benchmark
  public StepResult join() {
    return step(joined);
  }

  @Benchmark
  public StepResult joinAndAggregate() {
    return step(aggregated);
  }

  /// The expected weight of one row of the join, as the PH-D1 check asks for it; independent of
  /// the batch.
  @Benchmark
  public OptionalLong weight() {
    return joined.weight(Shop.VIEW, output);
  }

  private StepResult step(Dataflow dataflow) {
    direction = !direction;
    return dataflow.step(Map.of(Shop.ORDERS_OID, direction ? forth : back), view -> true);
  }
}
