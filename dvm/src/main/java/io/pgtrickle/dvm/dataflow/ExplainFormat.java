package io.pgtrickle.dvm.dataflow;

/// How [Dataflow#explain] writes.
public enum ExplainFormat {
  /// An indented tree, inputs below their operator.
  TEXT,
  /// The same tree as nested objects.
  JSON,
  /// A graph for Graphviz, edges in the direction in which rows flow.
  DOT
}
