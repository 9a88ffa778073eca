package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;

/// How a query can be maintained.
///
/// @param sources the OIDs of the relations whose changes change the result; views are replaced by
///     what they read
/// @param settings what its expressions depend on besides rows
/// @param notices what its author should know
public record Verdict(
    Outcome outcome,
    SortedSet<Integer> sources,
    EvaluationSettings settings,
    List<String> notices) {
  /// The reason code of a query that is evaluated as a whole because all are.
  public static final String FORCED = "force_full_refresh";

  public Verdict {
    notices = List.copyOf(notices);
  }

  /// Differential or full.
  public sealed interface Outcome {}

  /// Changes of the sources are turned into changes of the result.
  ///
  /// @param bound the plan that says what the tree says; what [RoundTrip] proves
  /// @param plan the plan that runs
  /// @param rowKey columns that identify a row, NULLs counting as equal; none when there is at
  ///     most one row; empty when rows are identified by all their values
  public record Differential(Plan bound, Plan plan, Optional<List<Integer>> rowKey)
      implements Outcome {
    public Differential {
      rowKey = rowKey.map(List::copyOf);
    }
  }

  /// The query is evaluated anew and the difference is applied.
  ///
  /// @param reasonCode why, for programs
  /// @param reasonDetail why, for people
  /// @param construct what stands in the way, as the author would name it; empty when it is not one
  ///     construct
  /// @param position where it stands in the query's text, from 1; 0 when that is not known
  public record Full(String reasonCode, String reasonDetail, String construct, int position)
      implements Outcome {}

  /// The plan, where there is one.
  public Optional<Differential> differential() {
    return outcome instanceof Differential differential
        ? Optional.of(differential)
        : Optional.empty();
  }

  /// Whether it would be differential, were it not for a setting.
  public boolean isForced() {
    return outcome instanceof Full full && full.reasonCode().equals(FORCED);
  }

  /// The same verdict after its proof failed or the query was otherwise found unfit.
  public Verdict butFull(String reasonCode, String reasonDetail) {
    return new Verdict(new Full(reasonCode, reasonDetail, "", 0), sources, settings, notices);
  }
}
