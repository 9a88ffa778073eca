package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;

/// The key of a row: per part a tag that puts NULL where it belongs, and the type's key bytes,
/// complemented where the order is descending. No part's bytes start with those of another value,
/// so
/// complementing turns the order around.
public final class RowKey {
  private final Part[] parts;

  /// A part of a key.
  public record Part(Evaluator value, TypeCodec codec, boolean descending, boolean nullsFirst) {}

  public RowKey(List<Part> parts) {
    this.parts = parts.toArray(new Part[0]);
  }

  /// Replaces the sink's contents by the row's key.
  ///
  /// @return whether no part of it is NULL
  public boolean encode(Row row, ByteSink out) {
    out.clear();
    boolean complete = true;
    for (Part part : parts) {
      Object value = part.value.evaluate(row);
      if (value == null) {
        out.putByte(part.nullsFirst ? 0 : 2);
        complete = false;
      } else {
        out.putByte(1);
        int start = out.size();
        part.codec.appendKey(value, out);
        if (part.descending) {
          out.complement(start);
        }
      }
    }
    return complete;
  }
}
