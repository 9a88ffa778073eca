package io.pgtrickle.engine.apply;

import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.math.BigDecimal;
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

/// One column of a delta as array text: texts with something to escape, and numerics.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class ArrayTextBenchmark {
  private static final int ESCAPED_ONE_IN = 10;

  @Param({"1", "100", "10000"})
  int rows;

  private final TypeCodec numeric = TypeCodec.of(SqlType.NUMERIC);
  private final List<String> texts = new ArrayList<>();
  private final List<PgNumeric> amounts = new ArrayList<>();

  @Setup(Level.Trial)
  public void fill() {
    for (int i = 0; i < rows; i++) {
      texts.add("customer " + i + (i % ESCAPED_ONE_IN == 0 ? " \"the\\great\"" : ""));
      amounts.add(PgNumeric.of(BigDecimal.valueOf(i * 7_919L, 2)));
    }
  }

  @Benchmark
  public String texts() {
    ArrayText array = new ArrayText();
    for (String text : texts) {
      array.add(text);
    }
    return array.toString();
  }

  @Benchmark
  public String numerics() {
    ArrayText array = new ArrayText();
    for (PgNumeric amount : amounts) {
      array.add(numeric.toText(amount));
    }
    return array.toString();
  }
}
