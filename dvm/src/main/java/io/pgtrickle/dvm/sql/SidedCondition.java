package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// The condition of an outer join, with subqueries.
///
/// A subquery is asked about the rows of the side that it refers to, below the join:
///
///     A ⟕_{p(a, s(b))} B   =   A ⟕_{p(a, b.s)} (B with s)
///
/// What those rows get is behind their columns, so where the right side begins is known only when
/// everything is bound; until then its columns are numbered from [#RIGHT] on.
final class SidedCondition implements ExpressionBinder.Environment {
  private static final int RIGHT = 1 << 22;

  private final FromBinder from;
  private final Source both;
  private final int width;
  private final RowScope left;
  private final RowScope right;

  /// Whether the rows of the right side can be asked about.
  private final boolean rightToo;

  SidedCondition(FromBinder from, Source left, Source right) {
    this(from, left, right, true);
  }

  private SidedCondition(FromBinder from, Source left, Source right, boolean rightToo) {
    this.from = from;
    this.rightToo = rightToo;
    this.both = left.cross(right);
    this.width = left.plan().schema().size();
    this.left = from.scope(left);
    this.right = from.scope(right);
  }

  /// For a right side that is evaluated for each row of the left one.
  static SidedCondition askedOfLeft(FromBinder from, Source left, Source right) {
    return new SidedCondition(from, left, right, false);
  }

  /// A condition over [#left] and [#right].
  Expr bind(Node condition, Facts facts) {
    Expr bound = new ExpressionBinder(facts, this).bind(condition);
    int begin = left().plan().schema().size();
    return Expressions.map(
        bound,
        node ->
            node instanceof Expr.Column(int index, var type) && index >= RIGHT
                ? new Expr.Column(index - RIGHT + begin, type)
                : node);
  }

  /// The left side, with what was asked about its rows.
  Source left() {
    return left.source();
  }

  /// The right side, with what was asked about its rows.
  Source right() {
    return right.source();
  }

  @Override
  public Expr variable(Variable variable) {
    return Expressions.map(
        from.column(variable, both),
        node ->
            node instanceof Expr.Column(int index, var type) && index >= width
                ? new Expr.Column(index - width + RIGHT, type)
                : node);
  }

  @Override
  public Optional<Expr> computed(Node node) {
    if (!NodeForm.tag(node).equals("SUBLINK")) {
      return Optional.empty();
    }
    Set<Integer> entries = new TreeSet<>();
    addEntries(node, 0, entries);
    if (rightToo && right.source().positions().keySet().containsAll(entries)) {
      return right.computed(node).map(SidedCondition::ofRight);
    }
    if (left.source().positions().keySet().containsAll(entries)) {
      return left.computed(node);
    }
    throw QueryRejected.notYet(
        "unsupported_subquery",
        rightToo
            ? "a subquery that refers to both sides in the condition of an outer join"
            : "a subquery that refers to LATERAL rows in the condition of a LEFT JOIN");
  }

  private static Expr ofRight(Expr answer) {
    return Expressions.map(
        answer,
        node ->
            node instanceof Expr.Column(int index, var type)
                ? new Expr.Column(index + RIGHT, type)
                : node);
  }

  /// The range table entries of this query that something refers to, from so many queries inside of
  /// it.
  private void addEntries(NodeTree tree, int inside, Set<Integer> entries) {
    if (tree instanceof Node node && NodeForm.tag(node).equals("VAR")) {
      NodeForm form = NodeForm.glance(node);
      if (form.integer("varlevelsup") == inside) {
        int entry = form.integer("varno");
        if (both.positions().containsKey(entry)) {
          entries.add(entry);
        } else {
          // A column of a join, which stands for one of its sides or for both.
          addEntries(from.aliased(entry, form.integer("varattno")), 0, entries);
        }
      }
      return;
    }
    int deeper =
        tree instanceof Node node && NodeForm.tag(node).equals("QUERY") ? inside + 1 : inside;
    tree.children().forEach(child -> addEntries(child, deeper, entries));
  }
}
