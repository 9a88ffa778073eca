package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.dataflow.Shapes.aggregate;
import static io.pgtrickle.dvm.dataflow.Shapes.call;
import static io.pgtrickle.dvm.dataflow.Shapes.column;
import static io.pgtrickle.dvm.dataflow.Shapes.filter;
import static io.pgtrickle.dvm.dataflow.Shapes.group;
import static io.pgtrickle.dvm.dataflow.Shapes.int4;
import static io.pgtrickle.dvm.dataflow.Shapes.project;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.Plan.Question;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/// Random plans, as they are bound, of every node but those of the server, over three tables of
/// which one has no key. No expression fails.
final class RandomPlan {
  static final Schema EVENTS = Tables.schema(SqlType.INT4, SqlType.TEXT, SqlType.NUMERIC);
  static final int EVENTS_OID = 1003;
  private static final Plan EVENTS_SCAN =
      new Plan.Scan(EVENTS_OID, "public.events", List.of(), EVENTS);

  private static final int WIDEST = 12;

  private final Random random;

  RandomPlan(long seed) {
    random = new Random(seed);
  }

  Plan next() {
    return narrow(plan(3));
  }

  private Plan plan(int depth) {
    if (depth == 0) {
      return pick(List.of(Shapes.ORDERS_SCAN, Shapes.CUSTOMERS_SCAN, EVENTS_SCAN));
    }
    Plan input = narrow(plan(depth - 1));
    return switch (random.nextInt(16)) {
      case 0 -> filter(input, condition(input, 2));
      case 1 -> projected(input, 1 + random.nextInt(4));
      case 2, 3 -> join(input, narrow(plan(random.nextInt(depth))));
      case 4, 5 -> outerJoin(input, narrow(plan(random.nextInt(depth))));
      case 6 -> markJoin(input, narrow(plan(random.nextInt(depth))));
      case 7, 8 -> subquery(input, narrow(plan(random.nextInt(depth))));
      case 9 -> unfold(input);
      case 10 -> together(input, narrow(plan(random.nextInt(depth))));
      case 11 -> top(input);
      case 12 -> window(input);
      case 13 -> random.nextBoolean() ? new Plan.Distinct(input) : recursion(input);
      case 14 -> groupingSets(input);
      default -> group(input, groups(input), calls(input));
    };
  }

  /// Plans of many columns grow without showing more.
  private Plan narrow(Plan plan) {
    return plan.schema().size() > WIDEST ? projected(plan, 4) : plan;
  }

  private Plan projected(Plan input, int columns) {
    return project(
        input,
        IntStream.range(0, columns)
            .mapToObj(_ -> value(input, pick(input.schema().columns()).type()))
            .toArray(Expr[]::new));
  }

  private int[] keys(Plan left, Plan right) {
    for (int attempt = 0; attempt < 6; attempt++) {
      int l = random.nextInt(left.schema().size());
      int r = random.nextInt(right.schema().size());
      if (left.schema().column(l).type().equals(right.schema().column(r).type())) {
        return new int[] {l, r};
      }
    }
    return new int[0];
  }

  private Plan join(Plan left, Plan right) {
    Plan pairs = Shapes.join(left, right, null, keys(left, right));
    return random.nextInt(3) == 0 ? filter(pairs, condition(pairs, 1)) : pairs;
  }

  private Plan outerJoin(Plan left, Plan right) {
    Plan pairs = Shapes.join(left, right, null);
    Expr residual = random.nextInt(3) == 0 ? condition(pairs, 1) : null;
    return Shapes.outerJoin(
        left, right, pick(List.of(Plan.Kept.values())), residual, keys(left, right));
  }

  private Plan markJoin(Plan left, Plan right) {
    Plan marked = Shapes.markJoin(left, right, keys(left, right));
    Expr mark = column(marked, marked.schema().size() - 1);
    return random.nextBoolean()
        ? marked
        : filter(marked, random.nextBoolean() ? mark : new Expr.Not(mark));
  }

