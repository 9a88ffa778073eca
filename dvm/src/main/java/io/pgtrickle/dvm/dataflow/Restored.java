package io.pgtrickle.dvm.dataflow;

import java.util.Map;
import java.util.Set;

/// What became of the views that were to be restored from a checkpoint.
///
/// @param views restored: as if they had never been away
/// @param refused not restored, and not in the dataflow: to be built anew
public record Restored(Set<Long> views, Map<Long, Refusal> refused) {
  public Restored {
    views = Set.copyOf(views);
    refused = Map.copyOf(refused);
  }

  /// Why a view was not restored.
  public sealed interface Refusal {
    /// The checkpoint does not have it.
    record NotSaved() implements Refusal {}

    /// What was saved was computed by another plan or under other settings.
    record PlanChanged() implements Refusal {}

    /// Its state is missing or damaged.
    record Damaged(String message) implements Refusal {}

    /// A view that it reads was refused, and will not come to the same contents by the same deltas.
    record Upstream(long view) implements Refusal {}
  }
}
