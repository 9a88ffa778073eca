package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.operator.Collected;
import io.pgtrickle.dvm.operator.Collectors;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeOrder;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Evaluates a plan from scratch, as plainly as possible: the oracle of the operators.
///
/// Bags are expanded to lists, groups are maps, sums are decimals. Nothing of the engine but values
/// and scalar expressions is used. Failures of rows are collected as texts.
final class Naive {
  private final Map<Integer, ZSet> relations;
  private final EvaluationSettings settings;
  private final List<String> failures = new ArrayList<>();

  /// The rows for which subqueries are evaluated, the innermost first.
  private final List<@Nullable Object[]> outer = new ArrayList<>();

  /// What the recursions around found last, the innermost first.
  private final Deque<List<Row>> found = new ArrayDeque<>();

  private final Map<Expr, Map<Schema, Evaluator>> evaluators = new HashMap<>();

  Naive(Map<Integer, ZSet> relations, EvaluationSettings settings) {
    this.relations = relations;
    this.settings = settings;
  }

  /// The SQLSTATEs of the rows that failed, sorted and distinct.
  List<String> failures() {
    return failures.stream().distinct().sorted().toList();
  }

  ZSet evaluate(Plan plan) {
    ZSet.Builder result = new ZSet.Builder();
    rows(plan).forEach(row -> result.add(row, 1));
    return result.build();
  }

  private @Nullable Object value(Expr expression, Schema schema, Row row) {
    if (!outer.isEmpty()) {
      Expr closed =
          io.pgtrickle.dvm.expr.Expressions.map(
              expression,
              node ->
                  node instanceof Expr.Outer(int level, int index, var type)
                      ? new Expr.Literal(outer.get(level - 1)[index], type)
                      : node);
      if (!closed.equals(expression)) {
        return Compiler.compile(closed, schema, settings).evaluate(row);
      }
    }
    return evaluators
        .computeIfAbsent(expression, _ -> new HashMap<>())
        .computeIfAbsent(schema, _ -> Compiler.compile(expression, schema, settings))
        .evaluate(row);
  }

  private interface Action {
    void run();
  }

  private void guarded(Action action) {
    try {
      action.run();
    } catch (EvaluationFailure failure) {
      failures.add(failure.sqlState());
    }
  }

  private List<Row> rows(Plan plan) {
    List<Row> out = new ArrayList<>();
    switch (plan) {
      case Plan.Scan scan ->
          relations
              .getOrDefault(scan.relation(), ZSet.EMPTY)
              .forEach(
                  (row, weight) -> {
                    for (long i = 0; i < weight; i++) {
                      out.add(row);
                    }
                  });
      case Plan.Values values ->
          values
              .rows()
              .forEach(
                  row ->
                      guarded(
                          () ->
                              out.add(
                                  values
                                      .schema()
                                      .pack(
                                          row.stream()
                                              .map(
                                                  e ->
                                                      value(
                                                          e,
                                                          new Schema(List.of()),
                                                          new Schema(List.of()).pack()))
                                              .toArray()))));
      case Plan.Ask _ -> throw new IllegalArgumentException("there is no server here");
      case Plan.Filter filter -> {
        Schema schema = filter.input().schema();
        for (Row row : rows(filter.input())) {
          guarded(
              () -> {
                if (Boolean.TRUE.equals(value(filter.condition(), schema, row))) {
                  out.add(row);
                }
              });
        }
      }
      case Plan.Project project -> {
        Schema schema = project.input().schema();
        for (Row row : rows(project.input())) {
          guarded(() -> out.add(pack(project.schema(), project.expressions(), schema, row)));
        }
      }
      case Plan.Join join -> join(join, out);
      case Plan.OuterJoin join -> outerJoin(join, out);
      case Plan.MarkJoin join -> markJoin(join, out);
      case Plan.Apply apply -> apply(apply, out);
      case Plan.Unfold unfold -> unfold(unfold, out);
      case Plan.UnionAll union -> union.inputs().forEach(input -> out.addAll(rows(input)));
      case Plan.Working _ -> out.addAll(found.getFirst());
      case Plan.Recursion recursion -> recursion(recursion, out);
      case Plan.TopK top -> topK(top, out);
      case Plan.Window window -> window(window, out);
      case Plan.SetOperation operation -> setOperation(operation, out);
      case Plan.Distinct distinct -> {
        Schema schema = distinct.schema();
        Map<Bytes, Row> classes = new HashMap<>();
        for (Row row : rows(distinct.input())) {
          classes.merge(
              key(distinct.keys(), schema, row), row, (a, b) -> a.compareTo(b) <= 0 ? a : b);
        }
        out.addAll(classes.values());
      }
      case Plan.Aggregate aggregate -> aggregate(aggregate, out);
      case Plan.GroupingSets sets -> groupingSets(sets, out);
    }
    return out;
  }

