package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.Set;
import java.util.TreeSet;

/// Finds the whole rows that a query refers to.
///
/// The row of a side of an outer join that has no partner is NULL, which is another value than a
/// row
/// of NULLs: who refers to it has to know which of them it is.
final class WholeRows {
  private WholeRows() {}

  /// The entries of a query that are referred to as whole rows, in it or in subqueries, and that an
  /// outer join may have to do without.
  static Set<Integer> missing(Node query) {
    Set<Integer> optional = new TreeSet<>();
    join(NodeForm.glance(query).node("jointree"), false, optional);
    if (!optional.isEmpty()) {
      Set<Integer> referred = new TreeSet<>();
      query.children().forEach(child -> references(child, 0, referred));
      optional.retainAll(referred);
    }
    return optional;
  }

  private static void join(Node item, boolean optional, Set<Integer> found) {
    NodeForm form = NodeForm.glance(item);
    switch (form.tag()) {
      case "RANGETBLREF" -> {
        if (optional) {
          found.add(form.integer("rtindex"));
        }
      }
      case "FROMEXPR" -> form.nodes("fromlist").forEach(each -> join(each, optional, found));
      case "JOINEXPR" -> {
        // 1 keeps the left side, 3 the right one, 2 both.
        int kind = form.integer("jointype");
        join(form.node("larg"), optional || kind == 2 || kind == 3, found);
        join(form.node("rarg"), optional || kind == 1 || kind == 2, found);
      }
      default -> throw NodeForm.notUnderstood("node " + form.tag() + " in FROM");
    }
  }

  private static void references(NodeTree tree, int level, Set<Integer> found) {
    boolean inner = false;
    if (tree instanceof Node node) {
      inner = node.tag().equals("QUERY");
      if (node.tag().equals("VAR")) {
        NodeForm form = NodeForm.glance(node);
        if (form.integer("varattno") == 0 && form.integer("varlevelsup") == level) {
          found.add(form.integer("varno"));
        }
      }
    }
    int below = inner ? level + 1 : level;
    tree.children().forEach(child -> references(child, below, found));
  }
}
