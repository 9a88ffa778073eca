package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/// The order in which rows of functions come: call by call, those of one call as it returns them.
///
/// A call is told from others by a key of the rows that it is made for. Where there is none, rows
/// that are alike are numbered, so that their calls still come one after the other:
///
///     A → f(a)   is sorted by   key(A), n   or   A, row_number() OVER (PARTITION BY A), n
///
/// Which call comes first is nobody's order; that of the keys is one.
final class CallOrder {
  private static final Signature ROW_NUMBER =
      new Signature(3100, "pg_catalog", "row_number", List.of(), 20, false, 'i');

  private CallOrder() {}

  /// The order of rows that a function returns, behind any filters and projections.
  static Optional<RowOrder> of(Plan plan) {
    return switch (plan) {
      case Plan.Filter(Plan input, Expr condition) ->
          of(input).map(rows -> new RowOrder(new Plan.Filter(rows.plan(), condition), rows.keys()));
      case Plan.Project project -> of(project.input()).map(rows -> carried(project, rows));
      case Plan.Unfold unfold -> Optional.of(returned(unfold));
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          Optional.empty();
    };
  }

  /// A projection of ordered rows, with what they are sorted by behind its columns.
  static RowOrder carried(Plan.Project project, RowOrder rows) {
    List<Expr> expressions = new ArrayList<>(project.expressions());
    List<Column> columns = new ArrayList<>(project.schema().columns());
    List<Plan.SortKey> keys = new ArrayList<>();
    for (Plan.SortKey key : rows.keys()) {
      int at = expressions.indexOf(key.value());
      if (at < 0) {
        at = columns.size();
        expressions.add(key.value());
        columns.add(new Column("order" + at, key.value().type()));
      }
      keys.add(key.over(new Expr.Column(at, columns.get(at).type())));
    }
    return new RowOrder(new Plan.Project(rows.plan(), expressions, new Schema(columns)), keys);
  }

  private static RowOrder returned(Plan.Unfold unfold) {
    RowOrder callers = of(unfold.input()).orElseGet(() -> toldApart(unfold.input()));
    int width = unfold.input().schema().size();
    int hidden = callers.plan().schema().size() - width;
    Plan.Unfold rows = new Plan.Unfold(callers.plan(), unfold.calls(), true);
    Expr condition = unfold.condition();
    if (unfold.kept()) {
      rows =
          rows.keeping(
              condition == null ? null : moved(condition, i -> i < width ? i : i + hidden));
    }
    int number = unfold.schema().size() - (unfold.numbered() ? 1 : 0) + hidden;
    List<Plan.SortKey> keys = new ArrayList<>(callers.keys());
    if (hidden == 0) {
      keys.add(Plan.SortKey.ascending(new Expr.Column(number, SqlType.INT8)));
      return new RowOrder(rows, keys);
    }
    // What is hidden goes behind the columns of the functions.
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < rows.schema().size(); i++) {
      if ((i < width || i >= width + hidden) && (i != number || unfold.numbered())) {
        places.add(i);
      }
    }
    for (int i = width; i < width + hidden; i++) {
      places.add(i);
    }
    if (!unfold.numbered()) {
      places.add(number);
    }
    Schema schema = rows.schema();
    Plan ordered =
        new Plan.Project(
            rows,
            places.stream().<Expr>map(i -> new Expr.Column(i, schema.column(i).type())).toList(),
            new Schema(places.stream().map(schema::column).toList()));
    keys.replaceAll(key -> key.over(moved(key.value(), places::indexOf)));
    keys.add(Plan.SortKey.ascending(new Expr.Column(places.indexOf(number), SqlType.INT8)));
    return new RowOrder(ordered, keys);
  }

  /// Rows in some order that tells all of them apart.
  private static RowOrder toldApart(Plan rows) {
    if (rows instanceof Plan.Values(var constants, var _) && constants.size() <= 1) {
      return new RowOrder(rows, List.of());
    }
    Optional<List<Integer>> key = RowKeys.shortest(rows);
    if (key.isPresent()) {
      return new RowOrder(
          rows,
          key.get().isEmpty()
              ? List.of()
              : List.of(Plan.SortKey.ascending(image(key.get(), rows.schema()))));
    }
    if (rows instanceof Plan.Filter(Plan input, Expr condition)) {
      RowOrder inner = toldApart(input);
      return new RowOrder(new Plan.Filter(inner.plan(), condition), inner.keys());
    }
    if (rows instanceof Plan.Project project) {
      return carried(project, toldApart(project.input()));
    }
    return numbered(rows);
  }

  private static RowOrder numbered(Plan rows) {
    Expr all = image(RowKeys.all(rows.schema()), rows.schema());
    WindowCall number =
        new WindowCall.Placed(
            WindowCall.Kind.ROW_NUMBER,
            ROW_NUMBER,
            List.of(),
            SqlType.INT8,
            WindowCall.Frame.DEFAULT);
    return new RowOrder(
        new Plan.Window(rows, List.of(all), List.of(), all, List.of(number)),
        List.of(
            Plan.SortKey.ascending(all),
            Plan.SortKey.ascending(new Expr.Column(rows.schema().size(), SqlType.INT8))));
  }

  private static Expr image(Iterable<Integer> columns, Schema schema) {
    List<Expr> values = new ArrayList<>();
    columns.forEach(i -> values.add(new Expr.Column(i, schema.column(i).type())));
    return new Expr.Image(values);
  }

  private static Expr moved(Expr expression, IntUnaryOperator places) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(places.applyAsInt(index), type)
                : node);
  }
}
