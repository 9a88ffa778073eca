package io.pgtrickle.dvm.dataflow;

import java.util.Set;

/// An operator failed in a way that is not data; the dataflow is as it was before the step.
///
/// The host drops the views named here and runs the same step again. The cause is a
/// [io.pgtrickle.dvm.TrickleException.StateDamaged] when the input cannot belong to the state.
public final class StepFailed extends RuntimeException {
  private static final long serialVersionUID = 1L;

  // Not worth a serializable copy: it never leaves the process.
  private final transient Set<Long> views;

  StepFailed(String operator, Set<Long> views, Throwable cause) {
    super("operator " + operator + " failed for views " + views + ": " + reason(cause), cause);
    this.views = Set.copyOf(views);
  }

  private static String reason(Throwable cause) {
    return cause instanceof StackOverflowError
        ? "its expressions are nested too deeply"
        : String.valueOf(cause.getMessage());
  }

  /// The views whose state the operator is part of, and those defined over them.
  public Set<Long> views() {
    return views;
  }
}
