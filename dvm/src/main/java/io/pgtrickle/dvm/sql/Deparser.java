package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Writes a bound plan as SQL that the server reads as the same plan.
///
/// One subquery per plan node, columns `c1, c2, …`: nothing is left to name resolution or to the
/// precedence of operators. Expressions are written by [ExpressionText].
public final class Deparser {
  private final ExpressionText expressions;
  private int relations;

  /// What the rows found are called, by the recursions around, the innermost first.
  private final Deque<String> found = new ArrayDeque<>();

  private Deparser(Facts facts) {
    this.expressions = new ExpressionText(facts);
  }

  /// A SELECT with the plan's columns, in order.
  public static String sql(Plan bound, Facts facts) {
    return new Deparser(facts).select(bound);
  }

  /// An expression over columns of a schema, as a person reads it.
  public static String expression(Expr expression, Schema schema, Facts facts) {
    List<String> names =
        schema.columns().stream().map(column -> RelationShape.quote(column.name())).toList();
    return new ExpressionText(facts).text(expression, names);
  }

  /// An expression over columns that are referred to in a certain way.
  public static String expression(Expr expression, List<String> columns, Facts facts) {
    return new ExpressionText(facts).text(expression, columns);
  }

  /// Functions as an item of FROM, over columns that are referred to in a certain way.
  public static String rows(
      List<SetCall> calls, boolean numbered, List<String> columns, Facts facts) {
    return new Deparser(facts).rowsFrom(calls, numbered, columns);
  }

  /// An aggregate over columns that are referred to in a certain way.
  public static String aggregate(AggregateCall call, List<String> columns, Facts facts) {
    return new ExpressionText(facts).text(call, columns);
  }

  /// An item of FROM and how its columns are referred to.
  private record Item(String text, List<String> columns) {}

  private String select(Plan plan) {
    return switch (plan) {
      case Plan.Scan scan -> selectAll(scan, "SELECT");
      case Plan.Values values -> values(values);
      case Plan.Filter(Plan input, Expr condition) -> {
        Item item = item(input);
        yield select("SELECT", item.columns(), item.text())
            + " WHERE "
            + expressions.text(condition, item.columns());
      }
      case Plan.Project(Plan input, List<Expr> outputs, Schema _) -> {
        Item item = item(input);
        yield select("SELECT", texts(outputs, item), item.text());
      }
      case Plan.Join join -> join(join);
      case Plan.OuterJoin join -> outerJoin(join);
      case Plan.Apply apply -> apply(apply);
      case Plan.Unfold unfold -> unfold(unfold);
      case Plan.MarkJoin _, Plan.Ask _ ->
          throw new IllegalArgumentException("a bound plan has no such node: " + plan);
      case Plan.UnionAll(List<Plan> inputs, Schema _) ->
          String.join(" UNION ALL ", inputs.stream().map(i -> "(" + select(i) + ")").toList());
      case Plan.Recursion recursion -> recursion(recursion);
      case Plan.Working working ->
          select("SELECT", columns(found.getFirst(), working), found.getFirst());
      case Plan.TopK top -> topK(top);
      case Plan.GroupingSets sets -> groupingSets(sets);
      case Plan.Window window -> window(window);
      case Plan.SetOperation operation ->
          "("
              + select(operation.left())
              + ") "
              + operation.kind()
              + (operation.all() ? " ALL (" : " (")
              + select(operation.right())
              + ")";
      case Plan.Distinct(Plan input, var _) -> selectAll(input, "SELECT DISTINCT");
      case Plan.Aggregate aggregate -> aggregate(aggregate);
    };
  }

  private String selectAll(Plan input, String select) {
    Item item = item(input);
    return select(select, item.columns(), item.text());
  }

  private static String select(String select, List<String> outputs, String from) {
    List<String> named = new ArrayList<>();
    for (int i = 0; i < outputs.size(); i++) {
      named.add(outputs.get(i) + " AS c" + (i + 1));
    }
    return select + " " + String.join(", ", named) + (from.isEmpty() ? "" : " FROM " + from);
  }

