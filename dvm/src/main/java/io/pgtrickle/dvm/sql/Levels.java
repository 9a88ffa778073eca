package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What can be named at one level of a query besides its own FROM: WITH queries, and what the
/// levels
/// around it have.
final class Levels {
  /// A WITH query, and the levels its own text can name.
  ///
  /// @param recursive whether it reads itself
  /// @param trail what SEARCH and CYCLE add to its rows
  record CommonTable(Node query, Levels levels, boolean recursive, Optional<TrailClauses> trail) {}

  private final @Nullable Levels outer;

  /// How many subqueries in expressions are around it.
  private final int depth;

  private ExpressionBinder.@Nullable Environment names;
  private final Map<String, CommonTable> tables = new LinkedHashMap<>();

  private Levels(@Nullable Levels outer, int depth) {
    this.outer = outer;
    this.depth = depth;
  }

  /// The level outside of every query.
  static Levels none() {
    return new Levels(null, 0);
  }

  int depth() {
    return depth;
  }

  /// Says what names of this level mean to a subquery that is evaluated for its rows.
  void names(ExpressionBinder.Environment environment) {
    names = environment;
  }

  /// What a variable of a level around this one denotes, as a reference out of the subquery.
  Expr outer(Variable variable) {
    Levels level = this;
    for (int i = 0; i < variable.levelsUp() && level != null; i++) {
      level = level.outer;
    }
    if (level == null || level.names == null || level.depth == depth) {
      throw QueryRejected.notYet("unsupported_clause", "a LATERAL reference");
    }
    int levels = depth - level.depth;
    return Expressions.map(
        level.names.variable(variable.there()),
        node -> {
          if (node instanceof Expr.Column(int index, var type)) {
            return new Expr.Outer(levels, index, type);
          }
          return node instanceof Expr.Outer(int further, int index, var type)
              ? new Expr.Outer(further + levels, index, type)
              : node;
        });
  }

  /// One level further in, with the WITH queries of that level.
  ///
  /// @param innerDepth how many subqueries in expressions are around the inner level
  Levels enter(List<Node> commonTables, int innerDepth) {
    Levels inner = new Levels(this, innerDepth);
    for (Node node : commonTables) {
      NodeForm.read(
          node,
          form -> {
            Optional<TrailClauses> trail = TrailClauses.of(form);
            return inner.tables.put(
                form.text("ctename"),
                new CommonTable(form.node("ctequery"), inner, form.flag("cterecursive"), trail));
          });
    }
    return inner;
  }

  /// The WITH query of a name, declared the given number of levels further out.
  CommonTable find(String name, int levelsUp) {
    Levels level = this;
    for (int i = 0; i < levelsUp && level != null; i++) {
      level = level.outer;
    }
    CommonTable table = level == null ? null : level.tables.get(name);
    if (table == null) {
      throw QueryRejected.notYet("query_not_understood", "WITH query " + name);
    }
    return table;
  }
}
