package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Computes what can fail where it is shown, rather than where a view or a subquery writes it:
///
///     A ⋈ π_f B  =  π_f (A ⋈ B)
///
/// A row without a partner is computed nothing of, and one that a condition turns away neither. The
/// server merges simple subqueries into the query around them, so that people write views that fail
/// for rows which their queries never show. Whatever cannot fail stays where it is, and with it
/// every plan that cannot.
///
/// As there, a column is computed below what groups, chooses or unites rows, and in the query that
/// groups; so is one of the side of an outer join that is not kept, unless NULLs make it NULL,
/// which is what it must be in the rows that the join makes up.
///
/// And so is what a join compares with another input, so that it is a key of the join. The server
/// too computes the keys of the rows that it hashes or sorts: of those that the conditions on the
/// same table leave.
final class LateColumns {
  private LateColumns() {}

  static Plan rewrite(Plan plan) {
    return late(plan).early();
  }

  /// A plan, and the same as columns of another one. Each output is a column or can fail.
  ///
  /// @param early the plan with all of its columns computed
  private record Late(Plan early, Plan core, List<Expr> outputs) {
    /// A plan of which nothing is left to compute.
    static Late settled(Plan plan) {
      return new Late(plan, plan, Unnesting.columns(plan.schema()));
    }

    static Late of(Plan core, List<Expr> outputs, Schema schema) {
      Plan early = new Plan.Project(core, outputs, schema);
      if (outputs.stream().allMatch(Expressions::isTotal)) {
        return settled(early);
      }
      return outputs.stream().allMatch(each -> each instanceof Expr.Column || isLate(each))
          ? new Late(early, core, outputs)
          : split(early, core, outputs);
    }

    // What cannot fail is computed here.
    private static Late split(Plan early, Plan core, List<Expr> expressions) {
      List<Expr> computed = new ArrayList<>();
      List<Column> columns = new ArrayList<>();
      for (int i = 0; i < expressions.size(); i++) {
        Expr expression = expressions.get(i);
        if (isLate(expression)) {
          for (int index : Expressions.columns(expression)) {
            Column read = core.schema().column(index);
            Expr column = new Expr.Column(index, read.type());
            if (!computed.contains(column)) {
              computed.add(column);
              columns.add(read);
            }
          }
        } else if (!computed.contains(expression)) {
          computed.add(expression);
          columns.add(early.schema().column(i));
        }
      }
      List<Expr> outputs = new ArrayList<>();
      for (Expr expression : expressions) {
        outputs.add(
            isLate(expression)
                ? Expressions.map(expression, node -> at(computed, node))
                : new Expr.Column(computed.indexOf(expression), expression.type()));
      }
      return new Late(early, new Plan.Project(core, computed, new Schema(columns)), outputs);
    }

    private static Expr at(List<Expr> computed, Expr node) {
      return node instanceof Expr.Column column
          ? new Expr.Column(computed.indexOf(column), column.type())
          : node;
    }

    boolean isSettled() {
      return late().isEmpty();
    }

    /// The positions of the columns that are not computed.
    Set<Integer> late() {
      Set<Integer> late = new HashSet<>();
      for (int i = 0; i < outputs.size(); i++) {
        if (isLate(outputs.get(i))) {
          late.add(i);
        }
      }
      return late;
    }

    /// The same with some columns computed here.
    Late computing(Set<Integer> some) {
      Set<Integer> left = late();
      Set<Integer> now = new HashSet<>(left);
      now.retainAll(some);
      if (now.isEmpty()) {
        return this;
      }
      if (now.equals(left)) {
        return settled(early);
      }
      List<Expr> computed = Unnesting.columns(core.schema());
      List<Column> columns = new ArrayList<>(core.schema().columns());
      List<Expr> rest = new ArrayList<>(outputs);
      for (int i : now.stream().sorted().toList()) {
        rest.set(i, new Expr.Column(computed.size(), outputs.get(i).type()));
        computed.add(outputs.get(i));
        columns.add(early.schema().column(i));
      }
      return new Late(early, new Plan.Project(core, computed, new Schema(columns)), rest);
    }

    Late filtered(List<Expr> conjuncts) {
      if (conjuncts.isEmpty()) {
        return this;
      }
      if (isSettled()) {
        return settled(Conjuncts.filter(early, conjuncts));
      }
      Plan filtered = Conjuncts.filter(core, conjuncts.stream().map(this::over).toList());
      return of(filtered, outputs, early.schema());
    }

    /// An expression over the columns of this plan, over those of the other one.
    Expr over(Expr expression) {
      return Expressions.over(expression, outputs);
    }
  }

  private static boolean isLate(Expr output) {
    return !Expressions.isTotal(output);
  }

  private static Late late(Plan plan) {
    return late(plan, Set.of(), false);
  }