  private List<String> texts(List<Expr> outputs, Item item) {
    return outputs.stream().map(output -> expressions.text(output, item.columns())).toList();
  }

  private String values(Plan.Values values) {
    if (values.schema().size() == 0 && values.rows().size() == 1) {
      return select("SELECT", rowTexts(values.rows().getFirst()), "");
    }
    List<String> rows = new ArrayList<>();
    for (List<Expr> row : values.rows()) {
      rows.add("(" + String.join(", ", rowTexts(row)) + ")");
    }
    return "VALUES " + String.join(", ", rows);
  }

  private List<String> rowTexts(List<Expr> row) {
    return row.stream().map(cell -> expressions.text(cell, List.of())).toList();
  }

  private String join(Plan.Join join) {
    Item left = item(join.left());
    Item right = item(join.right());
    List<String> columns = new ArrayList<>(left.columns());
    columns.addAll(right.columns());
    Expr residual = join.residual();
    if (!join.keys().isEmpty()) {
      throw new IllegalArgumentException("a bound join has no keys yet");
    }
    String from =
        residual == null
            ? left.text() + " CROSS JOIN " + right.text()
            : left.text() + " JOIN " + right.text() + " ON " + expressions.text(residual, columns);
    return select("SELECT", columns, from);
  }

  private String outerJoin(Plan.OuterJoin join) {
    Item left = item(join.left());
    Item right = item(join.right());
    List<String> columns = new ArrayList<>(left.columns());
    columns.addAll(right.columns());
    Expr residual = join.residual();
    if (!join.keys().isEmpty()) {
      throw new IllegalArgumentException("a bound join has no keys yet");
    }
    String kind =
        switch (join.kept()) {
          case LEFT -> " LEFT JOIN ";
          case RIGHT -> " RIGHT JOIN ";
          case BOTH -> " FULL JOIN ";
        };
    String condition = residual == null ? "true" : expressions.text(residual, columns);
    return select("SELECT", columns, left.text() + kind + right.text() + " ON " + condition);
  }

  private String unfold(Plan.Unfold unfold) {
    boolean alone =
        unfold.input() instanceof Plan.Values(var rows, var schema)
            && rows.size() == 1
            && schema.size() == 0;
    Item item = alone ? new Item("", List.of()) : item(unfold.input());
    String alias = "r" + ++relations;
    List<String> columns = new ArrayList<>(item.columns());
    int width = unfold.schema().size() - columns.size();
    List<String> names = IntStream.rangeClosed(1, width).mapToObj(i -> "c" + i).toList();
    names.forEach(name -> columns.add(alias + "." + name));
    String rows =
        "%s AS %s(%s)"
            .formatted(
                rowsFrom(unfold.calls(), unfold.numbered(), item.columns()),
                alias,
                String.join(", ", names));
    if (alone) {
      return select("SELECT", columns, rows);
    }
    if (!unfold.kept()) {
      return select("SELECT", columns, item.text() + " CROSS JOIN LATERAL " + rows);
    }
    Expr condition = unfold.condition();
    String on = condition == null ? "true" : expressions.text(condition, columns);
    return select("SELECT", columns, item.text() + " LEFT JOIN LATERAL " + rows + " ON " + on);
  }

  /// The server lets a recursive query be read in one place only, which subqueries may read in
  /// turn.
  private String recursion(Plan.Recursion recursion) {
    String name = "w" + ++relations;
    String rows = "w" + ++relations;
    String base = select(recursion.base());
    found.push(rows);
    String step = select(recursion.step());
    found.pop();
    List<String> names = columns(recursion.base().schema().size());
    String list = names.isEmpty() ? "" : "(" + String.join(", ", names) + ")";
    return "WITH RECURSIVE %s%s AS ((%s) UNION%s (WITH %s AS (%s) SELECT * FROM %s AS r))%s %s"
        .formatted(
            name,
            list,
            base,
            recursion.all() ? " ALL" : "",
            rows,
            select("SELECT", columns(name, recursion.base()), name),
            "(" + step + ")",
            trail(recursion.trail(), recursion.base().schema().size()),
            select("SELECT", columns(name, recursion), name));
  }

