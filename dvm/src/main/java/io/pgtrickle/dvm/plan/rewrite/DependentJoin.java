package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import org.jspecify.annotations.Nullable;

/// Evaluates a subquery for every row of a set D at once:
///
///     D ⋈ S(d) = {(d, s) : d ∈ D, s ∈ S(d)}
///
/// D has the values that the subquery refers to, each combination once, and their image as its last
/// column. The join is pushed down through the subquery, node by node, until what is below refers
/// to D no more and it is a cross product (Neumann and Kemper, "Unnesting Arbitrary Queries").
/// Where
/// both inputs of a node need D, the two are joined on the image.
final class DependentJoin {
  private static final Signature BYTEA_EQUAL =
      new Signature(1948, "pg_catalog", "byteaeq", List.of(17, 17), 16, true, 'i');

  private final Plan rows;
  private final Plan domain;
  private final List<Integer> referred;
  private final int width;
  private final Expr imageOfRow;

  /// @param rows the rows for which the subquery is evaluated
  /// @param referred which of their columns it refers to
  DependentJoin(Plan rows, NavigableSet<Integer> referred) {
    this(rows, referred, List.of());
  }

  /// For values that may be those of no row, too.
  ///
  /// @param always constants, as many as columns are referred to, or none
  DependentJoin(Plan rows, NavigableSet<Integer> referred, List<Expr> always) {
    this.rows = rows;
    this.referred = List.copyOf(referred);
    List<Expr> values = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (int index : referred) {
      Column column = rows.schema().column(index);
      values.add(new Expr.Column(index, column.type()));
      columns.add(column);
    }
    imageOfRow = new Expr.Image(values);
    values.add(imageOfRow);
    columns.add(new Column("image", SqlType.BYTEA));
    width = columns.size();
    Plan all = new Plan.Project(rows, values, new Schema(columns));
    if (!always.isEmpty()) {
      List<Expr> row = new ArrayList<>(always);
      row.add(new Expr.Image(always));
      all =
          new Plan.UnionAll(
              List.of(all, new Plan.Values(List.of(row), all.schema())), all.schema());
    }
    domain = new Plan.Distinct(all, List.of(imageAt(width - 1)));
  }

  /// The image of a row's referred columns.
  Expr imageOfRow() {
    return imageOfRow;
  }

  /// Whether a row and a row of the result beside it belong together.
  Expr sameRow(int rowWidth) {
    return equal(imageOfRow, imageAt(rowWidth + width - 1));
  }

  private static Expr equal(Expr left, Expr right) {
    return new Expr.Call(BYTEA_EQUAL, List.of(left, right), SqlType.BOOL, 0);
  }

  private static Expr imageAt(int index) {
    return new Expr.Column(index, SqlType.BYTEA);
  }

  /// How many columns of the result belong to D; the last of them is the image.
  int width() {
    return width;
  }

  /// The image of D in the result.
  Expr image() {
    return imageAt(width - 1);
  }

  private Plan ofRows() {
    List<Expr> values = new ArrayList<>();
    referred.forEach(
        index -> values.add(new Expr.Column(index, rows.schema().column(index).type())));
    values.add(imageOfRow);
    values.addAll(Unnesting.columns(rows.schema()));
    return new Plan.Project(rows, values, new Schema(columns(rows.schema())));
  }

