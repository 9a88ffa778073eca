package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The sides of a plan's joins, and the plan with sides that keep further columns.
///
/// Every plan has just the columns that it needs, so that sides of two plans which differ in
/// nothing else are arranged twice. A projection may be made after a join as well as before it:
///
///     π(L) ⋈ R = π(L ⋈ R), if π keeps the key
///
/// so a plan may take a wider side that another one has, and forgets the further columns above the
/// join. What it yields is the same, errors included: what is added are columns that are there,
/// never something computed.
public final class JoinSides {
  private final Function<Wanted, Optional<List<Integer>>> choice;
  private final BiConsumer<Wanted, Plan> found;

  /// What sides have in common that could be one.
  ///
  /// @param base whose rows these are
  /// @param conditions that they fulfil, the last one first; over the base's columns
  /// @param keys by which they are arranged; over the base's columns
  /// @param dropsNulls whether rows with a NULL in the key are left out
  public record Core(Plan base, List<Expr> conditions, List<Expr> keys, boolean dropsNulls) {
    public Core {
      conditions = List.copyOf(conditions);
      keys = List.copyOf(keys);
    }

    /// The side with some of the base's columns.
    ///
    /// @param columns all that the keys read are among them
    public Plan with(List<Integer> columns) {
      NavigableSet<Integer> below = new TreeSet<>(columns);
      conditions.forEach(condition -> below.addAll(Expressions.columns(condition)));
      List<Integer> order = List.copyOf(below);
      Plan plan = projected(base, order);
      for (Expr condition : conditions.reversed()) {
        plan = new Plan.Filter(plan, moved(condition, order));
      }
      return projected(plan, columns.stream().map(order::indexOf).toList());
    }

    /// Whether there is no more than one row of each key: so it stays with further columns.
    private boolean isUnique() {
      if (!(base instanceof Plan.Scan scan) || scan.key().isEmpty()) {
        return false;
      }
      return scan.key().stream()
          .allMatch(
              column ->
                  keys.stream()
                      .anyMatch(
                          key -> key instanceof Expr.Column(int index, var _) && index == column));
    }
  }

  /// A side as a plan wants it.
  ///
  /// @param columns of the base, in the order in which the side has them
  public record Wanted(Core core, List<Integer> columns) {
    public Wanted {
      columns = List.copyOf(columns);
    }

    /// Whether it may have further columns without being another thing to work with. Rows of
    /// nothing but the key are one for each key, however many there are of the base.
    public boolean mayBeWider() {
      NavigableSet<Integer> read = new TreeSet<>();
      core.keys().forEach(key -> read.addAll(Expressions.columns(key)));
      return core.isUnique() || !read.containsAll(columns);
    }
  }

  private JoinSides(
      Function<Wanted, Optional<List<Integer>>> choice, BiConsumer<Wanted, Plan> found) {
    this.choice = choice;
    this.found = found;
  }

  /// The plan with other sides.
  ///
  /// @param plan one that runs, after all other rewrites
  /// @param choice the columns that a side shall have instead of those that are wanted, which are
  ///     among them; empty to leave it as it is
  public static Plan widen(Plan plan, Function<Wanted, Optional<List<Integer>>> choice) {
    return widen(plan, choice, (_, _) -> {});
  }

  /// The plan with other sides.
  ///
  /// @param found is told of every side, what is wanted and what it is in the result; those below
  ///     first
  public static Plan widen(
      Plan plan, Function<Wanted, Optional<List<Integer>>> choice, BiConsumer<Wanted, Plan> found) {
    return new JoinSides(choice, found).widen(plan);
  }

  private Plan widen(Plan plan) {
    if (plan instanceof Plan.Recursion) {
      return plan;
    }
    Plan over = ProjectMerge.merge(Inputs.map(plan, this::widen));
    return switch (over) {
      case Plan.Join join -> join(join);
      case Plan.OuterJoin join -> outerJoin(join);
      case Plan.MarkJoin join -> markJoin(join);
      default -> over;
    };
  }

  private Plan join(Plan.Join join) {
    Placed left = left(join.left(), join.keys(), true);
    Placed right = right(join.right(), join.keys(), true);
    Pair pair = new Pair(left, right);
    return pair.isAsItWas()
        ? join
        : pair.back(
            new Plan.Join(
                left.plan,
                right.plan,
                pair.keys(join.keys()),
                pair.residual(join.residual()),
                pair.schema()),
            join.schema());
  }

  private Plan outerJoin(Plan.OuterJoin join) {
    Placed left = left(join.left(), join.keys(), !join.kept().left());
    Placed right = right(join.right(), join.keys(), !join.kept().right());
    Pair pair = new Pair(left, right);
    return pair.isAsItWas()
        ? join
        : pair.back(
            new Plan.OuterJoin(
                left.plan,
                right.plan,
                join.kept(),
                pair.keys(join.keys()),
                pair.residual(join.residual()),
                pair.schema()),
            join.schema());
  }

  // Of the right side nothing but the keys is kept.
  private Plan markJoin(Plan.MarkJoin join) {
    Placed left = left(join.left(), join.keys(), false);
    Placed right = Placed.asItWas(join.right());
    Pair pair = new Pair(left, right);
    if (pair.isAsItWas()) {
      return join;
    }
    List<Column> columns = new ArrayList<>(left.plan.schema().columns());
    columns.add(join.schema().columns().getLast());
    List<Integer> positions = new ArrayList<>(left.positions);
    positions.add(left.plan.schema().size());
    return selected(
        new Plan.MarkJoin(
            left.plan,
            right.plan,
            pair.keys(join.keys()),
            pair.residual(join.residual()),
            new Schema(columns)),
        positions,
        join.schema());
  }

