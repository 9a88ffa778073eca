package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Takes out of every node what the server has to evaluate, and asks for it below:
///
///     π_{g(f(x))} A   =   π_{g(answer)} ask_{f(x)} A        f asked, g native
///     σ_{c ∧ f(x)} A  =   π_A σ_{answer} ask_{f(x)} σ_c A
///
/// A condition of an inner join over both sides is asked for above the join. Other joins have
/// conditions no more, but for equal keys, whose sides are asked for below.
final class ServerTier {
  private final Tiers tiers;

  private ServerTier(Tiers tiers) {
    this.tiers = tiers;
  }

  static Plan rewrite(Plan plan, Tiers tiers) {
    return new ServerTier(tiers).rewrite(plan);
  }

  private Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, this::rewrite);
    return switch (over) {
      case Plan.Scan _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.Ask _ ->
          over;
      case Plan.Values values -> values(values);
      case Plan.Filter(Plan input, Expr condition) when Expressions.readsClock(condition) ->
          temporal(input, condition);
      case Plan.Filter filter -> filter(filter.input(), Conjuncts.of(filter.condition()));
      case Plan.Project project -> project(project);
      case Plan.Unfold unfold -> unfold(unfold);
      case Plan.Join join -> join(join);
      case Plan.OuterJoin join -> {
        requireNone(join.residual());
        Sides sides = new Sides(join.left(), join.right(), join.keys());
        yield sides.narrow(
            new Plan.OuterJoin(
                sides.left(), sides.right(), join.kept(), sides.keys, null, sides.schema()),
            join.schema());
      }
      case Plan.MarkJoin join -> markJoin(join);
      case Plan.Apply apply -> throw Inputs.nested(apply);
      case Plan.GroupingSets _ ->
          throw new IllegalArgumentException("grouping sets were not taken apart");
      case Plan.TopK top -> topK(top);
      case Plan.Window window -> window(window);
      case Plan.Distinct(Plan input, var keys) -> {
        Inquiries inquiries = new Inquiries(input, tiers);
        List<Expr> taken = inquiries.take(keys);
        yield inquiries.isEmpty()
            ? over
            : narrowed(new Plan.Distinct(inquiries.answered(), taken), input.schema());
      }
      case Plan.Aggregate(Plan input, var groups, var calls, var schema) -> {
        Inquiries inquiries = new Inquiries(input, tiers);
        List<Expr> taken = inquiries.take(groups);
        var takenCalls = calls.stream().map(call -> call.map(inquiries::take)).toList();
        yield inquiries.isEmpty()
            ? over
            : new Plan.Aggregate(inquiries.answered(), taken, takenCalls, schema);
      }
    };
  }

  private Plan project(Plan.Project project) {
    if (project.expressions().stream().noneMatch(this::asks)) {
      return project;
    }
    // What is asked about a scan stands between it and the projection that forgets its other
    // columns.
    Plan.Project narrow =
        project.input() instanceof Plan.Scan ? ColumnPruning.ofInput(project) : project;
    Inquiries inquiries = new Inquiries(narrow.input(), tiers);
    List<Expr> taken = inquiries.take(narrow.expressions());
    return new Plan.Project(inquiries.answered(), taken, narrow.schema());
  }

  /// All functions of an item are asked for together where one is not native: they go in step.
  private Plan unfold(Plan.Unfold unfold) {
    Inquiries inquiries = new Inquiries(unfold.input(), tiers);
    Expr condition = unfold.condition();
    boolean conditionIsAsked = condition != null && asks(condition);
    boolean asked = conditionIsAsked || unfold.calls().stream().anyMatch(tiers::isAsked);
    Schema input = unfold.input().schema();
    Plan.@Nullable AskedRows rows =
        asked ? inquiries.rows(unfold, conditionIsAsked ? condition : null) : null;
    List<SetCall> calls =
        asked
            ? unfold.calls()
            : unfold.calls().stream().map(call -> call.map(inquiries::take)).toList();
    if (!asked && inquiries.isEmpty()) {
      return unfold;
    }
    int answers = inquiries.width();
    Plan.Unfold above = new Plan.Unfold(inquiries.answered(), calls, unfold.numbered());
    Plan.Unfold answered =
        new Plan.Unfold(
            above.input(),
            calls,
            unfold.numbered(),
            unfold.kept(),
            condition == null || conditionIsAsked
                ? null
                : Expressions.map(condition, node -> behind(node, input.size(), answers)),
            rows,
            above.schema());
    return answers == 0 ? answered : without(answered, input.size(), answers, unfold.schema());
  }

  // A column, after others were put in front of it.
  private static Expr behind(Expr node, int from, int added) {
    return node instanceof Expr.Column(int index, var type) && index >= from
        ? new Expr.Column(index + added, type)
        : node;
  }

  private boolean asks(Expr expression) {
    return Inquiries.asks(expression, tiers);
  }

  private void requireNone(@Nullable Expr residual) {
    if (residual != null && asks(residual)) {
      throw new IllegalArgumentException("a join with a residual condition is a sum of two");
    }
  }

  /// Each row of constants is a projection of the row of no columns.
  private Plan values(Plan.Values values) {
    if (values.rows().stream().noneMatch(row -> row.stream().anyMatch(this::asks))) {
      return values;
    }
    Plan one = new Plan.Values(List.of(List.of()), new Schema(List.of()));
    List<Plan> rows =
        values.rows().stream()
            .map(row -> rewrite(new Plan.Project(one, row, values.schema())))
            .toList();
    return rows.size() == 1 ? rows.getFirst() : new Plan.UnionAll(rows, values.schema());
  }

  /// Rows that a native condition turns away are not asked about.
  // A filter of nothing but conditions on the clock stays one.
  private Plan temporal(Plan input, Expr condition) {
    Inquiries inquiries = new Inquiries(input, tiers);
    Expr taken = inquiries.take(condition);
    Plan filter = new Plan.Filter(inquiries.answered(), taken);
    return inquiries.isEmpty() ? filter : narrowed(filter, input.schema());
  }

  private Plan filter(Plan input, List<Expr> conjuncts) {
    if (conjuncts.stream().noneMatch(this::asks)) {
      return Conjuncts.filter(input, conjuncts);
    }
    List<Expr> before = new ArrayList<>();
    List<Expr> rest = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      boolean first = rest.isEmpty() || Expressions.isTotal(conjunct);
      (first && !asks(conjunct) ? before : rest).add(conjunct);
    }
    Inquiries inquiries = new Inquiries(Conjuncts.filter(input, before), tiers);
    List<Expr> taken = inquiries.take(rest);
    return narrowed(Conjuncts.filter(inquiries.answered(), taken), input.schema());
  }

  private Plan join(Plan.Join join) {
    Sides sides = new Sides(join.left(), join.right(), join.keys());
    List<Expr> within = new ArrayList<>();
    List<Expr> above = new ArrayList<>();
    Expr residual = join.residual();
    if (residual != null) {
      for (Expr conjunct : Conjuncts.of(residual)) {
        boolean first = above.isEmpty() || Expressions.isTotal(conjunct);
        (first && !asks(conjunct) ? within : above).add(conjunct);
      }
    }
    Plan pairs =
        sides.narrow(
            new Plan.Join(
                sides.left(),
                sides.right(),
                sides.keys,
                within.isEmpty() ? null : sides.moved(Conjuncts.all(within)),
                sides.schema()),
            join.schema());
    return filter(pairs, above);
  }

  private Plan markJoin(Plan.MarkJoin join) {
    requireNone(join.residual());
    Sides sides = new Sides(join.left(), join.right(), join.keys());
    List<Column> columns = new ArrayList<>(sides.left().schema().columns());
    columns.add(join.schema().columns().getLast());
    Plan marked =
        new Plan.MarkJoin(
            sides.left(), sides.right(), sides.keys, join.residual(), new Schema(columns));
    int width = join.left().schema().size();
    return sides.ofLeft.isEmpty()
        ? marked
        : without(marked, width, sides.ofLeft.width(), join.schema());
  }

  private Plan topK(Plan.TopK top) {
    Inquiries inquiries = new Inquiries(top.input(), tiers);
    List<Expr> partition = inquiries.take(top.partition());
    List<Plan.SortKey> order = PlanExpressions.mapOrder(top.order(), inquiries::take);
    if (inquiries.isEmpty()) {
      return top;
    }
    Plan chosen =
        new Plan.TopK(
            inquiries.answered(),
            partition,
            order,
            top.tieBreak(),
            top.offset(),
            top.limit(),
            top.ties());
    return narrowed(chosen, top.schema());
  }

  private Plan window(Plan.Window window) {
    Inquiries inquiries = new Inquiries(window.input(), tiers);
    List<Expr> partition = inquiries.take(window.partition());
    List<Plan.SortKey> order = PlanExpressions.mapOrder(window.order(), inquiries::take);
    List<Plan.SortKey> within = PlanExpressions.mapOrder(window.within(), inquiries::take);
    var calls = window.calls().stream().map(call -> call.map(inquiries::take)).toList();
    if (inquiries.isEmpty()) {
      return window;
    }
    int width = window.input().schema().size();
    Plan answered = inquiries.answered();
    List<Column> columns = new ArrayList<>(answered.schema().columns());
    columns.addAll(window.schema().columns().subList(width, window.schema().size()));
    Plan wide =
        new Plan.Window(
            answered, partition, order, within, window.tieBreak(), calls, new Schema(columns));
    return without(wide, width, inquiries.width(), window.schema());
  }

  /// The first columns of a plan.
  private static Plan narrowed(Plan plan, Schema schema) {
    return without(plan, schema.size(), plan.schema().size() - schema.size(), schema);
  }

  /// A plan but for `count` columns from a position on.
  private static Plan without(Plan plan, int from, int count, Schema schema) {
    List<Expr> kept =
        IntStream.range(0, plan.schema().size())
            .filter(i -> i < from || i >= from + count)
            .<Expr>mapToObj(i -> new Expr.Column(i, plan.schema().column(i).type()))
            .toList();
    return new Plan.Project(plan, kept, schema);
  }

  /// The sides of a join with what its keys ask.
  private final class Sides {
    private final int width;
    private final Inquiries ofLeft;
    private final Inquiries ofRight;
    private final List<Plan.Key> keys = new ArrayList<>();

    Sides(Plan left, Plan right, List<Plan.Key> keys) {
      width = left.schema().size();
      ofLeft = new Inquiries(left, tiers);
      ofRight = new Inquiries(right, tiers);
      for (Plan.Key key : keys) {
        this.keys.add(new Plan.Key(ofLeft.take(key.left()), ofRight.take(key.right())));
      }
    }

    Plan left() {
      return ofLeft.answered();
    }

    Plan right() {
      return ofRight.answered();
    }

    Schema schema() {
      List<Column> columns = new ArrayList<>(left().schema().columns());
      columns.addAll(right().schema().columns());
      return new Schema(columns);
    }

    /// An expression over both sides as they were.
    Expr moved(Expr expression) {
      return Expressions.map(
          expression,
          node ->
              node instanceof Expr.Column(int index, var type) && index >= width
                  ? new Expr.Column(index + ofLeft.width(), type)
                  : node);
    }

    /// A join of the sides without the answers.
    Plan narrow(Plan join, Schema schema) {
      if (ofLeft.isEmpty() && ofRight.isEmpty()) {
        // As it was: also the names of its columns.
        return switch (join) {
          case Plan.Join(var left, var right, var by, var residual, var _) ->
              new Plan.Join(left, right, by, residual, schema);
          case Plan.OuterJoin(var left, var right, var kept, var by, var residual, var _) ->
              new Plan.OuterJoin(left, right, kept, by, residual, schema);
          default -> join;
        };
      }
      List<Expr> columns = new ArrayList<>();
      for (int i = 0; i < schema.size(); i++) {
        columns.add(moved(new Expr.Column(i, schema.column(i).type())));
      }
      return new Plan.Project(join, columns, schema);
    }
  }
}
