package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.FloatText;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import org.jspecify.annotations.Nullable;

/// `percentile_disc` and `percentile_cont`: the value at a place of the group's sorted values, or
/// between two of them. The places are counted, not walked to.
public final class Quantile extends Accumulator {
  private static final Row NO_ROW = Row.ofOwned(new byte[0]);

  private final int multiset;
  private final Schema stored;
  private final Evaluator fraction;
  private final boolean continuous;
  private @Nullable Object value;

  /// @param stored the value, as the multiset has it
  /// @param fraction the direct argument, which reads no row
  public Quantile(int multiset, Schema stored, Evaluator fraction, boolean continuous) {
    this.multiset = multiset;
    this.stored = stored;
    this.fraction = fraction;
    this.continuous = continuous;
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
    Sequence values = group.newSequence(multiset);
    long size = values.size();
    Double p = possible();
    if (size == 0 || p == null) {
      value = null;
    } else if (continuous) {
      double place = p * (size - 1);
      double low = (Double) at(values, (long) Math.floor(place));
      double high = (Double) at(values, (long) Math.ceil(place));
      value = place == Math.rint(place) ? low : low + (place - Math.floor(place)) * (high - low);
    } else {
      value = at(values, Math.max(0, (long) Math.ceil(p * size) - 1));
    }
  }

  private @Nullable Double possible() {
    try {
      return fraction.evaluate(NO_ROW) instanceof Double p && p >= 0 && p <= 1 ? p : null;
    } catch (EvaluationFailure failure) {
      // The group's result fails with it.
      return null;
    }
  }

  private Object at(Sequence values, long place) {
    Sequence.Cursor cursor = values.at(place);
    if (!cursor.next()) {
      throw new IllegalStateException("place " + place + " of " + values.size() + " has no value");
    }
    Object found = stored.value(cursor.row(), 0);
    if (found == null) {
      throw new IllegalStateException("a NULL among the values of a percentile");
    }
    return found;
  }

  @Override
  @Nullable Object result() {
    if (fraction.evaluate(NO_ROW) instanceof Double p && !(p >= 0 && p <= 1)) {
      throw new EvaluationFailure(
          "22003", "percentile value " + FloatText.printShort(p) + " is not between 0 and 1");
    }
    return value;
  }
}
