package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowOrder;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Translates GROUP BY, HAVING and the target list above them.
///
/// An expression above a grouping is made of group values, results of aggregates and constants. So
/// each subexpression is first compared with the grouped ones (as PostgreSQL does before 18, which
/// names them by variables of a range table entry of their own), then aggregates are collected, and
/// a bare column that remains is one that depends on the grouped ones by a primary key: it joins
/// the
/// groups, which splits none.
final class GroupingBinder {
  private final QueryBinder queries;
  private final Facts facts;
  private final Levels levels;
  private final RowScope rows;
  private final List<TargetEntry> targets;
  private final List<Node> clauses;
  private final List<SortedSet<Integer>> sets;
  private final boolean dependentColumns;
  private final boolean orderedInput;
  private final List<Node> windows;
  private final ExpressionBinder below;

  private final List<Expr> groups = new ArrayList<>();
  private final List<AggregateCall> calls = new ArrayList<>();
  private final List<List<Integer>> questions = new ArrayList<>();

  /// The group that a target entry's reference names.
  private final Map<Integer, Integer> references = new HashMap<>();

  /// The groups with subqueries, by what they say.
  private final Map<String, Integer> asked = new HashMap<>();

  /// The expressions of the target list that are grouped by, themselves and no equal ones.
  private final Set<Node> members = Collections.newSetFromMap(new IdentityHashMap<>());

  GroupingBinder(
      QueryBinder queries,
      Levels levels,
      RowScope rows,
      List<TargetEntry> targets,
      List<Node> clauses,
      List<SortedSet<Integer>> sets,
      boolean dependentColumns,
      boolean orderedInput,
      List<Node> windows) {
    this.queries = queries;
    this.facts = queries.facts();
    this.levels = levels;
    this.rows = rows;
    this.targets = targets;
    this.clauses = clauses;
    this.sets = sets;
    this.dependentColumns = dependentColumns;
    this.orderedInput = orderedInput;
    this.windows = windows;
    this.below = rows.binder();
  }

  boolean isNeeded(Optional<Node> having) {
    return !clauses.isEmpty()
        || !sets.isEmpty()
        || having.isPresent()
        || targets.stream().anyMatch(target -> containsAggregate(target.expression()));
  }

  Plan bind(Optional<Node> having) {
    List<Node> grouped = new ArrayList<>();
    for (Node clause : clauses) {
      int reference = NodeForm.glance(clause).integer("tleSortGroupRef");
      targets.stream()
          .filter(target -> target.reference() == reference)
          .forEach(target -> grouped.add(rows.meant(target.expression())));
    }
    if (grouped.stream().anyMatch(SetReturning::isInside)) {
      rows.unfold(grouped);
    }
    for (Node clause : clauses) {
      int reference = Equality.requireDefault(clause, targets, facts);
      TargetEntry target =
          targets.stream().filter(t -> t.reference() == reference).findFirst().orElseThrow();
      Node expression = rows.meant(target.expression());
      Expr group = rows.group(expression);
      Equality.requireComparable(group.type(), "grouping by", facts);
      if (!groups.contains(group)) {
        groups.add(group);
      }
      references.put(reference, groups.indexOf(group));
      members.add(target.expression());
      if (containsSubquery(expression)) {
        asked.put(Likeness.of(expression), groups.indexOf(group));
      }
    }
    // Groups move the aggregates, and both move the answers of subqueries above them; bind again
    // until neither grows.
    int settled;
    Plan plan;
    do {
      settled = groups.size() + calls.size() + questions.size();
      plan = above(having);
    } while (groups.size() + calls.size() + questions.size() > settled);
    return plan;
  }

