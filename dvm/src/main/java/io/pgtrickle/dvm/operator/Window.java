package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Maintains window functions over one partitioning and order; the key of a row is its partition.
///
///     Δ W(A)[k] = W(A[k] + ΔA[k]) − W(A[k])
///
/// A multiset has the rows of a partition in order, rows that tie in an order of their own, so that
/// the results depend on the rows that are there and not on their history. A row of weight n takes
/// n places, each with results of its own.
///
/// The work is that of the partitions that change: each is read and computed as it was and as it
/// is, and what differs goes out.
public final class Window implements KeyedOperator {
  private static final int SORTED = 0;

  private final RowKey order;
  private final List<WindowFunction> functions;
  private final RowAssembler assembler;

  /// @param order what rows are sorted by
  /// @param output the columns of a row, then the results of the functions
  public Window(RowKey order, List<WindowFunction> functions, Schema input, Schema output) {
    this.order = order;
    this.functions = List.copyOf(functions);
    List<RowAssembler.Source> sources = new ArrayList<>();
    for (int i = 0; i < input.size(); i++) {
      sources.add(new RowAssembler.Copied(0, i));
    }
    for (int i = 0; i < functions.size(); i++) {
      sources.add(new RowAssembler.Computed(i));
    }
    assembler = new RowAssembler(output, List.of(input), sources);
  }

  @Override
  public void step(KeyGroup group, Output out) {
    WindowPartition before = new WindowPartition(order, group.oldSequence(SORTED));
    WindowPartition after = new WindowPartition(order, group.newSequence(SORTED));
    Map<Row, Long> change = new HashMap<>();
    collect(before, -1, change, out);
    collect(after, 1, change, out);
    change.forEach(
        (row, weight) -> {
          if (weight != 0) {
            out.add(row, weight);
          }
        });
  }

  // A row any of whose results fails is an error instead: the first one, in the order of functions.
  private void collect(WindowPartition partition, int weight, Map<Row, Long> change, Output out) {
    @Nullable Object[][] results = new @Nullable Object[functions.size()][partition.size()];
    for (int i = 0; i < results.length; i++) {
      functions.get(i).evaluate(partition, results[i]);
    }
    for (int place = 0; place < partition.size(); place++) {
      EvaluationFailure failed = null;
      for (int i = results.length - 1; i >= 0; i--) {
        if (results[i][place] instanceof EvaluationFailure failure) {
          failed = failure;
        } else {
          assembler.set(i, results[i][place]);
        }
      }
      if (failed == null) {
        change.merge(assembler.assemble(partition.row(place)), (long) weight, Math::addExact);
      } else {
        out.fail(failed, weight);
      }
    }
  }
}
