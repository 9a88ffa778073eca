package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.SetFunctions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowOrder;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Translates DISTINCT ON, and ORDER BY where LIMIT or OFFSET make it matter.
///
/// Both are over the columns of the target list, the hidden ones included; those go when the rows
/// have been chosen.
record OrderBinder(List<TargetEntry> targets, List<Node> order, Facts facts) {
  private static final Set<TypeKind> NUMBERS =
      EnumSet.of(TypeKind.BOOL, TypeKind.INT2, TypeKind.INT4, TypeKind.INT8, TypeKind.NUMERIC);

  /// What is computed of numbers alone is the same under all settings.
  private static final EvaluationSettings ANY = EvaluationSettings.of("UTC", Collation.C);

  /// The first row of each group of rows that are equal in some columns.
  ///
  /// Set-returning functions that nothing is sorted or told apart by are called for the chosen rows
  /// only, if there is an ORDER BY; so the server does it.
  Plan distinctOn(Plan rows, List<Node> clauses) {
    Plan.TopK first = first(rows, clauses);
    return calls() > 0
            && !order.isEmpty()
            && !isOfCalls()
            && rows instanceof Plan.Project(Plan calls, List<Expr> expressions, Schema schema)
        ? new Plan.Project(calledLast(calls, calls(), first, expressions), expressions, schema)
        : first;
  }

  /// Whether something is grouped, sorted or told apart by a set-returning function.
  private boolean isOfCalls() {
    return targets.stream()
        .filter(target -> target.reference() != 0)
        .anyMatch(target -> SetReturning.isInside(target.expression()));
  }

  /// How many calls of the target list are nested in each other, if nothing is grouped by one.
  private int calls() {
    return SetReturning.byDepth(targets.stream().map(TargetEntry::expression).toList()).size();
  }

  /// @param depth how many of the plans on top are the calls of the target list; those of FROM are
  ///     further down
  private static Plan calledLast(Plan rows, int depth, Plan.TopK first, List<Expr> expressions) {
    if (depth > 0) {
      if (rows instanceof Plan.Unfold calls) {
        return calls.over(calledLast(calls.input(), depth - 1, first, expressions), each -> each);
      }
      throw NodeForm.notUnderstood("the calls of a target list");
    }
    return new Plan.TopK(
        rows,
        first.partition().stream().map(each -> Expressions.over(each, expressions)).toList(),
        over(first.order(), expressions),
        0,
        1,
        false);
  }

  private Plan.TopK first(Plan rows, List<Node> clauses) {
    List<Expr> partition = new ArrayList<>();
    for (Node clause : clauses) {
      int reference = Equality.requireDefault(clause, targets, facts);
      Expr column = column(reference, rows);
      Equality.requireComparable(column.type(), "DISTINCT ON over", facts);
      partition.add(column);
    }
    return new Plan.TopK(rows, partition, keys(rows), 0, 1, false);
  }

  private static List<Plan.SortKey> over(List<Plan.SortKey> keys, List<Expr> expressions) {
    return keys.stream().map(key -> key.over(Expressions.over(key.value(), expressions))).toList();
  }

  /// A window of the rows in order.
  Plan limited(Plan rows, long offset, OptionalLong limit, boolean ties) {
    if (order.isEmpty() && RowOrder.said(rows).isEmpty()) {
      throw QueryRejected.unsupported(
          "unsupported_clause",
          limit.isPresent() ? "LIMIT without ORDER BY" : "OFFSET without ORDER BY",
          "it may return any rows");
    }
    if (ties
        && offset > 0
        && targets.stream().anyMatch(target -> SetReturning.isInside(target.expression()))) {
      throw QueryRejected.notYet(
          "unsupported_clause", "OFFSET and WITH TIES over a set-returning function");
    }
    if (limit.isPresent() && (order.isEmpty() || !isOfCalls()) && calls() > 0 && mayFail(rows)) {
      throw QueryRejected.notYet(
          "unsupported_clause", "LIMIT over a set-returning function that may fail");
    }
    return new Plan.TopK(rows, List.of(), keys(rows), offset, limit.orElse(-1), ties);
  }

  /// Whether a call of the target list, or what is computed of its rows, may fail for some row: the
  /// server calls no more than the limit needs.
  private boolean mayFail(Plan rows) {
    if (!(rows instanceof Plan.Project(Plan input, List<Expr> expressions, var _))) {
      return true;
    }
    Plan below = input;
    for (int depth = calls(); depth > 0; depth--) {
      if (!(below instanceof Plan.Unfold unfold)
          || !unfold.calls().stream().allMatch(each -> SetFunctions.isTotal(each.call()))) {
        return true;
      }
      below = unfold.input();
    }
    int width = below.schema().size();
    return expressions.stream()
        .filter(each -> Expressions.columns(each).stream().anyMatch(column -> column >= width))
        .anyMatch(each -> !Expressions.isTotal(each));
  }

  /// Whether the order of the rows can be said to those who read them. A subquery that they are
  /// sorted by is not asked for that, nor a function called.
  boolean isCarried() {
    return !order.isEmpty()
        && order.stream()
            .map(clause -> NodeForm.glance(clause).integer("tleSortGroupRef"))
            .allMatch(
                reference ->
                    targets.stream()
                        .filter(target -> target.reference() == reference)
                        .map(TargetEntry::expression)
                        .noneMatch(
                            sorted ->
                                SetReturning.isInside(sorted)
                                    || GroupingBinder.containsSubquery(sorted)));
  }

