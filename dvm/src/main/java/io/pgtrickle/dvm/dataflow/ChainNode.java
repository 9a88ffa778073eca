package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.operator.Stage;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.util.List;

/// A chain of filters and projections.
final class ChainNode extends Node {
  private final Stage chain;
  private final String label;

  ChainNode(Object key, Schema schema, Node input, Stage chain, String label) {
    super(key, schema, List.of(input));
    this.chain = chain;
    this.label = label;
  }

  @Override
  String label() {
    return label;
  }

  @Override
  void run(Output out) {
    ZSet delta = input(0).output();
    for (int i = 0; i < delta.size(); i++) {
      chain.apply(delta.row(i), delta.weight(i), out);
    }
  }
}
