package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;

/// The key of a row: per part a tag that puts NULL where it belongs, and the type's key bytes,
/// complemented where the order is descending. No part's bytes start with those of another value,
/// so
/// complementing turns the order around.
public final class RowKey {
  private final Part[] parts;

  /// A part of a key.
  ///
  /// @param codec makes the value's key
  public record Part(Value value, TypeCodec codec, boolean descending, boolean nullsFirst) {
    /// A part that is computed.
    public Part(Evaluator value, TypeCodec codec, boolean descending, boolean nullsFirst) {
      this(new Computed(value), codec, descending, nullsFirst);
    }
  }

  /// What a part is of.
  public sealed interface Value {}

  /// The value of an expression over the row.
  public record Computed(Evaluator expression) implements Value {}

  /// A column of the row, whose key is made of its bytes.
  public record Stored(Schema schema, int column) implements Value {}

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
      int start = out.size();
      out.putByte(1);
      if (append(part, row, out)) {
        if (part.descending) {
          out.complement(start + 1);
        }
      } else {
        out.setByte(start, part.nullsFirst ? 0 : 2);
        complete = false;
      }
    }
    return complete;
  }

  private static boolean append(Part part, Row row, ByteSink out) {
    return switch (part.value) {
      case Stored(Schema schema, int column) -> {
        boolean isNull = schema.isNull(row, column);
        if (!isNull) {
          schema.appendKey(row, column, out);
        }
        yield !isNull;
      }
      case Computed(Evaluator expression) -> {
        Object value = expression.evaluate(row);
        if (value != null) {
          part.codec.appendKey(value, out);
        }
        yield value != null;
      }
    };
  }
}
