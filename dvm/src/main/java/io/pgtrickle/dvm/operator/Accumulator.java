package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.ExactFloatSum;
import io.pgtrickle.dvm.type.NumericSum;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// One aggregate function of an [Aggregate], holding the state of the group at hand.
///
/// All but those that read a multiset are homomorphisms from the Z-set of argument values to a
/// group, so a
/// retraction is an addition of the inverse, exactly:
///
///     state(A + ΔA) = state(A) + state(ΔA)
///
/// The state is a value of [#stateType], so that a group's states are one packed row.
public abstract sealed class Accumulator
    permits Accumulator.Count,
        Accumulator.NumericTotal,
        Accumulator.FloatTotal,
        Accumulator.Extreme,
        WindowExtreme,
        BitTotal,
        Collected,
        FloatMean,
        IntervalTotal,
        Moments,
        Quantile,
        Spread {
  Accumulator() {}

  /// The SQL type that the state is kept as.
  abstract SqlType stateType();

  /// Takes up a state that [#state] gave; `null` is the empty group's.
  abstract void load(@Nullable Object state);

  abstract @Nullable Object state();

  /// Adds a row of the function's input `weight` times.
  ///
  /// @throws EvaluationFailure where PostgreSQL would raise an error for the row
  abstract void add(Row row, long weight);

  /// Looks at the group's multiset, after all rows were added.
  void observe(KeyGroup group) {}

  /// The aggregate's value, `null` for SQL NULL.
  ///
  /// @throws EvaluationFailure when the result has none, such as a sum out of range
  abstract @Nullable Object result();

  /// Which of the operator's inputs the function reads.
  int input() {
    return 0;
  }

  /// The argument of a row that passes the filter; `null` when there is nothing to add.
  static @Nullable Object argument(Evaluator argument, @Nullable Evaluator filter, Row row) {
    return passes(filter, row) ? argument.evaluate(row) : null;
  }

  private static boolean passes(@Nullable Evaluator filter, Row row) {
    return filter == null || Boolean.TRUE.equals(filter.evaluate(row));
  }

  /// `count(*)` and `count(x)`: how many rows, or how many of a non-null argument.
  public static final class Count extends Accumulator {
    private final int input;
    private final @Nullable Evaluator argument;
    private final @Nullable Evaluator filter;
    private long count;

    public Count(int input, @Nullable Evaluator argument, @Nullable Evaluator filter) {
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
      return SqlType.INT8;
    }

    @Override
    void load(@Nullable Object state) {
      count = state == null ? 0 : (Long) state;
    }

    @Override
    Object state() {
      return count;
    }

    @Override
    void add(Row row, long weight) {
      if (passes(filter, row) && (argument == null || argument.evaluate(row) != null)) {
        count = Math.addExact(count, weight);
      }
    }

    @Override
    Object result() {
      return count;
    }
  }

  /// What is made of a sum of integers or numerics.
  public enum NumericResult {
    /// `sum(int2)`, `sum(int4)`: out of range is an error of the group.
    BIGINT_SUM,
    /// `sum(int8)`, `sum(numeric)`.
    NUMERIC_SUM,
    /// `avg` of all of these.
    AVERAGE
  }

  /// `sum` and `avg` of integers and numerics, over an exact sum that knows its display scale.
  public static final class NumericTotal extends Accumulator {
    private final int input;
    private final Evaluator argument;
    private final @Nullable Evaluator filter;
    private final NumericResult result;
    private NumericSum sum = new NumericSum();

    public NumericTotal(
        int input, Evaluator argument, @Nullable Evaluator filter, NumericResult result) {
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
      if (state == null) {
        sum = new NumericSum();
      } else {
        byte[] bytes = ((Bytes) state).toArray();
        sum = NumericSum.read(bytes, 0, bytes.length);
      }
    }

    @Override
    Object state() {
      ByteSink out = new ByteSink(24);
      sum.write(out);
      return Bytes.copyOf(out.array(), 0, out.size());
    }

    @Override
    void add(Row row, long weight) {
      Object value = argument(argument, filter, row);
      if (value instanceof Long number) {
        sum.add(number, weight);
      } else if (value != null) {
        sum.add((PgNumeric) value, weight);
      }
    }

    @Override
    @Nullable Object result() {
      if (sum.count() == 0) {
        return null;
      }
      return switch (result) {
        case BIGINT_SUM -> sum.sum().toInt8();
        case NUMERIC_SUM -> sum.sum();
        case AVERAGE -> sum.average();
      };
    }
  }

  /// `sum` of floats, over an exact sum that is rounded once.
  public static final class FloatTotal extends Accumulator {
    private final int input;
    private final Evaluator argument;
    private final @Nullable Evaluator filter;
    private final boolean real;
    private ExactFloatSum sum = new ExactFloatSum();

    /// @param real whether the result is a `float4`
    public FloatTotal(int input, Evaluator argument, @Nullable Evaluator filter, boolean real) {
      this.input = input;
      this.argument = argument;
      this.filter = filter;
      this.real = real;
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
      if (state == null) {
        sum = new ExactFloatSum();
      } else {
        byte[] bytes = ((Bytes) state).toArray();
        sum = ExactFloatSum.read(bytes, 0, bytes.length);
      }
    }

    @Override
    Object state() {
      ByteSink out = new ByteSink(40);
      sum.write(out);
      return Bytes.copyOf(out.array(), 0, out.size());
    }

    @Override
    void add(Row row, long weight) {
      Object value = argument(argument, filter, row);
      if (value != null) {
        sum.add(((Number) value).doubleValue(), weight);
      }
    }

    @Override
    @Nullable Object result() {
      if (sum.count() == 0) {
        return null;
      }
      return real ? (Object) sum.toFloat() : (Object) sum.toDouble();
    }
  }

  /// `min` and `max`, read off the ends of the group's ordered multiset of arguments.
  ///
  /// Among values that are equal but look different, the one with the least bytes. The state is the
  /// value itself, so the old result needs no second look.
  public static final class Extreme extends Accumulator {
    private final int multiset;
    private final boolean greatest;
    private final Schema stored;
    private @Nullable Object value;

    /// @param multiset of the non-null arguments, which are the only column of `stored`
    public Extreme(int multiset, boolean greatest, Schema stored) {
      this.multiset = multiset;
      this.greatest = greatest;
      this.stored = stored;
    }

    @Override
    SqlType stateType() {
      return stored.column(0).type();
    }

    @Override
    void load(@Nullable Object state) {
      value = state;
    }

    @Override
    @Nullable Object state() {
      return value;
    }

    @Override
    void add(Row row, long weight) {
      // The multiset has it.
    }

    @Override
    void observe(KeyGroup group) {
      Optional<Row> end = greatest ? group.greatest(multiset) : group.least(multiset);
      value = end.isEmpty() ? null : stored.value(end.get(), 0);
    }

    @Override
    @Nullable Object result() {
      return value;
    }
  }
}
