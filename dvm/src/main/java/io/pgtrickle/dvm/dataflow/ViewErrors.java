package io.pgtrickle.dvm.dataflow;

/// The rows that a view's query fails on; none once it has healed.
///
/// @param rows how many failures there are, counted with multiplicity at every operator that met
///     one
/// @param sqlState of a sample, the first in order; empty when there is none
/// @param message of the sample
public record ViewErrors(long rows, String sqlState, String message) {
  /// No row fails.
  public static final ViewErrors NONE = new ViewErrors(0, "", "");

  /// Whether no row fails (any more).
  public boolean healed() {
    return rows == 0;
  }
}