  /// D's columns followed by the subquery's.
  Plan over(Plan subquery) {
    return switch (subquery) {
      case Plan.Values(var rows, var schema) when rows.size() == 1 && schema.size() == 0 -> domain;
      case Plan plan when !PlanExpressions.isCorrelated(plan) ->
          join(domain, PlanExpressions.lifted(plan), null);
      // The rows of D themselves, each with the value of D that it belongs to.
      case Plan.Filter(Plan.Working all, Expr condition)
          when all.equals(rows) && Iterations.isCurrent(condition) ->
          ofRows();
      case Plan.Scan scan -> join(domain, scan, null);
      case Plan.Working working -> join(domain, working, null);
      // What is correlated in it has been refused.
      case Plan.Recursion recursion -> join(domain, recursion, null);
      case Plan.Values(var rows, var schema) ->
          union(
              rows.stream().<Plan>map(row -> project(domain, moved(row), schema)).toList(), schema);
      case Plan.Filter(Plan input, Expr condition) ->
          new Plan.Filter(over(input), moved(condition));
      case Plan.Project(Plan input, var expressions, var schema) ->
          project(over(input), moved(expressions), schema);
      case Plan.Ask(Plan input, var inquiries, var schema) ->
          new Plan.Ask(
              over(input),
              inquiries.stream().map(asked -> asked.about(moved(asked.arguments()))).toList(),
              new Schema(columns(schema)));
      case Plan.Join join -> join(join);
      case Plan.OuterJoin join -> outerJoin(join);
      case Plan.MarkJoin join -> markJoin(join);
      case Plan.Apply apply -> throw Inputs.nested(apply);
      case Plan.Unfold unfold -> unfold.over(over(unfold.input()), this::moved);
      case Plan.UnionAll(var inputs, var schema) ->
          union(inputs.stream().map(this::over).toList(), schema);
      case Plan.TopK top -> {
        List<Expr> partition = new ArrayList<>(List.of(image()));
        partition.addAll(moved(top.partition()));
        yield new Plan.TopK(
            over(top.input()),
            partition,
            PlanExpressions.mapOrder(top.order(), this::moved),
            moved(top.tieBreak()),
            top.offset(),
            top.limit(),
            top.ties());
      }
      case Plan.Window(
              Plan input,
              var by,
              var order,
              var within,
              var tieBreak,
              var calls,
              var schema) -> {
        List<Expr> partition = new ArrayList<>(List.of(image()));
        partition.addAll(moved(by));
        yield new Plan.Window(
            over(input),
            partition,
            PlanExpressions.mapOrder(order, this::moved),
            PlanExpressions.mapOrder(within, this::moved),
            moved(tieBreak),
            calls.stream().map(call -> call.map(this::moved)).toList(),
            new Schema(columns(schema)));
      }
      case Plan.SetOperation(Plan left, Plan right, var kind, var all, var schema) -> {
        if (hasOpaque()) {
          throw QueryRejected.notYet(
              "unsupported_subquery",
              kind + " in a subquery that refers to a column of a type that is not computed with");
        }
        yield new Plan.SetOperation(
            over(left), over(right), kind, all, new Schema(columns(schema)));
      }
      case Plan.Distinct(Plan input, var keys) -> {
        List<Expr> all = new ArrayList<>(List.of(image()));
        all.addAll(moved(keys));
        yield new Plan.Distinct(over(input), all);
      }
      case Plan.GroupingSets sets -> over(GroupingSetsSplit.union(sets));
      case Plan.Aggregate aggregate -> aggregate(aggregate);
    };
  }

  private List<Column> columns(Schema rest) {
    List<Column> columns = new ArrayList<>(domain.schema().columns());
    columns.addAll(rest.columns());
    return columns;
  }

  private List<Expr> own() {
    return positions(0, width, domain.schema().columns());
  }

  private static List<Expr> positions(int from, int to, List<Column> columns) {
    List<Expr> list = new ArrayList<>();
    for (int i = from; i < to; i++) {
      list.add(new Expr.Column(i, columns.get(i).type()));
    }
    return list;
  }

  private Plan project(Plan input, List<Expr> rest, Schema schema) {
    List<Expr> all = new ArrayList<>(own());
    all.addAll(rest);
    return new Plan.Project(input, all, new Schema(columns(schema)));
  }

  private Plan union(List<Plan> inputs, Schema schema) {
    return new Plan.UnionAll(inputs, new Schema(columns(schema)));
  }

  private static Plan join(Plan left, Plan right, @Nullable Expr condition) {
    return new Plan.Join(left, right, List.of(), condition, sideBySide(left, right));
  }

  private static Schema sideBySide(Plan left, Plan right) {
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.addAll(right.schema().columns());
    return new Schema(columns);
  }

  /// An expression of the subquery over D's columns followed by those it was over.
  private Expr moved(Expr expression) {
    return moved(expression, Integer.MAX_VALUE, 0);
  }

  private List<Expr> moved(List<Expr> expressions) {
    return PlanExpressions.map(expressions, this::moved);
  }

  /// @param from the column of the subquery from which on all stand `by` more to the right
  private Expr moved(Expr expression, int from, int by) {
    return Expressions.map(
        expression,
        node -> {
          if (node instanceof Expr.Column(int index, var type)) {
            return new Expr.Column(index + width + (index >= from ? by : 0), type);
          }
          return node instanceof Expr.Outer(int level, int index, var type) && level == 1
              ? new Expr.Column(referred.indexOf(index), type)
              : PlanExpressions.lifted(node);
        });
  }

