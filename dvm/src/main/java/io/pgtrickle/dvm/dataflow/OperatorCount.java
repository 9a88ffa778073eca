package io.pgtrickle.dvm.dataflow;

/// What one operator did in a step.
///
/// @param operator its number, as in [Dataflow#explain]
/// @param label what it is
/// @param rowsIn distinct rows of its input deltas
/// @param rowsOut distinct rows of its output delta
public record OperatorCount(int operator, String label, long rowsIn, long rowsOut) {}
