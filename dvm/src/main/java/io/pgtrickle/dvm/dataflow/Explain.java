package io.pgtrickle.dvm.dataflow;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/// Writes the operators of one view as a tree.
final class Explain {
  private final SinkNode sink;
  private final long step;
  private final LongFunction<String> names;

  Explain(SinkNode sink, long step, LongFunction<String> names) {
    this.sink = sink;
    this.step = step;
    this.names = names;
  }

  String text() {
    StringBuilder out = new StringBuilder();
    text(sink, 0, new HashSet<>(), out);
    return out.toString();
  }

  private void text(Node node, int depth, Set<Node> seen, StringBuilder out) {
    out.repeat("  ", depth).append('#').append(node.number()).append(' ').append(node.label());
    if (!seen.add(node)) {
      out.append("  (above)\n");
      return;
    }
    StateSize state = node.stateSize();
    if (state.rows() > 0) {
      out.append("  state: ").append(state.rows()).append(" rows, ").append(state.bytes());
      out.append(" bytes");
    }
    if (node.ranIn(step)) {
      out.append("  last step: ").append(node.rowsIn()).append(" in, ").append(node.rowsOut());
      out.append(" out");
    }
    List<String> sharers = sharers(node);
    if (!sharers.isEmpty()) {
      out.append("  shared with: ").append(String.join(", ", sharers));
    }
    out.append('\n');
    node.inputs().forEach(input -> text(input, depth + 1, seen, out));
  }

  private List<String> sharers(Node node) {
    return node.views().stream()
        .filter(view -> view != sink.view().id())
        .map(names::apply)
        .toList();
  }

  String json() {
    return json(sink);
  }

  private String json(Node node) {
    StateSize state = node.stateSize();
    boolean ran = node.ranIn(step);
    return "{\"operator\":%d,\"label\":%s,\"state_rows\":%d,\"state_bytes\":%d,\"rows_in\":%d,\"rows_out\":%d,\"shared_with\":[%s],\"inputs\":[%s]}"
        .formatted(
            node.number(),
            quote(node.label()),
            state.rows(),
            state.bytes(),
            ran ? node.rowsIn() : 0,
            ran ? node.rowsOut() : 0,
            sharers(node).stream().map(Explain::quote).collect(Collectors.joining(",")),
            node.inputs().stream().map(this::json).collect(Collectors.joining(",")));
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append("\\u%04x".formatted((int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }
}