  private static boolean refers(List<Expr> expressions) {
    return expressions.stream().anyMatch(PlanExpressions::isCorrelated);
  }

  private Plan join(Plan.Join join) {
    if (!join.keys().isEmpty()) {
      throw new IllegalArgumentException("an inner join has no keys before its ordering");
    }
    Expr residual = join.residual();
    int leftWidth = join.left().schema().size();
    if (!PlanExpressions.isCorrelated(join.right())) {
      return join(
          over(join.left()),
          PlanExpressions.lifted(join.right()),
          residual == null ? null : moved(residual));
    }
    Plan right = over(join.right());
    if (!PlanExpressions.isCorrelated(join.left())) {
      Plan left = PlanExpressions.lifted(join.left());
      Plan pairs = join(right, left, null);
      // D, right, left: put left in between.
      List<Expr> order = positions(0, width, pairs.schema().columns());
      order.addAll(
          positions(right.schema().size(), pairs.schema().size(), pairs.schema().columns()));
      order.addAll(positions(width, right.schema().size(), pairs.schema().columns()));
      Plan ordered = new Plan.Project(pairs, order, new Schema(columns(join.schema())));
      return residual == null ? ordered : new Plan.Filter(ordered, moved(residual));
    }
    Plan left = over(join.left());
    Expr same = same(left);
    Expr condition =
        residual == null ? same : new Expr.And(List.of(same, moved(residual, leftWidth, width)));
    return withoutSecondDomain(join(left, right, condition), left, join.schema());
  }

  /// Whether two results side by side are of the same row of D.
  private Expr same(Plan left) {
    return equal(image(), imageAt(left.schema().size() + width - 1));
  }

  private Plan withoutSecondDomain(Plan joined, Plan left, Schema schema) {
    List<Column> all = joined.schema().columns();
    List<Expr> kept = positions(width, left.schema().size(), all);
    kept.addAll(positions(left.schema().size() + width, all.size(), all));
    return project(joined, kept, schema);
  }

  private List<Plan.Key> keys(List<Plan.Key> keys, boolean left, boolean right) {
    List<Plan.Key> moved = new ArrayList<>();
    for (Plan.Key key : keys) {
      moved.add(
          new Plan.Key(
              left ? moved(key.left()) : Expressions.map(key.left(), PlanExpressions::lifted),
              right ? moved(key.right()) : Expressions.map(key.right(), PlanExpressions::lifted)));
    }
    if (left && right) {
      moved.add(new Plan.Key(image(), image()));
    }
    return moved;
  }

  private static boolean needsDomain(Plan side, List<Expr> keys) {
    return PlanExpressions.isCorrelated(side) || refers(keys);
  }

  private Plan outerJoin(Plan.OuterJoin join) {
    int leftWidth = join.left().schema().size();
    Expr residual = join.residual();
    // A kept side comes once per row of D; the other one may be the same for all.
    boolean onLeft =
        join.kept().left()
            || needsDomain(join.left(), join.keys().stream().map(Plan.Key::left).toList());
    boolean onRight =
        join.kept().right()
            || needsDomain(join.right(), join.keys().stream().map(Plan.Key::right).toList());
    Plan left = onLeft ? over(join.left()) : PlanExpressions.lifted(join.left());
    Plan right = onRight ? over(join.right()) : PlanExpressions.lifted(join.right());
    @Nullable Expr condition = null;
    if (residual != null) {
      condition =
          onLeft
              ? moved(residual, leftWidth, onRight ? width : 0)
              : ofRightDomain(residual, leftWidth);
    }
    Schema both = sideBySide(left, right);
    Plan joined =
        new Plan.OuterJoin(
            left, right, join.kept(), keys(join.keys(), onLeft, onRight), condition, both);
    List<Column> all = both.columns();
    List<Expr> output = new ArrayList<>();
    int from = left.schema().size();
    switch (join.kept()) {
      case LEFT -> output.addAll(own());
      case RIGHT -> output.addAll(positions(from, from + width, all));
      case BOTH -> {
        for (int i = 0; i < width; i++) {
          SqlType type = all.get(i).type();
          Expr ofRight = new Expr.Column(from + i, type);
          output.add(
              new Expr.Case(
                  List.of(new Expr.When(new Expr.IsNull(image()), ofRight)),
                  new Expr.Column(i, type),
                  type));
        }
      }
    }
    output.addAll(positions(onLeft ? width : 0, from, all));
    output.addAll(positions(from + (onRight ? width : 0), all.size(), all));
    return new Plan.Project(joined, output, new Schema(columns(join.schema())));
  }

