package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import java.util.Set;

/// An operator failed in a way that is not data; the dataflow is as it was before the step.
///
/// The host drops the views named here and runs the same step again. The cause is a
/// [io.pgtrickle.dvm.TrickleException.StateDamaged] when the input cannot belong to the state.
public final class StepFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  // Not worth a serializable copy: it never leaves the process.
  private final transient Set<Long> views;

  private final boolean tooLarge;

  /// A step would have yielded more than there is memory for.
  StepFailed(Set<Long> views, StateDamaged reason) {
    super(reason.getMessage(), reason);
    this.views = Set.copyOf(views);
    tooLarge = true;
  }

  StepFailed(String operator, Set<Long> views, Throwable cause) {
    super("operator " + operator + " failed for views " + views + ": " + reason(cause), cause);
    this.views = Set.copyOf(views);
    tooLarge = false;
  }

  private static String reason(Throwable cause) {
    return cause instanceof StackOverflowError
        ? "its expressions are nested too deeply"
        : String.valueOf(cause.getMessage());
  }

  /// Whether nothing is wrong but that there is no memory for so much at once. The same rows, fed
  /// in
  /// pieces, may be taken.
  public boolean isTooLarge() {
    return tooLarge;
  }

  /// The views whose state the operator is part of, and those defined over them.
  public Set<Long> views() {
    return views;
  }
}