  private void recursion(Plan.Recursion recursion, List<Row> out) {
    Schema schema = recursion.schema();
    Set<Bytes> known = new HashSet<>();
    List<Row> last = rows(recursion.base());
    // The step is evaluated once even if the base is empty.
    for (boolean first = true; first || !last.isEmpty(); first = false) {
      if (!recursion.all()) {
        Map<Bytes, Row> classes = new HashMap<>();
        for (Row row : last) {
          Bytes key = key(PlanCompiler.columns(schema), schema, row);
          if (!known.contains(key)) {
            classes.merge(key, row, (a, b) -> a.compareTo(b) <= 0 ? a : b);
          }
        }
        known.addAll(classes.keySet());
        last = List.copyOf(classes.values());
      }
      out.addAll(last);
      if (first || !last.isEmpty()) {
        found.push(last);
        last = rows(recursion.step());
        found.pop();
      }
    }
  }

  private Row pack(Schema target, List<Expr> expressions, Schema schema, Row row) {
    @Nullable Object[] values = new @Nullable Object[target.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(expressions.get(i), schema, row);
    }
    return target.pack(values);
  }

  private Bytes key(List<Expr> expressions, Schema schema, Row row) {
    ByteSink out = new ByteSink();
    for (Expr expression : expressions) {
      Object value = value(expression, schema, row);
      out.putByte(value == null ? 2 : 1);
      if (value != null) {
        TypeCodec.of(expression.type()).appendKey(value, out);
      }
    }
    return Bytes.copyOf(out.array(), 0, out.size());
  }

  private boolean equalKeys(List<Plan.Key> keys, Schema left, Schema right, Row l, Row r) {
    for (Plan.Key key : keys) {
      Object a = value(key.left(), left, l);
      Object b = value(key.right(), right, r);
      if (a == null || b == null || TypeOrder.compare(key.left().type(), a, b) != 0) {
        return false;
      }
    }
    return true;
  }

  private static Row pair(Schema schema, Schema left, Schema right, Row l, Row r) {
    @Nullable Object[] values = new @Nullable Object[left.size() + right.size()];
    System.arraycopy(left.values(l), 0, values, 0, left.size());
    System.arraycopy(right.values(r), 0, values, left.size(), right.size());
    return schema.pack(values);
  }

  private void join(Plan.Join join, List<Row> out) {
    Schema left = join.left().schema();
    Schema right = join.right().schema();
    List<Row> rights = rows(join.right());
    for (Row l : rows(join.left())) {
      for (Row r : rights) {
        if (equalKeys(join.keys(), left, right, l, r)) {
          Row pair = pair(join.schema(), left, right, l, r);
          Expr residual = join.residual();
          guarded(
              () -> {
                if (residual == null || Boolean.TRUE.equals(value(residual, join.schema(), pair))) {
                  out.add(pair);
                }
              });
        }
      }
    }
  }

  private void outerJoin(Plan.OuterJoin join, List<Row> out) {
    Schema left = join.left().schema();
    Schema right = join.right().schema();
    List<Row> lefts = rows(join.left());
    List<Row> rights = rows(join.right());
    boolean[] leftMatched = new boolean[lefts.size()];
    boolean[] rightMatched = new boolean[rights.size()];
    for (int i = 0; i < lefts.size(); i++) {
      for (int j = 0; j < rights.size(); j++) {
        if (equalKeys(join.keys(), left, right, lefts.get(i), rights.get(j))) {
          Row pair = pair(join.schema(), left, right, lefts.get(i), rights.get(j));
          Expr residual = join.residual();
          int l = i;
          int r = j;
          guarded(
              () -> {
                if (residual == null || Boolean.TRUE.equals(value(residual, join.schema(), pair))) {
                  out.add(pair);
                  leftMatched[l] = true;
                  rightMatched[r] = true;
                }
              });
        }
      }
    }
    Row noLeft = left.pack(new @Nullable Object[left.size()]);
    Row noRight = right.pack(new @Nullable Object[right.size()]);
    for (int i = 0; i < lefts.size(); i++) {
      if (join.kept().left() && !leftMatched[i]) {
        out.add(pair(join.schema(), left, right, lefts.get(i), noRight));
      }
    }
    for (int j = 0; j < rights.size(); j++) {
      if (join.kept().right() && !rightMatched[j]) {
        out.add(pair(join.schema(), left, right, noLeft, rights.get(j)));
      }
    }
  }

