package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// A part of FROM: its rows, and where the columns of each range table entry stand in them.
///
/// @param positions per range table index: attribute number → position in the plan's schema. An
///     attribute 0 is a column that is true where there is a row of the entry
record Source(Plan plan, Map<Integer, Map<Integer, Integer>> positions) {
  /// A single entry whose attributes are the columns of the plan, in order.
  static Source of(int entry, Plan plan) {
    Map<Integer, Integer> attributes = new TreeMap<>();
    for (int i = 0; i < plan.schema().size(); i++) {
      attributes.put(i + 1, i);
    }
    return new Source(plan, Map.of(entry, attributes));
  }

  /// The same, with a column that is true where there is a row of an entry at all.
  Source marking(int entry) {
    List<Expr> expressions = new ArrayList<>();
    List<Column> columns = new ArrayList<>(plan.schema().columns());
    for (int i = 0; i < columns.size(); i++) {
      expressions.add(new Expr.Column(i, columns.get(i).type()));
    }
    expressions.add(new Expr.Literal(true, SqlType.BOOL));
    columns.add(new Column("present", SqlType.BOOL));
    Map<Integer, Integer> attributes = new TreeMap<>(positions.getOrDefault(entry, Map.of()));
    attributes.put(0, columns.size() - 1);
    Map<Integer, Map<Integer, Integer>> marked = new TreeMap<>(positions);
    marked.put(entry, attributes);
    return new Source(new Plan.Project(plan, expressions, new Schema(columns)), marked);
  }

  /// Pairs of rows of both, in one schema.
  Source cross(Source right) {
    int shift = plan.schema().size();
    Map<Integer, Map<Integer, Integer>> both = new TreeMap<>(positions);
    right.positions.forEach(
        (entry, attributes) -> {
          Map<Integer, Integer> shifted = new TreeMap<>();
          attributes.forEach((attribute, at) -> shifted.put(attribute, at + shift));
          both.put(entry, shifted);
        });
    List<Column> columns = new ArrayList<>(plan.schema().columns());
    columns.addAll(right.plan.schema().columns());
    Plan join = new Plan.Join(plan, right.plan, List.of(), null, new Schema(columns));
    return new Source(join, both);
  }
}