  /// The visible columns of all rows, in order.
  ///
  /// They are sorted before they are computed, so that what they are sorted by is no column.
  Plan sorted(Plan rows) {
    if (!(rows instanceof Plan.Project(Plan input, List<Expr> expressions, Schema schema))) {
      return visible(new Plan.TopK(rows, List.of(), keys(rows), 0, -1, false));
    }
    List<Plan.SortKey> keys = over(keys(rows), expressions);
    List<Expr> shown = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      if (!targets.get(i).junk()) {
        shown.add(expressions.get(i));
        columns.add(schema.column(i));
      }
    }
    return new Plan.Project(
        new Plan.TopK(input, List.of(), keys, 0, -1, false), shown, new Schema(columns));
  }

  /// What rows are sorted by.
  List<Plan.SortKey> keys(Plan rows) {
    return order.stream()
        .map(
            clause -> {
              int reference = NodeForm.glance(clause).integer("tleSortGroupRef");
              return key(clause, column(reference, rows), facts);
            })
        .toList();
  }

  /// How an item of an ORDER BY sorts the expression that it names.
  static Plan.SortKey key(Node item, Expr sorted, Facts facts) {
    return NodeForm.read(item, form -> key(form, sorted, facts));
  }

  private static Plan.SortKey key(NodeForm form, Expr column, Facts facts) {
    form.integer("tleSortGroupRef");
    int sorting = form.oid("sortop");
    boolean nullsFirst = form.flag("nulls_first");
    form.oid("eqop");
    Facts.Operator operator =
        facts.operator(sorting).orElseThrow(() -> NodeForm.notUnderstood("a sort operator"));
    boolean builtIn = Equality.isBuiltIn(operator);
    boolean descending =
        builtIn ? operator.name().equals(">") : operator.place() == Facts.Operator.Place.GREATER;
    boolean ascending =
        builtIn ? operator.name().equals("<") : operator.place() == Facts.Operator.Place.LESS;
    boolean isDefault = (ascending || descending) && sameFamily(column.type(), operator.left());
    if (!isDefault) {
      throw QueryRejected.notYet("unsupported_type", "ORDER BY a column of this type");
    }
    Equality.requireComparable(column.type(), "ORDER BY", facts);
    return new Plan.SortKey(column, descending, nullsFirst);
  }

  private static boolean sameFamily(SqlType type, int sorted) {
    TypeKind kind = TypeKind.of(sorted);
    return type.kind() == kind || (type.kind() == TypeKind.VARCHAR && kind == TypeKind.TEXT);
  }

  private Expr column(int reference, Plan rows) {
    for (int i = 0; i < targets.size(); i++) {
      if (targets.get(i).reference() == reference) {
        return new Expr.Column(i, rows.schema().column(i).type());
      }
    }
    throw NodeForm.notUnderstood("a sorted column without an expression");
  }

  /// The columns that are not hidden.
  Plan visible(Plan rows) {
    List<Expr> kept = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < targets.size(); i++) {
      if (!targets.get(i).junk()) {
        Column column = rows.schema().column(i);
        kept.add(new Expr.Column(i, column.type()));
        columns.add(column);
      }
    }
    return kept.size() == targets.size() ? rows : new Plan.Project(rows, kept, new Schema(columns));
  }

  /// The number of a LIMIT or OFFSET, which may be computed of constants; empty for NULL, which is
  /// none.
  static OptionalLong number(Node node, String clause, Facts facts) {
    @Nullable Object value;
    try {
      Expr expression =
          new ExpressionBinder(
                  facts,
                  _ -> {
                    throw computed(clause);
                  })
              .bind(node);
      boolean constant =
          FunctionLibrary.isNative(expression, ANY)
              && !Expressions.contains(expression, Expr.Clock.class)
              && isImmutable(expression)
              && isOfNumbers(expression);
      if (!constant) {
        throw computed(clause);
      }
      value = Compiler.compile(expression, Schema.of(), ANY).evaluate(Schema.of().pack());
    } catch (QueryRejected | EvaluationFailure notConstant) {
      throw computed(clause);
    }
    if (value == null) {
      return OptionalLong.empty();
    }
    if (value instanceof Long number && number >= 0) {
      return OptionalLong.of(number);
    }
    throw computed(clause);
  }

  // Texts are compared by collations that are not known here.
  private static boolean isOfNumbers(Expr expression) {
    return NUMBERS.contains(expression.type().kind())
        && Expressions.children(expression).stream().allMatch(OrderBinder::isOfNumbers);
  }

  private static boolean isImmutable(Expr expression) {
    return (!(expression instanceof Expr.Call call) || call.function().volatility() == 'i')
        && !(expression instanceof Expr.TextCast)
        && Expressions.children(expression).stream().allMatch(OrderBinder::isImmutable);
  }

  private static QueryRejected computed(String clause) {
    return QueryRejected.notYet("unsupported_clause", clause + " with an expression");
  }
}
