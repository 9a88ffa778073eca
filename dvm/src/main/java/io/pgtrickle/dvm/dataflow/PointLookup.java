package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.dataflow.Access.Reach;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.operator.Aggregate;
import io.pgtrickle.dvm.operator.InnerJoin;
import io.pgtrickle.dvm.operator.MarkJoin;
import io.pgtrickle.dvm.operator.OuterJoin;
import io.pgtrickle.dvm.operator.SetOperation;
import io.pgtrickle.dvm.operator.Stage;
import io.pgtrickle.dvm.operator.TopK;
import io.pgtrickle.dvm.operator.Window;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinTree;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Recomputes the weight that one row of a view must have, from the contents of its inputs.
///
/// The row's values go down the plan as bindings: through projected columns, across the equalities
/// of joins, to an arrangement whose key they bind; what is found there goes up again, every
/// filter, projection and residual condition evaluated anew. No delta takes part, so an error in
/// the deltas cannot hide itself. An aggregate answers from the state of its group, a
/// window and the like from the order they keep of a partition, and what the server said of a row
/// is taken for given while it is remembered.
///
/// It reads the arrangements that the view's operators keep anyway. A joining view that they do not
/// serve gets relations arranged by their primary keys in addition, or sides of joins by the
/// columns that its rows show of them, see [LookupArrangements]. Where a row shows nothing of a
/// side, all of it is looked at if it is small.
final class PointLookup {
  // Rows that may be looked at for one answer; a hot join key costs more than it is worth.
  private static final int LIMIT = 10_000;

  // And for all answers after one step, so that they cost less than the step's own transaction.
  private static final int STEP_LIMIT = 100_000;
  private static final int STEP_LIMIT_PER_ROW = 64;

  // Rows of one side of a join that are all looked at.
  private static final int SCAN_LIMIT = 1_000;

  private final Schema schema;
  private final Access access;
  private final Budget budget;

  /// How many rows may be looked at for all answers after one step, of whatever view.
  static final class Budget {
    private long step;
    private long left;

    /// A search for one more answer.
    private Access.Search search(long after) {
      if (step != after) {
        step = after;
        left = STEP_LIMIT;
      }
      left += STEP_LIMIT_PER_ROW;
      return new Access.Search(Math.clamp(left, 0, LIMIT));
    }

    private void spend(Access.Search search) {
      left -= search.visited();
    }
  }

  private PointLookup(Schema schema, Access access, Budget budget) {
    this.schema = schema;
    this.access = access;
    this.budget = budget;
  }

  /// The weight the row must have after a step; empty when there is no way to tell with bounded
  /// work.
  OptionalLong weight(Row row, long after) {
    Bindings bound = Bindings.of(schema, row);
    if (access.reach(bound) == Reach.NONE) {
      return OptionalLong.empty();
    }
    Access.Search search = budget.search(after);
    long[] weight = new long[1];
    access.find(
        bound,
        search,
        (found, count) -> {
          if (found.equals(row)) {
            weight[0] = Math.addExact(weight[0], count);
          }
        });
    budget.spend(search);
    return search.exhausted() ? OptionalLong.empty() : OptionalLong.of(weight[0]);
  }

  /// Whether rows can be looked up by keys, whatever is in the relations.
  ///
  /// @param nullable whether also those that show NULLs
  static boolean reachesRows(
      Plan plan, PlanCompiler compiler, Map<Object, Node> nodes, boolean nullable) {
    Bindings row = Bindings.arbitrary(plan.schema().size(), nullable);
    return new Builder(compiler, nodes, -1).access(plan).reach(row) != Reach.NONE;
  }

  static PointLookup of(Plan plan, PlanCompiler compiler, Map<Object, Node> nodes, Budget budget) {
    return new PointLookup(
        plan.schema(), new Builder(compiler, nodes, SCAN_LIMIT).access(plan), budget);
  }

  /// Whether a plan has types that have no keys, so that nothing can be bound.
  static boolean supports(Plan plan) {
    return plan.schema().columns().stream()
        .allMatch(column -> column.type().kind() != TypeKind.OPAQUE);
  }

  /// The column that an expression is, −1 when it is none, or is compared otherwise than it: text
  /// as
  /// char(n) is without its trailing blanks.
  static int sameColumn(Expr expression, Schema input) {
    Integer column = PlanCompiler.passedColumn(expression);
    return column != null && sameKeys(input.column(column).type().kind(), expression.type().kind())
        ? column
        : -1;
  }

