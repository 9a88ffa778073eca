package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Moves filters towards the scans, so that fewer rows reach the stateful operators.
///
/// Below a projection, below functions in FROM and into the inputs of a union every condition may
/// go: it sees the same rows there. Below a join, a DISTINCT or a grouping only one that cannot
/// fail: there may be rows below that never come up. Only where the join itself may fail in making
/// its keys, the condition decides first of which rows they are made.
final class FilterPushdown {
  private final EvaluationSettings settings;

  private FilterPushdown(EvaluationSettings settings) {
    this.settings = settings;
  }

  static Plan rewrite(Plan plan, EvaluationSettings settings) {
    return new FilterPushdown(settings).rewrite(plan);
  }

  private Plan rewrite(Plan plan) {
    return plan instanceof Plan.Filter(Plan input, Expr condition)
        ? push(rewrite(input), Conjuncts.of(condition))
        : Inputs.map(plan, this::rewrite);
  }

  private Plan push(Plan input, List<Expr> conjuncts) {
    if (conjuncts.isEmpty()) {
      return input;
    }
    return switch (input) {
      case Plan.Scan scan -> Conjuncts.filter(scan, conjuncts);
      case Plan.Values values -> Conjuncts.filter(values, conjuncts);
      case Plan.Working working -> Conjuncts.filter(working, conjuncts);
      // A row that goes here may lead to one that stays.
      case Plan.Recursion recursion -> Conjuncts.filter(recursion, conjuncts);
      case Plan.Project(Plan below, List<Expr> expressions, var schema) ->
          new Plan.Project(push(below, over(conjuncts, expressions)), expressions, schema);
      case Plan.Unfold unfold -> intoUnfold(unfold, conjuncts);
      case Plan.UnionAll(List<Plan> inputs, var schema) ->
          new Plan.UnionAll(inputs.stream().map(each -> push(each, conjuncts)).toList(), schema);
      case Plan.Filter(Plan below, Expr condition) -> {
        Plan safe = push(below, Conjuncts.total(conjuncts));
        Plan both = Conjuncts.filter(safe, Conjuncts.of(condition));
        yield Conjuncts.filter(both, Conjuncts.fallible(conjuncts));
      }
      // Every row that is taken away below lets another one up.
      case Plan.TopK top -> Conjuncts.filter(top, conjuncts);
      case Plan.Window window -> intoWindow(window, conjuncts);
      case Plan.SetOperation operation -> intoSetOperation(operation, conjuncts);
      case Plan.Distinct distinct -> intoDistinct(distinct, conjuncts);
      case Plan.Join join -> intoJoin(join, conjuncts);
      case Plan.OuterJoin join -> intoOuterJoin(join, conjuncts);
      case Plan.MarkJoin join -> intoMarkJoin(join, conjuncts);
      case Plan.Ask ask -> intoAsk(ask, conjuncts);
      case Plan.Apply apply -> throw Inputs.nested(apply);
      // What is asked of a group above them is NULL in the sets without it.
      case Plan.GroupingSets sets -> Conjuncts.filter(sets, conjuncts);
      case Plan.Aggregate aggregate -> intoAggregate(aggregate, conjuncts);
    };
  }

  private static List<Expr> over(List<Expr> conjuncts, List<Expr> expressions) {
    return conjuncts.stream().map(conjunct -> Expressions.over(conjunct, expressions)).toList();
  }

