package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Has the server label the values that an operator sorts or compares and whose bytes do not tell:
/// text under a collation that is not that of bytes, and types that are only carried.
///
/// Below the operator a column is replaced by one of the same values with their labels
/// ([io.pgtrickle.dvm.type.Labeled]), above it by the values again; the operator itself sees a type
/// that it can compare like any other:
///
///     topk[name](A)  ⇒  π[name := unlabeled(name)](topk[name](π[name := label(name)](A)))
public final class OrderLabels {
  private final Orderings orderings;

  private OrderLabels(Orderings orderings) {
    this.orderings = orderings;
  }

  /// The plan, whose grouping sets and subqueries have been taken apart, with the labels it needs.
  public static Plan rewrite(Plan plan, Orderings orderings) {
    return new OrderLabels(orderings).rewrite(plan);
  }

  private Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, this::rewrite);
    return switch (over) {
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Filter _,
          Plan.Project _,
          Plan.Ask _,
          Plan.Unfold _,
          Plan.UnionAll _ ->
          over;
      case Plan.TopK top -> topK(top);
      case Plan.Window window -> window(window);
      case Plan.Distinct distinct -> distinct(distinct);
      case Plan.Aggregate aggregate -> aggregate(aggregate);
      case Plan.SetOperation operation -> setOperation(operation);
      case Plan.Recursion recursion -> recursion(recursion);
      case Plan.Join join -> join(join);
      case Plan.OuterJoin join -> outerJoin(join);
      case Plan.MarkJoin join -> markJoin(join);
      case Plan.Apply apply -> throw Inputs.nested(apply);
      case Plan.GroupingSets _ ->
          throw new IllegalArgumentException("grouping sets were not taken apart");
    };
  }

  // ---- an operator's input
  // ---------------------------------------------------------------------

  // An input of an operator, some of whose columns get labels. What is no column is computed beside
  // them, labelled. Expressions keep their meaning by `adapted`, once all labels are known.
  private static final class Side {
    private final Plan input;
    private final List<Plan.Asked> asked = new ArrayList<>();
    private final Map<Integer, Integer> replaced = new HashMap<>();
    private final List<Integer> added = new ArrayList<>();

    Side(Plan input) {
      this.input = input;
    }

    boolean isPlain() {
      return asked.isEmpty();
    }

    Expr labeled(Expr value, Optional<Inquiry> inquiry) {
      if (inquiry.isEmpty()) {
        return value;
      }
      Plan.Asked question = new Plan.Asked(inquiry.get(), List.of(value));
      int place = asked.indexOf(question);
      boolean unasked = place < 0;
      if (unasked) {
        place = asked.size();
        asked.add(question);
      }
      if (value instanceof Expr.Column(int index, var _)) {
        replaced.put(index, place);
        return new Expr.Column(index, SqlType.LABELED);
      }
      if (unasked) {
        added.add(place);
      }
      return new Expr.Column(input.schema().size() + added.indexOf(place), SqlType.LABELED);
    }

    int width() {
      return input.schema().size() + added.size();
    }

    /// The input with its labels.
    Plan plan() {
      if (isPlain()) {
        return input;
      }
      Schema before = input.schema();
      List<Expr> expressions = new ArrayList<>();
      List<Column> columns = new ArrayList<>();
      for (int i = 0; i < before.size(); i++) {
        Integer place = replaced.get(i);
        expressions.add(
            place == null
                ? new Expr.Column(i, before.column(i).type())
                : Plan.Ask.answer(before, place, SqlType.LABELED));
        columns.add(
            place == null
                ? before.column(i)
                : new Column(before.column(i).name(), SqlType.LABELED));
      }
      for (int place : added) {
        expressions.add(Plan.Ask.answer(before, place, SqlType.LABELED));
        columns.add(new Column("label" + (columns.size() + 1), SqlType.LABELED));
      }
      return new Plan.Project(new Plan.Ask(input, asked), expressions, new Schema(columns));
    }

    /// An expression over the input, over the input with its labels.
    Expr adapted(Expr expression) {
      return Expressions.map(
          expression,
          node ->
              node instanceof Expr.Column(int index, SqlType type)
                      && type.kind() != TypeKind.LABELED
                      && replaced.containsKey(index)
                  ? new Expr.Unlabeled(new Expr.Column(index, SqlType.LABELED), type)
                  : node);
    }

    List<Expr> adapted(List<Expr> expressions) {
      return expressions.stream().map(this::adapted).toList();
    }

    List<Plan.SortKey> adaptedOrder(List<Plan.SortKey> order) {
      return PlanExpressions.mapOrder(order, this::adapted);
    }

    /// The input's columns in what an operator makes of it, from one of its columns on.
    List<Expr> restored(int from) {
      List<Expr> columns = new ArrayList<>();
      for (int i = 0; i < input.schema().size(); i++) {
        columns.add(
            replaced.containsKey(i)
                ? unlabeled(from + i, input.schema().column(i).type())
                : new Expr.Column(from + i, input.schema().column(i).type()));
      }
      return columns;
    }
  }

  private static Expr unlabeled(int column, SqlType type) {
    return new Expr.Unlabeled(new Expr.Column(column, SqlType.LABELED), type);
  }

  private List<Expr> byEquality(Side side, List<Expr> values) {
    return values.stream()
        .map(value -> side.labeled(value, orderings.equality(value.type())))
        .toList();
  }

  private Expr byOrder(Side side, Expr value) {
    return side.labeled(value, orderings.order(value.type()));
  }

  private List<Plan.SortKey> byOrder(Side side, List<Plan.SortKey> order) {
    return PlanExpressions.mapOrder(order, value -> byOrder(side, value));
  }

  // ---- operators of one input
  // ------------------------------------------------------------------

  private Plan topK(Plan.TopK top) {
    Side side = new Side(top.input());
    List<Expr> partition = byEquality(side, top.partition());
    List<Plan.SortKey> order = byOrder(side, top.order());
    if (side.isPlain()) {
      return top;
    }
    Plan labeled =
        new Plan.TopK(
            side.plan(),
            side.adapted(partition),
            side.adaptedOrder(order),
            side.adapted(top.tieBreak()),
            top.offset(),
            top.limit(),
            top.ties());
    return new Plan.Project(labeled, side.restored(0), top.schema());
  }

  private Plan distinct(Plan.Distinct distinct) {
    Side side = new Side(distinct.input());
    List<Expr> keys = byEquality(side, distinct.keys());
    return side.isPlain()
        ? distinct
        : new Plan.Project(
            new Plan.Distinct(side.plan(), side.adapted(keys)),
            side.restored(0),
            distinct.schema());
  }

  private Plan window(Plan.Window window) {
    Side side = new Side(window.input());
    List<Expr> partition = byEquality(side, window.partition());
    List<Plan.SortKey> order = byOrder(side, window.order());
    List<Plan.SortKey> within = byOrder(side, window.within());
    List<WindowCall> calls =
        window.calls().stream()
            .map(
                call ->
                    call instanceof WindowCall.Aggregated(AggregateCall aggregate, var frame)
                        ? new WindowCall.Aggregated(labeled(side, aggregate), frame)
                        : call)
            .toList();
    if (side.isPlain()) {
      return window;
    }
    Plan labeled =
        new Plan.Window(
            side.plan(),
            side.adapted(partition),
            side.adaptedOrder(order),
            side.adaptedOrder(within),
            side.adapted(window.tieBreak()),
            calls.stream().map(call -> call.map(side::adapted)).toList());
    List<Expr> restored = side.restored(0);
    for (int i = 0; i < calls.size(); i++) {
      SqlType type = window.calls().get(i).type();
      restored.add(result(side.width() + i, calls.get(i).type(), type));
    }
    return new Plan.Project(labeled, restored, window.schema());
  }

  private static Expr result(int column, SqlType computed, SqlType wanted) {
    return computed.kind() == TypeKind.LABELED && wanted.kind() != TypeKind.LABELED
        ? unlabeled(column, wanted)
        : new Expr.Column(column, wanted);
  }

  private Plan aggregate(Plan.Aggregate aggregate) {
    Side side = new Side(aggregate.input());
    List<Expr> groups = byEquality(side, aggregate.groups());
    List<AggregateCall> calls =
        aggregate.calls().stream().map(call -> labeled(side, call)).toList();
    if (side.isPlain()) {
      return aggregate;
    }
    Schema schema = aggregate.schema();
    List<Column> columns = new ArrayList<>();
    List<Expr> restored = new ArrayList<>();
    for (Column column : schema.columns()) {
      int i = columns.size();
      SqlType computed =
          i < groups.size() ? groups.get(i).type() : calls.get(i - groups.size()).type();
      columns.add(
          computed.kind() == TypeKind.LABELED ? new Column(column.name(), computed) : column);
      restored.add(result(i, computed, column.type()));
    }
    Plan labeled =
        new Plan.Aggregate(
            side.plan(),
            side.adapted(groups),
            calls.stream().map(call -> call.map(side::adapted)).toList(),
            new Schema(columns));
    return new Plan.Project(labeled, restored, schema);
  }

  private AggregateCall labeled(Side side, AggregateCall call) {
    return switch (call.kind()) {
      case MIN, MAX -> {
        Expr argument = byOrder(side, call.arguments().getFirst());
        yield changed(call, List.of(argument), call.order(), argument.type());
      }
      case MODE, PERCENTILE_DISC -> {
        List<Plan.SortKey> order = byOrder(side, call.order());
        yield changed(call, call.arguments(), order, order.getFirst().value().type());
      }
      case ANY_VALUE, STRING_AGG, ARRAY_AGG, JSON_AGG, JSONB_AGG ->
          changed(call, call.arguments(), collected(side, call), call.type());
      default ->
          call.distinct()
              ? changed(call, byEquality(side, call.arguments()), call.order(), call.type())
              : call;
    };
  }

  // With DISTINCT the server sorts by the arguments that ORDER BY does not name as well.
  private List<Plan.SortKey> collected(Side side, AggregateCall call) {
    List<Plan.SortKey> order = new ArrayList<>(byOrder(side, call.order()));
    if (call.distinct()) {
      for (Expr argument : call.arguments()) {
        if (call.order().stream().noneMatch(key -> key.value().equals(argument))
            && orderings.order(argument.type()).isPresent()) {
          order.add(Plan.SortKey.ascending(byOrder(side, argument)));
        }
      }
    }
    return order;
  }

  private static AggregateCall changed(
      AggregateCall call, List<Expr> arguments, List<Plan.SortKey> order, SqlType type) {
    SqlType result = type.kind() == TypeKind.LABELED ? type : call.type();
    return new AggregateCall(
        call.kind(), call.function(), arguments, order, call.distinct(), call.filter(), result);
  }

  // ---- operators of two inputs
  // -----------------------------------------------------------------

  private Plan setOperation(Plan.SetOperation operation) {
    Side left = new Side(operation.left());
    Side right = new Side(operation.right());
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < operation.schema().size(); i++) {
      Column column = operation.schema().column(i);
      Optional<Inquiry> inquiry = orderings.equality(column.type());
      left.labeled(new Expr.Column(i, column.type()), inquiry);
      right.labeled(new Expr.Column(i, column.type()), inquiry);
      columns.add(inquiry.isEmpty() ? column : new Column(column.name(), SqlType.LABELED));
    }
    return left.isPlain()
        ? operation
        : new Plan.Project(
            new Plan.SetOperation(
                left.plan(), right.plan(), operation.kind(), operation.all(), new Schema(columns)),
            left.restored(0),
            operation.schema());
  }

  // The rows found have labels; where the step reads them, they are taken off.
  private Plan recursion(Plan.Recursion recursion) {
    List<Column> columns = new ArrayList<>();
    List<Expr> read = new ArrayList<>(List.of(new Expr.Column(0, SqlType.INT4)));
    for (Column column : recursion.schema().columns()) {
      boolean labeled = !recursion.all() && orderings.equality(column.type()).isPresent();
      columns.add(labeled ? new Column(column.name(), SqlType.LABELED) : column);
      int at = columns.size();
      read.add(labeled ? unlabeled(at, column.type()) : new Expr.Column(at, column.type()));
    }
    Schema schema = new Schema(columns);
    if (schema.equals(recursion.schema())) {
      return recursion;
    }
    Side base = new Side(recursion.base());
    Plan found = new Plan.Working(Plan.Recursion.numbered(schema));
    Side step =
        new Side(
            Inputs.overFound(
                recursion.step(), working -> new Plan.Project(found, read, working.schema())));
    for (int i = 0; i < schema.size(); i++) {
      SqlType type = recursion.schema().column(i).type();
      base.labeled(new Expr.Column(i, type), orderings.equality(type));
      step.labeled(new Expr.Column(i + 1, type), orderings.equality(type));
    }
    return new Plan.Project(
        new Plan.Recursion(base.plan(), step.plan(), false, schema),
        base.restored(0),
        recursion.schema());
  }

  // The two inputs of a join, and its parts over them.
  private final class Sides {
    private final Side left;
    private final Side right;
    private final List<Plan.Key> keys = new ArrayList<>();

    Sides(Plan left, Plan right, List<Plan.Key> keys) {
      this.left = new Side(left);
      this.right = new Side(right);
      List<Plan.Key> labeled = new ArrayList<>();
      for (Plan.Key key : keys) {
        labeled.add(
            new Plan.Key(
                this.left.labeled(key.left(), orderings.equality(key.left().type())),
                this.right.labeled(key.right(), orderings.equality(key.right().type()))));
      }
      for (Plan.Key key : labeled) {
        this.keys.add(new Plan.Key(this.left.adapted(key.left()), this.right.adapted(key.right())));
      }
    }

    boolean arePlain() {
      return left.isPlain() && right.isPlain();
    }

    @Nullable Expr residual(@Nullable Expr residual) {
      if (residual == null) {
        return null;
      }
      int width = left.input.schema().size();
      return Expressions.map(
          residual,
          node -> {
            if (!(node instanceof Expr.Column(int index, SqlType type))) {
              return node;
            }
            boolean ofLeft = index < width;
            int own = ofLeft ? index : index - width;
            int now = ofLeft ? index : own + left.width();
            return (ofLeft ? left : right).replaced.containsKey(own)
                ? unlabeled(now, type)
                : new Expr.Column(now, type);
          });
    }

    Schema schema() {
      List<Column> columns = new ArrayList<>(left.plan().schema().columns());
      columns.addAll(right.plan().schema().columns());
      return new Schema(columns);
    }

    Plan restored(Plan join, Schema schema) {
      List<Expr> columns = left.restored(0);
      columns.addAll(right.restored(left.width()));
      return new Plan.Project(join, columns, schema);
    }
  }

  private Plan join(Plan.Join join) {
    Sides sides = new Sides(join.left(), join.right(), join.keys());
    return sides.arePlain()
        ? join
        : sides.restored(
            new Plan.Join(
                sides.left.plan(),
                sides.right.plan(),
                sides.keys,
                sides.residual(join.residual()),
                sides.schema()),
            join.schema());
  }

  private Plan outerJoin(Plan.OuterJoin join) {
    Sides sides = new Sides(join.left(), join.right(), join.keys());
    return sides.arePlain()
        ? join
        : sides.restored(
            new Plan.OuterJoin(
                sides.left.plan(),
                sides.right.plan(),
                join.kept(),
                sides.keys,
                sides.residual(join.residual()),
                sides.schema()),
            join.schema());
  }

  private Plan markJoin(Plan.MarkJoin join) {
    Sides sides = new Sides(join.left(), join.right(), join.keys());
    if (sides.arePlain()) {
      return join;
    }
    Column mark = join.schema().column(join.schema().size() - 1);
    List<Column> columns = new ArrayList<>(sides.left.plan().schema().columns());
    columns.add(mark);
    List<Expr> restored = sides.left.restored(0);
    restored.add(new Expr.Column(sides.left.width(), mark.type()));
    return new Plan.Project(
        new Plan.MarkJoin(
            sides.left.plan(),
            sides.right.plan(),
            sides.keys,
            sides.residual(join.residual()),
            new Schema(columns)),
        restored,
        join.schema());
  }
}
