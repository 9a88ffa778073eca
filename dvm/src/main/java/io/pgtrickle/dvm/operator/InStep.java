package io.pgtrickle.dvm.operator;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The rows of functions of one column each, side by side: as many as the longest has, NULLs where
/// another has none left, and behind them their number from 1, for whoever reads it.
public final class InStep implements Unfold.Rows {
  private final List<List<@Nullable Object>> columns;
  private final int size;

  public InStep(List<List<@Nullable Object>> columns) {
    this.columns = List.copyOf(columns);
    size = columns.stream().mapToInt(List::size).max().orElse(0);
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public @Nullable Object value(int row, int column) {
    if (column == columns.size()) {
      return row + 1L;
    }
    List<@Nullable Object> values = columns.get(column);
    return row < values.size() ? values.get(row) : null;
  }
}
