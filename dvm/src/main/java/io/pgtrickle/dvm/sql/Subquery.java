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
import java.util.List;
import java.util.Optional;

/// A subquery in an expression: a SUBLINK node.
///
/// Its test is over the columns of the row and, from [#COLUMNS] on, those of the subquery; where
/// the
/// row ends is known only when it is asked.
record Subquery(Plan plan, Plan.Question question) {
  private static final int COLUMNS = 1 << 20;
  private static final int ARRAY = 6;

  /// @param around what names mean in the expression that it stands in
  static Subquery bind(
      Node node, QueryBinder queries, Levels levels, ExpressionBinder.Environment around) {
    return NodeForm.read(node, form -> bind(form, queries, levels, around));
  }

  private static Subquery bind(
      NodeForm form, QueryBinder queries, Levels levels, ExpressionBinder.Environment around) {
    int kind = form.integer("subLinkType");
    form.neutral("subLinkId");
    levels.names(around);
    Node query = form.node("subselect");
    if (kind == ARRAY) {
      form.neutral("testexpr");
      return array(queries.bindOrdered(query, levels, levels.depth() + 1), queries.facts());
    }
    Plan plan = queries.bindInner(query, levels, levels.depth() + 1);
    Plan.Question question =
        switch (kind) {
          case 0 -> {
            form.neutral("testexpr");
            yield new Plan.Question.Exists();
          }
          case 1 -> new Plan.Question.All(test(form, plan, queries.facts(), around));
          case 2 -> new Plan.Question.Any(test(form, plan, queries.facts(), around));
          case 3 -> new Plan.Question.Compared(test(form, plan, queries.facts(), around));
          case 4 -> {
            form.neutral("testexpr");
            if (plan.schema().size() != 1) {
              throw NodeForm.notUnderstood("a scalar subquery with several columns");
            }
            yield new Plan.Question.Scalar();
          }
          default -> throw Unsupported.subquery(kind);
        };
    return new Subquery(plan, question);
  }

  private static Subquery array(QueryBinder.Ordered rows, Facts facts) {
    if (rows.order().isEmpty()
        && hasOrder(rows.plan())
        && !isOfOneFunction(rows.plan())
        && RowOrder.said(rows.plan()).isEmpty()) {
      throw QueryRejected.notYet(
          "unsupported_subquery", "ARRAY of the rows of a function or of VALUES without ORDER BY");
    }
    Expr value = new Expr.Column(0, rows.plan().schema().column(0).type());
    Facts.ArrayType array =
        facts
            .arrayOf(value.type().oid())
            .orElseThrow(() -> QueryRejected.notYet("unsupported_subquery", "ARRAY of this type"));
    SqlType type = SqlType.of(array.type(), -1, value.type().collation());
    AggregateCall values = AggregateBinder.array(value, type, rows.order(), facts);
    return new Subquery(rows.plan(), new Plan.Question.Array(values, array.element()));
  }

  /// Whether rows come from one function, in whose order they are collected.
  private static boolean isOfOneFunction(Plan plan) {
    return switch (plan) {
      case Plan.Filter(Plan input, var _) -> isOfOneFunction(input);
      case Plan.Project(Plan input, var _, var _) -> isOfOneFunction(input);
      case Plan.Unfold unfold ->
          unfold.input() instanceof Plan.Values(var rows, var _) && rows.size() == 1;
      default -> false;
    };
  }

  /// Whether rows come in an order that the server shows although nobody asked for one.
  private static boolean hasOrder(Plan plan) {
    return plan instanceof Plan.Unfold
        || plan instanceof Plan.Values
        || plan instanceof Plan.Recursion
        || plan.inputs().stream().anyMatch(Subquery::hasOrder);
  }

  private static Expr test(
      NodeForm form, Plan plan, Facts facts, ExpressionBinder.Environment around) {
    Expr test =
        new ExpressionBinder(facts, new TestEnvironment(plan.schema(), around))
            .bind(form.node("testexpr"));
    if (test instanceof Expr.Call
        || test instanceof Expr.And
        || test instanceof Expr.Or
        || test instanceof Expr.Verbatim) {
      return test;
    }
    throw NodeForm.notUnderstood("the comparison with a subquery");
  }

