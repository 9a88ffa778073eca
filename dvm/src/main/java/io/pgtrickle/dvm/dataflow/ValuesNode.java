package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Constant rows, said once.
final class ValuesNode extends Node {
  private static final Row NO_COLUMNS = new Schema(List.of()).pack();

  private final List<List<Evaluator>> rows;

  ValuesNode(Object key, Schema schema, List<List<Evaluator>> rows) {
    super(key, schema, List.of());
    this.rows = rows;
  }

  @Override
  String label() {
    return "Values";
  }

  @Override
  boolean speaksFirst() {
    return true;
  }

  @Override
  void run(Output out) {
    if (fresh()) {
      for (List<Evaluator> row : rows) {
        try {
          out.add(pack(row), 1);
        } catch (EvaluationFailure failure) {
          out.fail(failure, 1);
        }
      }
    }
  }

  private Row pack(List<Evaluator> row) {
    @Nullable Object[] values = new @Nullable Object[row.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = row.get(i).evaluate(NO_COLUMNS);
    }
    return schema().pack(values);
  }

  /// The rows that can be computed.
  void rows(Consumer<Row> action) {
    for (List<Evaluator> row : rows) {
      try {
        action.accept(pack(row));
      } catch (EvaluationFailure _) {
        // It is an error of the view, not a row.
      }
    }
  }
}
