package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/// What an expression says, wherever it was written: two that say the same are one to PostgreSQL,
/// in GROUP BY for instance.
final class Likeness {
  private static final Set<String> PLACES = Set.of("location", "stmt_location", "stmt_len");

  private Likeness() {}

  /// A word for an expression, which others that say the same have too.
  static String of(NodeTree tree) {
    StringBuilder text = new StringBuilder();
    write(tree, text);
    return text.toString();
  }

  private static void write(NodeTree tree, StringBuilder text) {
    switch (tree) {
      case Node node -> {
        text.append('{').append(NodeForm.tag(node));
        node.fields()
            .forEach(
                (field, value) -> {
                  if (!PLACES.contains(field)) {
                    text.append(" :").append(field).append(' ');
                    write(value, text);
                  }
                });
        text.append('}');
      }
      case Items(List<NodeTree> elements) -> {
        text.append('(');
        for (NodeTree element : elements) {
          write(element, text);
          text.append(' ');
        }
        text.append(')');
      }
      case NodeTree.Numbers _, NodeTree.Datum _, NodeTree.Token _, NodeTree.Absent _ ->
          text.append(tree);
    }
  }

  /// Hands on the subqueries in an expression that are its own, and not those of other subqueries.
  static void forEachSubquery(NodeTree tree, Consumer<Node> found) {
    if (tree instanceof Node node && NodeForm.tag(node).equals("SUBLINK")) {
      found.accept(node);
    } else {
      tree.children().forEach(child -> forEachSubquery(child, found));
    }
  }
}