  // Only the right side has D: left columns stay, right ones come after D.
  private Expr ofRightDomain(Expr expression, int leftWidth) {
    return Expressions.map(
        expression,
        node -> {
          if (node instanceof Expr.Column(int index, var type)) {
            return new Expr.Column(index < leftWidth ? index : index + width, type);
          }
          return node instanceof Expr.Outer(int level, int index, var type) && level == 1
              ? new Expr.Column(leftWidth + referred.indexOf(index), type)
              : PlanExpressions.lifted(node);
        });
  }

  private Plan markJoin(Plan.MarkJoin join) {
    boolean onRight = needsDomain(join.right(), join.keys().stream().map(Plan.Key::right).toList());
    Expr residual = join.residual();
    int leftWidth = join.left().schema().size();
    return new Plan.MarkJoin(
        over(join.left()),
        onRight ? over(join.right()) : PlanExpressions.lifted(join.right()),
        keys(join.keys(), true, onRight),
        residual == null ? null : moved(residual, leftWidth, onRight ? width : 0),
        new Schema(columns(join.schema())));
  }

  private boolean hasOpaque() {
    return domain.schema().columns().stream()
        .anyMatch(column -> column.type().kind() == TypeKind.OPAQUE);
  }

  /// Groups within each row of D. Without groups there is one row even over nothing, which the
  /// grouping does not show: it is put back for rows of D that have no group.
  private Plan aggregate(Plan.Aggregate aggregate) {
    boolean grouped = !aggregate.groups().isEmpty();
    List<AggregateCall> calls =
        aggregate.calls().stream().map(call -> PlanExpressions.map(call, this::moved)).toList();
    if (grouped && !hasOpaque()) {
      List<Expr> groups = new ArrayList<>(own());
      groups.addAll(moved(aggregate.groups()));
      return new Plan.Aggregate(
          over(aggregate.input()), groups, calls, new Schema(columns(aggregate.schema())));
    }
    // Grouped by the image alone; the rest of D is joined again.
    List<Expr> groups = new ArrayList<>(List.of(image()));
    groups.addAll(moved(aggregate.groups()));
    List<Column> columns = new ArrayList<>(List.of(domain.schema().columns().getLast()));
    columns.addAll(aggregate.schema().columns());
    Plan results = new Plan.Aggregate(over(aggregate.input()), groups, calls, new Schema(columns));
    Schema both = sideBySide(domain, results);
    List<Plan.Key> same = List.of(new Plan.Key(image(), imageAt(0)));
    if (grouped) {
      Plan all = new Plan.Join(domain, results, same, null, both);
      List<Expr> output = positions(width + 1, both.size(), both.columns());
      return project(all, output, aggregate.schema());
    }
    Plan all = new Plan.OuterJoin(domain, results, Plan.Kept.LEFT, same, null, both);
    List<Expr> output = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      output.add(orEmpty(calls.get(i), new Expr.Column(width + 1 + i, calls.get(i).type())));
    }
    return project(all, output, aggregate.schema());
  }

  private static Expr orZero(Expr count) {
    return new Expr.Coalesce(List.of(count, new Expr.Literal(0L, SqlType.INT8)), SqlType.INT8);
  }

  /// An aggregate's result where an outer join may have found no group.
  static Expr orEmpty(AggregateCall call, Expr result) {
    return switch (call.kind()) {
      case COUNT_ROWS, COUNT -> orZero(result);
      case REGRESSION -> call.type().kind() == TypeKind.INT8 ? orZero(result) : result;
      case SUM,
          AVG,
          MIN,
          MAX,
          BOOL_AND,
          BOOL_OR,
          BIT_AND,
          BIT_OR,
          BIT_XOR,
          VAR_POP,
          VAR_SAMP,
          STDDEV_POP,
          STDDEV_SAMP,
          ANY_VALUE,
          STRING_AGG,
          ARRAY_AGG,
          JSON_AGG,
          JSONB_AGG,
          MODE,
          PERCENTILE_DISC,
          PERCENTILE_CONT ->
          result;
      // Over nothing it may be anything.
      case ASKED, ASKED_WITHIN_GROUP ->
          throw new IllegalArgumentException("not gathered: " + call.function());
    };
  }
}
