package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The outline of an analyzed tree; views stay names.
final class TreeOutline {
  private final Facts facts;
  private final Outline.Builder outline = new Outline.Builder();
  private final Set<String> aggregates = new TreeSet<>();

  private TreeOutline(Facts facts) {
    this.facts = facts;
  }

  static TreeOutline of(Node query, Facts facts) {
    TreeOutline reader = new TreeOutline(facts);
    reader.query(query);
    return reader;
  }

  Outline outline() {
    return outline.build();
  }

  /// The names of the aggregates.
  Set<String> aggregates() {
    return aggregates;
  }

  private void query(Node query) {
    NodeForm form = NodeForm.glance(query);
    for (Node table : form.nodes("cteList")) {
      query(NodeForm.glance(table).node("ctequery"));
    }
    boolean setOperation = !form.isAbsent("setOperations");
    List<Node> rangeTable = form.nodes("rtable");
    if (setOperation) {
      operation(form.node("setOperations"), rangeTable);
      return;
    }
    from(form.node("jointree"), rangeTable);
    if (isValuesOnly(form, rangeTable)) {
      return;
    }
    outline.selects++;
    if (!form.nodes("distinctClause").isEmpty()) {
      outline.distincts++;
    }
    List<Node> groups = form.nodes("groupClause");
    // The texts of grouping sets are read in several ways.
    if (!groups.isEmpty() && form.nodes("groupingSets").isEmpty()) {
      outline.groups.add(groups.size());
    }
    for (Node node : form.nodes("targetList")) {
      TargetEntry target = TargetEntry.of(node);
      // What is only grouped by stands in GROUP BY, which is not looked into.
      if (!target.junk()) {
        expressions(target.expression(), rangeTable);
      }
    }
    expressions(form.value("havingQual"), rangeTable);
  }

  /// `VALUES …` as a query of its own is printed without a SELECT.
  private static boolean isValuesOnly(NodeForm form, List<Node> rangeTable) {
    List<Node> from = NodeForm.glance(form.node("jointree")).nodes("fromlist");
    if (from.size() != 1 || !from.getFirst().tag().equals("RANGETBLREF")) {
      return false;
    }
    int entry = NodeForm.glance(from.getFirst()).integer("rtindex");
    NodeForm only = NodeForm.glance(rangeTable.get(entry - 1));
    return only.integer("rtekind") == 5;
  }

  /// Counts aggregates and reads subqueries.
  ///
  /// @param rangeTable may have a member of the group list that a variable stands for
  private void expressions(NodeTree tree, List<Node> rangeTable) {
    if (tree instanceof Node node && node.tag().equals("VAR")) {
      grouped(Variable.of(node), rangeTable).ifPresent(member -> expressions(member, rangeTable));
    }
    if (tree instanceof Node node && node.tag().equals("AGGREF")) {
      aggregate(NodeForm.glance(node).oid("aggfnoid"));
    }
    if (tree instanceof Node node && node.tag().equals("WINDOWFUNC")) {
      outline.windows++;
      if (NodeForm.glance(node).flag("winagg")) {
        aggregate(NodeForm.glance(node).oid("winfnoid"));
      }
    }
    if (tree instanceof Node node && node.tag().equals("QUERY")) {
      query(node);
    } else {
      tree.children().forEach(child -> expressions(child, rangeTable));
    }
  }

  private void aggregate(int oid) {
    outline.aggregates++;
    facts.function(oid).ifPresent(function -> aggregates.add(function.name()));
  }

  private void operation(Node node, List<Node> rangeTable) {
    NodeForm form = NodeForm.glance(node);
    if (form.tag().equals("RANGETBLREF")) {
      entry(form.integer("rtindex"), rangeTable);
    } else {
      String operation =
          switch (form.integer("op")) {
            case 2 -> "INTERSECT";
            case 3 -> "EXCEPT";
            default -> "UNION";
          };
      outline.unions.add(form.flag("all") ? operation + " ALL" : operation);
      operation(form.node("larg"), rangeTable);
      operation(form.node("rarg"), rangeTable);
    }
  }

  private void from(Node item, List<Node> rangeTable) {
    NodeForm form = NodeForm.glance(item);
    switch (form.tag()) {
      case "RANGETBLREF" -> entry(form.integer("rtindex"), rangeTable);
      case "FROMEXPR" -> {
        form.nodes("fromlist").forEach(each -> from(each, rangeTable));
        expressions(form.value("quals"), rangeTable);
      }
      default -> {
        switch (form.integer("jointype")) {
          case 1 -> outline.joins.add("LEFT");
          case 2 -> outline.joins.add("FULL");
          case 3 -> outline.joins.add("RIGHT");
          default -> {}
        }
        from(form.node("larg"), rangeTable);
        from(form.node("rarg"), rangeTable);
        expressions(form.value("quals"), rangeTable);
      }
    }
  }

  private static Optional<Node> grouped(Variable variable, List<Node> rangeTable) {
    if (variable.levelsUp() > 0 || variable.entry() < 1 || variable.entry() > rangeTable.size()) {
      return Optional.empty();
    }
    NodeForm entry = NodeForm.glance(rangeTable.get(variable.entry() - 1));
    return entry.integer("rtekind") == 9
        ? Optional.of(entry.nodes("groupexprs").get(variable.attribute() - 1))
        : Optional.empty();
  }

  private void entry(int index, List<Node> rangeTable) {
    NodeForm form = NodeForm.glance(rangeTable.get(index - 1));
    switch (form.integer("rtekind")) {
      case 0 -> {
        Optional<RelationShape> shape = facts.relation(form.oid("relid"));
        outline.tables.add(shape.map(known -> known.schema() + "." + known.name()).orElse("?"));
      }
      case 1 -> query(form.node("subquery"));
      case 6 -> outline.tables.add(form.text("ctename"));
      default -> {}
    }
  }
}