  private void markJoin(Plan.MarkJoin join, List<Row> out) {
    Schema left = join.left().schema();
    List<Row> rights = rows(join.right());
    for (Row l : rows(join.left())) {
      @Nullable Object[] values = Arrays.copyOf(left.values(l), left.size() + 1);
      values[left.size()] = rights.stream().anyMatch(r -> matches(join, l, r));
      out.add(join.schema().pack(values));
    }
  }

  private boolean matches(Plan.MarkJoin join, Row l, Row r) {
    Schema left = join.left().schema();
    Schema right = join.right().schema();
    Expr residual = join.residual();
    if (residual == null || !equalKeys(join.keys(), left, right, l, r)) {
      return equalKeys(join.keys(), left, right, l, r);
    }
    Schema both = sideBySide(left, right);
    boolean[] match = new boolean[1];
    guarded(
        () -> match[0] = Boolean.TRUE.equals(value(residual, both, pair(both, left, right, l, r))));
    return match[0];
  }

  private static Schema sideBySide(Schema left, Schema right) {
    List<Column> columns = new ArrayList<>(left.columns());
    columns.addAll(right.columns());
    return new Schema(columns);
  }

  private void setOperation(Plan.SetOperation operation, List<Row> out) {
    Schema schema = operation.schema();
    List<Row> rights = rows(operation.right());
    Map<Bytes, List<Row>> lefts = new HashMap<>();
    for (Row row : rows(operation.left())) {
      lefts
          .computeIfAbsent(key(PlanCompiler.columns(schema), schema, row), _ -> new ArrayList<>())
          .add(row);
    }
    lefts.forEach(
        (key, rows) -> {
          long others =
              rights.stream()
                  .filter(row -> key(PlanCompiler.columns(schema), schema, row).equals(key))
                  .count();
          boolean intersect = operation.kind() == Plan.SetOperation.Kind.INTERSECT;
          long count;
          if (operation.all()) {
            count = intersect ? Math.min(rows.size(), others) : rows.size() - others;
          } else {
            count = (others > 0) == intersect ? 1 : 0;
          }
          Row least = rows.stream().min(Row::compareTo).orElseThrow();
          for (long i = 0; i < count; i++) {
            out.add(least);
          }
        });
  }

  private Comparator<Row> sorted(List<Plan.SortKey> keys, Schema schema) {
    return (a, b) -> {
      for (Plan.SortKey key : keys) {
        Object l = value(key.value(), schema, a);
        Object r = value(key.value(), schema, b);
        int order;
        if (l == null || r == null) {
          order = l == r ? 0 : (l == null) == key.nullsFirst() ? -1 : 1;
        } else {
          order = TypeOrder.compare(key.value().type(), l, r);
          order = key.descending() ? -order : order;
        }
        if (order != 0) {
          return order;
        }
      }
      return 0;
    };
  }

  private Map<Bytes, List<Row>> partitions(List<Expr> by, Plan input) {
    Map<Bytes, List<Row>> partitions = new HashMap<>();
    for (Row row : rows(input)) {
      partitions.computeIfAbsent(key(by, input.schema(), row), _ -> new ArrayList<>()).add(row);
    }
    return partitions;
  }