  /// Where the primary key of a relation is among the columns of a scan, or of a projection of one;
  /// empty when it has none, or it is not.
  static List<Integer> primaryKey(Plan plan) {
    return switch (plan) {
      case Plan.Scan scan -> scan.key();
      case Plan.Project(Plan.Scan scan, var expressions, var _) -> {
        List<Integer> shown =
            expressions.stream().map(each -> sameColumn(each, scan.schema())).toList();
        List<Integer> key = scan.key().stream().map(shown::indexOf).toList();
        yield key.contains(-1) ? List.of() : key;
      }
      default -> List.of();
    };
  }

  private static boolean sameKeys(TypeKind a, TypeKind b) {
    boolean strings =
        (a == TypeKind.TEXT || a == TypeKind.VARCHAR)
            && (b == TypeKind.TEXT || b == TypeKind.VARCHAR);
    return a == b || strings;
  }

  // Builds the access tree beside the plan, from existing nodes.
  private record Builder(PlanCompiler compiler, Map<Object, Node> nodes, long scanned) {
    Access access(Plan plan) {
      return switch (plan) {
        case Plan.Scan scan -> new Access.OfScan(paths(scan));
        case Plan.Values values -> new Access.OfValues((ValuesNode) compiler.compile(values));
        case Plan.Filter filter ->
            stage(
                filter.input(),
                IntStream.range(0, filter.schema().size()).boxed().toList(),
                compiler.stage(filter));
        case Plan.Project project -> project(project);
        case Plan.Unfold unfold when unfold.asked() != null -> new Access.None();
        case Plan.Unfold unfold -> {
          int width = unfold.input().schema().size();
          List<Integer> passed = new ArrayList<>();
          for (int i = 0; i < unfold.schema().size(); i++) {
            passed.add(i < width ? i : -1);
          }
          yield stage(unfold.input(), passed, compiler.unfold(unfold));
        }
        case Plan.Join join -> join(join);
        case Plan.OuterJoin join -> outerJoin(join);
        case Plan.MarkJoin join -> markJoin(join);
        case Plan.Apply apply ->
            throw new IllegalArgumentException("a subquery was not unnested: " + apply.question());
        case Plan.UnionAll union ->
            new Access.OfUnion(union.inputs().stream().map(this::arranged).toList());
        case Plan.TopK top -> {
          KeyedNode node = (KeyedNode) compiler.compile(top);
          yield new PlaceAccess.OfTop(
              ordered(top.input(), top.partition(), node), (TopK) node.operator());
        }
        case Plan.Window window -> {
          KeyedNode node = (KeyedNode) compiler.compile(window);
          yield new PlaceAccess.OfWindow(
              ordered(window.input(), window.partition(), node), (Window) node.operator());
        }
        case Plan.Ask ask ->
            new Access.OfAsk(
                access(ask.input()), ask.input().schema(), (AskNode) compiler.compile(ask));
        case Plan.Working _, Plan.Recursion _ -> new Access.None();
        case Plan.GroupingSets _ ->
            throw new IllegalArgumentException("grouping sets were not taken apart");
        case Plan.SetOperation operation ->
            new Access.OfSetOperation(
                arranged(operation.left()),
                arranged(operation.right()),
                compiler.rowKey(PlanCompiler.columns(operation.schema()), operation.schema()),
                SetOperation.count(
                    operation.kind() == Plan.SetOperation.Kind.INTERSECT, operation.all()));
        case Plan.Distinct distinct ->
            new Access.OfDistinct(
                arranged(distinct.input()), compiler.rowKey(distinct.keys(), distinct.schema()));
        case Plan.Aggregate aggregate -> {
          KeyedNode node = (KeyedNode) compiler.compile(aggregate);
          yield new Access.OfAggregate(
              node,
              (Aggregate) node.operator(),
              IntStream.range(0, aggregate.groups().size()).boxed().toList());
        }
      };
    }

    private PlaceAccess.Ordered ordered(Plan input, List<Expr> partition, KeyedNode node) {
      Schema schema = input.schema();
      return new PlaceAccess.Ordered(
          access(input),
          schema,
          node,
          compiler.rowKey(partition, schema),
          partition.stream().map(by -> sameColumn(by, schema)).toList());
    }

    private Access stage(Plan input, List<Integer> passed, Stage stage) {
      return new Access.OfStage(access(input), input.schema().size(), passed, stage);
    }

    private Access project(Plan.Project project) {
      Schema input = project.input().schema();
      List<Integer> passed =
          project.expressions().stream().map(each -> sameColumn(each, input)).toList();
      Access computed = stage(project.input(), passed, compiler.project(project));
      return project.input() instanceof Plan.Scan ? orArranged(project, computed) : computed;
    }

