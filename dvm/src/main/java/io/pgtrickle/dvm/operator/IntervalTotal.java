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
  private final boolean average;
  private IntervalSum sum = new IntervalSum();

  public IntervalTotal(int input, Evaluator argument, @Nullable Evaluator filter, boolean average) {
    this.input = input;
    this.argument = argument;
    this.filter = filter;
    this.average = average;
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
    return average ? sum.average() : sum.sum();
  }
}