  private void window(Plan.Window window, List<Row> out) {
    Schema schema = window.input().schema();
    Comparator<Row> peers = sorted(window.order(), schema);
    Comparator<Row> order =
        peers
            .thenComparing(sorted(window.within(), schema))
            .thenComparing(row -> image(window.tieBreak(), schema, row))
            .thenComparing(Comparator.naturalOrder());
    NaiveWindow.Values values =
        new NaiveWindow.Values() {
          @Override
          public @Nullable Object of(Expr expression, Row row) {
            return value(expression, schema, row);
          }

          @Override
          public @Nullable Object aggregate(WindowCall.Aggregated call, List<Row> rows) {
            return call(call.call(), schema, rows);
          }
        };
    for (List<Row> rows : partitions(window.partition(), window.input()).values()) {
      rows.sort(order);
      boolean[] peer = new boolean[rows.size()];
      for (int i = 1; i < peer.length; i++) {
        peer[i] = peers.compare(rows.get(i - 1), rows.get(i)) == 0;
      }
      NaiveWindow partition = new NaiveWindow(window, values, rows, peer);
      for (int i = 0; i < rows.size(); i++) {
        int place = i;
        guarded(
            () -> {
              @Nullable Object[] row =
                  Arrays.copyOf(schema.values(rows.get(place)), window.schema().size());
              for (int c = 0; c < window.calls().size(); c++) {
                row[schema.size() + c] = partition.result(window.calls().get(c), place);
              }
              out.add(window.schema().pack(row));
            });
      }
    }
  }

  private void topK(Plan.TopK top, List<Row> out) {
    Schema schema = top.schema();
    Comparator<Row> sorted = sorted(top.order(), schema);
    for (List<Row> rows : partitions(top.partition(), top.input()).values()) {
      rows.sort(sorted.thenComparing(row -> image(top.tieBreak(), schema, row)));
      int from = (int) Math.min(rows.size(), top.offset());
      int to =
          top.limit() < 0 ? rows.size() : (int) Math.min(rows.size(), top.offset() + top.limit());
      while (top.ties()
          && to > from
          && to < rows.size()
          && sorted.compare(rows.get(to - 1), rows.get(to)) == 0) {
        to++;
      }
      out.addAll(rows.subList(from, Math.max(from, to)));
    }
  }

  private Bytes image(Expr tieBreak, Schema schema, Row row) {
    if (value(tieBreak, schema, row) instanceof Bytes image) {
      return image;
    }
    throw new IllegalStateException("an image is never NULL");
  }

  /// The subquery again for every row.
  private void apply(Plan.Apply apply, List<Row> out) {
    Schema schema = apply.input().schema();
    int width = schema.size();
    for (Row row : rows(apply.input())) {
      outer.addFirst(schema.values(row));
      List<Row> found = rows(apply.subquery());
      outer.removeFirst();
      if (apply.question() instanceof Plan.Question.Rows rows) {
        lateral(apply, rows, row, found, out);
        continue;
      }
      @Nullable Object[] values = Arrays.copyOf(schema.values(row), apply.schema().size());
      guarded(
          () -> {
            switch (apply.question()) {
              case Plan.Question.Rows _, Plan.Question.Array _, Plan.Question.Compared _ ->
                  throw new IllegalStateException();
              case Plan.Question.Exists _ -> values[width] = !found.isEmpty();
              case Plan.Question.Any(Expr test) ->
                  values[width] = decided(test, apply, row, found, true);
              case Plan.Question.All(Expr test) ->
                  values[width] = decided(test, apply, row, found, false);
              case Plan.Question.Scalar _ -> {
                values[width] =
                    found.isEmpty() ? null : apply.subquery().schema().value(found.getFirst(), 0);
                values[width + 1] = (long) found.size();
              }
            }
            out.add(apply.schema().pack(values));
          });
    }
  }

  private void lateral(
      Plan.Apply apply, Plan.Question.Rows rows, Row row, List<Row> found, List<Row> out) {
    Schema left = apply.input().schema();
    Schema right = apply.subquery().schema();
    Expr condition = rows.condition();
    boolean[] any = new boolean[1];
    for (Row each : found) {
      Row pair = pair(apply.schema(), left, right, row, each);
      guarded(
          () -> {
            if (condition == null || Boolean.TRUE.equals(value(condition, apply.schema(), pair))) {
              any[0] = true;
              out.add(pair);
            }
          });
    }
    if (rows.kept() && !any[0]) {
      Row nothing = right.pack(new @Nullable Object[right.size()]);
      out.add(pair(apply.schema(), left, right, row, nothing));
    }
  }

