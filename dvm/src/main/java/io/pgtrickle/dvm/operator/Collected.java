package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Aggregates that show their values one after the other: `string_agg`, `array_agg`, `json_agg`.
///
/// The group's multiset has the arguments in order. A change of it makes the value anew, which is
/// no more work than writing the value. Arguments that tie come in the order of their bytes. With
/// DISTINCT the order is over all arguments, so equal ones are neighbours, and the first of them is
/// shown.
public final class Collected extends Accumulator {
  private final int multiset;
  private final Schema stored;
  private final boolean distinct;
  private final Supplier<Collector> collectors;
  private final SqlType type;
  private @Nullable Object value;

  /// Puts values together.
  public interface Collector {
    /// Adds the arguments of one row.
    void add(@Nullable Object[] arguments);

    Object result();
  }

  /// @param stored the arguments, as the multiset has them
  /// @param type of the result
  public Collected(
      int multiset, Schema stored, boolean distinct, Supplier<Collector> collectors, SqlType type) {
    this.multiset = multiset;
    this.stored = stored;
    this.distinct = distinct;
    this.collectors = collectors;
    this.type = type;
  }

  @Override
  SqlType stateType() {
    return type;
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
    if (!group.deltaSequence(multiset).from(Place.START).next()) {
      return;
    }
    Sequence.Cursor cursor = group.newSequence(multiset).from(Place.START);
    Collector collector = collectors.get();
    Bytes last = null;
    boolean any = false;
    ByteSink key = new ByteSink();
    while (cursor.next()) {
      long copies = cursor.weight();
      if (distinct) {
        cursor.key(key);
        Bytes bytes = Bytes.copyOf(key.array(), 0, key.size());
        copies = last != null && bytes.equals(last) ? 0 : 1;
        last = bytes;
      }
      @Nullable Object[] arguments = stored.values(cursor.row());
      for (long copy = 0; copy < copies; copy++) {
        collector.add(arguments);
        any = true;
      }
    }
    value = any ? collector.result() : null;
  }

  @Override
  @Nullable Object result() {
    return value;
  }
}
