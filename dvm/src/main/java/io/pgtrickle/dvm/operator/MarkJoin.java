package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Maintains each row of the left input with a mark: whether the right input has a row of its key.
///
///     M(L, R)[k] = L[k] × {R[k] ≠ ∅}
///
/// With m and m′ for the mark of a key before and after the epoch,
///
///     ΔM[k] = ΔL[k] × m′,                              when m = m′
///     ΔM[k] = (L[k] + ΔL[k]) × m′ − L[k] × m           otherwise
///
/// so a change of the right side costs nothing but a look, unless the first row of a key comes or
/// the last one goes; then all left rows of the key change, which they do in the result. The right
/// input is arranged without rows whose key has a NULL, so the mark of such a key is false.
public final class MarkJoin implements KeyedOperator {
  private static final int LEFT = 0;
  private static final int RIGHT = 1;

  private final RowAssembler marked;

  /// @param schema left's columns and the mark
  public MarkJoin(Schema left, Schema schema) {
    List<RowAssembler.Source> columns = new ArrayList<>();
    for (int i = 0; i < left.size(); i++) {
      columns.add(new RowAssembler.Copied(0, i));
    }
    columns.add(new RowAssembler.Computed(0));
    marked = new RowAssembler(schema, List.of(left), columns);
  }

  @Override
  public void step(KeyGroup group, Output out) {
    boolean before = group.hadRows(RIGHT);
    boolean after = group.hasRows(RIGHT);
    if (before != after) {
      group.old(
          LEFT,
          (row, weight) -> {
            out.add(marked(row, before), -weight);
            out.add(marked(row, after), weight);
          });
    }
    group.delta(LEFT, (row, weight) -> out.add(marked(row, after), weight));
  }

  /// A row of the left side with its mark.
  public Row marked(Row row, boolean mark) {
    marked.set(0, mark);
    return marked.assemble(row);
  }
}