  private void unfold(Plan.Unfold unfold, List<Row> out) {
    Schema schema = unfold.input().schema();
    Expr condition = unfold.condition();
    for (Row row : rows(unfold.input())) {
      guarded(
          () -> {
            List<List<@Nullable Object>> columns =
                unfold.calls().stream().map(call -> values(call, schema, row)).toList();
            int size = columns.stream().mapToInt(List::size).max().orElse(0);
            boolean any = false;
            for (int i = 0; i <= size; i++) {
              @Nullable Object[] values = Arrays.copyOf(schema.values(row), unfold.schema().size());
              int at = schema.size();
              for (List<@Nullable Object> column : columns) {
                values[at++] = i < column.size() ? column.get(i) : null;
              }
              if (i == size) {
                if (unfold.kept() && !any) {
                  out.add(unfold.schema().pack(values));
                }
                return;
              }
              if (unfold.numbered()) {
                values[at] = i + 1L;
              }
              Row pair = unfold.schema().pack(values);
              if (condition == null
                  || Boolean.TRUE.equals(value(condition, unfold.schema(), pair))) {
                any = true;
                out.add(pair);
              }
            }
          });
    }
  }

  /// A series of integers, counted, or the one value of another function.
  private List<@Nullable Object> values(SetCall call, Schema schema, Row row) {
    List<@Nullable Object> values = new ArrayList<>();
    if (!call.set()) {
      values.add(value(call.call(), schema, row));
      return values;
    }
    List<@Nullable Object> arguments = new ArrayList<>();
    call.call().arguments().forEach(argument -> arguments.add(value(argument, schema, row)));
    if (arguments.getFirst() instanceof Long start && arguments.getLast() instanceof Long stop) {
      for (long value = start; value <= stop; value++) {
        values.add(value);
      }
    }
    return values;
  }

  private @Nullable Boolean decided(
      Expr test, Plan.Apply apply, Row row, List<Row> found, boolean by) {
    Schema left = apply.input().schema();
    Schema right = apply.subquery().schema();
    Schema both = sideBySide(left, right);
    boolean unknown = false;
    for (Row each : found) {
      Object truth = value(test, both, pair(both, left, right, row, each));
      if (truth == null) {
        unknown = true;
      } else if (truth.equals(by)) {
        return by;
      }
    }
    return unknown ? null : !by;
  }

  private void groupingSets(Plan.GroupingSets plan, List<Row> out) {
    int width = plan.groups().size();
    for (List<Integer> set : plan.sets()) {
      List<Expr> groups = set.stream().map(plan.groups()::get).toList();
      List<SqlType> types = new ArrayList<>(groups.stream().map(Expr::type).toList());
      plan.calls().forEach(call -> types.add(call.type()));
      Schema schema = Schema.ofTypes(types);
      List<Row> rows = new ArrayList<>();
      aggregate(new Plan.Aggregate(plan.input(), groups, plan.calls(), schema), rows);
      for (Row row : rows) {
        @Nullable Object[] values = new @Nullable Object[plan.schema().size()];
        for (int i = 0; i < set.size(); i++) {
          values[set.get(i)] = schema.value(row, i);
        }
        for (int i = 0; i < plan.calls().size(); i++) {
          values[width + i] = schema.value(row, set.size() + i);
        }
        for (int i = 0; i < plan.questions().size(); i++) {
          StringBuilder bits = new StringBuilder("0");
          plan.questions().get(i).forEach(group -> bits.append(set.contains(group) ? '0' : '1'));
          values[width + plan.calls().size() + i] = Long.parseLong(bits.toString(), 2);
        }
        out.add(plan.schema().pack(values));
      }
    }
  }

