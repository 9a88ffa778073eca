package io.pgtrickle.dvm.plan;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// Which columns of its relations a plan reads: what it yields, and what any of its operators
/// keeps, is the same whatever is in the others.
///
/// A scan of which not all columns are read has a projection directly above it, which forgets the
/// others before anything keeps the row; of any other scan all columns are read.
public final class ColumnsRead {
  private final Map<Integer, Set<String>> names = new HashMap<>();

  private ColumnsRead() {}

  /// The names of the columns read, by relation.
  ///
  /// @param plan one that runs, after all rewrites
  public static Map<Integer, Set<String>> of(Plan plan) {
    ColumnsRead read = new ColumnsRead();
    read.visit(plan);
    return read.names;
  }

  private void visit(Plan plan) {
    if (plan instanceof Plan.Project(Plan.Scan scan, var expressions, var _)) {
      Set<String> of = names(scan);
      for (Expr expression : expressions) {
        Expressions.columns(expression).forEach(i -> of.add(scan.schema().column(i).name()));
      }
    } else if (plan instanceof Plan.Scan scan) {
      Set<String> of = names(scan);
      scan.schema().columns().forEach(column -> of.add(column.name()));
    } else {
      plan.inputs().forEach(this::visit);
    }
  }

  private Set<String> names(Plan.Scan scan) {
    return names.computeIfAbsent(scan.relation(), _ -> new HashSet<>());
  }
}