  /// @param width how many columns are there without those that are added
  private static String trail(Plan.@Nullable Trail trail, int width) {
    StringBuilder text = new StringBuilder();
    int next = width + 1;
    if (trail != null && trail.search() != null) {
      text.append(
          " SEARCH %s FIRST BY %s SET c%s"
              .formatted(
                  trail.search().breadth() ? "BREADTH" : "DEPTH",
                  positions(trail.search().by()),
                  next++));
    }
    if (trail != null && trail.cycle() != null) {
      text.append(
          " CYCLE %s SET c%s TO %s DEFAULT %s USING c%s"
              .formatted(
                  positions(trail.cycle().by()),
                  next,
                  mark(trail.cycle().value()),
                  mark(trail.cycle().otherwise()),
                  next + 1));
    }
    return text.toString();
  }

  private static String positions(List<Integer> columns) {
    return String.join(", ", columns.stream().map(at -> "c" + (at + 1)).toList());
  }

  /// A constant without a cast, which the grammar has no place for.
  private static String mark(Expr.Literal literal) {
    String text = String.valueOf(literal.value());
    return literal.type().kind().isText() ? ExpressionText.quoted(text) : text;
  }

  private static List<String> columns(String relation, Plan plan) {
    return columns(plan.schema().size()).stream().map(name -> relation + "." + name).toList();
  }

  private static List<String> columns(int width) {
    return IntStream.rangeClosed(1, width).mapToObj(i -> "c" + i).toList();
  }

  private String rowsFrom(List<SetCall> calls, boolean numbered, List<String> columns) {
    List<String> functions = calls.stream().map(call -> expressions.text(call, columns)).toList();
    if (!calls.getFirst().pieces().isEmpty()) {
      // No function of ROWS FROM; and WITH ORDINALITY is for those.
      return numbered
          ? "(SELECT w.*, pg_catalog.row_number() OVER () FROM %s AS w)"
              .formatted(functions.getFirst())
          : functions.getFirst();
    }
    return "ROWS FROM ("
        + String.join(", ", functions)
        + ")"
        + (numbered ? " WITH ORDINALITY" : "");
  }

  private String topK(Plan.TopK top) {
    Item item = item(top.input());
    String select = "SELECT";
    if (!top.partition().isEmpty()) {
      select += " DISTINCT ON (" + String.join(", ", texts(top.partition(), item)) + ")";
    }
    StringBuilder text = new StringBuilder(select(select, item.columns(), item.text()));
    text.append(expressions.orderBy(top.order(), item.columns()));
    if (top.partition().isEmpty()) {
      if (top.offset() > 0) {
        text.append(" OFFSET ").append(top.offset());
      }
      if (top.limit() >= 0) {
        text.append(" FETCH FIRST ")
            .append(top.limit())
            .append(top.ties() ? " ROWS WITH TIES" : " ROWS ONLY");
      }
    }
    return text.toString();
  }

  private String window(Plan.Window window) {
    Item item = item(window.input());
    List<String> sorting = new ArrayList<>();
    if (!window.partition().isEmpty()) {
      sorting.add("PARTITION BY " + String.join(", ", texts(window.partition(), item)));
    }
    if (!window.order().isEmpty()) {
      sorting.add(expressions.orderBy(window.order(), item.columns()).strip());
    }
    List<String> outputs = new ArrayList<>(item.columns());
    for (WindowCall call : window.calls()) {
      List<String> over = new ArrayList<>(sorting);
      over.add(frame(call.frame()));
      outputs.add(
          expressions.text(call, item.columns()) + " OVER (" + String.join(" ", over) + ")");
    }
    return select("SELECT", outputs, item.text());
  }

