package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinSides;
import io.pgtrickle.dvm.plan.rewrite.JoinSides.Wanted;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A stream table as the dataflow sees it.
///
/// @param id chosen by the host, unique in a dataflow
/// @param relation `pg_class.oid` of its storage table; scans of that relation read this view's
///     released
///     output
/// @param name for people
/// @param query what it contains
/// @param settings what its expressions depend on besides their row
/// @param widths the sides of joins that keep further columns because other views have them, with
///     those columns; see [Sharing]
/// @param plan the query with these sides, which is what runs
public record View(
    long id,
    int relation,
    String name,
    Plan query,
    EvaluationSettings settings,
    Map<Wanted, List<Integer>> widths,
    Plan plan) {
  public View {
    widths = Map.copyOf(widths);
  }

  /// A view that has its sides for itself.
  public View(long id, int relation, String name, Plan query, EvaluationSettings settings) {
    this(id, relation, name, query, settings, Map.of(), query);
  }

  /// The same with other sides.
  View with(Map<Wanted, List<Integer>> widths) {
    return new View(
        id,
        relation,
        name,
        query,
        settings,
        widths,
        JoinSides.widen(query, wanted -> Optional.ofNullable(widths.get(wanted))));
  }
}
