package io.pgtrickle.dvm.dataflow;

import static io.pgtrickle.dvm.expr.Expressions.columns;
import static io.pgtrickle.dvm.expr.Expressions.map;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.RowPredicate;
import io.pgtrickle.dvm.kernel.RowAssembler;
import io.pgtrickle.dvm.operator.LookupJoin;
import io.pgtrickle.dvm.operator.RowKey;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinTree;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Makes a join of many inputs out of look-ups in arrangements of these inputs; results in between
/// are not kept.
///
/// The change of each unit takes a path of its own through the others, and the join's change is the
/// sum of the paths:
///
///     Δ(A ⋈ B ⋈ C) = ΔA ⋈ B ⋈ C + A' ⋈ ΔB ⋈ C + A' ⋈ B' ⋈ ΔC
///
/// with A' as it is after the step and A as it was. Which units come first does not matter to the
/// sum; see [JoinTree#bySize].
///
/// The arrangements belong to the units' nodes, so that all that read these have them in common.
/// Known as delta query; McSherry and others describe it for shared arrangements (2020).
final class DeltaJoin {
  private final PlanCompiler compiler;
  private final Plan.Join join;
  private final JoinTree tree;
  private final List<Integer> order;

  /// What identifies a look-up.
  ///
  /// @param join the key of the join
  /// @param start the unit whose changes come
  /// @param hop the how manyth look-up of its path
  private record HopKey(Object join, int start, int hop) {}

  /// A look-up of a path.
  ///
  /// @param key of what has come so far
  /// @param rows what is looked up, arranged by that key
  /// @param unit whose rows these are
  record Step(RowKey key, ArrangeNode rows, int unit, LookupJoin join) {}

  /// The way of a unit's changes through all the others.
  private record Path(List<Step> steps, Node end) {}

  DeltaJoin(PlanCompiler compiler, Plan.Join join, JoinTree tree) {
    this.compiler = compiler;
    this.join = join;
    this.tree = tree;
    order = tree.bySize();
  }

  JoinTree tree() {
    return tree;
  }

  /// The node whose output is the join.
  Node compile() {
    return new UnionNode(
        compiler.planKey(join),
        join.schema(),
        "Delta join",
        order.stream().map(start -> path(start).end).toList());
  }

  /// The look-ups that lead from a unit's row to the joined rows it is part of.
  List<Step> steps(int start) {
    return path(start).steps;
  }

  /// A unit arranged by what an edge equates of it.
  ArrangeNode arranged(int unit, JoinTree.Edge edge) {
    return compiler.arrange(tree.units().get(unit), edge.keysOf(unit), true);
  }

  private Path path(int start) {
    List<Step> steps = new ArrayList<>();
    List<JoinTree.Hop> hops = tree.path(start);
    List<Expr> open = new ArrayList<>(tree.conditions());
    Set<Integer> visited = new HashSet<>(Set.of(start));
    List<Integer> columns = columnsOf(start);
    @Nullable Node node = null;
    for (int i = 0; i < hops.size(); i++) {
      JoinTree.Hop hop = hops.get(i);
      int to = hop.to();
      ArrangeNode rows = arranged(to, hop.edge());
      ArrangeNode from = arranged(hop.from(), hop.edge());
      RowKey key = node == null ? from.rowKey() : keyOf(hop, columns);
      visited.add(to);
      List<Expr> now = complete(open, visited);
      open.removeAll(now);
      List<Integer> next =
          i == hops.size() - 1
              ? tree.output()
              : needed(visited, hops.subList(i + 1, hops.size()), open);
      LookupJoin join = lookup(columns, to, next, now, i == hops.size() - 1);
      boolean after = order.indexOf(to) < order.indexOf(start);
      Node before = node == null ? from : node;
      KeyedNode.Input changes =
          node == null ? new KeyedNode.Arranged() : new KeyedNode.Grouped(key);
      Schema schema = i == hops.size() - 1 ? this.join.schema() : schema(next);
      Object identity = new HopKey(compiler.planKey(this.join), start, i);
      node =
          compiler.node(
              identity,
              () ->
                  new KeyedNode(
                      identity,
                      schema,
                      "Look up",
                      join,
                      List.of(before, rows),
                      List.of(changes, new KeyedNode.Looked(after)),
                      false,
                      false,
                      compiler.storage()));
      steps.add(new Step(key, rows, to, (LookupJoin) ((KeyedNode) node).operator()));
      columns = next;
    }
    if (node == null) {
      throw new IllegalStateException("a join of one input");
    }
    return new Path(steps, node);
  }