  private Plan intoJoin(Plan.Join join, List<Expr> conjuncts) {
    int width = join.left().schema().size();
    boolean guardingLeft = failsWithin(join.left(), 0, conjuncts);
    boolean guardingRight = failsWithin(join.right(), width, conjuncts);
    List<Expr> left = new ArrayList<>();
    List<Expr> right = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      SortedSet<Integer> columns = Expressions.columns(conjunct);
      boolean total = Expressions.isTotal(conjunct);
      if (isWithin(conjunct, width) && (guardingLeft || total)) {
        left.add(conjunct);
      } else if (!columns.isEmpty() && columns.first() >= width && (guardingRight || total)) {
        right.add(Expressions.shift(conjunct, -width));
      } else {
        stay.add(conjunct);
      }
    }
    Plan pushed =
        new Plan.Join(
            push(join.left(), left),
            push(join.right(), right),
            join.keys(),
            join.residual(),
            join.schema());
    return Conjuncts.filter(pushed, stay);
  }

  /// Whether one of the conditions on a side cannot fail here, but there, where the columns that it
  /// reads are computed: the others on that side go with it, since the server would ask the
  /// cheapest
  /// of them first.
  ///
  /// @param from the position of the side's first column
  private static boolean failsWithin(Plan side, int from, List<Expr> conjuncts) {
    int to = from + side.schema().size();
    return conjuncts.stream()
        .filter(Expressions::isTotal)
        .filter(conjunct -> isBetween(Expressions.columns(conjunct), from, to))
        .anyMatch(conjunct -> failsBelow(side, Expressions.shift(conjunct, -from)));
  }

  private static boolean isBetween(SortedSet<Integer> columns, int from, int to) {
    return !columns.isEmpty() && columns.first() >= from && columns.last() < to;
  }

  private static boolean failsBelow(Plan plan, Expr conjunct) {
    return switch (plan) {
      case Plan.Project(Plan input, var expressions, var _) -> {
        Expr composed = Expressions.over(conjunct, expressions);
        yield !Expressions.isTotal(composed) || failsBelow(input, composed);
      }
      case Plan.Filter(Plan input, var _) -> failsBelow(input, conjunct);
      case Plan.Join join ->
          failsWithin(join.left(), 0, List.of(conjunct))
              || failsWithin(join.right(), join.left().schema().size(), List.of(conjunct));
      case Plan.UnionAll(List<Plan> inputs, var _) ->
          inputs.stream().anyMatch(input -> failsBelow(input, conjunct));
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          false;
    };
  }

  /// A condition on a kept side removes its rows before the join as well as after it. One on the
  /// other side decides about rows that the join makes up, and stays.
  private Plan intoOuterJoin(Plan.OuterJoin join, List<Expr> conjuncts) {
    int width = join.left().schema().size();
    boolean guarding = mayFail(join.keys(), join.residual(), join.kept().left());
    List<Expr> left = new ArrayList<>();
    List<Expr> right = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      SortedSet<Integer> columns = Expressions.columns(conjunct);
      boolean movable = !columns.isEmpty() && (guarding || Expressions.isTotal(conjunct));
      if (movable && join.kept() == Plan.Kept.LEFT && columns.last() < width) {
        left.add(conjunct);
      } else if (movable && join.kept() == Plan.Kept.RIGHT && columns.first() >= width) {
        right.add(Expressions.shift(conjunct, -width));
      } else {
        stay.add(conjunct);
      }
    }
    Plan pushed =
        new Plan.OuterJoin(
            push(join.left(), left),
            push(join.right(), right),
            join.kept(),
            join.keys(),
            join.residual(),
            join.schema());
    return Conjuncts.filter(pushed, stay);
  }

  private Plan intoMarkJoin(Plan.MarkJoin join, List<Expr> conjuncts) {
    int mark = join.left().schema().size();
    boolean guarding = mayFail(join.keys(), join.residual(), true);
    List<Expr> left = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      boolean movable = guarding || Expressions.isTotal(conjunct);
      (movable && isWithin(conjunct, mark) ? left : stay).add(conjunct);
    }
    Plan pushed =
        new Plan.MarkJoin(
            push(join.left(), left), join.right(), join.keys(), join.residual(), join.schema());
    return Conjuncts.filter(pushed, stay);
  }

  /// Whether a join can fail for a row of one side: for one that a condition turns away it is not
  /// tried then, as the server does not, even if the condition can fail itself.
  private static boolean mayFail(List<Plan.Key> keys, @Nullable Expr residual, boolean left) {
    return (residual != null && !Expressions.isTotal(residual))
        || !keys.stream()
            .map(key -> left ? key.left() : key.right())
            .allMatch(Expressions::isTotal);
  }

  /// A condition on the input's columns alone may fail for a row that the functions have no rows
  /// for: it comes before them here, as it does in the server's plans.
  private Plan intoUnfold(Plan.Unfold unfold, List<Expr> conjuncts) {
    int width = unfold.input().schema().size();
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      (isWithin(conjunct, width) ? below : stay).add(conjunct);
    }
    return Conjuncts.filter(unfold.over(push(unfold.input(), below), each -> each), stay);
  }

  /// A condition that no answer is needed for spares the inquiries.
  private Plan intoAsk(Plan.Ask ask, List<Expr> conjuncts) {
    int width = ask.input().schema().size();
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      (isWithin(conjunct, width) ? below : stay).add(conjunct);
    }
    Plan pushed = new Plan.Ask(push(ask.input(), below), ask.inquiries(), ask.schema());
    return Conjuncts.filter(pushed, stay);
  }

  private static boolean isWithin(Expr conjunct, int width) {
    SortedSet<Integer> columns = Expressions.columns(conjunct);
    return !columns.isEmpty() && columns.last() < width;
  }

  /// What is left of an EXCEPT depends on equal rows of the right side that look different: a
  /// condition that tells these apart would keep them from taking a row away. An INTERSECT has no
  /// row that such a condition brings up.
  private Plan intoSetOperation(Plan.SetOperation operation, List<Expr> conjuncts) {
    boolean except = operation.kind() == Plan.SetOperation.Kind.EXCEPT;
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      boolean movable =
          Expressions.isTotal(conjunct)
              && (except ? isOfClasses(conjunct) : isOfRepresentatives(conjunct));
      (movable ? below : stay).add(conjunct);
    }
    Plan pushed =
        new Plan.SetOperation(
            push(operation.left(), below),
            push(operation.right(), below),
            operation.kind(),
            operation.all(),
            operation.schema());
    return Conjuncts.filter(pushed, stay);
  }

  private Plan intoDistinct(Plan.Distinct distinct, List<Expr> conjuncts) {
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      boolean movable = Expressions.isTotal(conjunct) && isOfRepresentatives(conjunct);
      (movable ? below : stay).add(conjunct);
    }
    return Conjuncts.filter(
        new Plan.Distinct(push(distinct.input(), below), distinct.keys()), stay);
  }

  /// Whether a condition is true of all rows that are equal or of none.
  private boolean isOfClasses(Expr conjunct) {
    return reads(
        conjunct, type -> TypeCodec.of(type).equalMeansIdentical() && isDeterministic(type));
  }

  /// Whether the server lets a condition choose among rows that are equal before one of them stands
  /// for all: under a collation that takes different texts for equal it does not.
  private boolean isOfRepresentatives(Expr conjunct) {
    return reads(conjunct, this::isDeterministic);
  }

  private boolean isDeterministic(SqlType type) {
    return !type.kind().isText() || settings.collation(type.collation()).deterministic();
  }

  private static boolean reads(Expr conjunct, Predicate<SqlType> types) {
    List<SqlType> read = new ArrayList<>();
    Expressions.forEach(
        conjunct,
        node -> {
          if (node instanceof Expr.Column(int _, SqlType type)) {
            read.add(type);
          }
        });
    return read.stream().allMatch(types);
  }

  /// A condition on what a partition has in common removes whole partitions. Equal values that look
  /// different are one partition, and a condition may tell them apart.
  private Plan intoWindow(Plan.Window window, List<Expr> conjuncts) {
    Set<Integer> common = new TreeSet<>();
    for (Expr by : window.partition()) {
      if (by instanceof Expr.Column(int index, var _)) {
        common.add(index);
      }
    }
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      SortedSet<Integer> columns = Expressions.columns(conjunct);
      boolean movable =
          !columns.isEmpty()
              && common.containsAll(columns)
              && Expressions.isTotal(conjunct)
              && isOfClasses(conjunct);
      (movable ? below : stay).add(conjunct);
    }
    Plan pushed =
        new Plan.Window(
            push(window.input(), below),
            window.partition(),
            window.order(),
            window.within(),
            window.tieBreak(),
            window.calls(),
            window.schema());
    return Conjuncts.filter(pushed, stay);
  }

  /// A condition on group values removes whole groups, so it may as well remove their rows.
  private Plan intoAggregate(Plan.Aggregate aggregate, List<Expr> conjuncts) {
    List<Expr> below = new ArrayList<>();
    List<Expr> stay = new ArrayList<>();
    for (Expr conjunct : conjuncts) {
      SortedSet<Integer> columns = Expressions.columns(conjunct);
      boolean onGroups = !columns.isEmpty() && columns.last() < aggregate.groups().size();
      Expr lowered = onGroups ? Expressions.over(conjunct, aggregate.groups()) : conjunct;
      if (onGroups && Expressions.isTotal(lowered) && isOfRepresentatives(conjunct)) {
        below.add(lowered);
      } else {
        stay.add(conjunct);
      }
    }
    Plan pushed =
        new Plan.Aggregate(
            push(aggregate.input(), below),
            aggregate.groups(),
            aggregate.calls(),
            aggregate.schema());
    return Conjuncts.filter(pushed, stay);
  }
}
