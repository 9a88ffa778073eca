package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Whether views can be added to others.
final class NewViews {
  private NewViews() {}

  /// @throws IllegalArgumentException when an id or relation is taken, or views would read in a
  ///     circle
  static void check(List<View> existing, List<View> added) {
    Map<Integer, Plan> plans = new HashMap<>();
    Set<Long> ids = new HashSet<>();
    for (View view : existing) {
      ids.add(view.id());
      plans.put(view.relation(), view.plan());
    }
    for (View view : added) {
      if (!ids.add(view.id())) {
        throw new IllegalArgumentException("view " + view.id() + " exists already");
      }
      if (plans.put(view.relation(), view.plan()) != null) {
        throw new IllegalArgumentException(
            "relation " + view.relation() + " is the storage of a view already");
      }
    }
    for (View view : added) {
      if (reachable(view.plan(), plans).contains(view.relation())) {
        throw new IllegalArgumentException("view " + view.name() + " would read itself");
      }
    }
  }

  private static Set<Integer> reachable(Plan plan, Map<Integer, Plan> plans) {
    Set<Integer> found = new LinkedHashSet<>();
    List<Plan> open = new ArrayList<>(List.of(plan));
    while (!open.isEmpty()) {
      for (Plan.Scan scan : open.removeLast().scans()) {
        int relation = scan.relation();
        Plan next = plans.get(relation);
        if (found.add(relation) && next != null) {
          open.add(next);
        }
      }
    }
    return found;
  }
}