    private Access join(Plan.Join join) {
      return compiler.deltaJoin(join).map(this::deltaJoin).orElseGet(() -> binaryJoin(join));
    }

    private Access deltaJoin(DeltaJoin join) {
      JoinTree tree = join.tree();
      List<TreeAccess.Unit> units = new ArrayList<>();
      for (int unit = 0; unit < tree.units().size(); unit++) {
        int number = unit;
        Plan input = tree.units().get(unit);
        units.add(
            new TreeAccess.Unit(
                arranged(input),
                input.schema(),
                tree.from(unit),
                tree.edgesOf(unit).stream()
                    .map(
                        edge ->
                            side(input, edge.keysOf(number).stream(), join.arranged(number, edge)))
                    .toList(),
                join.steps(unit)));
      }
      List<TreeAccess.Equated> equated = new ArrayList<>();
      for (JoinTree.Edge edge : tree.edges()) {
        for (Plan.Key key : edge.keys()) {
          equated.add(
              new TreeAccess.Equated(
                  edge.left(),
                  sameColumn(key.left(), tree.units().get(edge.left()).schema()),
                  edge.right(),
                  sameColumn(key.right(), tree.units().get(edge.right()).schema())));
        }
      }
      return new TreeAccess(units, equated, tree.output());
    }

    private Access binaryJoin(Plan.Join join) {
      KeyedNode node = (KeyedNode) compiler.compile(join);
      InnerJoin operator = (InnerJoin) node.operator();
      return new JoinAccess.OfJoin(
          left(join.left(), join.keys(), node),
          right(join.right(), join.keys(), node),
          operator::pair);
    }

    private Access outerJoin(Plan.OuterJoin join) {
      KeyedNode node = (KeyedNode) compiler.compile(join);
      OuterJoin operator = (OuterJoin) node.operator();
      JoinAccess.Side left = left(join.left(), join.keys(), node);
      JoinAccess.Side right = right(join.right(), join.keys(), node);
      List<Access> parts = new ArrayList<>();
      parts.add(new JoinAccess.OfJoin(left, right, operator::pair));
      int width = join.left().schema().size();
      if (join.kept().left()) {
        parts.add(new JoinAccess.OfLone(left, right, 0, width, operator::loneLeft));
      }
      if (join.kept().right()) {
        parts.add(new JoinAccess.OfLone(right, left, width, 0, operator::loneRight));
      }
      return new Access.OfUnion(parts);
    }

    private Access markJoin(Plan.MarkJoin join) {
      KeyedNode node = (KeyedNode) compiler.compile(join);
      return new JoinAccess.OfMark(
          left(join.left(), join.keys(), node),
          (ArrangeNode) node.input(1),
          (MarkJoin) node.operator());
    }

    private JoinAccess.Side left(Plan input, List<Plan.Key> keys, KeyedNode node) {
      return side(input, keys.stream().map(Plan.Key::left), (ArrangeNode) node.input(0));
    }

    private JoinAccess.Side right(Plan input, List<Plan.Key> keys, KeyedNode node) {
      return side(input, keys.stream().map(Plan.Key::right), (ArrangeNode) node.input(1));
    }

    private JoinAccess.Side side(Plan input, Stream<Expr> keys, ArrangeNode arrangement) {
      Schema schema = input.schema();
      return new JoinAccess.Side(
          arranged(input),
          arrangement,
          schema,
          keys.map(key -> sameColumn(key, schema)).toList(),
          scanned);
    }

    private Access arranged(Plan plan) {
      return orArranged(plan, access(plan));
    }

    private Access orArranged(Plan plan, Access access) {
      if (access instanceof Access.OfScan || access instanceof Access.OfArranged) {
        return access;
      }
      List<Access.Path> paths = paths(plan);
      return paths.isEmpty() ? access : new Access.OfArranged(new Access.OfScan(paths), access);
    }

    private List<Access.Path> paths(Plan plan) {
      List<Integer> key = primaryKey(plan);
      List<Access.Path> paths = new ArrayList<>();
      Node source = compiler.existing(plan);
      if (source == null) {
        return paths;
      }
      for (Node node : nodes.values()) {
        if (node instanceof ArrangeNode arrangement && arrangement.input(0) == source) {
          List<Integer> columns = arrangement.plainKey();
          if (columns != null && !columns.isEmpty()) {
            boolean unique = columns.containsAll(key);
            paths.add(new Access.Path(arrangement, columns, unique ? key : List.of()));
          }
        }
      }
      return paths;
    }
  }
}
