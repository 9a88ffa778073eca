package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Narrows every input to the columns that are used above it, so that arrangements hold no others.
///
/// What is narrowed is projected directly above the scan and again above each filter and join whose
/// own columns are not needed further up.
final class ColumnPruning {
  private ColumnPruning() {}

  static Plan rewrite(Plan plan) {
    return prune(plan, all(plan));
  }

  private static NavigableSet<Integer> all(Plan plan) {
    return new TreeSet<>(IntStream.range(0, plan.schema().size()).boxed().toList());
  }

  /// The plan with exactly the needed columns, in ascending order.
  private static Plan prune(Plan plan, NavigableSet<Integer> needed) {
    return switch (plan) {
      case Plan.Scan scan -> project(scan, all(scan), needed);
      case Plan.Values values -> project(values, all(values), needed);
      case Plan.Filter filter -> filter(filter, needed);
      case Plan.Project project -> projection(project, needed);
      case Plan.Join join -> join(join, needed);
      case Plan.UnionAll(List<Plan> inputs, Schema schema) ->
          new Plan.UnionAll(
              inputs.stream().map(input -> prune(input, needed)).toList(),
              narrowed(schema, needed));
      // Every column takes part in what is distinct.
      case Plan.Distinct(Plan input) ->
          project(new Plan.Distinct(prune(input, all(input))), all(input), needed);
      case Plan.Aggregate aggregate -> aggregate(aggregate, needed);
    };
  }

  private static Plan filter(Plan.Filter filter, NavigableSet<Integer> needed) {
    NavigableSet<Integer> below = new TreeSet<>(needed);
    below.addAll(Expressions.columns(filter.condition()));
    Plan narrow = new Plan.Filter(prune(filter.input(), below), moved(filter.condition(), below));
    return project(narrow, below, needed);
  }

  private static Plan projection(Plan.Project project, NavigableSet<Integer> needed) {
    NavigableSet<Integer> below = new TreeSet<>();
    needed.forEach(i -> below.addAll(Expressions.columns(project.expressions().get(i))));
    List<Expr> expressions =
        needed.stream().map(i -> moved(project.expressions().get(i), below)).toList();
    return new Plan.Project(
        prune(project.input(), below), expressions, narrowed(project.schema(), needed));
  }

  private static Plan join(Plan.Join join, NavigableSet<Integer> needed) {
    int width = join.left().schema().size();
    Expr residual = join.residual();
    NavigableSet<Integer> below = new TreeSet<>(needed);
    if (residual != null) {
      below.addAll(Expressions.columns(residual));
    }
    NavigableSet<Integer> left = new TreeSet<>(below.headSet(width, false));
    NavigableSet<Integer> right = new TreeSet<>();
    below.tailSet(width, true).forEach(i -> right.add(i - width));
    for (Plan.Key key : join.keys()) {
      left.addAll(Expressions.columns(key.left()));
      right.addAll(Expressions.columns(key.right()));
    }
    NavigableSet<Integer> kept = new TreeSet<>(left);
    right.forEach(i -> kept.add(i + width));
    List<Plan.Key> keys =
        join.keys().stream()
            .map(key -> new Plan.Key(moved(key.left(), left), moved(key.right(), right)))
            .toList();
    Plan narrow =
        new Plan.Join(
            prune(join.left(), left),
            prune(join.right(), right),
            keys,
            residual == null ? null : moved(residual, kept),
            narrowed(join.schema(), kept));
    return project(narrow, kept, needed);
  }

  private static Plan aggregate(Plan.Aggregate aggregate, NavigableSet<Integer> needed) {
    int groups = aggregate.groups().size();
    NavigableSet<Integer> kept = new TreeSet<>(needed.tailSet(groups, true));
    IntStream.range(0, groups).forEach(kept::add);
    List<AggregateCall> calls =
        needed.tailSet(groups, true).stream().map(i -> aggregate.calls().get(i - groups)).toList();
    NavigableSet<Integer> below = new TreeSet<>();
    aggregate.groups().forEach(group -> below.addAll(Expressions.columns(group)));
    for (AggregateCall call : calls) {
      call.arguments().forEach(argument -> below.addAll(Expressions.columns(argument)));
      Expr filter = call.filter();
      if (filter != null) {
        below.addAll(Expressions.columns(filter));
      }
    }
    Plan narrow =
        new Plan.Aggregate(
            prune(aggregate.input(), below),
            aggregate.groups().stream().map(group -> moved(group, below)).toList(),
            calls.stream().map(call -> moved(call, below)).toList(),
            narrowed(aggregate.schema(), kept));
    return project(narrow, kept, needed);
  }

  private static AggregateCall moved(AggregateCall call, NavigableSet<Integer> kept) {
    @Nullable Expr filter = call.filter();
    return new AggregateCall(
        call.kind(),
        call.function(),
        call.arguments().stream().map(argument -> moved(argument, kept)).toList(),
        call.distinct(),
        filter == null ? null : moved(filter, kept),
        call.type());
  }

  /// The expression over rows of which only the kept columns are left.
  private static Expr moved(Expr expression, NavigableSet<Integer> kept) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(kept.headSet(index, false).size(), type)
                : node);
  }

  /// A plan whose columns are the kept ones, narrowed to the needed ones.
  private static Plan project(Plan plan, NavigableSet<Integer> kept, NavigableSet<Integer> needed) {
    if (kept.size() == needed.size()) {
      return plan;
    }
    List<Expr> expressions = new ArrayList<>();
    List<Column> columns = new ArrayList<>();
    for (int index : needed) {
      int position = kept.headSet(index, false).size();
      Column column = plan.schema().column(position);
      expressions.add(new Expr.Column(position, column.type()));
      columns.add(column);
    }
    return new Plan.Project(plan, expressions, new Schema(columns));
  }

  private static Schema narrowed(Schema schema, NavigableSet<Integer> kept) {
    return new Schema(kept.stream().map(schema::column).toList());
  }
}