  private String frame(WindowCall.Frame frame) {
    return frame.mode()
        + " BETWEEN "
        + bound(frame.start())
        + " AND "
        + bound(frame.end())
        + switch (frame.exclusion()) {
          case NONE -> "";
          case CURRENT_ROW -> " EXCLUDE CURRENT ROW";
          case GROUP -> " EXCLUDE GROUP";
          case TIES -> " EXCLUDE TIES";
        };
  }

  private String bound(WindowCall.Bound bound) {
    return switch (bound) {
      case WindowCall.Bound.UnboundedPreceding _ -> "UNBOUNDED PRECEDING";
      case WindowCall.Bound.Preceding(Expr offset) ->
          expressions.text(offset, List.of()) + " PRECEDING";
      case WindowCall.Bound.CurrentRow _ -> "CURRENT ROW";
      case WindowCall.Bound.Following(Expr offset) ->
          expressions.text(offset, List.of()) + " FOLLOWING";
      case WindowCall.Bound.UnboundedFollowing _ -> "UNBOUNDED FOLLOWING";
    };
  }

  private String apply(Plan.Apply apply) {
    Item item = item(apply.input());
    List<String> outputs = new ArrayList<>(item.columns());
    expressions.enterSubquery(item.columns());
    String subquery = "(" + select(apply.subquery()) + ")";
    expressions.leaveSubquery();
    if (apply.question() instanceof Plan.Question.Rows(boolean kept, Expr condition)) {
      return lateral(item, subquery, apply.subquery().schema().size(), kept, condition);
    }
    switch (apply.question()) {
      case Plan.Question.Rows _ -> throw new IllegalStateException("written as an item of FROM");
      case Plan.Question.Exists _ -> outputs.add("EXISTS " + subquery);
      case Plan.Question.Any(Expr test) ->
          outputs.add(quantified(test, "ANY", subquery, item.columns()));
      case Plan.Question.All(Expr test) ->
          outputs.add(quantified(test, "ALL", subquery, item.columns()));
      case Plan.Question.Compared(Expr test) ->
          outputs.add(quantified(test, "", subquery, item.columns()));
      case Plan.Question.Array(AggregateCall values, int _) ->
          outputs.add(array(subquery, apply.subquery().schema().size(), values.order()));
      case Plan.Question.Scalar _ -> {
        outputs.add(subquery);
        // The number of rows is ours: the server counts by itself.
        outputs.add("NULL::pg_catalog.int8");
      }
    }
    return select("SELECT", outputs, item.text());
  }

  private String array(String subquery, int width, List<Plan.SortKey> order) {
    if (order.isEmpty()) {
      return "ARRAY" + subquery;
    }
    String alias = "r" + ++relations;
    List<String> names = IntStream.rangeClosed(1, width).mapToObj(i -> "c" + i).toList();
    List<String> columns = names.stream().map(name -> alias + "." + name).toList();
    return "ARRAY(SELECT %s FROM %s AS %s (%s)%s)"
        .formatted(
            columns.getFirst(),
            subquery,
            alias,
            String.join(", ", names),
            expressions.orderBy(order, columns));
  }

  private String lateral(
      Item item, String subquery, int width, boolean kept, @Nullable Expr condition) {
    String alias = "r" + ++relations;
    List<String> columns = new ArrayList<>(item.columns());
    List<String> names = IntStream.rangeClosed(1, width).mapToObj(i -> "c" + i).toList();
    names.forEach(name -> columns.add(alias + "." + name));
    String list = names.isEmpty() ? "" : "(" + String.join(", ", names) + ")";
    return select(
        "SELECT",
        columns,
        "%s %s JOIN LATERAL %s AS %s%s ON %s"
            .formatted(
                item.text(),
                kept ? "LEFT" : "INNER",
                subquery,
                alias,
                list,
                condition == null ? "true" : expressions.text(condition, columns)));
  }

