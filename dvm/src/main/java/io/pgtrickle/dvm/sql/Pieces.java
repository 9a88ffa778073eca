package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import java.util.ArrayList;
import java.util.List;

/// SQL as it is written: pieces of text around expressions.
final class Pieces {
  private final Facts facts;
  private final List<String> pieces = new ArrayList<>(List.of(""));
  private final List<Expr> arguments = new ArrayList<>();

  Pieces(Facts facts) {
    this.facts = facts;
  }

  void write(String text) {
    pieces.set(pieces.size() - 1, pieces.getLast() + text);
  }

  void write(Expr operand) {
    arguments.add(operand);
    pieces.add("");
  }

  /// The name of a type, with its limits.
  String name(SqlType type) {
    return facts
            .typeName(type.oid())
            .orElseThrow(() -> NodeForm.notUnderstood("type " + type.oid()))
        + ExpressionText.modifier(type);
  }

  /// What was written as a value.
  Expr value(SqlType type) {
    return new Expr.Verbatim(pieces, arguments, type);
  }

  /// What was written as an item of FROM.
  ///
  /// @param name what people call it
  SetCall rows(String name, List<Column> columns) {
    List<Integer> types = arguments.stream().map(each -> each.type().oid()).toList();
    Signature called =
        new Signature(0, "pg_catalog", name, types, FunctionBinder.RECORD, false, 'i');
    Expr.Call call = new Expr.Call(called, arguments, SqlType.of(FunctionBinder.RECORD), 0);
    return new SetCall(call, true, columns, List.of(), pieces);
  }

  /// The columns of a TABLEFUNC node.
  static List<Column> columns(NodeForm form) {
    List<NodeTree> names = form.items("colnames");
    List<Integer> types = form.numbers("coltypes");
    List<Integer> modifiers = form.numbers("coltypmods");
    List<Integer> collations = form.numbers("colcollations");
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      if (!(names.get(i) instanceof NodeTree.Token(String name))) {
        throw NodeForm.notUnderstood("the name of a column");
      }
      SqlType type = SqlType.of(types.get(i), modifiers.get(i), collations.get(i));
      columns.add(new Column(name, type));
    }
    return columns;
  }
}
