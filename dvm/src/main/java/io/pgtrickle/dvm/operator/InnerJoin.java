package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Maintains the inner join of two inputs on equal keys, with an optional residual condition.
///
/// Join is bilinear, so the changes ΔL and ΔR of one epoch contribute, key by key,
///
///     Δ(L ⋈ R) = ΔL ⋈ R + ΔL ⋈ ΔR + L ⋈ ΔR
///
/// with L and R as before the epoch. The middle term is what old/old loses and new/new counts
/// twice. A pair that exists in no committed state (l deleted while r is inserted) occurs once in
/// the middle or first term and once in the last with opposite weights; so does the failure of its
/// residual condition, and both cancel when the output is consolidated.
///
/// Rows with a NULL in the key never get here: the inputs are arranged without them. With no key
/// expressions all rows share the empty key, which makes the cross product. A self join is two
/// inputs that happen to be the same.
public final class InnerJoin implements KeyedOperator {
  private static final int LEFT = 0;
  private static final int RIGHT = 1;

  private final RowAssembler pairs;
  private final @Nullable RowPredicate residual;
  private final KeyDelta left = new KeyDelta();
  private final KeyDelta right = new KeyDelta();

  /// @param schema left's columns followed by right's
  /// @param residual over the pair; `null` when there is none
  public InnerJoin(Schema left, Schema right, Schema schema, @Nullable RowPredicate residual) {
    this.residual = residual;
    pairs = pairs(left, right, schema);
  }

  static RowAssembler pairs(Schema left, Schema right, Schema schema) {
    List<RowAssembler.Source> columns = new ArrayList<>();
    for (int i = 0; i < left.size(); i++) {
      columns.add(new RowAssembler.Copied(LEFT, i));
    }
    for (int i = 0; i < right.size(); i++) {
      columns.add(new RowAssembler.Copied(RIGHT, i));
    }
    return new RowAssembler(schema, List.of(left, right), columns);
  }

  @Override
  public void step(KeyGroup group, Output out) {
    left.load(group, LEFT);
    right.load(group, RIGHT);
    if (!left.isEmpty()) {
      group.old(RIGHT, (row, weight) -> left.times(row, weight, (l, r, w) -> emit(l, r, w, out)));
      right.forEach((row, weight) -> left.times(row, weight, (l, r, w) -> emit(l, r, w, out)));
    }
    if (!right.isEmpty()) {
      group.old(LEFT, (row, weight) -> right.times(row, weight, (r, l, w) -> emit(l, r, w, out)));
    }
  }

  private void emit(Row l, Row r, long weight, Output out) {
    Row pair = pairs.assemble(l, r);
    if (residual == null) {
      out.add(pair, weight);
      return;
    }
    boolean keep;
    try {
      keep = residual.test(pair);
    } catch (EvaluationFailure failure) {
      out.fail(failure, weight);
      return;
    }
    if (keep) {
      out.add(pair, weight);
    }
  }

  /// The pair of two rows, if the residual condition is true for it.
  ///
  /// @throws EvaluationFailure where PostgreSQL would raise an error
  public @Nullable Row pair(Row l, Row r) {
    Row pair = pairs.assemble(l, r);
    return residual == null || residual.test(pair) ? pair : null;
  }
}
