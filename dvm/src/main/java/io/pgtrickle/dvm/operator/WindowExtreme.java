package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Row;
import java.util.Comparator;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// `min` and `max` of a frame, over a sorted multiset of its values in memory.
///
/// As in a grouping, of values that are equal but look different the one with the least bytes is
/// shown.
public final class WindowExtreme extends Accumulator {
  private final Evaluator argument;
  private final @Nullable Evaluator filter;
  private final SqlType type;
  private final TypeCodec codec;
  private final TreeMap<Value, Long> values;
  private final ByteSink scratch = new ByteSink();

  private record Value(Bytes key, Bytes payload, Object object) {}

  public WindowExtreme(
      Evaluator argument, @Nullable Evaluator filter, SqlType type, boolean greatest) {
    this.argument = argument;
    this.filter = filter;
    this.type = type;
    codec = TypeCodec.of(type);
    Comparator<Value> byKey = Comparator.comparing(Value::key);
    values = new TreeMap<>((greatest ? byKey.reversed() : byKey).thenComparing(Value::payload));
  }

  @Override
  SqlType stateType() {
    return type;
  }

  @Override
  void load(@Nullable Object state) {
    values.clear();
    if (state != null) {
      values.put(value(state), 1L);
    }
  }

  @Override
  @Nullable Object state() {
    return result();
  }

  @Override
  void add(Row row, long weight) {
    Object value = argument(argument, filter, row);
    if (value != null) {
      values.merge(
          value(value),
          weight,
          (a, b) -> {
            long sum = Math.addExact(a, b);
            return sum == 0 ? null : sum;
          });
    }
  }

  private Value value(Object value) {
    scratch.clear();
    codec.appendKey(value, scratch);
    Bytes key = Bytes.copyOf(scratch.array(), 0, scratch.size());
    scratch.clear();
    codec.appendPayload(value, scratch);
    return new Value(key, Bytes.copyOf(scratch.array(), 0, scratch.size()), value);
  }

  @Override
  @Nullable Object result() {
    return values.isEmpty() ? null : values.firstKey().object();
  }
}
