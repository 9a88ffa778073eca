package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.IntervalSum;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
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
    SUM,
    AVERAGE,
    /// Where no interval is infinite.
    SUM_OF_FINITE,
    /// Likewise.
    AVERAGE_OF_FINITE
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
    if (sum.count() == 0) {
      return null;
    }
    return switch (result) {
      case SUM -> sum.sum();
      case AVERAGE -> sum.average();
      case SUM_OF_FINITE -> sum.sumOfFinite();
      case AVERAGE_OF_FINITE -> sum.averageOfFinite();
    };
  }
}