  /// @param keys the columns that joins above compare: they are computed before any join
  /// @param guarded whether a condition that can fail stands above, which is asked before keys are
  ///     made: [JoinOrdering] sees to that
  private static Late late(Plan plan, Set<Integer> keys, boolean guarded) {
    return switch (plan) {
      case Plan.Project project -> project(project, keys, guarded);
      case Plan.Filter filter -> filter(filter, keys, guarded);
      case Plan.Join join when join.keys().isEmpty() -> join(join, keys, guarded);
      case Plan.OuterJoin join -> outerJoin(join).computing(keys);
      case Plan.MarkJoin join -> markJoin(join).computing(keys);
      case Plan.Aggregate aggregate -> Late.settled(aggregate(aggregate));
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.Join _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.GroupingSets _ ->
          Late.settled(Inputs.map(plan, LateColumns::rewrite));
    };
  }

  /// A column that is certainly computed is computed once for all its uses.
  private static Late project(Plan.Project project, Set<Integer> keys, boolean guarded) {
    Uses uses = new Uses();
    project.expressions().forEach(uses::add);
    Set<Integer> passedOn = new HashSet<>();
    for (int key : keys) {
      if (project.expressions().get(key) instanceof Expr.Column(int index, var _)) {
        passedOn.add(index);
      }
    }
    Late input = late(project.input(), passedOn, guarded);
    Late below = input.computing(uses.certainAndShared());
    Late composed =
        Late.of(
            below.core(),
            project.expressions().stream().map(below::over).toList(),
            project.schema());
    return groups(project.input()) ? Late.settled(composed.early()) : composed.computing(keys);
  }

  /// Whether a projection of the plan belongs to a query that groups or numbers its rows.
  private static boolean groups(Plan input) {
    return switch (input) {
      case Plan.Filter filter -> groups(filter.input());
      case Plan.Aggregate _, Plan.GroupingSets _, Plan.Window _ -> true;
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Project _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Distinct _ ->
          false;
    };
  }

  /// A condition above joins is one of them. Any other one is asked before keys are computed.
  private static Late filter(Plan.Filter filter, Set<Integer> keys, boolean guarded) {
    List<Expr> conjuncts = Conjuncts.of(filter.condition());
    boolean guards = guarded || !Conjuncts.fallible(conjuncts).isEmpty();
    Set<Integer> inTree = new HashSet<>();
    if (!guards && JoinOrdering.isJoinTree(filter)) {
      inTree.addAll(keys);
      inTree.addAll(compared(conjuncts));
    }
    Late below = late(filter.input(), inTree, guards);
    return below.isSettled()
        ? Late.settled(new Plan.Filter(below.early(), filter.condition()))
        : below.filtered(conjuncts).computing(keys);
  }

  /// The columns that are compared for equality, so that only computing these can fail.
  private static Set<Integer> compared(List<Expr> conjuncts) {
    return read(
        conjuncts.stream()
            .filter(Expressions::isTotal)
            .flatMap(each -> JoinKeys.of(each).stream())
            .flatMap(key -> Stream.of(key.left(), key.right()))
            .filter(side -> Expressions.columns(side).size() == 1)
            .toList());
  }

  /// A condition on one side alone that only computing makes fail stays a condition of that side.
  private static Late join(Plan.Join join, Set<Integer> keys, boolean guarded) {
    Expr residual = join.residual();
    int width = join.left().schema().size();
    List<Expr> ofLeft = new ArrayList<>();
    List<Expr> ofRight = new ArrayList<>();
    List<Expr> both = new ArrayList<>();
    for (Expr conjunct : residual == null ? List.<Expr>of() : Conjuncts.of(residual)) {
      SortedSet<Integer> read = Expressions.columns(conjunct);
      boolean movable = !read.isEmpty() && Expressions.isTotal(conjunct);
      if (movable && read.last() < width) {
        ofLeft.add(conjunct);
      } else if (movable && read.first() >= width) {
        ofRight.add(Expressions.shift(conjunct, -width));
      } else {
        both.add(conjunct);
      }
    }
    boolean guards = guarded || !Conjuncts.fallible(both).isEmpty();
    Set<Integer> leftKeys = new HashSet<>();
    Set<Integer> rightKeys = new HashSet<>();
    for (Set<Integer> some : guards ? List.of(keys) : List.of(keys, compared(both))) {
      for (int key : some) {
        if (key < width) {
          leftKeys.add(key);
        } else {
          rightKeys.add(key - width);
        }
      }
    }
    Late left = late(join.left(), ofLeft.isEmpty() ? leftKeys : Set.of(), guards);
    Late right = late(join.right(), ofRight.isEmpty() ? rightKeys : Set.of(), guards);
    if (left.isSettled() && right.isSettled()) {
      return Late.settled(
          new Plan.Join(left.early(), right.early(), List.of(), residual, join.schema()));
    }
    Late first = left.filtered(ofLeft).computing(leftKeys);
    Late second = right.filtered(ofRight).computing(rightKeys);
    Expr rest = both.isEmpty() ? null : Conjuncts.all(both);
    if (first.isSettled() && second.isSettled()) {
      return Late.settled(
          new Plan.Join(first.early(), second.early(), List.of(), rest, join.schema()));
    }
    List<Expr> outputs = sideBySide(first, second);
    Plan core =
        new Plan.Join(
            first.core(),
            second.core(),
            List.of(),
            rest == null ? null : Expressions.over(rest, outputs),
            schema(first.core(), second.core()));
    return Late.of(core, outputs, join.schema());
  }

