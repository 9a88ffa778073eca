package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.IdentityHashMap;
import java.util.Optional;

/// What names mean over the rows of a source.
///
/// A subquery in an expression widens the rows by its answer, to the right of all columns, so that
/// what was bound before stays right.
final class RowScope implements ExpressionBinder.Environment {
  private final QueryBinder queries;
  private final FromBinder from;
  private final Levels levels;
  private Source source;

  // By the node itself: an equal one elsewhere may be under another roof.
  private final IdentityHashMap<Node, Expr> answers = new IdentityHashMap<>();

  RowScope(QueryBinder queries, FromBinder from, Levels levels, Source source) {
    this.queries = queries;
    this.from = from;
    this.levels = levels;
    this.source = source;
  }

  ExpressionBinder binder() {
    return new ExpressionBinder(queries.facts(), this);
  }

  /// The rows, with the answers of all subqueries bound so far.
  Source source() {
    return source;
  }

  boolean isWidened() {
    return !answers.isEmpty();
  }

  @Override
  public Expr variable(Variable variable) {
    return from.column(variable, source);
  }

  @Override
  public Optional<Expr> computed(Node node) {
    if (!NodeForm.tag(node).equals("SUBLINK")) {
      return Optional.empty();
    }
    Expr known = answers.get(node);
    if (known == null) {
      Subquery subquery = Subquery.bind(node, queries, levels, this);
      int width = source.plan().schema().size();
      source = new Source(subquery.asked(source.plan()), source.positions());
      known = subquery.answer(width);
      answers.put(node, known);
    }
    return Optional.of(known);
  }
}
