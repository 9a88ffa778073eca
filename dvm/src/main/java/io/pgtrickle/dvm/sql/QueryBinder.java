package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowOrder;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedSet;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Translates QUERY nodes: FROM, WHERE, grouping, the target list, DISTINCT.
///
/// Set operations are left to [SetOperationBinder], FROM to [FromBinder], grouping to
/// [GroupingBinder]; each calls back here for the queries inside.
final class QueryBinder {
  static final String ORDER_BY_NOTICE =
      "ORDER BY without LIMIT does not order a stream table; order when you read it";

  private final Facts facts;
  private final Set<String> notices;

  private final Recursions recursions = new Recursions();

  /// How many ORDER BY clauses have been read.
  private int orders;

  QueryBinder(Facts facts, Set<String> notices) {
    this.facts = facts;
    this.notices = notices;
  }

  /// A query with the WITH queries of no other one in sight.
  Plan bindTop(Node query) {
    return bind(query, Levels.none(), 0, true, false);
  }

  /// The tree of a view that is read like a table.
  ///
  /// @param inOrder whether the query that reads it makes something of the order of its rows
  Plan bindView(String tree, boolean inOrder) {
    return bind(Binder.query(tree), Levels.none(), 0, false, inOrder);
  }

  /// A query inside another one.
  ///
  /// @param depth how many subqueries in expressions are around it
  Plan bindInner(Node query, Levels levels, int depth) {
    return bind(query, levels, depth, false, false);
  }

  /// A query in FROM of another one.
  ///
  /// @param inOrder whether that makes something of the order of its rows
  Plan bindInner(Node query, Levels levels, int depth, boolean inOrder) {
    return bind(query, levels, depth, false, inOrder);
  }

  /// A plan and the order of its rows.
  ///
  /// @param plan the query's columns, then those that it is only sorted by
  record Ordered(Plan plan, List<Plan.SortKey> order) {}

  /// A query inside another one whose rows are wanted in order.
  Ordered bindOrdered(Node query, Levels levels, int depth) {
    List<Plan.SortKey> order = new ArrayList<>();
    Plan plan =
        NodeForm.read(
            query,
            form -> bind(form, levels, depth, false, false, Optional.empty(), order::addAll));
    return new Ordered(plan, order);
  }

  /// A WITH query that reads itself.
  Plan bindRecursive(Levels.CommonTable table, int depth) {
    return NodeForm.read(
        table.query(),
        form -> bind(form, table.levels(), depth, false, false, Optional.of(table), null));
  }

  Facts facts() {
    return facts;
  }

  Recursions recursions() {
    return recursions;
  }

  private Plan bind(Node query, Levels outer, int depth, boolean top, boolean inOrder) {
    return NodeForm.read(
        query, form -> bind(form, outer, depth, top, inOrder, Optional.empty(), null));
  }

  /// @param inOrder whether the rows are wanted in order, if they have one
  /// @param recursive the WITH query that it is, when that reads itself
  /// @param sorted takes the order of the rows, if that is wanted; the columns that they are sorted
  ///     by stay then
  private Plan bind(
      NodeForm form,
      Levels outer,
      int depth,
      boolean top,
      boolean inOrder,
      Optional<Levels.CommonTable> recursive,
      @Nullable Consumer<List<Plan.SortKey>> sorted) {
    refuseUnsupportedClauses(form);
    Levels levels = outer.enter(form.nodes("cteList"), depth);
    List<Node> rangeTable = form.nodes("rtable");
    List<Node> order = form.nodes("sortClause");
    OptionalLong limit = number(form, "limitCount", "LIMIT");
    OptionalLong offset = number(form, "limitOffset", "OFFSET");
    boolean ties = form.integer("limitOption") == 1;
    boolean distinctOn = form.flag("hasDistinctOn");
    boolean chooses = limit.isPresent() || offset.orElse(0) > 0 || distinctOn;
    if (!order.isEmpty() && sorted == null) {
      orders++;
    }
    if (!order.isEmpty() && top && !chooses) {
      notices.add(ORDER_BY_NOTICE);
    }
    List<TargetEntry> all = form.nodes("targetList").stream().map(TargetEntry::of).toList();
    if (sorted != null && all.getFirst().junk()) {
      throw NodeForm.notUnderstood("ARRAY of no column");
    }
    if (inOrder
        && !order.isEmpty()
        && !chooses
        && !new OrderBinder(all, order, facts).isCarried()) {
      throw QueryRejected.notYet(
          "unsupported_subquery",
          "the order of a subquery that is sorted by a subquery, or by a set-returning function");
    }
    boolean sorts = inOrder && !order.isEmpty();
    // What rows are chosen by is needed until they are.
    List<TargetEntry> targets =
        chooses || sorted != null || sorts
            ? all.stream()
                .map(t -> new TargetEntry(t.expression(), t.name(), t.reference(), false))
                .toList()
            : all;
    if (targets.stream().anyMatch(t -> t.junk() && SetReturning.isInside(t.expression()))) {
      throw QueryRejected.notYet(
          "unsupported_clause", "ORDER BY a set-returning function that is not selected");
    }
    boolean dependentColumns = !form.numbers("constraintDeps").isEmpty();
    List<Node> groups = form.nodes("groupClause");
    List<Node> groupingSets = form.nodes("groupingSets");
    boolean distinctSets = form.flag("groupDistinct");
    List<SortedSet<Integer>> sets =
        groupingSets.isEmpty() ? List.of() : SetExpansion.of(groupingSets, distinctSets);
    Optional<Node> having =
        form.isAbsent("havingQual") ? Optional.empty() : Optional.of(form.node("havingQual"));
    List<Node> distinct = form.nodes("distinctClause");
    List<Node> windows = form.nodes("windowClause");
    Node from = form.node("jointree");

    boolean followsInput =
        inOrder
            || sorted != null
            || distinctOn
            || !windows.isEmpty()
            || (chooses && order.isEmpty())
            || GroupingBinder.maySeeOrder(targets, having, facts);
    FromBinder fromBinder =
        new FromBinder(this, rangeTable, levels, WholeRows.missing(form.whole()), followsInput);
    OrderBinder chosen =
        new OrderBinder(
            all.stream()
                .map(
                    t ->
                        new TargetEntry(
                            fromBinder.meant(t.expression()), t.name(), t.reference(), t.junk()))
                .toList(),
            order,
            facts);
    if (!form.isAbsent("setOperations")) {
      requireBareSetOperation(from, groups, having, distinct);
      Plan combined =
          new SetOperationBinder(this, fromBinder, recursive)
              .bind(form.node("setOperations"), targets);
      if (sorted != null) {
        sorted.accept(chosen.keys(combined));
      }
      if (chooses) {
        return chosen.limited(combined, offset.orElse(0), limit, ties);
      }
      return sorts ? chosen.sorted(combined) : combined;
    }
    if (recursive.isPresent()) {
      throw NodeForm.notUnderstood("a recursive WITH query that is not a UNION");
    }
    int ordersOutside = orders;
    Source source = fromBinder.bind(from);
    boolean orderedInput = orders > ordersOutside;
    RowScope rows = fromBinder.scope(source);
    GroupingBinder grouping =
        new GroupingBinder(
            this, levels, rows, targets, groups, sets, dependentColumns, orderedInput, windows);
    Plan plan =
        grouping.isNeeded(having) ? grouping.bind(having) : ungrouped(rows, targets, windows);
    if (!distinctOn && !distinct.isEmpty()) {
      plan = distinct(plan, targets, distinct);
    }
    if (!chooses && sorted == null) {
      return sorts ? chosen.sorted(plan) : plan;
    }
    if (distinctOn) {
      plan = chosen.distinctOn(plan, distinct);
    }
    if (limit.isPresent() || offset.orElse(0) > 0) {
      plan = chosen.limited(plan, offset.orElse(0), limit, ties);
    }
    if (sorted == null) {
      return chosen.visible(plan);
    }
    if (order.isEmpty() && orderedInput && RowOrder.said(plan).isEmpty()) {
      throw QueryRejected.notYet(
          "unsupported_subquery", "ARRAY of an ordered subquery without an ORDER BY of its own");
    }
    sorted.accept(chosen.keys(plan));
    return plan;
  }

