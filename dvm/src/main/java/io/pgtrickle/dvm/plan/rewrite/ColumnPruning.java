package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
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

  /// A projection over the columns of its input that it uses.
  static Plan.Project ofInput(Plan.Project project) {
    return projection(project, all(project));
  }

  private static NavigableSet<Integer> all(Plan plan) {
    return new TreeSet<>(IntStream.range(0, plan.schema().size()).boxed().toList());
  }

  /// The plan with exactly the needed columns, in ascending order.
  private static Plan prune(Plan plan, NavigableSet<Integer> needed) {
    return switch (plan) {
      case Plan.Scan scan -> project(scan, all(scan), needed);
      case Plan.Values values -> project(values, all(values), needed);
      case Plan.Working working -> project(working, all(working), needed);
      // What an iteration has decides about the next one.
      case Plan.Recursion(Plan base, Plan step, var every, var schema, _) ->
          project(
              new Plan.Recursion(prune(base, all(base)), prune(step, all(step)), every, schema),
              all(plan),
              needed);
      case Plan.Filter filter -> filter(filter, needed);
      case Plan.Project project -> projection(project, needed);
      case Plan.Ask ask -> ask(ask, needed);
      case Plan.Join join -> join(join, needed);
      case Plan.OuterJoin join -> outerJoin(join, needed);
      case Plan.MarkJoin join -> markJoin(join, needed);
      case Plan.Apply apply -> throw Inputs.nested(apply);
      case Plan.Unfold unfold -> unfold(unfold, needed);
      case Plan.UnionAll(List<Plan> inputs, Schema schema) ->
          new Plan.UnionAll(
              inputs.stream().map(input -> prune(input, needed)).toList(),
              narrowed(schema, needed));
      case Plan.TopK top -> topK(top, needed);
      case Plan.Window window -> window(window, needed);
      // Every column takes part in what is equal.
      case Plan.SetOperation(Plan left, Plan right, var kind, var all, var schema) ->
          project(
              new Plan.SetOperation(
                  prune(left, all(left)), prune(right, all(right)), kind, all, schema),
              all(plan),
              needed);
      case Plan.Distinct(Plan input, var keys) ->
          project(new Plan.Distinct(prune(input, all(input)), keys), all(input), needed);
      case Plan.Aggregate aggregate -> aggregate(aggregate, needed);
      case Plan.GroupingSets sets -> groupingSets(sets, needed);
    };
  }

  private static Plan topK(Plan.TopK top, NavigableSet<Integer> needed) {
    NavigableSet<Integer> below = new TreeSet<>(needed);
    top.partition().forEach(by -> below.addAll(Expressions.columns(by)));
    top.order().forEach(by -> below.addAll(Expressions.columns(by.value())));
    below.addAll(Expressions.columns(top.tieBreak()));
    Plan narrow =
        new Plan.TopK(
            prune(top.input(), below),
            PlanExpressions.map(top.partition(), by -> moved(by, below)),
            PlanExpressions.mapOrder(top.order(), by -> moved(by, below)),
            moved(top.tieBreak(), below),
            top.offset(),
            top.limit(),
            top.ties());
    return project(narrow, below, needed);
  }

  /// A result that nobody asks for is not computed.
  private static Plan window(Plan.Window window, NavigableSet<Integer> needed) {
    int width = window.input().schema().size();
    NavigableSet<Integer> results = needed.tailSet(width, true);
    if (results.isEmpty()) {
      return prune(window.input(), needed);
    }
    List<WindowCall> calls = results.stream().map(i -> window.calls().get(i - width)).toList();
    NavigableSet<Integer> below = new TreeSet<>(needed.headSet(width, false));
    window.partition().forEach(by -> below.addAll(Expressions.columns(by)));
    window.order().forEach(by -> below.addAll(Expressions.columns(by.value())));
    window.within().forEach(by -> below.addAll(Expressions.columns(by.value())));
    below.addAll(Expressions.columns(window.tieBreak()));
    for (WindowCall call : calls) {
      call.expressions().forEach(argument -> below.addAll(Expressions.columns(argument)));
    }
    NavigableSet<Integer> kept = new TreeSet<>(below);
    kept.addAll(results);
    Plan narrow =
        new Plan.Window(
            prune(window.input(), below),
            PlanExpressions.map(window.partition(), by -> moved(by, below)),
            PlanExpressions.mapOrder(window.order(), by -> moved(by, below)),
            PlanExpressions.mapOrder(window.within(), by -> moved(by, below)),
            moved(window.tieBreak(), below),
            calls.stream().map(call -> call.map(argument -> moved(argument, below))).toList(),
            narrowed(window.schema(), kept));
    return project(narrow, kept, needed);
  }

  /// All inquiries are kept: one may be an argument of another.
  private static Plan ask(Plan.Ask ask, NavigableSet<Integer> needed) {
    int width = ask.input().schema().size();
    NavigableSet<Integer> below = new TreeSet<>(needed.headSet(width, false));
    for (Plan.Asked asked : ask.inquiries()) {
      asked
          .arguments()
          .forEach(each -> below.addAll(Expressions.columns(each).headSet(width, false)));
    }
    NavigableSet<Integer> kept = new TreeSet<>(below);
    kept.addAll(all(ask).tailSet(width, true));
    Plan narrow =
        new Plan.Ask(
            prune(ask.input(), below),
            ask.inquiries().stream()
                .map(
                    asked ->
                        asked.about(
                            PlanExpressions.map(asked.arguments(), each -> moved(each, kept))))
                .toList(),
            narrowed(ask.schema(), kept));
    return project(narrow, kept, needed);
  }

  private static Plan filter(Plan.Filter filter, NavigableSet<Integer> needed) {
    NavigableSet<Integer> below = new TreeSet<>(needed);
    below.addAll(Expressions.columns(filter.condition()));
    Plan narrow = new Plan.Filter(prune(filter.input(), below), moved(filter.condition(), below));
    return project(narrow, below, needed);
  }

  private static Plan.Project projection(Plan.Project project, NavigableSet<Integer> needed) {
    NavigableSet<Integer> below = new TreeSet<>();
    needed.forEach(i -> below.addAll(Expressions.columns(project.expressions().get(i))));
    List<Expr> expressions =
        needed.stream().map(i -> moved(project.expressions().get(i), below)).toList();
    return new Plan.Project(
        prune(project.input(), below), expressions, narrowed(project.schema(), needed));
  }

  /// The functions keep all of their columns: there are as many rows whether they are read or not.
  private static Plan unfold(Plan.Unfold unfold, NavigableSet<Integer> needed) {
    int width = unfold.input().schema().size();
    NavigableSet<Integer> below = new TreeSet<>(needed.headSet(width, false));
    unfold.arguments().forEach(argument -> below.addAll(Expressions.columns(argument)));
    Expr condition = unfold.condition();
    if (condition != null) {
      below.addAll(Expressions.columns(condition).headSet(width, false));
    }
    NavigableSet<Integer> kept = new TreeSet<>(below);
    IntStream.range(width, unfold.schema().size()).forEach(kept::add);
    Plan narrow = unfold.over(prune(unfold.input(), below), each -> moved(each, kept));
    return project(narrow, kept, needed);
  }

  private static Plan join(Plan.Join join, NavigableSet<Integer> needed) {
    Sides sides = Sides.of(join.left(), join.keys(), join.residual(), needed);
    Plan narrow =
        new Plan.Join(
            prune(join.left(), sides.left),
            prune(join.right(), sides.right),
            sides.keys(join.keys()),
            sides.residual(join.residual()),
            narrowed(join.schema(), sides.both));
    return project(narrow, sides.both, needed);
  }

  private static Plan outerJoin(Plan.OuterJoin join, NavigableSet<Integer> needed) {
    Sides sides = Sides.of(join.left(), join.keys(), join.residual(), needed);
    Plan narrow =
        new Plan.OuterJoin(
            prune(join.left(), sides.left),
            prune(join.right(), sides.right),
            join.kept(),
            sides.keys(join.keys()),
            sides.residual(join.residual()),
            narrowed(join.schema(), sides.both));
    return project(narrow, sides.both, needed);
  }

  /// A mark that nobody asks for is not made.
  private static Plan markJoin(Plan.MarkJoin join, NavigableSet<Integer> needed) {
    int mark = join.left().schema().size();
    if (!needed.contains(mark)) {
      return prune(join.left(), needed);
    }
    NavigableSet<Integer> own = needed.headSet(mark, false);
    Sides sides = Sides.of(join.left(), join.keys(), join.residual(), own);
    NavigableSet<Integer> kept = new TreeSet<>(sides.left);
    kept.add(mark);
    Plan narrow =
        new Plan.MarkJoin(
            prune(join.left(), sides.left),
            prune(join.right(), sides.right),
            sides.keys(join.keys()),
            sides.residual(join.residual()),
            narrowed(join.schema(), kept));
    return project(narrow, kept, needed);
  }

  /// What the sides of a join keep, and together.
  private record Sides(
      NavigableSet<Integer> left, NavigableSet<Integer> right, NavigableSet<Integer> both) {
    static Sides of(
        Plan left, List<Plan.Key> keys, @Nullable Expr residual, NavigableSet<Integer> needed) {
      int width = left.schema().size();
      NavigableSet<Integer> below = new TreeSet<>(needed);
      if (residual != null) {
        below.addAll(Expressions.columns(residual));
      }
      NavigableSet<Integer> ofLeft = new TreeSet<>(below.headSet(width, false));
      NavigableSet<Integer> ofRight = new TreeSet<>();
      below.tailSet(width, true).forEach(i -> ofRight.add(i - width));
      for (Plan.Key key : keys) {
        ofLeft.addAll(Expressions.columns(key.left()));
        ofRight.addAll(Expressions.columns(key.right()));
      }
      NavigableSet<Integer> both = new TreeSet<>(ofLeft);
      ofRight.forEach(i -> both.add(i + width));
      return new Sides(ofLeft, ofRight, both);
    }

    List<Plan.Key> keys(List<Plan.Key> keys) {
      return keys.stream()
          .map(key -> new Plan.Key(moved(key.left(), left), moved(key.right(), right)))
          .toList();
    }

    @Nullable Expr residual(@Nullable Expr residual) {
      return residual == null ? null : moved(residual, both);
    }
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
      call.expressions().forEach(each -> below.addAll(Expressions.columns(each)));
    }
    Plan narrow =
        new Plan.Aggregate(
            prune(aggregate.input(), below),
            aggregate.groups().stream().map(group -> moved(group, below)).toList(),
            calls.stream().map(call -> call.map(each -> moved(each, below))).toList(),
            narrowed(aggregate.schema(), kept));
    return project(narrow, kept, needed);
  }

  private static Plan groupingSets(Plan.GroupingSets sets, NavigableSet<Integer> needed) {
    NavigableSet<Integer> below = new TreeSet<>();
    sets.groups().forEach(group -> below.addAll(Expressions.columns(group)));
    sets.calls()
        .forEach(
            call -> call.expressions().forEach(each -> below.addAll(Expressions.columns(each))));
    NavigableSet<Integer> all = new TreeSet<>();
    IntStream.range(0, sets.schema().size()).forEach(all::add);
    Plan narrow =
        new Plan.GroupingSets(
            prune(sets.input(), below),
            sets.groups().stream().map(group -> moved(group, below)).toList(),
            sets.sets(),
            sets.calls().stream().map(call -> call.map(each -> moved(each, below))).toList(),
            sets.questions(),
            sets.schema());
    return project(narrow, all, needed);
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