  private Plan subquery(Plan input, Plan inner) {
    int[] keys = keys(input, inner);
    boolean integers =
        keys.length > 0 && input.schema().column(keys[0]).type().equals(SqlType.INT4);
    Plan own =
        integers
            ? filter(
                inner,
                SubqueryShapes.equal(
                    column(inner, keys[1]), new Expr.Outer(1, keys[0], SqlType.INT4)))
            : inner;
    return switch (random.nextInt(4)) {
      case 0 -> SubqueryShapes.ask(input, own, new Question.Exists());
      case 1 -> {
        if (!integers) {
          yield SubqueryShapes.ask(input, own, new Question.Exists());
        }
        Expr test =
            SubqueryShapes.equal(
                column(input, keys[0]),
                new Expr.Column(input.schema().size() + keys[1], SqlType.INT4));
        yield SubqueryShapes.ask(
            input, inner, random.nextBoolean() ? new Question.Any(test) : new Question.All(test));
      }
      case 2 ->
          SubqueryShapes.shown(
              SubqueryShapes.ask(
                  input, group(own, List.of(), calls(own)[0]), new Question.Scalar()));
      default -> {
        List<Column> columns = new ArrayList<>(input.schema().columns());
        columns.addAll(own.schema().columns());
        yield new Plan.Apply(
            input, own, new Question.Rows(random.nextBoolean(), null), new Schema(columns));
      }
    };
  }

  private Plan unfold(Plan input) {
    Plan.Unfold unfolded =
        UnfoldShapes.unfold(
            input, UnfoldShapes.series(int4(random.nextInt(3)), value(input, SqlType.INT4)));
    return random.nextInt(3) == 0 ? unfolded.keeping(condition(unfolded, 1)) : unfolded;
  }

  /// Two inputs as far as they have columns of the same types.
  private Plan together(Plan left, Plan right) {
    List<SqlType> types =
        IntStream.range(0, 1 + random.nextInt(2))
            .mapToObj(_ -> pick(left.schema().columns()).type())
            .toList();
    Plan l = project(left, types.stream().map(type -> value(left, type)).toArray(Expr[]::new));
    Plan r = project(right, types.stream().map(type -> value(right, type)).toArray(Expr[]::new));
    return random.nextInt(3) == 0
        ? Shapes.unionAll(l, r)
        : new Plan.SetOperation(
            l, r, pick(List.of(Plan.SetOperation.Kind.values())), random.nextBoolean(), l.schema());
  }

  private Plan.SortKey sortKey(Plan input) {
    int at = random.nextInt(input.schema().size());
    return new Plan.SortKey(column(input, at), random.nextBoolean(), random.nextBoolean());
  }

  private Plan top(Plan input) {
    return new Plan.TopK(
        input,
        groups(input),
        List.of(sortKey(input), sortKey(input)),
        random.nextInt(2),
        random.nextInt(4) - 1,
        random.nextBoolean());
  }

  private Plan window(Plan input) {
    WindowCall call =
        switch (random.nextInt(4)) {
          case 0 -> WindowShapes.placed(WindowCall.Kind.ROW_NUMBER, SqlType.INT8);
          case 1 -> WindowShapes.placed(WindowCall.Kind.RANK, SqlType.INT8);
          case 2 -> {
            Expr shifted = column(input, random.nextInt(input.schema().size()));
            yield WindowShapes.placed(WindowCall.Kind.LAG, shifted.type(), shifted);
          }
          default -> WindowShapes.total(WindowShapes.rows(1, 1), aggregated(input, false));
        };
    return WindowShapes.window(input, groups(input), List.of(sortKey(input)), call);
  }

  /// From each number of the input to those that events lead to.
  private Plan recursion(Plan input) {
    return RecursionShapes.recursion(
        project(input, value(input, SqlType.INT4)),
        false,
        found -> {
          Plan pairs = Shapes.join(found, Shapes.ORDERS_SCAN, null);
          return project(
              filter(pairs, SubqueryShapes.equal(column(pairs, 0), column(pairs, 1))),
              column(pairs, 2));
        });
  }

