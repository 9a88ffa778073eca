package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// Computes the columns of relations that are not in the stream from those that are:
///
///     scan(a, b, g)  becomes  project(a, b, f(a, b))(scan(a, b))
///
/// To be applied to the bound plan, before anything else and after it was proven.
public final class ComputedColumns {
  private ComputedColumns() {}

  /// The plan over scans of what the stream tells.
  ///
  /// @param expressions of the columns of a scan that are computed, by their place in it, over the
  ///     columns of the same scan, of which they read none that is computed itself
  public static Plan rewrite(Plan bound, Function<Plan.Scan, Map<Integer, Expr>> expressions) {
    return bound instanceof Plan.Scan scan
        ? scan(scan, expressions.apply(scan))
        : Inputs.map(bound, input -> rewrite(input, expressions));
  }

  private static Plan scan(Plan.Scan scan, Map<Integer, Expr> computed) {
    if (computed.isEmpty()) {
      return scan;
    }
    List<Column> told = new ArrayList<>();
    int[] places = new int[scan.schema().size()];
    for (int i = 0; i < places.length; i++) {
      places[i] = told.size();
      if (!computed.containsKey(i)) {
        told.add(scan.schema().column(i));
      }
    }
    // What tells rows apart by a computed column does so no longer.
    boolean keyed = scan.key().stream().noneMatch(computed::containsKey);
    Plan narrow =
        new Plan.Scan(
            scan.relation(),
            scan.name(),
            keyed ? scan.key().stream().map(i -> places[i]).toList() : List.of(),
            new Schema(told));
    List<Expr> values = new ArrayList<>();
    for (int i = 0; i < places.length; i++) {
      Expr own = new Expr.Column(i, scan.schema().column(i).type());
      Expr value = Optional.ofNullable(computed.get(i)).orElse(own);
      values.add(
          Expressions.map(
              value,
              each ->
                  each instanceof Expr.Column(int index, var type)
                      ? new Expr.Column(places[index], type)
                      : each));
    }
    return new Plan.Project(narrow, values, scan.schema());
  }
}
