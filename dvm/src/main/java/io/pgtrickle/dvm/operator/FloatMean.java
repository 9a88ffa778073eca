package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.FloatAverage;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

/// `avg` of floats, over an exact sum that is rounded once.
public final class FloatMean extends Accumulator {
  private final int input;
  private final Evaluator argument;
  private final @Nullable Evaluator filter;
  private FloatAverage average = new FloatAverage();

  public FloatMean(int input, Evaluator argument, @Nullable Evaluator filter) {
    this.input = input;
    this.argument = argument;
    this.filter = filter;
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
    average = state == null ? new FloatAverage() : FloatAverage.read(((Bytes) state).toArray());
  }

  @Override
  Object state() {
    ByteSink out = new ByteSink(40);
    average.write(out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  @Override
  void add(Row row, long weight) {
    if (argument(argument, filter, row) instanceof Number value) {
      average.add(value.doubleValue(), weight);
    }
  }

  @Override
  @Nullable Object result() {
    return average.count() == 0 ? null : (Object) average.average();
  }
}