  private Plan above(Optional<Node> having) {
    GroupedEnvironment environment = new GroupedEnvironment();
    ExpressionBinder binder = new ExpressionBinder(facts, environment);
    WindowBinder windowed = new WindowBinder(windows, targets, facts, environment);
    // Bound first, so that the aggregate below them is complete.
    List<Expr> conditions = having.map(binder::bind).stream().toList();
    SetReturningBinder sets = new SetReturningBinder(facts, windowed);
    Plan.Project shape =
        QueryBinder.project(GroupingBinder::emptyInput, targets, new ExpressionBinder(facts, sets));
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < groups.size(); i++) {
      columns.add(new Column("group" + (i + 1), groups.get(i).type()));
    }
    for (int i = 0; i < calls.size(); i++) {
      columns.add(new Column("aggregate" + (i + 1), calls.get(i).type()));
    }
    for (int i = 0; i < questions.size(); i++) {
      columns.add(new Column("grouping" + (i + 1), SqlType.INT4));
    }
    Plan plan = grouped(new Schema(columns));
    for (Subquery subquery : environment.subqueries) {
      plan = subquery.asked(plan);
    }
    for (Expr condition : conditions) {
      plan = new Plan.Filter(plan, condition);
    }
    Plan.Project projected = new Plan.Project(plan, shape.expressions(), shape.schema());
    return sets.over(windowed.over(sets.withCalls(projected)));
  }

  private Plan grouped(Schema schema) {
    Plan input = rows.source().plan();
    if (orderedInput && (RowOrder.said(input).isEmpty() || isPresorted())) {
      requireNoOrder();
    }
    if (sets.isEmpty()) {
      return new Plan.Aggregate(input, groups, calls, schema);
    }
    List<List<Integer>> positions = new ArrayList<>();
    for (SortedSet<Integer> set : sets) {
      positions.add(set.stream().map(this::group).distinct().sorted().toList());
    }
    return new Plan.GroupingSets(input, groups, positions, calls, questions, schema);
  }

  // Since version 16 the rows may be sorted for an aggregate that wants it, and so come to others.
  private boolean isPresorted() {
    return calls.stream().anyMatch(call -> call.distinct() || !call.order().isEmpty());
  }

  /// The server shows what it collects in the order in which it comes.
  private void requireNoOrder() {
    for (AggregateCall call : calls) {
      if (call.takesItsInputsOrder()) {
        throw QueryRejected.notYet(
            "unsupported_aggregate",
            call.function().name() + "() without ORDER BY over an ordered subquery");
      }
    }
  }

  private int group(int reference) {
    Integer group = references.get(reference);
    if (group == null) {
      throw NodeForm.notUnderstood("a grouping set of what is not grouped");
    }
    return group;
  }

  private static Plan emptyInput() {
    return new Plan.Values(List.of(), Schema.of());
  }

  /// What names mean above the grouping.
  private final class GroupedEnvironment implements ExpressionBinder.Environment {
    private final List<Subquery> subqueries = new ArrayList<>();
    private int answers;

    // By the node itself, as windows sort by what is selected: an equal one is another one.
    private final IdentityHashMap<Node, Expr> bound = new IdentityHashMap<>();

    @Override
    public Optional<Expr> computed(Node node) {
      Integer known = asked.isEmpty() ? null : asked(rows.meant(node));
      if (known != null) {
        // The server may show an equal one's own value where the group's is NULL.
        if (!sets.isEmpty() && !members.contains(node)) {
          throw QueryRejected.notYet(
              "unsupported_subquery",
              "a subquery that is grouped by and repeated, with GROUPING SETS");
        }
        return Optional.of(groupValue(known));
      }
      if (NodeForm.tag(node).equals("SUBLINK")) {
        Expr answered = bound.get(node);
        if (answered == null) {
          Subquery subquery = Subquery.bind(node, queries, levels, this);
          answered = subquery.constructed().orElseGet(() -> answer(subquery));
          bound.put(node, answered);
        }
        return Optional.of(answered);
      }
      if (NodeForm.tag(node).equals("AGGREF")) {
        return Optional.of(result(AggregateBinder.bind(node, below, facts)));
      }
      if (NodeForm.tag(node).equals("GROUPINGFUNC")) {
        return Optional.of(NodeForm.read(node, this::question));
      }
      if (containsAggregate(node)
          || containsPlaceholder(node)
          || containsSubquery(node)
          || WindowBinder.isInside(node)
          || !rows.hasUnfolded(node)) {
        return Optional.empty();
      }
      int group = groups.indexOf(below.bind(node));
      return group < 0 ? Optional.empty() : Optional.of(groupValue(group));
    }

    private @Nullable Integer asked(Node node) {
      return containsSubquery(node) ? asked.get(Likeness.of(node)) : null;
    }

    @Override
    public Expr variable(Variable variable) {
      if (variable.levelsUp() > 0) {
        return levels.outer(variable);
      }
      return grouped(rows.variable(variable));
    }

    private Expr grouped(Expr column) {
      // Where a subquery refers to a grouped column; elsewhere `computed` has taken it.
      if (groups.contains(column)) {
        return groupValue(groups.indexOf(column));
      }
      if (column instanceof Expr.Row) {
        return Expressions.mapChildren(column, this::grouped);
      }
      if (!dependentColumns || !sets.isEmpty()) {
        throw NodeForm.notUnderstood("a column that is neither grouped nor aggregated");
      }
      Equality.requireComparable(column.type(), "grouping by", facts);
      groups.add(column);
      return groupValue(groups.size() - 1);
    }

    private Expr answer(Subquery subquery) {
      subqueries.add(subquery);
      Expr answer = subquery.answer(groups.size() + calls.size() + questions.size() + answers);
      answers += subquery.question() instanceof Plan.Question.Scalar ? 2 : 1;
      return answer;
    }

    private Expr groupValue(int group) {
      return new Expr.Column(group, groups.get(group).type());
    }

    private Expr question(NodeForm form) {
      form.neutral("agglevelsup", "unsupported_subquery", "GROUPING of an outer query");
      form.neutral("cols");
      List<Integer> asked = form.numbers("refs").stream().map(GroupingBinder.this::group).toList();
      if (sets.isEmpty()) {
        return new Expr.Literal(0L, SqlType.INT4);
      }
      int index = questions.indexOf(asked);
      if (index < 0) {
        index = questions.size();
        questions.add(asked);
      }
      return new Expr.Column(groups.size() + calls.size() + index, SqlType.INT4);
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

  /// Whether an aggregate of a query may show in which order its input comes.
  static boolean maySeeOrder(List<TargetEntry> targets, Optional<Node> having, Facts facts) {
    return Stream.concat(targets.stream().map(TargetEntry::expression), having.stream())
        .anyMatch(expression -> maySeeOrder(expression, facts));
  }

  private static boolean maySeeOrder(NodeTree tree, Facts facts) {
    if (tree instanceof Node node) {
      if (node.tag().equals("QUERY")) {
        return false;
      }
      if (node.tag().equals("AGGREF") && AggregateBinder.maySeeOrder(node, facts)) {
        return true;
      }
    }
    return tree.children().anyMatch(child -> maySeeOrder(child, facts));
  }

  /// Whether an aggregate of this query is inside; one in a subquery is that one's own.
  private static boolean containsAggregate(NodeTree tree) {
    if (tree instanceof Node(String tag, var _)) {
      if (tag.equals("AGGREF") || tag.equals("GROUPINGFUNC")) {
        return true;
      }
      if (tag.equals("QUERY")) {
        return false;
      }
    }
    return tree.children().anyMatch(GroupingBinder::containsAggregate);
  }

  static boolean containsSubquery(NodeTree tree) {
    return (tree instanceof Node node && NodeForm.tag(node).equals("SUBLINK"))
        || tree.children().anyMatch(GroupingBinder::containsSubquery);
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
