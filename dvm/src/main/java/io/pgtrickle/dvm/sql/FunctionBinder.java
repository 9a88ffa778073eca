package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.sql.ExpressionBinder.Called;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// Translates the functions of one item of FROM: one, or several side by side in ROWS FROM.
///
/// What columns a function has is said by the query (`AS (a int, b text)`), by its declaration, or
/// by its type alone.
final class FunctionBinder {
  static final int RECORD = 2249;

  private final Facts facts;
  private final ExpressionBinder arguments;

  /// @param arguments binds what the functions are called with
  FunctionBinder(Facts facts, ExpressionBinder arguments) {
    this.facts = facts;
    this.arguments = arguments;
  }

  /// The rows of an input, each with those of the functions.
  ///
  /// @param input asked once the arguments are bound, which may widen it
  Plan.Unfold bind(NodeForm entry, Supplier<Plan> input) {
    boolean numbered = entry.flag("funcordinality");
    List<String> names = names(entry);
    List<SetCall> calls = new ArrayList<>();
    int columns = 0;
    for (Node function : entry.nodes("functions")) {
      List<String> rest = names.subList(Math.min(columns, names.size()), names.size());
      SetCall call = NodeForm.read(function, form -> call(form, rest));
      calls.add(call);
      columns += call.columns().size();
    }
    return new Plan.Unfold(input.get(), calls, numbered);
  }

  /// How the query calls the columns, for people.
  private static List<String> names(NodeForm entry) {
    return names(NodeForm.glance(entry.node("eref")).items("colnames"));
  }

  private static List<String> names(List<NodeTree> tokens) {
    List<String> names = new ArrayList<>();
    for (NodeTree name : tokens) {
      names.add(name instanceof NodeTree.Token(String text) ? text : "?column?");
    }
    return names;
  }

  private SetCall call(NodeForm form, List<String> names) {
    if (!form.tag().equals("RANGETBLFUNCTION")) {
      throw NodeForm.notUnderstood("node " + form.tag() + " among the functions of FROM");
    }
    // What the planner may do when it changes.
    form.neutral("funcparams");
    int width = form.integer("funccolcount");
    List<String> definition = names(form.items("funccolnames"));
    List<Integer> types = form.numbers("funccoltypes");
    List<Integer> modifiers = form.numbers("funccoltypmods");
    List<Integer> collations = form.numbers("funccolcollations");
    Called called = arguments.called(form.node("funcexpr"));
    List<Column> columns = new ArrayList<>();
    if (types.isEmpty()) {
      columns.addAll(declared(called.call()));
    }
    for (int i = 0; i < types.size(); i++) {
      columns.add(
          new Column(
              "column" + (i + 1), SqlType.of(types.get(i), modifiers.get(i), collations.get(i))));
    }
    if (columns.size() != width || names.size() < width || definition.size() != types.size()) {
      throw NodeForm.notUnderstood("the columns of function " + called.call().function().name());
    }
    for (int i = 0; i < width; i++) {
      columns.set(i, new Column(names.get(i), columns.get(i).type()));
    }
    return new SetCall(called.call(), called.set(), columns, definition);
  }

  private List<Column> declared(Expr.Call call) {
    List<Column> declared = facts.resultColumns(call.function().oid());
    if (declared.isEmpty() && call.type().oid() != RECORD) {
      return List.of(new Column(call.function().name(), call.type()));
    }
    if (declared.isEmpty() || declared.stream().anyMatch(column -> column.type().oid() == 0)) {
      throw QueryRejected.notYet(
          "unsupported_type", "the row type of function " + call.function().name() + "()");
    }
    return declared;
  }
}
