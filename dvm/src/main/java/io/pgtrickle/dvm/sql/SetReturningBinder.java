package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Translates set-returning functions outside of FROM: those of a SELECT list, or of GROUP BY.
///
/// They are functions in FROM behind everything that their arguments may refer to. Calls that have
/// equally many others nested in them go in step, and equal ones are one. As in [WindowBinder],
/// their columns get a place only when everything is bound; until then they are numbered from
/// [#COLUMNS] on.
final class SetReturningBinder implements ExpressionBinder.Environment {
  private static final int COLUMNS = 1 << 20;
  private static final int PER_CALL = 1 << 11;
  private static final int END = 1 << 21;

  private final Facts facts;
  private final ExpressionBinder.Environment names;
  private final List<SetCall> calls = new ArrayList<>();

  /// Where the columns of each call stand; null until they do.
  private int @Nullable [] places;

  /// @param names what names mean to the functions' arguments
  SetReturningBinder(Facts facts, ExpressionBinder.Environment names) {
    this.facts = facts;
    this.names = names;
  }

  @Override
  public Expr variable(Variable variable) {
    return names.variable(variable);
  }

  @Override
  public Optional<Expr> computed(Node node) {
    Optional<Expr> known = names.computed(node);
    return known.isPresent() ? known : column(node);
  }

  /// The column that a node is if it is a call, or a field of one; none when it is not among those
  /// that have a place.
  Optional<Expr> column(Node node) {
    if (SetReturning.isCall(node)) {
      SetCall call = call(node);
      if (call.columns().size() != 1 || !facts.resultColumns(function(call)).isEmpty()) {
        throw QueryRejected.notYet(
            "unsupported_type",
            "set-returning function " + call.call().function().name() + "() as a row value");
      }
      return column(call, 0);
    }
    if (SetReturning.isField(node)) {
      return NodeForm.read(node, this::field);
    }
    return Optional.empty();
  }

  private Optional<Expr> field(NodeForm form) {
    SetCall call = call(form.node("arg"));
    int field = form.integer("fieldnum") - 1;
    form.integer("resulttypmod");
    form.oid("resultcollid");
    if (field >= call.columns().size()
        || call.columns().get(field).type().oid() != form.oid("resulttype")) {
      throw NodeForm.notUnderstood("a field of function " + call.call().function().name());
    }
    return column(call, field);
  }

  private static int function(SetCall call) {
    return call.call().function().oid();
  }

  private SetCall call(Node node) {
    Expr.Call call = new ExpressionBinder(facts, this).called(node).call();
    List<Column> columns = facts.resultColumns(call.function().oid());
    return new SetCall(
        call,
        true,
        columns.isEmpty() ? List.of(new Column(call.function().name(), call.type())) : columns);
  }

  private Optional<Expr> column(SetCall call, int field) {
    int index = calls.indexOf(call);
    int[] placed = places;
    if (index < 0) {
      if (placed != null) {
        return Optional.empty();
      }
      index = calls.size();
      if (COLUMNS + (index + 1) * PER_CALL > END) {
        throw QueryRejected.notYet("unsupported_clause", "so many set-returning functions");
      }
      calls.add(call);
    }
    int at = placed == null ? COLUMNS + index * PER_CALL : placed[index];
    return Optional.of(new Expr.Column(at + field, call.columns().get(field).type()));
  }

  /// A projection that was bound here, with the calls as further columns: so that whatever else
  /// finds its place in the projection does so in their arguments too.
  Plan.Project withCalls(Plan.Project projected) {
    List<Expr> expressions = new ArrayList<>(projected.expressions());
    List<Column> columns = new ArrayList<>(projected.schema().columns());
    for (SetCall call : calls) {
      expressions.add(call.call());
      columns.add(new Column(call.call().function().name(), call.call().type()));
    }
    return new Plan.Project(projected.input(), expressions, new Schema(columns));
  }

  /// What [#withCalls] made, over the rows with those of the functions.
  Plan over(Plan.Project projected) {
    int width = projected.expressions().size() - calls.size();
    List<SetCall> placed = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      SetCall call = calls.get(i);
      if (projected.expressions().get(width + i) instanceof Expr.Call over) {
        placed.add(new SetCall(over, true, call.columns()));
      }
    }
    int[] positions = new int[calls.size()];
    Plan plan = unfolded(projected.input(), placed, positions);
    return new Plan.Project(
        plan,
        projected.expressions().subList(0, width).stream()
            .map(expression -> placed(expression, positions))
            .toList(),
        new Schema(projected.schema().columns().subList(0, width)));
  }

  /// The rows with those of the functions, whose columns have a place from now on.
  Plan unfolded(Plan rows) {
    int[] positions = new int[calls.size()];
    Plan plan = unfolded(rows, calls, positions);
    places = positions;
    return plan;
  }

  private static Plan unfolded(Plan rows, List<SetCall> calls, int[] positions) {
    Plan plan = rows;
    for (List<Integer> together : inStep(calls)) {
      int next = plan.schema().size();
      List<SetCall> step = new ArrayList<>();
      for (int i : together) {
        positions[i] = next;
        next += calls.get(i).columns().size();
        step.add(calls.get(i).map(argument -> placed(argument, positions)));
      }
      plan = new Plan.Unfold(plan, step, false);
    }
    return plan;
  }

  /// Which calls go in step, those that others are nested in after these.
  private static List<List<Integer>> inStep(List<SetCall> calls) {
    int[] depths = new int[calls.size()];
    List<List<Integer>> steps = new ArrayList<>();
    for (int i = 0; i < depths.length; i++) {
      // Arguments are bound before the call is counted, so nested calls come first.
      for (Expr argument : calls.get(i).call().arguments()) {
        for (int column : Expressions.columns(argument)) {
          if (isPlaceholder(column)) {
            depths[i] = Math.max(depths[i], depths[(column - COLUMNS) / PER_CALL] + 1);
          }
        }
      }
    }
    int deepest = IntStream.of(depths).max().orElse(-1);
    for (int depth = 0; depth <= deepest; depth++) {
      int wanted = depth;
      steps.add(
          IntStream.range(0, depths.length).filter(i -> depths[i] == wanted).boxed().toList());
    }
    return steps;
  }

  private static boolean isPlaceholder(int column) {
    return column >= COLUMNS && column < END;
  }

  private static Expr placed(Expr expression, int[] positions) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type) && isPlaceholder(index)
                ? new Expr.Column(
                    positions[(index - COLUMNS) / PER_CALL] + (index - COLUMNS) % PER_CALL, type)
                : node);
  }
}
