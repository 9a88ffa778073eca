package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.plan.WindowCall.Kind;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Translates WINDOWFUNC nodes and the WINDOW clauses that they name, of one query.
///
/// The functions see the rows after WHERE, GROUP BY and HAVING; an expression around one sees its
/// result as a column behind those of the rows. How many these are is known only when everything is
/// bound, since subqueries widen them. Until then results are columns from [#RESULTS] on.
final class WindowBinder implements ExpressionBinder.Environment {
  private static final int RESULTS = 1 << 21;

  private final List<Node> clauses;
  private final List<TargetEntry> targets;
  private final Facts facts;
  private final ExpressionBinder.Environment rows;
  private final List<Bound> calls = new ArrayList<>();

  /// How rows are partitioned and sorted.
  private record Sorting(List<Expr> partition, List<Plan.SortKey> order) {}

  private record Bound(Sorting sorting, WindowCall call) {}

  /// @param rows what names mean to the functions
  WindowBinder(
      List<Node> clauses,
      List<TargetEntry> targets,
      Facts facts,
      ExpressionBinder.Environment rows) {
    this.clauses = clauses;
    this.targets = targets;
    this.facts = facts;
    this.rows = rows;
  }

  @Override
  public Expr variable(Variable variable) {
    return rows.variable(variable);
  }

  @Override
  public Optional<Expr> computed(Node node) {
    if (!NodeForm.tag(node).equals("WINDOWFUNC")) {
      return rows.computed(node);
    }
    Bound bound = NodeForm.read(node, this::bind);
    int index = calls.indexOf(bound);
    if (index < 0) {
      index = calls.size();
      calls.add(bound);
    }
    return Optional.of(new Expr.Column(RESULTS + index, bound.call().type()));
  }

  /// Whether a window function of this query is inside; one in a subquery is that one's own.
  static boolean isInside(NodeTree tree) {
    if (tree instanceof Node(String tag, var _)) {
      if (tag.equals("WINDOWFUNC")) {
        return true;
      }
      if (tag.equals("QUERY")) {
        return false;
      }
    }
    return tree.children().anyMatch(WindowBinder::isInside);
  }

  /// A projection of the rows that was bound here, over the rows with the functions' results.
  Plan.Project over(Plan.Project projected) {
    if (calls.isEmpty()) {
      return projected;
    }
    Plan input = projected.input();
    Map<Sorting, List<Integer>> together = new LinkedHashMap<>();
    for (int i = 0; i < calls.size(); i++) {
      together.computeIfAbsent(calls.get(i).sorting(), _ -> new ArrayList<>()).add(i);
    }
    Expr tieBreak = Plan.Window.tieBreak(input);
    int[] positions = new int[calls.size()];
    Plan plan = input;
    for (Map.Entry<Sorting, List<Integer>> entry : together.entrySet()) {
      Sorting sorting = entry.getKey();
      for (int i : entry.getValue()) {
        positions[i] = plan.schema().size() + entry.getValue().indexOf(i);
      }
      plan =
          new Plan.Window(
              plan,
              sorting.partition(),
              sorting.order(),
              tieBreak,
              entry.getValue().stream().map(i -> calls.get(i).call()).toList());
    }
    List<Expr> placed =
        projected.expressions().stream().map(expression -> placed(expression, positions)).toList();
    return new Plan.Project(plan, placed, projected.schema());
  }

  private static Expr placed(Expr expression, int[] positions) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type) && index >= RESULTS
                ? new Expr.Column(positions[index - RESULTS], type)
                : node);
  }

  private Bound bind(NodeForm form) {
    ExpressionBinder below = new ExpressionBinder(facts, rows);
    int oid = form.oid("winfnoid");
    Signature function =
        facts
            .function(oid)
            .orElseThrow(() -> QueryRejected.notYet("unsupported_aggregate", "function " + oid));
    // Filled in by the planner.
    if (form.has("runCondition")) {
      form.neutral("runCondition");
    }
    if (form.has("ignore_nulls")) {
      form.neutral("ignore_nulls", "unsupported_clause", "IGNORE NULLS");
    }
    int reference = form.integer("winref");
    Node clause =
        clauses.stream()
            .filter(each -> NodeForm.glance(each).integer("winref") == reference)
            .findFirst()
            .orElseThrow(() -> NodeForm.notUnderstood("a window function without a window"));
    Clause window = NodeForm.read(clause, each -> clause(each, below));
    if (form.flag("winagg")) {
      WindowCall call =
          new WindowCall.Aggregated(
              AggregateBinder.bindWindow(form, function, below, facts), window.frame());
      return new Bound(window.sorting(), call);
    }
    form.neutral("aggfilter", "unsupported_clause", function.name() + "() with FILTER");
    form.neutral("winstar");
    form.oid("inputcollid");
    SqlType type = SqlType.of(form.oid("wintype"), -1, form.oid("wincollid"));
    List<Expr> arguments = form.nodes("args").stream().map(below::bind).toList();
    return new Bound(
        window.sorting(),
        new WindowCall.Placed(kind(function), function, arguments, type, window.frame()));
  }

  private static Kind kind(Signature function) {
    if (function.schema().equals("pg_catalog")) {
      for (Kind kind : Kind.values()) {
        if (kind.name().equalsIgnoreCase(function.name())) {
          return kind;
        }
      }
    }
    throw QueryRejected.notYet(
        "unsupported_function", "window function " + function.schema() + "." + function.name());
  }

  private record Clause(Sorting sorting, WindowCall.Frame frame) {}

  private Clause clause(NodeForm form, ExpressionBinder below) {
    form.integer("winref");
    List<Expr> partition = new ArrayList<>();
    for (Node item : form.nodes("partitionClause")) {
      int reference = Equality.requireDefault(item, targets, facts);
      Expr by = below.bind(target(reference).expression());
      Equality.requireComparable(by.type(), "PARTITION BY", facts);
      partition.add(by);
    }
    List<Plan.SortKey> order = new ArrayList<>();
    for (Node item : form.nodes("orderClause")) {
      Expr by = below.bind(target(NodeForm.glance(item).integer("tleSortGroupRef")).expression());
      order.add(OrderBinder.key(item, by, facts));
    }
    return new Clause(
        new Sorting(List.copyOf(partition), List.copyOf(order)),
        WindowFrameBinder.bind(form, order, below, facts));
  }

  private TargetEntry target(int reference) {
    return targets.stream()
        .filter(target -> target.reference() == reference)
        .findFirst()
        .orElseThrow(() -> NodeForm.notUnderstood("a window item without an expression"));
  }
}