  private static Late outerJoin(Plan.OuterJoin join) {
    Late left = late(join.left());
    Late right = late(join.right());
    Set<Integer> ofLeft = read(join.keys().stream().map(Plan.Key::left).toList());
    Set<Integer> ofRight = read(join.keys().stream().map(Plan.Key::right).toList());
    if (join.kept().right()) {
      ofLeft.addAll(notOfNulls(left));
    }
    if (join.kept().left()) {
      ofRight.addAll(notOfNulls(right));
    }
    Late first = left.computing(ofLeft);
    Late second = right.computing(ofRight);
    List<Expr> outputs = sideBySide(first, second);
    Expr residual = join.residual();
    if (first.isSettled() && second.isSettled()) {
      return Late.settled(
          new Plan.OuterJoin(
              first.early(), second.early(), join.kept(), join.keys(), residual, join.schema()));
    }
    Plan core =
        new Plan.OuterJoin(
            first.core(),
            second.core(),
            join.kept(),
            join.keys().stream()
                .map(key -> new Plan.Key(first.over(key.left()), second.over(key.right())))
                .toList(),
            residual == null ? null : Expressions.over(residual, outputs),
            schema(first.core(), second.core()));
    return Late.of(core, outputs, join.schema());
  }

  private static Late markJoin(Plan.MarkJoin join) {
    Plan right = rewrite(join.right());
    int width = join.left().schema().size();
    Set<Integer> read = read(join.keys().stream().map(Plan.Key::left).toList());
    Expr residual = join.residual();
    Late left = late(join.left()).computing(read);
    if (left.isSettled()) {
      return Late.settled(
          new Plan.MarkJoin(left.early(), right, join.keys(), residual, join.schema()));
    }
    List<Column> columns = new ArrayList<>(left.core().schema().columns());
    columns.add(join.schema().column(width));
    Plan core =
        new Plan.MarkJoin(
            left.core(),
            right,
            join.keys().stream()
                .map(key -> new Plan.Key(left.over(key.left()), key.right()))
                .toList(),
            residual == null
                ? null
                : Expressions.over(residual, sideBySide(left, Late.settled(right))),
            new Schema(columns));
    List<Expr> outputs = new ArrayList<>(left.outputs());
    outputs.add(Unnesting.mark(left.core().schema().size()));
    return Late.of(core, outputs, join.schema());
  }

  /// What only some rows of a group are asked for is computed of these.
  private static Plan aggregate(Plan.Aggregate aggregate) {
    Late input = late(aggregate.input());
    Uses uses = new Uses();
    aggregate.groups().forEach(uses::add);
    for (AggregateCall call : aggregate.calls()) {
      Expr filter = call.filter();
      if (filter == null) {
        call.expressions().forEach(uses::add);
      } else {
        uses.add(filter);
        call.expressions().forEach(uses::addUncertain);
      }
    }
    Set<Integer> now = input.late();
    now.removeAll(uses.uncertain());
    Late below = input.computing(now);
    return new Plan.Aggregate(
        below.core(),
        aggregate.groups().stream().map(below::over).toList(),
        aggregate.calls().stream().map(call -> call.map(below::over)).toList(),
        aggregate.schema());
  }

  private static List<Expr> sideBySide(Late left, Late right) {
    int width = left.core().schema().size();
    List<Expr> outputs = new ArrayList<>(left.outputs());
    right.outputs().forEach(each -> outputs.add(Expressions.shift(each, width)));
    return outputs;
  }

  private static Schema schema(Plan left, Plan right) {
    List<Column> columns = new ArrayList<>(left.schema().columns());
    columns.addAll(right.schema().columns());
    return new Schema(columns);
  }

  private static Set<Integer> read(List<Expr> expressions) {
    Set<Integer> read = new HashSet<>();
    expressions.forEach(each -> read.addAll(Expressions.columns(each)));
    return read;
  }

  private static Set<Integer> notOfNulls(Late side) {
    return new HashSet<>(
        IntStream.range(0, side.outputs().size())
            .filter(i -> !isNullOfNulls(side.outputs().get(i)))
            .boxed()
            .toList());
  }

  /// Whether an expression is NULL, without being computed, where all columns are.
  private static boolean isNullOfNulls(Expr expression) {
    return switch (expression) {
      case Expr.Column _ -> true;
      case Expr.Call call ->
          call.function().strict()
              && call.arguments().stream().anyMatch(LateColumns::isNullOfNulls)
              && call.arguments().stream()
                  .allMatch(each -> each instanceof Expr.Literal || isNullOfNulls(each));
      case Expr.Relabel(Expr input, var _) -> isNullOfNulls(input);
      case Expr.TextCast(Expr input, var _) -> isNullOfNulls(input);
      default -> false;
    };
  }
}
