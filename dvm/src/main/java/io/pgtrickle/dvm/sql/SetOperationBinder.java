package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Translates UNION, INTERSECT and EXCEPT, each with and without ALL.
///
/// The tree keeps the operands' own column types and states those of the result beside them; the
/// planner adds the conversions, so here they are added too, as the server's casts say.
final class SetOperationBinder {
  private final QueryBinder queries;
  private final FromBinder from;
  private final Optional<Levels.CommonTable> recursive;

  /// @param recursive the WITH query that it is, when that reads itself
  SetOperationBinder(QueryBinder queries, FromBinder from, Optional<Levels.CommonTable> recursive) {
    this.queries = queries;
    this.from = from;
    this.recursive = recursive;
  }

  /// @param targets the outer target list: the columns of the operation, named
  Plan bind(Node operation, List<TargetEntry> targets) {
    Plan plan =
        recursive
            .map(table -> NodeForm.read(operation, form -> recursion(form, table)))
            .orElseGet(() -> operand(operation));
    List<Expr> expressions = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (TargetEntry target : targets) {
      // An ORDER BY above a set operation may only name its columns, so nothing is hidden.
      Variable variable = Variable.of(target.expression());
      if (target.junk() || variable.levelsUp() > 0 || variable.attribute() > plan.schema().size()) {
        throw NodeForm.notUnderstood("a column above a set operation");
      }
      SqlType type = plan.schema().column(variable.attribute() - 1).type();
      if (type.oid() != variable.type().oid()) {
        throw NodeForm.notUnderstood("the type of a column above a set operation");
      }
      expressions.add(new Expr.Column(variable.attribute() - 1, type));
      columns.add(new Column(target.name(), type));
    }
    // What SEARCH and CYCLE add is in no target list.
    for (int i = expressions.size(); recursive.isPresent() && i < plan.schema().size(); i++) {
      expressions.add(new Expr.Column(i, plan.schema().column(i).type()));
      columns.add(plan.schema().column(i));
    }
    return new Plan.Project(plan, expressions, new Schema(columns));
  }

  private Plan operand(Node node) {
    return NodeForm.read(
        node,
        form ->
            switch (form.tag()) {
              case "RANGETBLREF" -> from.operand(form.integer("rtindex"));
              case "SETOPERATIONSTMT" -> operation(form);
              default -> throw NodeForm.notUnderstood("node " + form.tag());
            });
  }

  /// The first operand says what the columns are; the second one reads them.
  private Plan recursion(NodeForm form, Levels.CommonTable table) {
    if (!form.tag().equals("SETOPERATIONSTMT")) {
      throw NodeForm.notUnderstood("a recursive WITH query that is not a UNION");
    }
    form.expect("op", "1", "query_not_understood", "a recursive WITH query that is not a UNION");
    boolean all = form.flag("all");
    Plan base = queries.recursions().outside(() -> operand(form.node("larg")));
    Schema schema = schema(form, base.schema());
    Plan step = queries.recursions().inside(table, schema, () -> operand(form.node("rarg")));
    if (step.schema().size() != schema.size()) {
      throw NodeForm.notUnderstood("a set operation over different numbers of columns");
    }
    Plan first = converted(base, schema);
    Plan next = converted(step, schema);
    if (table.trail().isEmpty()) {
      Plan recursion = new Plan.Recursion(first, next, all, schema);
      return all ? recursion : comparable(recursion, "UNION");
    }
    Plan.Trail trail = table.trail().get().bind(schema, queries.facts());
    requireSameTypes(trail, base.schema(), step.schema());
    List<Column> columns = new ArrayList<>(schema.columns());
    columns.addAll(trail.columns());
    Plan recursion = new Plan.Recursion(first, next, all, new Schema(columns), trail);
    return all ? recursion : comparable(recursion, "UNION");
  }

