package io.pgtrickle.dvm.dataflow;

import java.util.List;

/// What a host keeps of a relation whose changes it tells.
///
/// @param columns the names of those that are kept
/// @param of how many columns there are
public record SourceState(StateSize size, List<String> columns, int of) {
  public SourceState {
    columns = List.copyOf(columns);
  }
}
