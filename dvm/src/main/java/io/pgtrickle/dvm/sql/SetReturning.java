package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// Finds the set-returning functions of expressions.
final class SetReturning {
  private SetReturning() {}

  static boolean isCall(Node node) {
    return NodeForm.tag(node).equals("FUNCEXPR") && NodeForm.glance(node).flag("funcretset");
  }

  /// Whether it is a field of a row that a call returns.
  static boolean isField(Node node) {
    return NodeForm.tag(node).equals("FIELDSELECT")
        && NodeForm.glance(node).value("arg") instanceof Node row
        && isCall(row);
  }

  /// Whether one of this query is inside; one in a subquery is that one's own.
  static boolean isInside(NodeTree tree) {
    return !byDepth(List.of(tree)).isEmpty();
  }

  /// The calls in some expressions by how many calls are nested in them, the innermost first. The
  /// server evaluates those of one depth in step with each other.
  static SortedMap<Integer, List<Node>> byDepth(List<? extends NodeTree> expressions) {
    SortedMap<Integer, List<Node>> calls = new TreeMap<>();
    expressions.forEach(expression -> depth(expression, calls));
    return calls;
  }

  private static int depth(NodeTree tree, SortedMap<Integer, List<Node>> calls) {
    if (tree instanceof Node node && node.tag().equals("QUERY")) {
      return 0;
    }
    int inside = tree.children().mapToInt(child -> depth(child, calls)).max().orElse(0);
    if (tree instanceof Node node && isCall(node)) {
      calls.computeIfAbsent(inside + 1, _ -> new ArrayList<>()).add(node);
      return inside + 1;
    }
    return inside;
  }
}
