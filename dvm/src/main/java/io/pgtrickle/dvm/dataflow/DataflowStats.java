package io.pgtrickle.dvm.dataflow;

import java.util.Map;

/// How much state a dataflow keeps.
///
/// @param total everything, counted once
/// @param operators how many operators and arrangements there are
/// @param views by view id: the state the view depends on; what views share counts for each of them
public record DataflowStats(StateSize total, int operators, Map<Long, StateSize> views) {
  public DataflowStats {
    views = Map.copyOf(views);
  }
}
