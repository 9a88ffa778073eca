package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.plan.Plan;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Questions about the shape of plans.
final class Plans {
  private Plans() {}

  static List<Plan> inputs(Plan plan) {
    return switch (plan) {
      case Plan.Scan _, Plan.Values _ -> List.of();
      case Plan.Filter filter -> List.of(filter.input());
      case Plan.Project project -> List.of(project.input());
      case Plan.Join join -> List.of(join.left(), join.right());
      case Plan.UnionAll union -> union.inputs();
      case Plan.Distinct distinct -> List.of(distinct.input());
      case Plan.Aggregate aggregate -> List.of(aggregate.input());
    };
  }

  /// The relations that a plan scans.
  static Set<Integer> relations(Plan plan) {
    Set<Integer> found = new LinkedHashSet<>();
    scans(plan).forEach(scan -> found.add(scan.relation()));
    return found;
  }

  static boolean joins(Plan plan) {
    return plan instanceof Plan.Join || inputs(plan).stream().anyMatch(Plans::joins);
  }

  static Set<Plan.Scan> scans(Plan plan) {
    Set<Plan.Scan> found = new LinkedHashSet<>();
    if (plan instanceof Plan.Scan scan) {
      found.add(scan);
    }
    inputs(plan).forEach(input -> found.addAll(scans(input)));
    return found;
  }
}
