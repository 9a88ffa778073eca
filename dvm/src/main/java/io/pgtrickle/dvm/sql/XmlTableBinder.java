package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.sql.NodeTree.Token;
import io.pgtrickle.dvm.zset.Column;
import java.util.List;
import java.util.function.Function;

/// Translates `XMLTABLE(…)`: a TABLEFUNC node. Only the server understands it; it is called with
/// the document and all that paths, names and defaults are made of.
final class XmlTableBinder {
  private static final int XML = 142;

  private final Function<Node, Expr> operands;
  private final Pieces pieces;

  /// @param operands binds an operand
  XmlTableBinder(Facts facts, Function<Node, Expr> operands) {
    this.operands = operands;
    this.pieces = new Pieces(facts);
  }

  SetCall bind(NodeForm form) {
    if (form.has("functype")) {
      form.expect("functype", "0", "query_not_understood", "a table function of another kind");
      form.neutral("colvalexprs");
      form.neutral("passingvalexprs");
      form.neutral("plan");
    }
    pieces.write("XMLTABLE(");
    names(form.items("ns_names"), form.nodes("ns_uris"));
    operand("", form.node("rowexpr"));
    operand(" PASSING ", form.node("docexpr"));
    List<Column> columns = Pieces.columns(form);
    int ordinality = form.integer("ordinalitycol");
    List<NodeTree> paths = form.items("colexprs");
    List<NodeTree> defaults = form.items("coldefexprs");
    List<Integer> required = numbers(form.value("notnulls"));
    for (int i = 0; i < columns.size(); i++) {
      Column column = columns.get(i);
      pieces.write(i == 0 ? " COLUMNS " : ", ");
      pieces.write(RelationShape.quote(column.name()));
      if (i == ordinality) {
        pieces.write(" FOR ORDINALITY");
        continue;
      }
      if (!JsonBinder.isLasting(column.type()) && column.type().oid() != XML) {
        throw QueryRejected.notYet(
            "stable_expression", "XMLTABLE with a column of a date, a time or a type of that kind");
      }
      pieces.write(" " + pieces.name(column.type()));
      operand(" PATH ", paths.get(i));
      operand(" DEFAULT ", defaults.get(i));
      pieces.write(required.contains(i) ? " NOT NULL" : "");
    }
    pieces.write(")");
    return pieces.rows("xmltable", columns);
  }

  private void names(List<NodeTree> names, List<Node> uris) {
    for (int i = 0; i < uris.size(); i++) {
      pieces.write(i == 0 ? "XMLNAMESPACES(" : ", ");
      if (names.get(i) instanceof Token(String name)) {
        operand("", uris.get(i));
        pieces.write(" AS " + RelationShape.quote(name));
      } else {
        operand("DEFAULT ", uris.get(i));
      }
    }
    pieces.write(uris.isEmpty() ? "" : "), ");
  }

  private void operand(String word, NodeTree operand) {
    if (operand instanceof Node node) {
      pieces.write(word + "(");
      pieces.write(operands.apply(node));
      pieces.write(")");
    }
  }

  private static List<Integer> numbers(NodeTree set) {
    return switch (set) {
      case NodeTree.Absent _ -> List.of();
      case NodeTree.Numbers(char _, List<Long> elements) ->
          elements.stream().map(Long::intValue).toList();
      default -> throw NodeForm.notUnderstood("the columns of XMLTABLE that are not NULL");
    };
  }
}
