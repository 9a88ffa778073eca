package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.NumericVariance;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

/// Variance and standard deviation of integers and numerics, over exact sums.
public final class Spread extends Accumulator {
  private final int input;
  private final Evaluator argument;
  private final @Nullable Evaluator filter;
  private final boolean sample;
  private final boolean root;
  private NumericVariance sums = new NumericVariance();

  /// @param sample `var_samp` and `stddev_samp`, otherwise those of a population
  /// @param root standard deviation, otherwise variance
  public Spread(
      int input, Evaluator argument, @Nullable Evaluator filter, boolean sample, boolean root) {
    this.input = input;
    this.argument = argument;
    this.filter = filter;
    this.sample = sample;
    this.root = root;
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
    sums = state == null ? new NumericVariance() : NumericVariance.read(((Bytes) state).toArray());
  }

  @Override
  Object state() {
    ByteSink out = new ByteSink(40);
    sums.write(out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  @Override
  void add(Row row, long weight) {
    Object value = argument(argument, filter, row);
    if (value instanceof Long number) {
      sums.add(PgNumeric.of(number), weight);
    } else if (value != null) {
      sums.add((PgNumeric) value, weight);
    }
  }

  @Override
  @Nullable Object result() {
    return root ? sums.deviation(sample) : sums.variance(sample);
  }
}