  private List<Integer> columnsOf(int unit) {
    int from = tree.from(unit);
    return IntStream.range(from, from + tree.units().get(unit).schema().size()).boxed().toList();
  }

  // The key of an edge, over rows with some of the columns of all units.
  private RowKey keyOf(JoinTree.Hop hop, List<Integer> columns) {
    int from = tree.from(hop.from());
    return compiler.rowKey(
        hop.edge().keysOf(hop.from()).stream()
            .map(key -> moved(key, column -> columns.indexOf(column + from)))
            .toList(),
        schema(columns));
  }

  private List<Expr> complete(List<Expr> conditions, Set<Integer> visited) {
    return conditions.stream()
        .filter(
            condition ->
                columns(condition).stream().allMatch(column -> visited.contains(unitOf(column))))
        .toList();
  }

  // The columns of visited units that somebody reads later.
  private List<Integer> needed(
      Set<Integer> visited, List<JoinTree.Hop> later, List<Expr> conditions) {
    Set<Integer> needed = new LinkedHashSet<>(tree.output());
    conditions.forEach(condition -> needed.addAll(columns(condition)));
    for (JoinTree.Hop hop : later) {
      int from = tree.from(hop.from());
      for (Expr key : hop.edge().keysOf(hop.from())) {
        columns(key).forEach(column -> needed.add(column + from));
      }
    }
    return needed.stream().filter(column -> visited.contains(unitOf(column))).toList();
  }

  private LookupJoin lookup(
      List<Integer> changes, int unit, List<Integer> next, List<Expr> conditions, boolean last) {
    int from = tree.from(unit);
    Schema rows = tree.units().get(unit).schema();
    List<Integer> pair = new ArrayList<>(next);
    conditions.forEach(
        condition ->
            columns(condition).stream()
                .filter(column -> !pair.contains(column))
                .forEach(pair::add));
    List<RowAssembler.Source> sources = new ArrayList<>();
    for (int column : pair) {
      boolean looked = column >= from && column < from + rows.size();
      sources.add(
          looked
              ? new RowAssembler.Copied(1, column - from)
              : new RowAssembler.Copied(0, changes.indexOf(column)));
    }
    Schema passedOn = last ? join.schema() : schema(next);
    boolean narrows = pair.size() > next.size();
    Schema pairs = narrows ? schema(pair) : passedOn;
    return new LookupJoin(
        schema(changes),
        rows,
        pairs,
        sources,
        condition(conditions, pair, pairs),
        narrows ? IntStream.range(0, next.size()).boxed().toList() : null,
        passedOn);
  }

  private @Nullable RowPredicate condition(
      List<Expr> conditions, List<Integer> columns, Schema schema) {
    if (conditions.isEmpty()) {
      return null;
    }
    List<Expr> moved = conditions.stream().map(each -> moved(each, columns::indexOf)).toList();
    return compiler.condition(moved.size() == 1 ? moved.getFirst() : new Expr.And(moved), schema);
  }

  private static Expr moved(Expr expression, UnaryOperator<Integer> position) {
    return map(
        expression,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(position.apply(index), type)
                : node);
  }

  private int unitOf(int column) {
    int unit = 0;
    while (column >= tree.from(unit + 1)) {
      unit++;
    }
    return unit;
  }

  private Schema schema(List<Integer> columns) {
    List<Column> all = new ArrayList<>();
    for (int column : columns) {
      int unit = unitOf(column);
      all.add(tree.units().get(unit).schema().column(column - tree.from(unit)));
    }
    return new Schema(all);
  }
}
