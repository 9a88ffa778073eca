package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.sql.Fingerprint.Output;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import java.util.ArrayList;
import java.util.List;

/// The rows of functions in a [Fingerprint]: of an item of FROM, or of a SELECT list.
///
/// A column is named by its call and by the calls that go in step with it, so that
/// `SELECT unnest(a), unnest(b)` is the same as `ROWS FROM (unnest(a), unnest(b))` and another than
/// the pairs of `unnest(a), unnest(b)`.
///
/// @param together the calls that go in step
record UnfoldedText(String together, List<Output> columns) {
  UnfoldedText {
    columns = List.copyOf(columns);
  }

  /// The functions of an item of FROM.
  static UnfoldedText of(NodeForm entry, FingerprintText text, Facts facts) {
    List<NodeForm> functions = entry.nodes("functions").stream().map(NodeForm::glance).toList();
    List<Output> calls =
        functions.stream().map(function -> text.call(function.node("funcexpr"))).toList();
    String together = together(calls);
    List<Output> columns = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      List<Output> types = types(functions.get(i), calls.get(i), facts);
      for (int k = 0; k < types.size(); k++) {
        Output type = types.get(k);
        columns.add(
            new Output(
                column(k + 1, calls.get(i), together) + type.text(),
                type.type(),
                type.collation()));
      }
    }
    if (entry.flag("funcordinality")) {
      columns.add(new Output("number in " + together, SqlType.INT8.oid(), 0));
    }
    return new UnfoldedText(together, columns);
  }

  static String together(List<Output> calls) {
    return "step of " + calls.stream().map(Output::text).sorted().toList();
  }

  static String column(int number, Output call, String together) {
    return "column " + number + " of [" + call.text() + "] in " + together;
  }

  /// The columns of a call, and how the query defines them where it does.
  private static List<Output> types(NodeForm function, Output call, Facts facts) {
    List<Integer> defined = function.numbers("funccoltypes");
    List<Integer> modifiers = function.numbers("funccoltypmods");
    List<Integer> collations = function.numbers("funccolcollations");
    // A function may go by the names.
    List<NodeTree> names = function.items("funccolnames");
    List<Output> types = new ArrayList<>();
    for (int i = 0; i < defined.size(); i++) {
      String definition =
          " as " + names.get(i) + " " + defined.get(i) + " limited to " + modifiers.get(i);
      types.add(new Output(definition, defined.get(i), collations.get(i)));
    }
    if (!types.isEmpty()) {
      return types;
    }
    Node node = function.node("funcexpr");
    if (NodeForm.tag(node).equals("FUNCEXPR")) {
      for (Column column : facts.resultColumns(NodeForm.glance(node).oid("funcid"))) {
        types.add(new Output("", column.type().oid(), column.type().collation()));
      }
    }
    return types.isEmpty() ? List.of(new Output("", call.type(), call.collation())) : types;
  }
}
