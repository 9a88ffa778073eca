package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Evaluator;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeOrder;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
      case Plan.UnionAll union -> union.inputs().forEach(input -> out.addAll(rows(input)));
      case Plan.Distinct distinct -> {
        Schema schema = distinct.schema();
        Map<Bytes, Row> classes = new HashMap<>();
        for (Row row : rows(distinct.input())) {
          classes.merge(
              key(PlanCompiler.columns(schema), schema, row),
              row,
              (a, b) -> a.compareTo(b) <= 0 ? a : b);
        }
        out.addAll(classes.values());
      }
      case Plan.Aggregate aggregate -> aggregate(aggregate, out);
    }
    return out;
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

  private void join(Plan.Join join, List<Row> out) {
    Schema left = join.left().schema();
    Schema right = join.right().schema();
    List<Row> rights = rows(join.right());
    for (Row l : rows(join.left())) {
      for (Row r : rights) {
        boolean equal =
            join.keys().stream()
                .allMatch(
                    key -> {
                      Object a = value(key.left(), left, l);
                      Object b = value(key.right(), right, r);
                      return a != null
                          && b != null
                          && TypeOrder.compare(key.left().type(), a, b) == 0;
                    });
        if (equal) {
          @Nullable Object[] values = new @Nullable Object[left.size() + right.size()];
          System.arraycopy(left.values(l), 0, values, 0, left.size());
          System.arraycopy(right.values(r), 0, values, left.size(), right.size());
          Row pair = join.schema().pack(values);
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
    Expr argument = call.arguments().getFirst();
    SqlType type = argument.type();
    Schema one = new Schema(List.of(new io.pgtrickle.dvm.zset.Column("x", type)));
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
    };
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