  /// One comparison, or several by one operator: their left sides belong to the row, their right
  /// sides are the columns of the subquery in order, converted as the server will do again.
  private String quantified(Expr test, String quantifier, String subquery, List<String> columns) {
    if (test instanceof Expr.Verbatim ordered) {
      List<Expr> fields = ordered.operands().subList(0, ordered.operands().size() / 2);
      return "(ROW(%s) %s %s %s)"
          .formatted(
              String.join(", ", fields.stream().map(e -> expressions.text(e, columns)).toList()),
              ServerNodeBinder.rowOperator(ordered),
              quantifier,
              subquery);
    }
    List<Expr> comparisons =
        switch (test) {
          case Expr.And(var operands) -> operands;
          case Expr.Or(var operands) -> operands;
          default -> List.of(test);
        };
    List<String> left = new ArrayList<>();
    Set<String> operators = new LinkedHashSet<>();
    for (Expr comparison : comparisons) {
      if (!(comparison instanceof Expr.Call call) || call.arguments().size() != 2) {
        throw NodeForm.notUnderstood("the comparison with a subquery");
      }
      left.add(expressions.text(call.arguments().getFirst(), columns));
      operators.add(expressions.operator(call.function()));
    }
    if (operators.size() != 1) {
      throw NodeForm.notUnderstood("a comparison with a subquery by several operators");
    }
    String row = left.size() == 1 ? left.getFirst() : "ROW(" + String.join(", ", left) + ")";
    return "(" + row + " " + operators.iterator().next() + " " + quantifier + " " + subquery + ")";
  }

  private String aggregate(Plan.Aggregate aggregate) {
    Item item = item(aggregate.input());
    List<String> outputs = new ArrayList<>(texts(aggregate.groups(), item));
    for (AggregateCall call : aggregate.calls()) {
      outputs.add(expressions.text(call, item.columns()));
    }
    String text = select("SELECT", outputs, item.text());
    if (aggregate.groups().isEmpty()) {
      // Without an aggregate it is HAVING that makes the one group.
      return aggregate.calls().isEmpty() ? text + " HAVING true" : text;
    }
    // By position: a bare integer constant would be taken for one.
    List<String> positions =
        IntStream.rangeClosed(1, aggregate.groups().size()).mapToObj(String::valueOf).toList();
    return text + " GROUP BY " + String.join(", ", positions);
  }

  private String groupingSets(Plan.GroupingSets plan) {
    Item item = item(plan.input());
    List<String> groups = texts(plan.groups(), item);
    List<String> outputs = new ArrayList<>(groups);
    for (AggregateCall call : plan.calls()) {
      outputs.add(expressions.text(call, item.columns()));
    }
    for (List<Integer> question : plan.questions()) {
      outputs.add(
          "GROUPING(" + String.join(", ", question.stream().map(groups::get).toList()) + ")");
    }
    List<String> sets = new ArrayList<>();
    for (List<Integer> set : plan.sets()) {
      // By position, as in a plain GROUP BY.
      sets.add(
          "(" + String.join(", ", set.stream().map(g -> String.valueOf(g + 1)).toList()) + ")");
    }
    return select("SELECT", outputs, item.text())
        + " GROUP BY GROUPING SETS ("
        + String.join(", ", sets)
        + ")";
  }

  private Item item(Plan plan) {
    String alias = "r" + ++relations;
    if (plan instanceof Plan.Scan scan) {
      List<String> columns =
          scan.schema().columns().stream()
              .map(column -> alias + "." + RelationShape.quote(column.name()))
              .toList();
      return new Item(scan.name() + " AS " + alias, columns);
    }
    int width = plan.schema().size();
    List<String> names = IntStream.rangeClosed(1, width).mapToObj(i -> "c" + i).toList();
    String list = names.isEmpty() ? "" : "(" + String.join(", ", names) + ")";
    return new Item(
        "(" + select(plan) + ") AS " + alias + list,
        names.stream().map(name -> alias + "." + name).toList());
  }
}
