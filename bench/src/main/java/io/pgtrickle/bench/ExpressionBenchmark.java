package io.pgtrickle.bench;

import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// Compiled expressions over one packed row of six columns, and the assembly of an output row.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@State(Scope.Thread)
public class ExpressionBenchmark {
  private static final Expr ID = Shop.column(Samples.ORDERS, 0);
  private static final Expr AMOUNT = Shop.column(Samples.ORDERS, 3);
  private static final Expr STATUS = Shop.column(Samples.ORDERS, 4);

  private final Row row = Samples.order(4_711, 1_000);
  private final Row customer = Samples.customer(711);
  private final RowPredicate comparison =
      Compiler.compilePredicate(
          Shop.call("int8gt", SqlType.BOOL, ID, new Expr.Literal(100L, SqlType.INT8)),
          Samples.ORDERS,
          Shop.SETTINGS);
  private final RowPredicate inList =
      Compiler.compilePredicate(
          new Expr.Or(
              List.of(
                  Shop.call("texteq", SqlType.BOOL, STATUS, text("paid")),
                  Shop.call("texteq", SqlType.BOOL, STATUS, text("cancelled")))),
          Samples.ORDERS,
          Shop.SETTINGS);
  private final Evaluator product =
      Compiler.compile(
          Shop.call(
              "numeric_mul",
              SqlType.NUMERIC,
              AMOUNT,
              new Expr.Literal(PgNumeric.parse("1.19"), SqlType.NUMERIC)),
          Samples.ORDERS,
          Shop.SETTINGS);
  private final RowAssembler pairs =
      new RowAssembler(
          Schema.of(
              new Column("id", SqlType.INT8),
              new Column("status", SqlType.TEXT),
              new Column("amount", SqlType.NUMERIC),
              new Column("region", SqlType.TEXT)),
          List.of(Samples.ORDERS, Samples.CUSTOMERS),
          List.of(
              new RowAssembler.Copied(0, 0),
              new RowAssembler.Copied(0, 4),
              new RowAssembler.Copied(0, 3),
              new RowAssembler.Copied(1, 1)));

  private static Expr text(String value) {
    return new Expr.Literal(value, SqlType.TEXT);
  }

  /// `id > 100`.
  @Benchmark
  public boolean comparison() {
    return comparison.test(row);
  }

  /// `status = 'paid' OR status = 'cancelled'`.
  @Benchmark
  public boolean textEquality() {
    return inList.test(row);
  }

  /// `amount * 1.19`.
  @Benchmark
  public @Nullable Object numericProduct() {
    return product.evaluate(row);
  }

  /// A joined row of four columns out of two packed rows.
  @Benchmark
  public Row assemble() {
    return pairs.assemble(row, customer);
  }
}
