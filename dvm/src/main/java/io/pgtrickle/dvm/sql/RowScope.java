package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What names mean over the rows of a source.
///
/// A subquery in an expression widens the rows by its answer, to the right of all columns, so that
/// what was bound before stays right.
final class RowScope implements ExpressionBinder.Environment {
  private final QueryBinder queries;
  private final FromBinder from;
  private final Levels levels;
  private Source source;

  /// The set-returning functions that are grouped by.
  private @Nullable SetReturningBinder unfolded;

  // By the node itself: an equal one elsewhere may be under another roof.
  private final IdentityHashMap<Node, Expr> answers = new IdentityHashMap<>();

  /// The answers of the subqueries that are grouped by, by what they say.
  private final Map<String, Expr> grouped = new HashMap<>();

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

  /// What an expression of the target list stands for: since PostgreSQL 18, what is grouped by is
  /// named there only.
  Node meant(Node expression) {
    return from.meant(expression);
  }

  /// Widens the rows by those of the set-returning functions in some expressions.
  void unfold(List<Node> expressions) {
    SetReturningBinder sets = new SetReturningBinder(queries.facts(), this);
    ExpressionBinder binder = new ExpressionBinder(queries.facts(), sets);
    expressions.forEach(binder::bind);
    source = new Source(sets.unfolded(source.plan()), source.positions());
    unfolded = sets;
  }

  /// Whether the rows have a column for every set-returning function inside of a node.
  boolean hasUnfolded(Node node) {
    return SetReturning.byDepth(List.of(node)).values().stream()
        .allMatch(calls -> calls.stream().allMatch(call -> unfolded(call).isPresent()));
  }

  private Optional<Expr> unfolded(Node node) {
    SetReturningBinder sets = unfolded;
    return sets == null ? Optional.empty() : sets.column(node);
  }

  /// Binds an expression that is grouped by; where the same is said elsewhere, it is the same.
  Expr group(Node expression) {
    Expr group = binder().bind(expression);
    Likeness.forEachSubquery(
        expression,
        subquery -> {
          Expr answer = answers.get(subquery);
          if (answer != null) {
            grouped.put(Likeness.of(subquery), answer);
          }
        });
    return group;
  }

  boolean isWidened() {
    return !answers.isEmpty();
  }

  @Override
  public Expr variable(Variable variable) {
    // A member of the group list may name functions or answers that only this scope has.
    Optional<Node> member = from.grouped(variable);
    return member.isPresent() ? binder().bind(member.get()) : from.column(variable, source);
  }

  @Override
  public Optional<Expr> computed(Node node) {
    if (SetReturning.isCall(node)) {
      return unfolded(node);
    }
    if (!NodeForm.tag(node).equals("SUBLINK")) {
      return Optional.empty();
    }
    Expr known = answers.get(node);
    if (known == null && !grouped.isEmpty()) {
      known = grouped.get(Likeness.of(node));
    }
    if (known == null) {
      Subquery subquery = Subquery.bind(node, queries, levels, this);
      Optional<Expr> constructed = subquery.constructed();
      if (constructed.isPresent()) {
        return constructed;
      }
      int width = source.plan().schema().size();
      source = new Source(subquery.asked(source.plan()), source.positions());
      known = subquery.answer(width);
      answers.put(node, known);
    }
    return Optional.of(known);
  }
}
