package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.operator.Output;
import io.pgtrickle.dvm.plan.Plan;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A relation's delta: given by the host, or released by the view whose storage table it is.
final class SourceNode extends Node {
  private final Plan.Scan scan;

  /// Scans of one relation are one node, whatever it was called when they were bound.
  record Key(int relation) {}

  SourceNode(Plan.Scan scan) {
    super(new Key(scan.relation()), scan.schema(), List.of());
    this.scan = scan;
  }

  Plan.Scan scan() {
    return scan;
  }

  /// The arrangement that checks on behalf of all that nothing is deleted that was not there.
  @Nullable Node firstArrangement() {
    for (Node consumer : consumers()) {
      if (consumer instanceof ArrangeNode) {
        return consumer;
      }
    }
    return null;
  }

  @Override
  String label() {
    return "Scan " + scan.name();
  }

  @Override
  void run(Output out) {
    // The output was set before.
  }
}
