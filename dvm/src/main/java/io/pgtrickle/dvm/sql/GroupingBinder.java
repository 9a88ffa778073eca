package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Translates GROUP BY, HAVING and the target list above them.
///
/// An expression above a grouping is made of group values, results of aggregates and constants. So
/// each subexpression is first compared with the grouped ones (as PostgreSQL does before 18, which
/// names them by variables of a range table entry of their own), then aggregates are collected, and
/// a bare column that remains is one that depends on the grouped ones by a primary key: it joins
/// the
/// groups, which splits none.
final class GroupingBinder {
  private final Facts facts;
  private final FromBinder from;
  private final Source source;
  private final List<TargetEntry> targets;
  private final List<Node> clauses;
  private final boolean dependentColumns;
  private final ExpressionBinder below;

  private final List<Expr> groups = new ArrayList<>();
  private final List<AggregateCall> calls = new ArrayList<>();

  GroupingBinder(
      Facts facts,
      FromBinder from,
      Source source,
      List<TargetEntry> targets,
      List<Node> clauses,
      boolean dependentColumns) {
    this.facts = facts;
    this.from = from;
    this.source = source;
    this.targets = targets;
    this.clauses = clauses;
    this.dependentColumns = dependentColumns;
    this.below = from.expressions(source);
  }

  /// A binder for the target list of a query without grouping.
  ExpressionBinder ungrouped() {
    return below;
  }

  boolean isNeeded(Optional<Node> having) {
    return !clauses.isEmpty()
        || having.isPresent()
        || targets.stream().anyMatch(target -> containsAggregate(target.expression()));
  }

  Plan bind(Optional<Node> having) {
    for (Node clause : clauses) {
      int reference = Equality.requireDefault(clause, targets, facts);
      TargetEntry target =
          targets.stream().filter(t -> t.reference() == reference).findFirst().orElseThrow();
      Expr group = below.bind(target.expression());
      Equality.requireComparable(group.type(), "grouping by", facts);
      if (!groups.contains(group)) {
        groups.add(group);
      }
    }
    // The number of groups moves the aggregates; bind again until it no longer grows.
    int settled;
    Plan plan;
    do {
      settled = groups.size();
      calls.clear();
      plan = above(having);
    } while (groups.size() > settled);
    return plan;
  }

  private Plan above(Optional<Node> having) {
    ExpressionBinder binder = new ExpressionBinder(facts, new GroupedEnvironment());
    // Bound first, so that the aggregate below them is complete.
    List<Expr> conditions = having.map(binder::bind).stream().toList();
    Plan shape = QueryBinder.project(emptyInput(), targets, binder);
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < groups.size(); i++) {
      columns.add(new Column("group" + (i + 1), groups.get(i).type()));
    }
    for (int i = 0; i < calls.size(); i++) {
      columns.add(new Column("aggregate" + (i + 1), calls.get(i).type()));
    }
    Plan plan = new Plan.Aggregate(source.plan(), groups, calls, new Schema(columns));
    for (Expr condition : conditions) {
      plan = new Plan.Filter(plan, condition);
    }
    return shape instanceof Plan.Project(Plan _, List<Expr> expressions, Schema schema)
        ? new Plan.Project(plan, expressions, schema)
        : shape;
  }

  private static Plan emptyInput() {
    return new Plan.Values(List.of(), Schema.of());
  }

  /// What names mean above the grouping.
  private final class GroupedEnvironment implements ExpressionBinder.Environment {
    @Override
    public Optional<Expr> computed(Node node) {
      if (NodeForm.tag(node).equals("AGGREF")) {
        return Optional.of(result(AggregateBinder.bind(node, below, facts)));
      }
      if (containsAggregate(node) || containsPlaceholder(node)) {
        return Optional.empty();
      }
      int group = groups.indexOf(below.bind(node));
      return group < 0 ? Optional.empty() : Optional.of(groupValue(group));
    }

    @Override
    public Expr variable(Variable variable) {
      // Every grouped column has been taken by `computed`.
      if (!dependentColumns) {
        throw NodeForm.notUnderstood("a column that is neither grouped nor aggregated");
      }
      Expr column = from.column(variable, source);
      Equality.requireComparable(column.type(), "grouping by", facts);
      groups.add(column);
      return groupValue(groups.size() - 1);
    }

    private Expr groupValue(int group) {
      return new Expr.Column(group, groups.get(group).type());
    }

    private Expr result(AggregateCall call) {
      int index = calls.indexOf(call);
      if (index < 0) {
        index = calls.size();
        calls.add(call);
      }
      return new Expr.Column(groups.size() + index, call.type());
    }
  }

  /// Whether an aggregate of this query is inside; one in a subquery is that one's own.
  private static boolean containsAggregate(NodeTree tree) {
    if (tree instanceof Node(String tag, var _)) {
      if (tag.equals("AGGREF")) {
        return true;
      }
      if (tag.equals("QUERY")) {
        return false;
      }
    }
    return tree.children().anyMatch(GroupingBinder::containsAggregate);
  }

  /// Whether a part of a simple CASE refers to the operand of that CASE, and so means nothing
  /// alone.
  private static boolean containsPlaceholder(NodeTree tree) {
    if (!(tree instanceof Node node)) {
      return tree.children().anyMatch(GroupingBinder::containsPlaceholder);
    }
    return switch (NodeForm.tag(node)) {
      case "CASETESTEXPR" -> true;
      // These two give the placeholders inside of them their meaning.
      case "CASE", "ARRAYCOERCEEXPR" -> containsPlaceholder(NodeForm.glance(node).value("arg"));
      default -> node.children().anyMatch(GroupingBinder::containsPlaceholder);
    };
  }
}