  private Plan ungrouped(RowScope rows, List<TargetEntry> targets, List<Node> windows) {
    WindowBinder windowed = new WindowBinder(windows, targets, facts, rows);
    SetReturningBinder sets = new SetReturningBinder(facts, windowed);
    Plan.Project projected =
        project(() -> rows.source().plan(), targets, new ExpressionBinder(facts, sets));
    return sets.over(windowed.over(sets.withCalls(projected)));
  }

  private OptionalLong number(NodeForm form, String field, String clause) {
    return form.isAbsent(field)
        ? OptionalLong.empty()
        : OrderBinder.number(form.node(field), clause, facts);
  }

  private static void refuseUnsupportedClauses(NodeForm form) {
    form.expect("commandType", "1", "unsupported_clause", "a statement that is not a SELECT");
    form.neutral("utilityStmt");
    form.neutral("resultRelation");
    form.neutral("hasModifyingCTE", "unsupported_clause", "a data-modifying WITH query");
    form.neutral("hasForUpdate", "unsupported_clause", "FOR UPDATE or FOR SHARE");
    form.neutral("rowMarks", "unsupported_clause", "FOR UPDATE or FOR SHARE");
    form.neutral("hasRowSecurity", "row_level_security", "row-level security");
    form.neutral("withCheckOptions");
    form.neutral("onConflict");
    form.neutral("returningList");
    form.neutral("returningOldAlias");
    form.neutral("returningNewAlias");
    form.neutral("mergeActionList");
    form.neutral("mergeTargetRelation");
    form.neutral("mergeJoinCondition");
  }

  private static void requireBareSetOperation(
      Node from, List<Node> groups, Optional<Node> having, List<Node> distinct) {
    boolean bare =
        NodeForm.read(from, form -> form.nodes("fromlist").isEmpty() && form.isAbsent("quals"));
    if (!bare || !groups.isEmpty() || having.isPresent() || !distinct.isEmpty()) {
      throw NodeForm.notUnderstood("a set operation with clauses of its own");
    }
  }

  /// The visible columns of a target list.
  ///
  /// @param input asked once the expressions are bound, which may widen it
  static Plan.Project project(
      Supplier<Plan> input, List<TargetEntry> targets, ExpressionBinder binder) {
    List<Expr> expressions = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (TargetEntry target : targets) {
      if (!target.junk()) {
        Expr expression = binder.bind(target.expression());
        expressions.add(expression);
        columns.add(new Column(target.name(), expression.type()));
      }
    }
    return new Plan.Project(input.get(), expressions, new Schema(columns));
  }

  private Plan distinct(Plan plan, List<TargetEntry> targets, List<Node> clauses) {
    Set<Integer> references = new LinkedHashSet<>();
    for (Node clause : clauses) {
      references.add(Equality.requireDefault(clause, targets, facts));
    }
    boolean coversAll =
        targets.stream().filter(target -> !target.junk()).count() == references.size()
            && targets.stream()
                .filter(target -> references.contains(target.reference()))
                .noneMatch(TargetEntry::junk);
    if (!coversAll) {
      throw NodeForm.notUnderstood("DISTINCT over other columns than the result's");
    }
    return new Plan.Distinct(plan);
  }
}
