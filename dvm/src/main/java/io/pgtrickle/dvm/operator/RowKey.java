package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;

/// The key of a row: per expression a tag (1 value, 2 NULL) and the type's key bytes.
public final class RowKey {
  private final Evaluator[] evaluators;
  private final TypeCodec[] codecs;

  public RowKey(List<Evaluator> evaluators, List<TypeCodec> codecs) {
    if (evaluators.size() != codecs.size()) {
      throw new IllegalArgumentException(
          evaluators.size() + " expressions, " + codecs.size() + " codecs");
    }
    this.evaluators = evaluators.toArray(new Evaluator[0]);
    this.codecs = codecs.toArray(new TypeCodec[0]);
  }

  /// Replaces the sink's contents by the row's key.
  ///
  /// @return whether no part of it is NULL
  public boolean encode(Row row, ByteSink out) {
    out.clear();
    boolean complete = true;
    for (int i = 0; i < evaluators.length; i++) {
      Object value = evaluators[i].evaluate(row);
      if (value == null) {
        out.putByte(2);
        complete = false;
      } else {
        out.putByte(1);
        codecs[i].appendKey(value, out);
      }
    }
    return complete;
  }
}
