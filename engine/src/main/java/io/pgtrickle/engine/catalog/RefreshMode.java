package io.pgtrickle.engine.catalog;

/// How a stream table asks to be refreshed.
public enum RefreshMode {
  /// Differentially where possible, otherwise by evaluating the whole query.
  AUTO,
  /// By changes only; refused where that is impossible.
  DIFFERENTIAL,
  /// By evaluating the whole query.
  FULL
}
