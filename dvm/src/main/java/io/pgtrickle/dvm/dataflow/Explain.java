package io.pgtrickle.dvm.dataflow;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/// Writes the operators of one view as a tree.
final class Explain {
  private final SinkNode sink;
  private final long step;
  private final LongFunction<String> names;
  private final Map<Integer, SourceState> sources;

  /// @param names of views
  /// @param sources what the host keeps of relations
  Explain(SinkNode sink, long step, LongFunction<String> names, Map<Integer, SourceState> sources) {
    this.sink = sink;
    this.step = step;
    this.names = names;
    this.sources = sources;
  }

  private Optional<SourceState> source(Node node) {
    return node instanceof SourceNode source
        ? Optional.ofNullable(sources.get(source.scan().relation()))
        : Optional.empty();
  }

  private StateSize state(Node node) {
    return source(node).map(SourceState::size).orElseGet(node::stateSize);
  }

  private static String columns(SourceState source) {
    return source.columns().size() < source.of()
        ? "columns: %d of %d (%s)"
            .formatted(source.columns().size(), source.of(), String.join(", ", source.columns()))
        : "columns: all " + source.of();
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
    StateSize state = state(node);
    if (state.rows() > 0) {
      out.append("  state: ").append(state.rows()).append(" rows, ").append(state.bytes());
      out.append(" bytes");
    }
    source(node).ifPresent(source -> out.append("  ").append(columns(source)));
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

  /// A node that two others read is one node with two edges, unlike in the tree.
  String dot() {
    StringBuilder out = new StringBuilder("digraph ");
    out.append(quoteForDot(sink.view().name())).append(" {\n  rankdir=BT;\n  node [shape=box];\n");
    dot(sink, new HashSet<>(), out);
    return out.append("}\n").toString();
  }

  private void dot(Node node, Set<Node> seen, StringBuilder out) {
    if (!seen.add(node)) {
      return;
    }
    List<String> lines = new ArrayList<>();
    lines.add("#" + node.number() + " " + node.label());
    StateSize state = state(node);
    source(node).map(Explain::columns).ifPresent(lines::add);
    if (state.rows() > 0) {
      lines.add(state.rows() + " rows, " + state.bytes() + " bytes");
    }
    if (node.ranIn(step)) {
      lines.add("last step: " + node.rowsIn() + " in, " + node.rowsOut() + " out");
    }
    List<String> sharers = sharers(node);
    if (!sharers.isEmpty()) {
      lines.add("shared with: " + String.join(", ", sharers));
    }
    String label = quoteForDot(String.join("\n", lines));
    out.append("  n").append(node.number()).append(" [label=").append(label).append("];\n");
    for (Node input : node.inputs()) {
      out.append("  n").append(input.number()).append(" -> n").append(node.number()).append(";\n");
      dot(input, seen, out);
    }
  }

  // Graphviz knows two escapes in a quoted string: the quote itself, and \n among others in a
  // label.
  private static String quoteForDot(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }

  String json() {
    return json(sink);
  }

  private String json(Node node) {
    StateSize state = state(node);
    boolean ran = node.ranIn(step);
    return "{\"operator\":%d,\"label\":%s,\"tier\":%s,\"state_rows\":%d,\"state_bytes\":%d%s,\"rows_in\":%d,\"rows_out\":%d,\"shared_with\":[%s],\"inputs\":[%s]}"
        .formatted(
            node.number(),
            quote(node.label()),
            quote(node.tier()),
            state.rows(),
            state.bytes(),
            source(node)
                .map(source -> ",\"columns\":[" + quoted(source.columns()) + "]")
                .orElse(""),
            ran ? node.rowsIn() : 0,
            ran ? node.rowsOut() : 0,
            quoted(sharers(node)),
            node.inputs().stream().map(this::json).collect(Collectors.joining(",")));
  }

  private static String quoted(List<String> texts) {
    return texts.stream().map(Explain::quote).collect(Collectors.joining(","));
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