  private List<Expr> groups(Plan input) {
    return IntStream.range(0, random.nextInt(3))
        .mapToObj(_ -> column(input, random.nextInt(input.schema().size())))
        .distinct()
        .toList();
  }

  private AggregateCall[] calls(Plan input) {
    return IntStream.range(0, 1 + random.nextInt(2))
        .mapToObj(_ -> aggregated(input, random.nextInt(4) == 0))
        .toArray(AggregateCall[]::new);
  }

  private AggregateCall aggregated(Plan input, boolean distinct) {
    Expr filter = random.nextInt(4) == 0 ? condition(input, 1) : null;
    Expr argument = column(input, random.nextInt(input.schema().size()));
    return switch (random.nextInt(5)) {
      case 0 -> aggregate(Kind.COUNT_ROWS, SqlType.INT8, null, false, filter);
      case 1 -> aggregate(Kind.SUM, SqlType.INT8, value(input, SqlType.INT4), distinct, filter);
      case 2 ->
          argument.type().equals(SqlType.BOOL)
              ? aggregate(Kind.BOOL_AND, SqlType.BOOL, argument, false, filter)
              : aggregate(
                  random.nextBoolean() ? Kind.MIN : Kind.MAX,
                  argument.type(),
                  argument,
                  false,
                  filter);
      case 3 ->
          aggregate(Kind.SUM, SqlType.NUMERIC, value(input, SqlType.NUMERIC), distinct, filter);
      default -> aggregate(Kind.COUNT, SqlType.INT8, argument, distinct, filter);
    };
  }

  private Plan groupingSets(Plan input) {
    List<Expr> groups = groups(input);
    List<List<Integer>> sets = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      sets.add(
          IntStream.range(0, groups.size()).filter(_ -> random.nextBoolean()).boxed().toList());
    }
    List<AggregateCall> calls = List.of(calls(input));
    List<SqlType> types = new ArrayList<>(groups.stream().map(Expr::type).toList());
    calls.forEach(call -> types.add(call.type()));
    return new Plan.GroupingSets(input, groups, sets, calls, List.of(), Schema.ofTypes(types));
  }

  private Expr condition(Plan input, int depth) {
    return switch (random.nextInt(depth > 0 ? 7 : 4)) {
      case 0 -> new Expr.IsNull(column(input, random.nextInt(input.schema().size())));
      case 1 -> SubqueryShapes.equal(value(input, SqlType.INT4), value(input, SqlType.INT4));
      case 2, 3 ->
          call("int4gt", SqlType.BOOL, value(input, SqlType.INT4), value(input, SqlType.INT4));
      case 4 -> new Expr.Not(condition(input, depth - 1));
      case 5 -> new Expr.And(List.of(condition(input, depth - 1), condition(input, depth - 1)));
      default -> new Expr.Or(List.of(condition(input, depth - 1), condition(input, depth - 1)));
    };
  }

  private Expr value(Plan input, SqlType type) {
    List<Integer> columns =
        IntStream.range(0, input.schema().size())
            .filter(i -> input.schema().column(i).type().equals(type))
            .boxed()
            .toList();
    return columns.isEmpty() || random.nextInt(8) == 0
        ? literal(type)
        : column(input, pick(columns));
  }

  private Expr literal(SqlType type) {
    Object value =
        switch (type.kind()) {
          case INT4, INT8 -> (long) random.nextInt(4);
          case NUMERIC -> PgNumeric.parse(pick(List.of("1", "1.0", "2.5")));
          case TEXT -> pick(List.of("a", "b"));
          case FLOAT8 -> 0.5;
          case BOOL -> random.nextBoolean();
          default -> throw new IllegalStateException("no column is of " + type);
        };
    return new Expr.Literal(value, type);
  }

  private <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }
}
