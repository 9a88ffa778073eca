package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeOrder;
import org.jspecify.annotations.Nullable;

/// Whether a value is before or behind the edge of a frame, in the order of the partition. The edge
/// of a row whose value is NULL is NULL.
///
/// @param type of values and edges
public record RangeOrder(SqlType type, boolean descending, boolean nullsFirst)
    implements WindowFrame.RangeOffset {
  @Override
  public boolean isBefore(@Nullable Object value, @Nullable Object edge) {
    if (value == null || edge == null) {
      return nullsFirst ? value == null && edge != null : value != null && edge == null;
    }
    int order = TypeOrder.compare(type, value, edge);
    return descending ? order > 0 : order < 0;
  }

  @Override
  public boolean isAfter(@Nullable Object value, @Nullable Object edge) {
    if (value == null || edge == null) {
      return nullsFirst ? value != null && edge == null : value == null && edge != null;
    }
    int order = TypeOrder.compare(type, value, edge);
    return descending ? order < 0 : order > 0;
  }
}
