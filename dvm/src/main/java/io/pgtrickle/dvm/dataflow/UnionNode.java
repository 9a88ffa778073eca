package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;

/// The bag union of its inputs: weights add.
///
///     Δ(A + B) = ΔA + ΔB
final class UnionNode extends Node {
  UnionNode(Object key, Schema schema, List<Node> inputs) {
    super(key, schema, inputs);
  }

  @Override
  String label() {
    return "UnionAll";
  }

  @Override
  void run(Output out) {
    for (int i = 0; i < inputs().size(); i++) {
      delta(i).forEach(out::add);
    }
  }
}
