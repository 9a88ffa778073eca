package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;

/// The bag union of its inputs: weights add.
///
///     Δ(A + B) = ΔA + ΔB
final class UnionNode extends Node {
  private final String label;

  UnionNode(Object key, Schema schema, String label, List<Node> inputs) {
    super(key, schema, inputs);
    this.label = label;
  }

  @Override
  String label() {
    return label;
  }

  @Override
  void run(Output out) {
    for (int i = 0; i < inputs().size(); i++) {
      delta(i).forEach(out::add);
    }
  }
}