  private void aggregate(Plan.Aggregate plan, List<Row> out) {
    Schema input = plan.input().schema();
    Map<Bytes, List<Row>> groups = new HashMap<>();
    if (plan.groups().isEmpty()) {
      groups.put(Bytes.copyOf(new byte[0]), new ArrayList<>());
    }
    for (Row row : rows(plan.input())) {
      guarded(
          () ->
              groups
                  .computeIfAbsent(key(plan.groups(), input, row), _ -> new ArrayList<>())
                  .add(row));
    }
    Schema shown = new Schema(plan.schema().columns().subList(0, plan.groups().size()));
    for (List<Row> rows : groups.values()) {
      guarded(
          () -> {
            @Nullable Object[] values = new @Nullable Object[plan.schema().size()];
            if (!plan.groups().isEmpty()) {
              Row least =
                  rows.stream()
                      .map(row -> pack(shown, plan.groups(), input, row))
                      .min(Row::compareTo)
                      .orElseThrow();
              System.arraycopy(shown.values(least), 0, values, 0, shown.size());
            }
            for (int i = 0; i < plan.calls().size(); i++) {
              values[shown.size() + i] = call(plan.calls().get(i), input, rows);
            }
            out.add(plan.schema().pack(values));
          });
    }
  }

  private @Nullable Object call(AggregateCall call, Schema input, List<Row> rows) {
    List<Row> passing = new ArrayList<>();
    Expr filter = call.filter();
    for (Row row : rows) {
      guarded(
          () -> {
            if (filter == null || Boolean.TRUE.equals(value(filter, input, row))) {
              passing.add(row);
            }
          });
    }
    if (call.kind() == AggregateCall.Kind.COUNT_ROWS) {
      return (long) passing.size();
    }
    if (call.kind().collects()) {
      return collected(call, input, passing);
    }
    if (call.kind().isOrderedSet()) {
      return orderedSet(call, input, passing);
    }
    if (call.kind() == AggregateCall.Kind.REGRESSION) {
      return productsAboutTheMean(call, input, passing);
    }
    Expr argument = call.arguments().getFirst();
    SqlType type = argument.type();
    Schema one = new Schema(List.of(new Column("x", type)));
    // Payload order within the order of values: what a tie shows is the least of it.
    List<Row> values = new ArrayList<>();
    for (Row row : passing) {
      guarded(
          () -> {
            Object value = value(argument, input, row);
            if (value != null) {
              values.add(one.pack(value));
            }
          });
    }
    if (call.distinct()) {
      Map<Bytes, Row> classes = new TreeMap<>();
      for (Row value : values) {
        classes.merge(
            key(PlanCompiler.columns(one), one, value),
            value,
            (a, b) -> a.compareTo(b) <= 0 ? a : b);
      }
      values.clear();
      values.addAll(classes.values());
    }
    if (call.kind() == AggregateCall.Kind.COUNT) {
      return (long) values.size();
    }
    if (values.isEmpty()) {
      return null;
    }
    List<Object> objects = new ArrayList<>();
    for (Row value : values) {
      Object object = one.value(value, 0);
      if (object != null) {
        objects.add(object);
      }
    }
    return switch (call.kind()) {
      case COUNT_ROWS, COUNT -> throw new IllegalStateException();
      case MIN, MAX -> extreme(call, one, values, type);
      case SUM, AVG -> total(call, objects);
      case BOOL_AND -> !objects.contains(false);
      case BOOL_OR -> objects.contains(true);
      case BIT_AND -> objects.stream().mapToLong(Long.class::cast).reduce(-1, (a, b) -> a & b);
      case BIT_OR -> objects.stream().mapToLong(Long.class::cast).reduce(0, (a, b) -> a | b);
      case BIT_XOR -> objects.stream().mapToLong(Long.class::cast).reduce(0, (a, b) -> a ^ b);
      case REGRESSION -> throw new IllegalStateException();
      case VAR_POP -> spread(objects, objects.size());
      case VAR_SAMP -> spread(objects, objects.size() - 1L);
      case ANY_VALUE,
          STRING_AGG,
          ARRAY_AGG,
          JSON_AGG,
          JSONB_AGG,
          MODE,
          PERCENTILE_DISC,
          PERCENTILE_CONT,
          ASKED,
          ASKED_WITHIN_GROUP ->
          throw new IllegalStateException();
      // The digits of the root are tested against the server.
      case STDDEV_POP, STDDEV_SAMP -> throw new IllegalStateException("no oracle for a root");
    };
  }

  private record Sorted(List<@Nullable Object> by, Row arguments) {}

  private static int compare(List<Plan.SortKey> order, Sorted a, Sorted b) {
    for (int i = 0; i < order.size(); i++) {
      int result = compare(order.get(i), a.by.get(i), b.by.get(i));
      if (result != 0) {
        return result;
      }
    }
    return 0;
  }