  private Placed left(Plan side, List<Plan.Key> keys, boolean dropsNulls) {
    return placed(side, keys.stream().map(Plan.Key::left).toList(), dropsNulls);
  }

  private Placed right(Plan side, List<Plan.Key> keys, boolean dropsNulls) {
    return placed(side, keys.stream().map(Plan.Key::right).toList(), dropsNulls);
  }

  private Placed placed(Plan side, List<Expr> keys, boolean dropsNulls) {
    Wanted wanted = Stripped.of(side).wanted(keys, dropsNulls);
    Placed placed = Placed.asItWas(side);
    Optional<List<Integer>> chosen = choice.apply(wanted);
    if (chosen.isPresent()) {
      List<Integer> columns = chosen.get();
      Plan wide = wanted.core().with(columns);
      if (!wide.equals(side)) {
        placed = new Placed(wide, wanted.columns().stream().map(columns::indexOf).toList(), false);
      }
    }
    found.accept(wanted, placed.plan);
    return placed;
  }

  /// A side without the projections and filters above its base.
  private record Stripped(Plan base, List<Expr> conditions, List<Expr> columns) {
    static Stripped of(Plan side) {
      Plan plan = side;
      List<Expr> columns = JoinSides.columns(plan.schema());
      List<Expr> conditions = new ArrayList<>();
      while (true) {
        switch (plan) {
          case Plan.Project project when isSelection(project) -> {
            List<Expr> of = project.expressions();
            columns = over(columns, of);
            conditions = over(conditions, of);
            plan = project.input();
          }
          // The clock's conditions have state of their own.
          case Plan.Filter filter when !Expressions.readsClock(filter.condition()) -> {
            conditions.add(filter.condition());
            plan = filter.input();
          }
          default -> {
            return new Stripped(plan, conditions, columns);
          }
        }
      }
    }

    private static List<Expr> over(List<Expr> expressions, List<Expr> columns) {
      return new ArrayList<>(
          expressions.stream().map(each -> Expressions.over(each, columns)).toList());
    }

    Wanted wanted(List<Expr> keys, boolean dropsNulls) {
      return new Wanted(
          new Core(base, conditions, over(keys, columns), dropsNulls),
          columns.stream().map(column -> ((Expr.Column) column).index()).toList());
    }
  }

  /// Whether a projection does no more than choose columns.
  static boolean isSelection(Plan.Project project) {
    Schema input = project.input().schema();
    for (int i = 0; i < project.expressions().size(); i++) {
      if (!(project.expressions().get(i) instanceof Expr.Column(int index, var type))
          || !type.equals(input.column(index).type())
          || !type.equals(project.schema().column(i).type())) {
        return false;
      }
    }
    return true;
  }

  /// A side of the result.
  ///
  /// @param positions where the columns of the former side are
  private record Placed(Plan plan, List<Integer> positions, boolean isAsItWas) {
    static Placed asItWas(Plan plan) {
      return new Placed(plan, IntStream.range(0, plan.schema().size()).boxed().toList(), true);
    }

    Expr moved(Expr expression) {
      return JoinSides.mapped(expression, positions::get);
    }
  }

  /// Both sides of the result.
  private record Pair(Placed left, Placed right) {
    boolean isAsItWas() {
      return left.isAsItWas && right.isAsItWas;
    }

    List<Plan.Key> keys(List<Plan.Key> keys) {
      return keys.stream()
          .map(key -> new Plan.Key(left.moved(key.left()), right.moved(key.right())))
          .toList();
    }

    private List<Integer> positions() {
      int width = left.plan.schema().size();
      return Stream.concat(
              left.positions.stream(), right.positions.stream().map(each -> each + width))
          .toList();
    }

    @Nullable Expr residual(@Nullable Expr residual) {
      return residual == null ? null : mapped(residual, positions()::get);
    }

    Schema schema() {
      return new Schema(
          Stream.concat(
                  left.plan.schema().columns().stream(), right.plan.schema().columns().stream())
              .toList());
    }

    Plan back(Plan join, Schema schema) {
      return selected(join, positions(), schema);
    }
  }

  private static Expr mapped(Expr expression, Function<Integer, Integer> position) {
    return Expressions.map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(position.apply(index), type)
                : node);
  }

  private static Expr moved(Expr expression, List<Integer> columns) {
    return mapped(expression, columns::indexOf);
  }

  private static List<Expr> columns(Schema schema) {
    return IntStream.range(0, schema.size())
        .<Expr>mapToObj(i -> new Expr.Column(i, schema.column(i).type()))
        .toList();
  }

  private static Plan projected(Plan plan, List<Integer> columns) {
    Schema schema = plan.schema();
    return selected(plan, columns, new Schema(columns.stream().map(schema::column).toList()));
  }

  // As the other rewrites leave it: what selects everything is left out.
  private static Plan selected(Plan plan, List<Integer> columns, Schema schema) {
    return ProjectMerge.merge(
        new Plan.Project(
            plan,
            columns.stream()
                .<Expr>map(index -> new Expr.Column(index, plan.schema().column(index).type()))
                .toList(),
            schema));
  }
}