  /// The names around, and the columns of the subquery as parameters.
  private record TestEnvironment(Schema columns, ExpressionBinder.Environment around)
      implements ExpressionBinder.Environment {
    @Override
    public Expr variable(Variable variable) {
      return around.variable(variable);
    }

    @Override
    public Optional<Expr> computed(Node node) {
      return NodeForm.tag(node).equals("PARAM")
          ? Optional.of(NodeForm.read(node, this::parameter))
          : around.computed(node);
    }

    private Expr parameter(NodeForm form) {
      // 2 is a column of the subquery that the expression belongs to.
      form.expect("paramkind", "2", "query_not_understood", "a parameter");
      int index = form.integer("paramid") - 1;
      form.integer("paramtypmod");
      form.oid("paramcollid");
      if (index < 0
          || index >= columns.size()
          || columns.column(index).type().oid() != form.oid("paramtype")) {
        throw NodeForm.notUnderstood("a column of a subquery");
      }
      return new Expr.Column(COLUMNS + index, columns.column(index).type());
    }
  }

  /// The row that it constructs, where it does nothing else: `(SELECT w FROM (SELECT x AS a) w)`.
  Optional<Expr> constructed() {
    if (!(question instanceof Plan.Question.Scalar)
        || !(plan instanceof Plan.Project(Plan input, List<Expr> columns, var _))
        || !(columns.getFirst() instanceof Expr.Row row)) {
      return Optional.empty();
    }
    return input instanceof Plan.Project(Plan.Values(var rows, var schema), List<Expr> fields, _)
            && rows.size() == 1
            && schema.size() == 0
        ? Optional.of(Expressions.map(Expressions.over(row, fields), Subquery::inside))
        : Optional.empty();
  }

  // What a reference to the row around it means in that.
  private static Expr inside(Expr node) {
    if (!(node instanceof Expr.Outer(int level, int index, var type))) {
      return node;
    }
    return level == 1 ? new Expr.Column(index, type) : new Expr.Outer(level - 1, index, type);
  }

  /// The rows of a plan with its answer behind their columns.
  Plan asked(Plan rows) {
    int width = rows.schema().size();
    List<Column> columns = new ArrayList<>(rows.schema().columns());
    return switch (question) {
      case Plan.Question.Exists exists -> asked(rows, exists, columns, SqlType.BOOL);
      case Plan.Question.Any(Expr test) ->
          asked(rows, new Plan.Question.Any(placed(test, width)), columns, SqlType.BOOL);
      case Plan.Question.All(Expr test) ->
          asked(rows, new Plan.Question.All(placed(test, width)), columns, SqlType.BOOL);
      case Plan.Question.Compared(Expr test) ->
          asked(rows, new Plan.Question.Compared(placed(test, width)), columns, SqlType.BOOL);
      case Plan.Question.Array array -> asked(rows, array, columns, array.values().type());
      case Plan.Question.Rows _ -> throw new IllegalStateException("an expression has one value");
      case Plan.Question.Scalar scalar -> {
        columns.add(new Column("value", plan.schema().column(0).type()));
        columns.add(new Column("rows", SqlType.INT8));
        yield new Plan.Apply(rows, plan, scalar, new Schema(columns));
      }
    };
  }

  private Plan asked(Plan rows, Plan.Question asked, List<Column> columns, SqlType type) {
    columns.add(new Column("answer", type));
    return new Plan.Apply(rows, plan, asked, new Schema(columns));
  }

  private static Expr placed(Expr test, int width) {
    return Expressions.map(
        test,
        node ->
            node instanceof Expr.Column(int index, var type) && index >= COLUMNS
                ? new Expr.Column(index - COLUMNS + width, type)
                : node);
  }

  /// The answer over the rows that have it, whose own columns are so many.
  Expr answer(int width) {
    return switch (question) {
      case Plan.Question.Exists _,
          Plan.Question.Any _,
          Plan.Question.All _,
          Plan.Question.Compared _ ->
          new Expr.Column(width, SqlType.BOOL);
      case Plan.Question.Array(AggregateCall values, int _) ->
          new Expr.Column(width, values.type());
      case Plan.Question.Rows _ -> throw new IllegalStateException("an expression has one value");
      case Plan.Question.Scalar _ ->
          new Expr.Single(
              new Expr.Column(width, plan.schema().column(0).type()),
              new Expr.Column(width + 1, SqlType.INT8));
    };
  }
}