  private static int compare(Plan.SortKey key, @Nullable Object l, @Nullable Object r) {
    if (l == null && r == null) {
      return 0;
    }
    if (l == null || r == null) {
      return (l == null) == key.nullsFirst() ? -1 : 1;
    }
    int order = TypeOrder.compare(key.value().type(), l, r);
    return key.descending() ? -order : order;
  }

  private List<Sorted> sorted(
      List<Plan.SortKey> order, List<Expr> shown, Schema input, List<Row> rows) {
    Schema schema = Schema.ofTypes(shown.stream().map(Expr::type).toList());
    List<Sorted> sorted = new ArrayList<>();
    for (Row row : rows) {
      guarded(
          () -> {
            List<@Nullable Object> by = new ArrayList<>();
            for (Plan.SortKey key : order) {
              by.add(value(key.value(), input, row));
            }
            sorted.add(new Sorted(by, pack(schema, shown, input, row)));
          });
    }
    sorted.sort(
        (a, b) -> {
          int result = compare(order, a, b);
          return result != 0 ? result : a.arguments.compareTo(b.arguments);
        });
    return sorted;
  }

  private @Nullable Object collected(AggregateCall call, Schema input, List<Row> rows) {
    List<Plan.SortKey> order = new ArrayList<>(call.order());
    if (call.distinct()) {
      for (Expr argument : call.arguments()) {
        if (order.stream().noneMatch(key -> key.value().equals(argument))) {
          order.add(Plan.SortKey.ascending(argument));
        }
      }
    }
    Schema schema = Schema.ofTypes(call.arguments().stream().map(Expr::type).toList());
    List<@Nullable Object[]> shown = new ArrayList<>();
    Sorted last = null;
    for (Sorted row : sorted(order, call.arguments(), input, rows)) {
      @Nullable Object[] values = schema.values(row.arguments);
      boolean skipped =
          values[0] == null
              && (call.kind() == AggregateCall.Kind.STRING_AGG
                  || call.kind() == AggregateCall.Kind.ANY_VALUE);
      boolean again = call.distinct() && last != null && compare(order, last, row) == 0;
      if (!skipped && !again) {
        shown.add(values);
      }
      last = row;
    }
    if (shown.isEmpty()) {
      return null;
    }
    if (call.kind() == AggregateCall.Kind.ANY_VALUE) {
      return shown.getFirst()[0];
    }
    if (call.kind() == AggregateCall.Kind.STRING_AGG) {
      StringBuilder text = new StringBuilder(String.valueOf(shown.getFirst()[0]));
      for (@Nullable Object[] values : shown.subList(1, shown.size())) {
        text.append(values[1] == null ? "" : values[1]).append(values[0]);
      }
      return text.toString();
    }
    // The bytes of arrays and JSON are tested against the server.
    SqlType element = call.arguments().getFirst().type();
    Collected.Collector collector =
        call.kind() == AggregateCall.Kind.ARRAY_AGG
            ? Collectors.array(element)
            : Collectors.json(element);
    shown.forEach(collector::add);
    return collector.result();
  }

  private @Nullable Object orderedSet(AggregateCall call, Schema input, List<Row> rows) {
    Plan.SortKey by = call.order().getFirst();
    Schema schema = Schema.ofTypes(List.of(by.value().type()));
    List<Object> values = new ArrayList<>();
    for (Sorted row : sorted(call.order(), List.of(by.value()), input, rows)) {
      Object value = schema.value(row.arguments, 0);
      if (value != null) {
        values.add(value);
      }
    }
    if (call.kind() == AggregateCall.Kind.MODE) {
      Object best = null;
      int most = 0;
      for (int i = 0, j; i < values.size(); i = j) {
        j = i;
        while (j < values.size() && compare(by, values.get(i), values.get(j)) == 0) {
          j++;
        }
        if (j - i > most) {
          most = j - i;
          best = values.get(i);
        }
      }
      return best;
    }
    Object fraction = value(call.arguments().getFirst(), input, Row.ofOwned(new byte[8]));
    if (!(fraction instanceof Double p)) {
      return null;
    }
    if (p < 0 || p > 1) {
      throw new EvaluationFailure("22003", "no fraction");
    }
    if (values.isEmpty()) {
      return null;
    }
    if (call.kind() == AggregateCall.Kind.PERCENTILE_DISC) {
      return values.get(Math.max(0, (int) Math.ceil(p * values.size()) - 1));
    }
    double place = p * (values.size() - 1);
    double low = (Double) values.get((int) place);
    double high = (Double) values.get((int) Math.ceil(place));
    return low == high ? low : low + (place - (int) place) * (high - low);
  }

