package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Takes grouping sets apart: one grouping per set over the same input, side by side.
///
/// It comes after the rewrites that change inputs, so that all groupings still have the same one,
/// which then runs once.
final class GroupingSetsSplit {
  private GroupingSetsSplit() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, GroupingSetsSplit::rewrite);
    return over instanceof Plan.GroupingSets sets ? union(sets) : over;
  }

  /// The groupings of each set.
  static Plan union(Plan.GroupingSets sets) {
    return new Plan.UnionAll(
        sets.sets().stream().map(set -> grouping(sets, set)).toList(), sets.schema());
  }

  private static Plan grouping(Plan.GroupingSets sets, List<Integer> set) {
    int width = sets.groups().size();
    List<Column> columns = new ArrayList<>();
    set.forEach(group -> columns.add(sets.schema().column(group)));
    columns.addAll(sets.schema().columns().subList(width, width + sets.calls().size()));
    Plan grouped =
        new Plan.Aggregate(
            sets.input(),
            set.stream().map(sets.groups()::get).toList(),
            sets.calls(),
            new Schema(columns));
    List<Expr> shown = new ArrayList<>();
    for (int group = 0; group < width; group++) {
      SqlType type = sets.schema().column(group).type();
      int position = set.indexOf(group);
      shown.add(position < 0 ? new Expr.Literal(null, type) : new Expr.Column(position, type));
    }
    for (int call = 0; call < sets.calls().size(); call++) {
      shown.add(new Expr.Column(set.size() + call, sets.calls().get(call).type()));
    }
    for (List<Integer> question : sets.questions()) {
      long answer = 0;
      for (int group : question) {
        answer = answer << 1 | (set.contains(group) ? 0 : 1);
      }
      shown.add(new Expr.Literal(answer, SqlType.INT4));
    }
    return new Plan.Project(grouped, shown, sets.schema());
  }
}
