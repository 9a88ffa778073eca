package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import java.util.List;
import java.util.function.Function;

/// Translates `JSON_TABLE(…)`: a TABLEFUNC node. Only the server understands it; it is called with
/// the document, what is passed to paths, and defaults.
final class JsonTableBinder {
  private static final int JSONB = 3802;

  private final Function<Node, Expr> operands;
  private final JsonBinder json;
  private List<Column> columns = List.of();
  private List<NodeTree> values = List.of();
  private List<NodeTree> passed = List.of();

  /// @param operands binds an operand
  JsonTableBinder(Facts facts, Function<Node, Expr> operands) {
    this.operands = operands;
    this.json = new JsonBinder(facts, operands);
  }

  SetCall bind(NodeForm form) {
    form.integer("functype");
    // Those of XMLTABLE.
    form.neutral("ns_uris");
    form.neutral("ns_names");
    form.neutral("rowexpr");
    form.neutral("colexprs");
    form.neutral("coldefexprs");
    form.neutral("notnulls");
    // How the rows are numbered says each column, and what is passed the document.
    form.value("ordinalitycol");
    form.value("passingvalexprs");
    columns = Pieces.columns(form);
    values = form.items("colvalexprs");
    if (values.size() != columns.size()) {
      throw NodeForm.notUnderstood("the columns of JSON_TABLE");
    }
    json.write("JSON_TABLE(");
    Node document = form.node("docexpr");
    NodeForm.read(form.node("plan"), top -> NodeForm.read(document, item -> item(item, top)));
    json.write(")");
    return json.pieces().rows("json_table", columns);
  }

  /// The document with the first path, and all that is below it.
  private boolean item(NodeForm form, NodeForm plan) {
    form.expect("op", "3", "query_not_understood", "JSON_TABLE of another kind");
    form.neutral("column_name");
    int format = JsonBinder.readFormat(form.node("format"));
    JsonBinder.returned(form.node("returning"));
    // The path is in the plan, too.
    form.node("path_spec");
    form.flag("use_io_coercion");
    form.flag("use_json_coercion");
    form.neutral("wrapper");
    form.flag("omit_quotes");
    form.oid("collation");
    form.neutral("on_empty");
    json.write(operands.apply(form.node("formatted_expr")));
    json.write(format == 1 ? " FORMAT JSON, " : ", ");
    path(plan);
    passed = form.items("passing_names");
    json.passing(passed, form.nodes("passing_values"));
    columns(plan);
    json.behavior(form, "on_error", SqlType.of(FunctionBinder.RECORD), " ON ERROR");
    return true;
  }

  private void path(NodeForm scan) {
    // As ON ERROR of the whole says.
    scan.flag("errorOnError");
    NodeForm.read(
        scan.node("path"),
        form -> {
          json.write(literal(form.node("value")));
          json.write(" AS " + RelationShape.quote(form.text("name")));
          return form;
        });
  }

  /// A path as the bare literal that the grammar wants.
  private String literal(Node constant) {
    if (operands.apply(constant) instanceof Expr.Verbatim(List<String> pieces, var none, _, _)
        && none.isEmpty()) {
      String text = pieces.getFirst();
      return text.substring(0, text.lastIndexOf('\'') + 1);
    }
    throw NodeForm.notUnderstood("a path of JSON_TABLE");
  }

  private void columns(NodeForm scan) {
    int first = scan.integer("colMin");
    int last = scan.integer("colMax");
    json.write(" COLUMNS (");
    boolean more = false;
    for (int i = first; i >= 0 && i <= last; i++) {
      json.write(more ? ", " : "");
      column(i);
      more = true;
    }
    if (!scan.isAbsent("child")) {
      json.write(more ? ", " : "");
      nested(scan.node("child"));
    }
    json.write(")");
  }

  private void nested(Node plan) {
    NodeForm.read(
        plan,
        form -> {
          if (form.tag().equals("JSONTABLESIBLINGJOIN")) {
            nested(form.node("lplan"));
            json.write(", ");
            nested(form.node("rplan"));
          } else if (form.tag().equals("JSONTABLEPATHSCAN")) {
            json.write("NESTED PATH ");
            path(form);
            columns(form);
          } else {
            throw NodeForm.notUnderstood("node " + form.tag());
          }
          return form;
        });
  }

  private void column(int index) {
    Column column = columns.get(index);
    json.write(RelationShape.quote(column.name()) + " ");
    switch (values.get(index)) {
      case NodeTree.Absent _ -> json.write("FOR ORDINALITY");
      case Node value -> NodeForm.read(value, form -> column(form, column.type()));
      default -> throw NodeForm.notUnderstood("a column of JSON_TABLE");
    }
  }

  private boolean column(NodeForm form, SqlType type) {
    int operation = form.integer("op");
    form.text("column_name");
    if (!NodeForm.tag(form.node("formatted_expr")).equals("CASETESTEXPR")
        || !form.items("passing_names").equals(passed)) {
      throw NodeForm.notUnderstood("a column of JSON_TABLE");
    }
    // The same as of the whole.
    form.nodes("passing_values");
    JsonBinder.readFormat(form.node("format"));
    JsonBinder.Returned returned = JsonBinder.returned(form.node("returning"));
    JsonBinder.requireLasting(type);
    // The type says them.
    form.flag("use_io_coercion");
    form.flag("use_json_coercion");
    form.oid("collation");
    json.write(json.name(type));
    json.write(
        switch (operation) {
          case 0 -> " EXISTS";
          // Other types have it without saying so, and must not say so.
          case 1 ->
              returned.format() == 1 && (type.kind().isText() || type.oid() == JSONB)
                  ? " FORMAT JSON"
                  : "";
          case 2 -> "";
          default -> throw NodeForm.notUnderstood("a column of JSON_TABLE of another kind");
        });
    json.write(" PATH " + literal(form.node("path_spec")));
    json.write(JsonBinder.wrapper(form));
    json.write(form.flag("omit_quotes") && operation == 1 ? " OMIT QUOTES" : "");
    json.behavior(form, "on_empty", type, " ON EMPTY");
    json.behavior(form, "on_error", type, " ON ERROR");
    return true;
  }
}
