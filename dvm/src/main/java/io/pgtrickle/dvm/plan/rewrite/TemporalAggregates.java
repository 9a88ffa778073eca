package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;

/// Makes filters of conditions on the clock that are in the FILTER of an aggregate:
///
///     γ_{f(x), g(y) FILTER c} A  =  γ_{f(x) FILTER i = 0, g(y) FILTER i = 1} (A×{0} + σ_c A×{1})
///
/// The rows with 0 are all of A, so that the groups are the same. What c turns away is never
/// aggregated; so it may be a condition that is true for some time only.
final class TemporalAggregates {
  private static final Signature EQUAL =
      new Signature(65, "pg_catalog", "int4eq", List.of(23, 23), 16, true, 'i');

  private TemporalAggregates() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, TemporalAggregates::rewrite);
    if (over instanceof Plan.Aggregate aggregate) {
      List<Expr> conditions = conditions(aggregate.calls(), aggregate.input());
      return conditions.isEmpty()
          ? over
          : new Plan.Aggregate(
              copies(aggregate.input(), conditions),
              aggregate.groups(),
              filtered(aggregate.calls(), conditions, aggregate.input()),
              aggregate.schema());
    }
    if (over instanceof Plan.GroupingSets sets) {
      List<Expr> conditions = conditions(sets.calls(), sets.input());
      return conditions.isEmpty()
          ? over
          : new Plan.GroupingSets(
              copies(sets.input(), conditions),
              sets.groups(),
              sets.sets(),
              filtered(sets.calls(), conditions, sets.input()),
              sets.questions(),
              sets.schema());
    }
    return over;
  }

  /// The different filters that read the clock. Where a part of one that does not may fail, it is
  /// left alone, and refused later: which part the server evaluates first is how it is written. So
  /// it is where a column below may fail, which the server computes for the rows that a filter lets
  /// through; of the copies it would have to be computed for all rows ([LateColumns]).
  private static List<Expr> conditions(List<AggregateCall> calls, Plan input) {
    List<Expr> conditions = new ArrayList<>();
    for (AggregateCall call : calls) {
      Expr filter = call.filter();
      if (filter != null && Expressions.readsClock(filter) && !conditions.contains(filter)) {
        conditions.add(filter);
      }
    }
    boolean harmless =
        conditions.stream()
            .flatMap(condition -> Conjuncts.of(condition).stream())
            .filter(each -> !Expressions.readsClock(each))
            .allMatch(Expressions::isTotal);
    return harmless && !mayFail(input) ? conditions : List.of();
  }

  private static boolean mayFail(Plan rows) {
    return switch (rows) {
      case Plan.Project project ->
          !project.expressions().stream().allMatch(Expressions::isTotal)
              || mayFail(project.input());
      case Plan.Filter _, Plan.Join _, Plan.OuterJoin _, Plan.MarkJoin _, Plan.Apply _ ->
          rows.inputs().stream().anyMatch(TemporalAggregates::mayFail);
      default -> false;
    };
  }

  private static Plan copies(Plan input, List<Expr> conditions) {
    List<Column> columns = new ArrayList<>(input.schema().columns());
    columns.add(new Column("copy", SqlType.INT4));
    Schema schema = new Schema(columns);
    List<Plan> copies = new ArrayList<>(List.of(numbered(input, 0, schema)));
    for (Expr condition : conditions) {
      copies.add(numbered(new Plan.Filter(input, condition), copies.size(), schema));
    }
    return new Plan.UnionAll(copies, schema);
  }

  private static Plan numbered(Plan rows, int copy, Schema schema) {
    List<Expr> columns = Unnesting.columns(rows.schema());
    columns.add(new Expr.Literal((long) copy, SqlType.INT4));
    return new Plan.Project(rows, columns, schema);
  }

  private static List<AggregateCall> filtered(
      List<AggregateCall> calls, List<Expr> conditions, Plan input) {
    List<AggregateCall> filtered = new ArrayList<>();
    for (AggregateCall call : calls) {
      Expr filter = call.filter();
      int copy = filter == null ? 0 : conditions.indexOf(filter) + 1;
      Expr ofCopy =
          new Expr.Call(
              EQUAL,
              List.of(
                  new Expr.Column(input.schema().size(), SqlType.INT4),
                  new Expr.Literal((long) copy, SqlType.INT4)),
              SqlType.BOOL,
              0);
      Expr all = filter == null || copy > 0 ? ofCopy : new Expr.And(List.of(ofCopy, filter));
      filtered.add(
          new AggregateCall(
              call.kind(),
              call.function(),
              call.arguments(),
              call.order(),
              call.distinct(),
              all,
              call.type()));
    }
    return filtered;
  }
}
