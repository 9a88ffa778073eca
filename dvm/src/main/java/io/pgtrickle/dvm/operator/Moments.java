package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.FloatMoments;
import io.pgtrickle.dvm.type.FloatMoments.Measure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

/// Variance of floats, and correlation and regression of pairs of them, over exact sums.
///
/// A pair of which one value is NULL is none.
public final class Moments extends Accumulator {
  private final int input;
  private final Evaluator x;
  private final @Nullable Evaluator y;
  private final @Nullable Evaluator filter;
  private final Measure measure;
  private FloatMoments moments = new FloatMoments();

  /// @param y null where there is one value only
  public Moments(
      int input, Evaluator x, @Nullable Evaluator y, @Nullable Evaluator filter, Measure measure) {
    this.input = input;
    this.x = x;
    this.y = y;
    this.filter = filter;
    this.measure = measure;
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
    moments = state == null ? new FloatMoments() : FloatMoments.read(((Bytes) state).toArray());
  }

  @Override
  Object state() {
    ByteSink out = new ByteSink(80);
    moments.write(out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  @Override
  void add(Row row, long weight) {
    if (y == null) {
      if (argument(x, filter, row) instanceof Number value) {
        moments.add(value.doubleValue(), weight);
      }
      return;
    }
    // Both are evaluated before either is looked at.
    Object second = argument(y, filter, row);
    Object first = argument(x, filter, row);
    if (first instanceof Number xValue && second instanceof Number yValue) {
      moments.add(xValue.doubleValue(), yValue.doubleValue(), weight);
    }
  }

  @Override
  @Nullable Object result() {
    return moments.result(measure);
  }
}
