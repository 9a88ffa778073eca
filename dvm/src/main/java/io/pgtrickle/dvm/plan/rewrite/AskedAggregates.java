package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Takes out of every grouping what only the server aggregates: the values of a group are gathered
/// in arrays, and it is asked about these:
///
///     γ_{g, f(x)} A   =   π_{g, answer} ask_{f(unnest(xs))} γ_{g, array_agg(x) AS xs} A
///
/// A row is gathered field by field, and made of them again. What the call sorts by is gathered
/// like its arguments, and sorted by the server. The arrays
/// themselves are in an order that is a matter of the values, so that equal groups ask the same.
final class AskedAggregates {
  private static final int ANY_ARRAY = 2277;
  private static final Signature ARRAY_AGG =
      new Signature(2335, "pg_catalog", "array_agg", List.of(2776), ANY_ARRAY, false, 'i');

  private final Tiers tiers;
  private final List<Column> columns = new ArrayList<>();
  private final List<AggregateCall> calls = new ArrayList<>();
  private final List<Plan.Asked> inquiries = new ArrayList<>();

  private AskedAggregates(Tiers tiers) {
    this.tiers = tiers;
  }

  static Plan rewrite(Plan plan, Tiers tiers) {
    Plan over = Inputs.map(plan, input -> rewrite(input, tiers));
    return switch (over) {
      case Plan.Aggregate aggregate when isAsked(aggregate.calls()) ->
          new AskedAggregates(tiers).aggregate(aggregate);
      case Plan.GroupingSets sets when isAsked(sets.calls()) ->
          new AskedAggregates(tiers).sets(sets);
      case Plan.Scan _,
          Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Filter _,
          Plan.Project _,
          Plan.Ask _,
          Plan.Join _,
          Plan.OuterJoin _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          over;
    };
  }

  private static boolean isAsked(List<AggregateCall> calls) {
    return calls.stream().anyMatch(call -> call.kind().isAsked() || countsRows(call));
  }

  // What is counted of rows is those that are there.
  private static boolean countsRows(AggregateCall call) {
    return call.kind() == AggregateCall.Kind.COUNT
        && call.arguments().getFirst() instanceof Expr.Row;
  }

  // The fields are computed, as they may fail; but those that are columns of a table cannot.
  private static AggregateCall counted(AggregateCall call, Plan input) {
    if (!countsRows(call) || !(call.arguments().getFirst() instanceof Expr.Row row)) {
      return call;
    }
    List<Expr> computed = row.fields().stream().filter(field -> !isStored(field, input)).toList();
    Expr present = row.present();
    if (!computed.isEmpty()) {
      Expr image = new Expr.Image(computed);
      present =
          present == null
              ? image
              : new Expr.Case(List.of(new Expr.When(present, image)), null, image.type());
    }
    return new AggregateCall(
        call.kind(),
        call.function(),
        List.of(present == null ? new Expr.Literal(true, SqlType.BOOL) : present),
        call.distinct(),
        call.filter(),
        call.type());
  }

  private static boolean isStored(Expr value, Plan rows) {
    if (value instanceof Expr.Literal) {
      return true;
    }
    if (!(value instanceof Expr.Column(int index, var _))) {
      return false;
    }
    return switch (rows) {
      case Plan.Scan _ -> true;
      case Plan.Filter filter -> isStored(value, filter.input());
      case Plan.Project project -> isStored(project.expressions().get(index), project.input());
      case Plan.Join join -> isStored(index, value.type(), join.left(), join.right());
      case Plan.OuterJoin join -> isStored(index, value.type(), join.left(), join.right());
      case Plan.Values _,
          Plan.Working _,
          Plan.Recursion _,
          Plan.Ask _,
          Plan.MarkJoin _,
          Plan.Apply _,
          Plan.Unfold _,
          Plan.UnionAll _,
          Plan.SetOperation _,
          Plan.TopK _,
          Plan.Window _,
          Plan.Distinct _,
          Plan.Aggregate _,
          Plan.GroupingSets _ ->
          false;
    };
  }

  private static boolean isStored(int index, SqlType type, Plan left, Plan right) {
    int width = left.schema().size();
    return index < width
        ? isStored(new Expr.Column(index, type), left)
        : isStored(new Expr.Column(index - width, type), right);
  }

