package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.Fingerprint.Output;
import io.pgtrickle.dvm.sql.NodeTree.Items;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/// Rows as values in a [Fingerprint]: a reference to a whole row, a constructor, and the subquery
/// by
/// which a row without a type gets names for its fields, or by which a row becomes NULL:
///
///     (SELECT (w.*)::record FROM (SELECT x AS a, y AS b) AS w WHERE p)
///     (SELECT ROW(x, y)::t WHERE p)
///
/// All of them are a type, what the fields are called where the type does not say it, the fields,
/// and when there is a row.
///
/// @param constructor the row itself
/// @param fields those of a row without a type that is named by a subquery; else empty
record RowText(
    Node constructor, List<NodeTree> names, List<Node> fields, Optional<Node> condition) {
  RowText {
    names = List.copyOf(names);
    fields = List.copyOf(fields);
  }

  private static final List<String> CLAUSES =
      List.of(
          "cteList",
          "groupClause",
          "groupingSets",
          "havingQual",
          "windowClause",
          "distinctClause",
          "sortClause",
          "limitOffset",
          "limitCount",
          "setOperations");

  /// The row that a subquery in an expression constructs, if that is all it does, as seen from
  /// around it.
  static Optional<RowText> of(NodeForm link) {
    if (!link.tag().equals("SUBLINK") || link.integer("subLinkType") != 4) {
      return Optional.empty();
    }
    Node query = link.node("subselect");
    NodeForm form = NodeForm.glance(query);
    List<Node> targets = form.nodes("targetList");
    if (!isPlain(form) || targets.size() != 1) {
      return Optional.empty();
    }
    NodeForm from = NodeForm.glance(form.node("jointree"));
    Optional<Node> condition =
        from.isAbsent("quals")
            ? Optional.empty()
            : Optional.of((Node) outside(from.node("quals"), 1, 0));
    Node row = TargetEntry.of(targets.getFirst()).expression();
    if (NodeForm.tag(row).equals("ROW") && from.nodes("fromlist").isEmpty()) {
      return Optional.of(new RowText((Node) outside(row, 1, 0), List.of(), List.of(), condition));
    }
    return isWholeRow(row) ? named(form, from, row, condition) : Optional.empty();
  }

  private static Optional<RowText> named(
      NodeForm form, NodeForm from, Node row, Optional<Node> condition) {
    List<Node> rangeTable = form.nodes("rtable");
    boolean alone =
        rangeTable.size() == 1
            && from.nodes("fromlist").size() == 1
            && from.nodes("fromlist").getFirst().tag().equals("RANGETBLREF")
            && Variable.of(row).levelsUp() == 0
            && Variable.of(row).type().oid() == FunctionBinder.RECORD;
    NodeForm entry = alone ? NodeForm.glance(rangeTable.getFirst()) : form;
    if (!alone || entry.integer("rtekind") != 1) {
      return Optional.empty();
    }
    NodeForm inner = NodeForm.glance(entry.node("subquery"));
    NodeForm nothing = NodeForm.glance(inner.node("jointree"));
    if (!isPlain(inner) || !nothing.nodes("fromlist").isEmpty() || !nothing.isAbsent("quals")) {
      return Optional.empty();
    }
    List<Node> fields = new ArrayList<>();
    for (Node target : inner.nodes("targetList")) {
      fields.add((Node) outside(TargetEntry.of(target).expression(), 2, 0));
    }
    List<NodeTree> names = NodeForm.glance(entry.node("eref")).items("colnames");
    return Optional.of(new RowText(row, names, fields, condition));
  }

  private static boolean isPlain(NodeForm query) {
    return CLAUSES.stream().allMatch(query::isAbsent)
        && !query.flag("hasAggs")
        && !query.flag("hasTargetSRFs");
  }

  private static boolean isWholeRow(Node node) {
    return node.tag().equals("VAR") && Variable.of(node).isWholeRow();
  }

  /// An expression as it would stand some levels further out.
  private static NodeTree outside(NodeTree tree, int by, int level) {
    return switch (tree) {
      case Node node -> {
        int inside = node.tag().equals("QUERY") ? level + 1 : level;
        SequencedMap<String, NodeTree> fields = new LinkedHashMap<>();
        node.fields().forEach((name, value) -> fields.put(name, outside(value, by, inside)));
        if (node.tag().equals("VAR")) {
          int up = NodeForm.glance(node).integer("varlevelsup");
          fields.put("varlevelsup", new Token(String.valueOf(up > level ? up - by : up)));
        }
        yield new Node(node.tag(), fields);
      }
      case Items(List<NodeTree> elements) ->
          new Items(elements.stream().map(each -> outside(each, by, level)).toList());
      case NodeTree.Numbers _, NodeTree.Datum _, Token _, NodeTree.Absent _ -> tree;
    };
  }

  /// `row IS NULL` as the tests of its fields; another node as it is.
  static Node perField(Node node, FingerprintText.Names names) {
    if (!node.tag().equals("NULLTEST") || !NodeForm.glance(node).flag("argisrow")) {
      return node;
    }
    Node row = NodeForm.glance(node).node("arg");
    List<Node> fields = new ArrayList<>();
    if (isWholeRow(row)) {
      for (int attribute : names.attributes(Variable.of(row))) {
        fields.add(row.with("varattno", new Token(String.valueOf(attribute))));
      }
    } else if (NodeForm.tag(row).equals("ROW")) {
      fields.addAll(NodeForm.glance(row).nodes("args"));
    }
    List<NodeTree> tests = new ArrayList<>();
    for (Node field : fields) {
      tests.add(node.with("arg", field).with("argisrow", new Token("false")));
    }
    if (tests.size() < 2) {
      return tests.isEmpty() ? node : (Node) tests.getFirst();
    }
    return new Node(
        "BOOLEXPR",
        new LinkedHashMap<>(Map.of("boolop", new Token("and"), "args", new Items(tests))));
  }

  /// @param conditions when there is a row; always, where they are all true
  static Output row(int type, List<NodeTree> names, List<String> fields, List<String> conditions) {
    List<String> present =
        conditions.stream().filter(each -> !each.equals(FingerprintText.TRUE)).toList();
    String called = "";
    if (type == FunctionBinder.RECORD) {
      called =
          names.stream()
              .map(name -> name instanceof Token(String text) ? text : "?")
              .toList()
              .toString();
    }
    return new Output(
        "row of type " + type + " " + called + " " + fields + " where " + present, type, 0);
  }
}
