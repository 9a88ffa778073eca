package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.zset.Schema;
import java.util.List;

/// What changes among the rows of one iteration of a recursion: its [RecursionNode] says it.
final class WorkingNode extends Node {
  WorkingNode(Object key, Schema schema) {
    super(key, schema, List.of());
  }

  @Override
  String label() {
    return "Working table";
  }

  @Override
  boolean iterates() {
    return true;
  }

  @Override
  void run(Output out) {
    // The output was set before.
  }
}
