package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Joins changes with the rows of an arrangement under equal keys, as it was before the epoch or is
/// with it, whichever the host shows: ΔL ⋈ R. Changes of R are none of its business.
///
/// One such look-up after another makes a path of a join of many inputs.
public final class LookupJoin implements KeyedOperator {
  private static final int CHANGES = 0;
  private static final int ROWS = 1;

  private final RowAssembler pairs;
  private final @Nullable RowPredicate condition;
  private final @Nullable RowAssembler narrowed;
  private final KeyDelta changes = new KeyDelta();

  /// @param pair what a pair of a change and a row is made into
  /// @param columns of the change (input 0) and the row (input 1), that the pair has
  /// @param condition over the pair, if any
  /// @param kept the columns of the pair that are passed on; `null` for all
  /// @param schema what is passed on
  public LookupJoin(
      Schema changes,
      Schema rows,
      Schema pair,
      List<RowAssembler.Source> columns,
      @Nullable RowPredicate condition,
      @Nullable List<Integer> kept,
      Schema schema) {
    pairs = new RowAssembler(pair, List.of(changes, rows), columns);
    this.condition = condition;
    narrowed =
        kept == null
            ? null
            : new RowAssembler(
                schema,
                List.of(pair),
                kept.stream()
                    .<RowAssembler.Source>map(column -> new RowAssembler.Copied(0, column))
                    .toList());
  }

  @Override
  public void step(KeyGroup group, Output out) {
    changes.load(group, CHANGES);
    if (!changes.isEmpty()) {
      group.old(ROWS, (row, weight) -> changes.times(row, weight, (l, r, w) -> emit(l, r, w, out)));
    }
  }

  private void emit(Row change, Row row, long weight, Output out) {
    @Nullable Row pair;
    try {
      pair = pair(change, row);
    } catch (EvaluationFailure failure) {
      out.fail(failure, weight);
      return;
    }
    if (pair != null) {
      out.add(pair, weight);
    }
  }

  /// What is passed on of a pair; `null` if the condition is not true for it.
  ///
  /// @throws EvaluationFailure where PostgreSQL would raise an error
  public @Nullable Row pair(Row change, Row row) {
    Row pair = pairs.assemble(change, row);
    if (condition != null && !condition.test(pair)) {
      return null;
    }
    return narrowed == null ? pair : narrowed.assemble(pair);
  }
}