  private Plan aggregate(Plan.Aggregate plan) {
    List<Integer> places = gather(plan.groups().size(), plan.calls(), plan.schema(), plan.input());
    Plan gathered = new Plan.Aggregate(plan.input(), plan.groups(), calls, new Schema(columns));
    return answered(gathered, places, plan.schema());
  }

  private Plan sets(Plan.GroupingSets plan) {
    List<Integer> places = gather(plan.groups().size(), plan.calls(), plan.schema(), plan.input());
    int questions = plan.groups().size() + plan.calls().size();
    for (int i = questions; i < plan.schema().size(); i++) {
      places.add(columns.size());
      columns.add(plan.schema().column(i));
    }
    Plan gathered =
        new Plan.GroupingSets(
            plan.input(), plan.groups(), plan.sets(), calls, plan.questions(), new Schema(columns));
    return answered(gathered, places, plan.schema());
  }

  /// Where the columns of the result come from: the place of one that is gathered, or −1 less the
  /// number of the inquiry.
  private List<Integer> gather(int groups, List<AggregateCall> wanted, Schema schema, Plan input) {
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < groups; i++) {
      places.add(i);
      columns.add(schema.column(i));
    }
    for (AggregateCall call : wanted) {
      if (call.kind().isAsked()) {
        places.add(-1 - inquiries.size());
        ask(call);
      } else {
        places.add(columns.size());
        columns.add(schema.column(places.size() - 1));
        calls.add(counted(call, input));
      }
    }
    return places;
  }

  private void ask(AggregateCall call) {
    List<Expr> values = new ArrayList<>();
    AggregateCall over =
        new AggregateCall(
            call.kind(),
            call.function(),
            call.kind().isOrderedSet()
                ? call.arguments()
                : call.arguments().stream().map(value -> place(value, values)).toList(),
            PlanExpressions.mapOrder(call.order(), value -> place(value, values)),
            call.distinct(),
            null,
            call.type());
    List<Expr> elements = values.stream().map(AskedAggregates::element).toList();
    // One order for all arrays of the call.
    List<Plan.SortKey> order =
        elements.size() == 1
            ? List.of()
            : List.of(Plan.SortKey.ascending(new Expr.Image(elements)));
    List<Expr> arrays = new ArrayList<>();
    for (Expr element : elements) {
      SqlType type = arrayOf(element.type()).orElseThrow();
      arrays.add(new Expr.Column(columns.size(), type));
      columns.add(new Column("values" + columns.size(), type));
      calls.add(
          new AggregateCall(
              AggregateCall.Kind.ARRAY_AGG,
              ARRAY_AGG,
              List.of(element),
              order,
              false,
              call.filter(),
              type));
    }
    List<SqlType> parameters = arrays.stream().map(Expr::type).toList();
    inquiries.add(
        new Plan.Asked(
            tiers.aggregate(over, values.stream().map(Expr::type).toList(), parameters), arrays));
  }

  private static Expr place(Expr value, List<Expr> values) {
    if (value instanceof Expr.Row) {
      return Expressions.mapChildren(value, field -> place(field, values));
    }
    int place = values.indexOf(value);
    if (place < 0) {
      place = values.size();
      values.add(value);
    }
    return new Expr.Column(place, value.type());
  }

  private static Optional<SqlType> arrayOf(SqlType element) {
    return ArrayTypes.arrayOf(element.oid())
        .map(array -> SqlType.of(array, -1, element.collation()));
  }

  /// What has no array type that is sent to the server goes there as text.
  private static Expr element(Expr value) {
    return arrayOf(value.type()).isPresent()
        ? value
        : new Expr.Verbatim(List.of("(", ")::pg_catalog.text"), List.of(value), SqlType.TEXT);
  }

  private Plan answered(Plan gathered, List<Integer> places, Schema schema) {
    Plan asked = inquiries.isEmpty() ? gathered : new Plan.Ask(gathered, inquiries);
    List<Expr> results = new ArrayList<>();
    for (int i = 0; i < places.size(); i++) {
      int place = places.get(i);
      SqlType type = schema.column(i).type();
      results.add(
          place >= 0
              ? new Expr.Column(place, type)
              : Plan.Ask.answer(gathered.schema(), -1 - place, type));
    }
    return new Plan.Project(asked, results, schema);
  }
}