  /// Records are compared by the types that both terms give to their fields.
  private static void requireSameTypes(Plan.Trail trail, Schema base, Schema step) {
    List<Integer> by = new ArrayList<>();
    if (trail.search() != null) {
      by.addAll(trail.search().by());
    }
    if (trail.cycle() != null) {
      by.addAll(trail.cycle().by());
    }
    for (int at : by) {
      SqlType first = base.column(at).type();
      SqlType next = step.column(at).type();
      if (first.oid() != next.oid() || first.collation() != next.collation()) {
        throw QueryRejected.notYet(
            "unsupported_clause", "SEARCH or CYCLE by a column of which the terms have two types");
      }
    }
  }

  private Plan operation(NodeForm form) {
    int operation = form.integer("op");
    boolean keepsDuplicates = form.flag("all");
    Plan left = operand(form.node("larg"));
    Plan right = operand(form.node("rarg"));
    Schema schema = schema(form, left.schema());
    if (right.schema().size() != schema.size()) {
      throw NodeForm.notUnderstood("a set operation over different numbers of columns");
    }
    Plan l = converted(left, schema);
    Plan r = converted(right, schema);
    return switch (operation) {
      case 1 -> {
        Plan all = new Plan.UnionAll(List.of(l, r), schema);
        yield keepsDuplicates ? all : new Plan.Distinct(comparable(all, "UNION"));
      }
      case 2 -> compared(l, r, Plan.SetOperation.Kind.INTERSECT, keepsDuplicates, schema);
      case 3 -> compared(l, r, Plan.SetOperation.Kind.EXCEPT, keepsDuplicates, schema);
      default -> throw NodeForm.notUnderstood("a set operation of another kind");
    };
  }

  private Plan compared(
      Plan left, Plan right, Plan.SetOperation.Kind kind, boolean all, Schema schema) {
    return comparable(new Plan.SetOperation(left, right, kind, all, schema), kind.toString());
  }

  private Plan comparable(Plan plan, String operation) {
    for (Column column : plan.schema().columns()) {
      Equality.requireComparable(column.type(), operation + " over", queries.facts());
    }
    return plan;
  }

  private static Schema schema(NodeForm form, Schema left) {
    List<Integer> types = form.numbers("colTypes");
    List<Integer> modifiers = form.numbers("colTypmods");
    List<Integer> collations = form.numbers("colCollations");
    if (left.size() != types.size()) {
      throw NodeForm.notUnderstood("a set operation over different numbers of columns");
    }
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      columns.add(
          new Column(
              left.column(i).name(),
              SqlType.of(types.get(i), modifiers.get(i), collations.get(i))));
    }
    return new Schema(columns);
  }

  private Plan converted(Plan operand, Schema target) {
    if (operand.schema().equals(target)) {
      return operand;
    }
    List<Expr> expressions = new ArrayList<>();
    for (int i = 0; i < target.size(); i++) {
      SqlType from = operand.schema().column(i).type();
      expressions.add(converted(new Expr.Column(i, from), target.column(i).type()));
    }
    return new Plan.Project(operand, expressions, target);
  }

  private Expr converted(Expr column, SqlType target) {
    SqlType source = column.type();
    if (source.equals(target)) {
      return column;
    }
    if (source.oid() == target.oid()) {
      return new Expr.Relabel(column, target);
    }
    Facts.Cast cast =
        queries
            .facts()
            .implicitCast(source.oid(), target.oid())
            .orElseThrow(() -> NodeForm.notUnderstood("a conversion between columns of a UNION"));
    Expr converted =
        cast.function().<Expr>map(function -> call(function, column, target)).orElse(column);
    // The cast of bpchar to varchar, for one, is a function that returns text.
    return converted.type().equals(target) ? converted : new Expr.Relabel(converted, target);
  }

  private static Expr call(Signature function, Expr column, SqlType target) {
    SqlType result =
        function.result() == target.oid()
            ? target
            : SqlType.of(function.result(), -1, target.collation());
    return new Expr.Call(function, List.of(column), result, column.type().collation());
  }
}
