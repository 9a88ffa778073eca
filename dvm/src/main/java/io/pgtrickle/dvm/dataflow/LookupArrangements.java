package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The arrangements that a joining view has only so that [PointLookup] finds its rows: of relations
/// by their primary keys, of sides of joins and parts of unions by what is shown of them.
///
/// They are as few as make every row found; failing that, every row that shows no NULL, so that the
/// rows that an outer join keeps without a partner may be missed; none when even all do not help.
/// Only what the view itself uses counts: arrangements of others may go at any time.
final class LookupArrangements {
  private final Plan plan;
  private final PlanCompiler compiler;
  private final List<Candidate> candidates;

  private record Candidate(Plan input, List<Expr> keys, boolean dropNulls) {
    private ArrangeNode arrange(PlanCompiler compiler) {
      return compiler.arrange(input, keys, dropNulls);
    }
  }

  /// @param compiler has compiled the plan
  LookupArrangements(Plan plan, PlanCompiler compiler) {
    this.plan = plan;
    this.compiler = compiler;
    this.candidates = candidates(plan);
  }

  private static List<Candidate> candidates(Plan plan) {
    List<Candidate> candidates = new ArrayList<>();
    if (!plan.joins() || !PointLookup.supports(plan)) {
      return candidates;
    }
    addScans(plan, candidates);
    for (ShownColumns.Side side : ShownColumns.of(plan)) {
      candidates.add(new Candidate(side.input(), side.keys(), false));
    }
    return candidates.stream().distinct().toList();
  }

  // Rows of a relation with the columns that are read of them, by its key.
  private static void addScans(Plan plan, List<Candidate> candidates) {
    List<Integer> key = PointLookup.primaryKey(plan);
    if (!key.isEmpty()) {
      List<Expr> columns = PlanCompiler.columns(plan.schema());
      candidates.add(new Candidate(plan, key.stream().map(columns::get).toList(), true));
    } else if (!(plan instanceof Plan.Project project && project.input() instanceof Plan.Scan)) {
      plan.inputs().forEach(input -> addScans(input, candidates));
    }
  }

  /// Makes those that are needed.
  void choose() {
    fewest(true).or(() -> fewest(false)).ifPresent(chosen -> make(compiler, chosen));
  }

  /// Makes those that a checkpoint has.
  ///
  /// @param names of the nodes in the checkpoint
  void choose(Set<String> names) {
    PlanCompiler trial = compiler.trial(new HashMap<>());
    for (Candidate candidate : candidates) {
      if (names.contains(Identity.of(candidate.arrange(trial).key()))) {
        candidate.arrange(compiler);
      }
    }
  }

  private Optional<List<Candidate>> fewest(boolean nullable) {
    List<Candidate> chosen = new ArrayList<>();
    for (Candidate candidate : candidates) {
      if (suffices(chosen, nullable)) {
        break;
      }
      chosen.add(candidate);
    }
    if (!suffices(chosen, nullable)) {
      return Optional.empty();
    }
    for (int i = chosen.size() - 1; i >= 0; i--) {
      List<Candidate> others = new ArrayList<>(chosen);
      others.remove(i);
      if (suffices(others, nullable)) {
        chosen = others;
      }
    }
    return Optional.of(chosen);
  }

  private boolean suffices(List<Candidate> chosen, boolean nullable) {
    Map<Object, Node> nodes = new HashMap<>();
    PlanCompiler trial = compiler.trial(nodes);
    make(trial, chosen);
    return PointLookup.reachesRows(plan, trial, nodes, nullable);
  }

  private static void make(PlanCompiler compiler, List<Candidate> chosen) {
    chosen.forEach(each -> each.arrange(compiler));
  }
}
