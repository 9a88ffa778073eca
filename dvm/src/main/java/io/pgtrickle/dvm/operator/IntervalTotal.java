package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.IntervalSum;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// `sum` and `avg` of intervals, over an exact sum.
public final class IntervalTotal extends Accumulator {
  private final int input;
  private final Evaluator argument;
  private final @Nullable Evaluator filter;
  private final Result result;
  private IntervalSum sum = new IntervalSum();

  /// What is made of the sum of the values.
  public enum Result {
    SUM(IntervalSum::sum),
    AVERAGE(IntervalSum::average),
    /// Where no interval is infinite.
    SUM_OF_FINITE(IntervalSum::sumOfFinite),
    AVERAGE_OF_FINITE(IntervalSum::averageOfFinite);

    private final Function<IntervalSum, PgInterval> function;

    Result(Function<IntervalSum, PgInterval> function) {
      this.function = function;
    }
  }

  public IntervalTotal(int input, Evaluator argument, @Nullable Evaluator filter, Result result) {
    this.input = input;
    this.argument = argument;
    this.filter = filter;
    this.result = result;
  }

  @Override
  int input() {
    return input;
  }

  @Override
  SqlType stateType() {
    return SqlType.BYTEA;
  }

  @Override
  void load(@Nullable Object state) {
    sum = state == null ? new IntervalSum() : IntervalSum.read(((Bytes) state).toArray());
  }

  @Override
  Object state() {
    ByteSink out = new ByteSink(24);
    sum.write(out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  @Override
  void add(Row row, long weight) {
    if (argument(argument, filter, row) instanceof PgInterval value) {
      sum.add(value, weight);
    }
  }

  @Override
  @Nullable Object result() {
    return sum.count() == 0 ? null : result.function.apply(sum);
  }
}
