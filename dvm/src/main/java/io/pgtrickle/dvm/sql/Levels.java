package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The WITH queries that can be named at one level of a query, and the levels around it.
final class Levels {
  /// A WITH query, and the levels its own text can name.
  record CommonTable(Node query, Levels levels) {}

  private final @Nullable Levels outer;
  private final Map<String, CommonTable> tables = new LinkedHashMap<>();

  private Levels(@Nullable Levels outer) {
    this.outer = outer;
  }

  /// The level outside of every query.
  static Levels none() {
    return new Levels(null);
  }

  /// One level further in, with the WITH queries of that level.
  Levels enter(List<Node> commonTables) {
    Levels inner = new Levels(this);
    for (Node node : commonTables) {
      NodeForm.read(
          node,
          form -> {
            form.neutral("cterecursive", "unsupported_clause", "WITH RECURSIVE");
            form.neutral("search_clause", "unsupported_clause", "SEARCH");
            form.neutral("cycle_clause", "unsupported_clause", "CYCLE");
            return inner.tables.put(
                form.text("ctename"), new CommonTable(form.node("ctequery"), inner));
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
