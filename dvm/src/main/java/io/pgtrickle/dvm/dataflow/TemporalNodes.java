package io.pgtrickle.dvm.dataflow;

import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/// The nodes of a dataflow that the time concerns.
final class TemporalNodes {
  private final Set<TemporalNode> nodes = new LinkedHashSet<>();

  void add(Node node) {
    if (node instanceof TemporalNode temporal) {
      nodes.add(temporal);
    }
  }

  void remove(Node node) {
    if (node instanceof TemporalNode temporal) {
      nodes.remove(temporal);
    }
  }

  void clear() {
    nodes.clear();
  }

  /// The next time at which one of them has something to say.
  Optional<Instant> nextChange() {
    return nodes.stream()
        .flatMap(node -> node.nextChange().stream())
        .min(Comparator.naturalOrder());
  }

  /// Tells all of them the time.
  ///
  /// @param due takes those that have something to say then
  void moveTo(Instant now, Consumer<Node> due) {
    for (TemporalNode node : nodes) {
      node.moveTo(now);
      if (node.nextChange().filter(change -> !change.isAfter(now)).isPresent()) {
        due.accept(node);
      }
    }
  }
}
