package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.BitCounts;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import org.jspecify.annotations.Nullable;

/// `bit_and`, `bit_or` and `bit_xor` of integers, `bool_and` and `bool_or`: read off the number of
/// values that have each bit, which a retraction lowers again.
public final class BitTotal extends Accumulator {
  private final int input;
  private final Evaluator argument;
  private final @Nullable Evaluator filter;
  private final Result result;
  private final TypeKind kind;
  private BitCounts counts;

  /// What is made of the counts.
  public enum Result {
    AND,
    OR,
    XOR
  }

  /// @param type of the argument: an integer, or boolean as a single bit
  public BitTotal(
      int input, Evaluator argument, @Nullable Evaluator filter, Result result, SqlType type) {
    this.input = input;
    this.argument = argument;
    this.filter = filter;
    this.result = result;
    kind = type.kind();
    counts = new BitCounts(width());
  }

  private int width() {
    return switch (kind) {
      case BOOL -> 1;
      case INT2 -> 16;
      case INT4 -> 32;
      case INT8 -> 64;
      case NUMERIC,
          FLOAT4,
          FLOAT8,
          TEXT,
          VARCHAR,
          BPCHAR,
          DATE,
          TIMESTAMP,
          TIMESTAMPTZ,
          INTERVAL,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          throw new IllegalArgumentException(kind + " has no bits");
    };
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
    counts =
        state == null ? new BitCounts(width()) : BitCounts.read(((Bytes) state).toArray(), width());
  }

  @Override
  Object state() {
    ByteSink out = new ByteSink(2 + width());
    counts.write(out);
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  @Override
  void add(Row row, long weight) {
    Object value = argument(argument, filter, row);
    if (value instanceof Boolean truth) {
      counts.add(truth ? 1 : 0, weight);
    } else if (value instanceof Long number) {
      counts.add(number, weight);
    }
  }

  @Override
  @Nullable Object result() {
    if (counts.isEmpty()) {
      return null;
    }
    long bits =
        switch (result) {
          case AND -> counts.and();
          case OR -> counts.or();
          case XOR -> counts.xor();
        };
    return kind == TypeKind.BOOL ? (Object) (bits != 0) : (Object) bits;
  }
}