  /// By deviations from the mean, over a common denominator: N·Σx² − (Σx)² is N·Σ(x − mean)².
  /// `regr_sxy`, of values that are small whole numbers.
  private @Nullable Object productsAboutTheMean(AggregateCall call, Schema input, List<Row> rows) {
    List<double[]> pairs = new ArrayList<>();
    for (Row row : rows) {
      guarded(
          () -> {
            if (value(call.arguments().getFirst(), input, row) instanceof Double y
                && value(call.arguments().getLast(), input, row) instanceof Double x) {
              pairs.add(new double[] {x, y});
            }
          });
    }
    double x = pairs.stream().mapToDouble(pair -> pair[0]).sum();
    double y = pairs.stream().mapToDouble(pair -> pair[1]).sum();
    double products = pairs.stream().mapToDouble(pair -> pair[0] * pair[1]).sum();
    int n = pairs.size();
    return n == 0 ? null : (Object) ((n * products - x * y) / n);
  }

  private static @Nullable Object spread(List<Object> values, long divisor) {
    if (divisor == 0) {
      return null;
    }
    BigDecimal n = BigDecimal.valueOf(values.size());
    List<BigDecimal> numbers =
        values.stream()
            .map(v -> v instanceof Long l ? BigDecimal.valueOf(l) : ((PgNumeric) v).decimal())
            .toList();
    BigDecimal sum = numbers.stream().reduce(BigDecimal.ZERO, BigDecimal::add);
    BigDecimal deviations = BigDecimal.ZERO;
    for (BigDecimal number : numbers) {
      BigDecimal fromMean = n.multiply(number).subtract(sum);
      deviations = deviations.add(fromMean.multiply(fromMean));
    }
    if (deviations.signum() == 0) {
      return PgNumeric.ZERO;
    }
    // n²·Σ(x − mean)² / n = n·Σ(x − mean)²
    BigDecimal numerator = deviations.divide(n);
    return PgNumeric.of(numerator.setScale(2 * sum.scale()))
        .divide(PgNumeric.of(n.multiply(BigDecimal.valueOf(divisor))));
  }

  private static @Nullable Object extreme(
      AggregateCall call, Schema one, List<Row> values, SqlType type) {
    Row best = values.getFirst();
    for (Row row : values) {
      Object a = one.value(row, 0);
      Object b = one.value(best, 0);
      if (a == null || b == null) {
        throw new IllegalStateException("a NULL among the values");
      }
      int order = TypeOrder.compare(type, a, b);
      if (call.kind() == AggregateCall.Kind.MAX) {
        order = -order;
      }
      if (order < 0 || (order == 0 && row.compareTo(best) < 0)) {
        best = row;
      }
    }
    return one.value(best, 0);
  }

  private static Object total(AggregateCall call, List<Object> values) {
    boolean average = call.kind() == AggregateCall.Kind.AVG;
    if (values.getFirst() instanceof Double || values.getFirst() instanceof Float) {
      // Test data are small dyadic fractions, whose sums are exact in any order.
      // The sum starts with the first value, so that −0 alone stays −0; the average starts with 0.
      double sum = average ? 0.0 : -0.0;
      for (Object value : values) {
        sum += ((Number) value).doubleValue();
      }
      if (average) {
        return sum / values.size();
      }
      return values.getFirst() instanceof Float ? (Object) (float) sum : (Object) sum;
    }
    BigDecimal sum = BigDecimal.ZERO;
    for (Object value : values) {
      sum =
          sum.add(
              value instanceof Long number
                  ? BigDecimal.valueOf(number)
                  : ((PgNumeric) value).decimal());
    }
    PgNumeric total = PgNumeric.of(sum);
    if (average) {
      return total.divide(PgNumeric.of(values.size()));
    }
    return call.type().equals(SqlType.INT8) ? (Object) total.toInt8() : total;
  }
}
