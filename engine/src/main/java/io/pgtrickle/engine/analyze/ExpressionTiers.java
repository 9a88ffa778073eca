package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.expr.PlainTexts;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RangeEdge;
import io.pgtrickle.dvm.plan.SetCall;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.sql.Deparser;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Where each scalar expression of a plan is evaluated.
public final class ExpressionTiers {
  private ExpressionTiers() {}

  /// Who evaluates an expression.
  public enum Tier {
    /// This process, exactly as the server would.
    NATIVE,
    /// This process for plain texts of dates, times and intervals, PostgreSQL for other texts.
    MIXED,
    /// PostgreSQL, in batches, for the rows that a step is about.
    SERVER,
    /// Nobody, row by row: the whole query is evaluated by the server instead.
    FULL
  }

  /// An expression and where it is evaluated.
  ///
  /// @param text the expression in SQL
  /// @param refusal what keeps it from being native; empty when it is
  public record Placement(String text, Tier tier, Optional<String> refusal) {}

  /// Every expression of a differential plan that computes something, in the order of its nodes.
  public static List<Placement> of(Plan plan, EvaluationSettings settings, Facts facts) {
    Set<Placement> placements = new LinkedHashSet<>();
    for (Computed computed : computed(plan)) {
      List<String> refusals = computed.refusals(settings);
      placements.add(
          new Placement(
              Deparser.expression(computed.expression(), computed.input(), facts),
              computed.tier(settings),
              refusals.stream().findFirst()));
    }
    for (Aggregated aggregated : aggregated(plan)) {
      List<String> names =
          aggregated.input().columns().stream()
              .map(column -> RelationShape.quote(column.name()))
              .toList();
      placements.add(
          new Placement(
              Deparser.aggregate(aggregated.call(), names, facts),
              Tier.SERVER,
              Optional.of("aggregate " + aggregated.call().function().name() + "()")));
    }
    return List.copyOf(placements);
  }

  /// An aggregate that is not native.
  private record Aggregated(AggregateCall call, Schema input) {}

  private static List<Aggregated> aggregated(Plan plan) {
    List<Aggregated> aggregated = new ArrayList<>();
    plan.inputs().forEach(input -> aggregated.addAll(aggregated(input)));
    List<AggregateCall> calls =
        plan instanceof Plan.Aggregate aggregate
            ? aggregate.calls()
            : plan instanceof Plan.GroupingSets sets ? sets.calls() : List.of();
    for (AggregateCall call : calls) {
      if (call.kind().isAsked()) {
        aggregated.add(new Aggregated(call, plan.inputs().getFirst().schema()));
      }
    }
    return aggregated;
  }

  /// Refuses a plan with an expression that is neither native nor can be asked.
  static void requirePlaceable(Plan plan, ServerExpressions server) {
    for (Computed computed : computed(plan)) {
      if (computed.set().isPresent()) {
        SetCall call = computed.set().get();
        if (server.isAsked(call)) {
          server
              .objection(call)
              .ifPresent(
                  objection -> {
                    throw objection;
                  });
        }
        call.call().arguments().forEach(argument -> requirePlaceable(argument, server));
      } else {
        requirePlaceable(computed.expression(), server);
      }
    }
    requireEdges(plan, server.settings());
    for (Aggregated aggregated : aggregated(plan)) {
      server
          .objection(aggregated.call())
          .ifPresent(
              objection -> {
                throw objection;
              });
    }
  }

  /// The edges of frames are evaluated beside the rows of a partition: the server is not asked.
  private static void requireEdges(Plan plan, EvaluationSettings settings) {
    plan.inputs().forEach(input -> requireEdges(input, settings));
    if (plan instanceof Plan.Window window) {
      for (WindowCall call : window.calls()) {
        for (RangeEdge edge : call.frame().edges(window.order())) {
          FunctionLibrary.refusal(edge.edge(), settings)
              .ifPresent(
                  refusal -> {
                    throw QueryRejected.notYet(
                        "unsupported_clause", "RANGE with an offset by " + refusal);
                  });
        }
      }
    }
  }

  private static void requirePlaceable(Expr expression, ServerExpressions server) {
    Expressions.forEach(
        expression,
        node -> {
          if (server.isAsked(node)) {
            server
                .objection(node)
                .ifPresent(
                    objection -> {
                      throw objection;
                    });
          }
        });
  }

  /// The time zones on whose rules the expressions of a plan may depend: those that are named, and
  /// the captured one where a time with zone is computed with.
  static Set<String> zones(Plan plan, EvaluationSettings settings) {
    Set<String> zones = new TreeSet<>();
    for (Computed computed : computed(plan)) {
      Expressions.forEach(
          computed.expression(),
          node -> {
            if (node.type().kind() == TypeKind.TIMESTAMPTZ || node instanceof Expr.Clock) {
              zones.add(settings.timeZone());
            }
            if (node instanceof Expr.Literal(String text, SqlType _)
                && ZoneId.getAvailableZoneIds().contains(text)) {
              zones.add(text);
            }
          });
    }
    return zones;
  }

  /// The collations, by OID, whose upper and lower case the expressions of a plan depend on.
  static Set<Integer> casedCollations(Plan plan) {
    Set<Integer> collations = new TreeSet<>();
    for (Computed computed : computed(plan)) {
      Expressions.forEach(
          computed.expression(),
          node -> {
            if (node instanceof Expr.Call call && isCased(call.function())) {
              collations.add(call.collation());
            } else if (node instanceof Expr.Quantified quantified
                && isCased(quantified.comparison())) {
              collations.add(quantified.collation());
            }
          });
    }
    return collations;
  }

  private static boolean isCased(Signature function) {
    return FunctionLibrary.find(function)
        .filter(found -> found.requirements().contains(Requirement.LETTER_CASE))
        .isPresent();
  }

  /// @param set the call of which the expression is part, where it returns rows
  private record Computed(Expr expression, Schema input, Optional<SetCall> set) {
    Computed(Expr expression, Schema input) {
      this(expression, input, Optional.empty());
    }

    Tier tier(EvaluationSettings settings) {
      if (refusals(settings).isEmpty()) {
        return Tier.NATIVE;
      }
      boolean[] asked = {set.isPresent()};
      Expressions.forEach(
          expression,
          node ->
              asked[0] |=
                  FunctionLibrary.refusal(node, settings).isPresent()
                      && !PlainTexts.reads(node, settings));
      return asked[0] ? Tier.SERVER : Tier.MIXED;
    }

    List<String> refusals(EvaluationSettings settings) {
      return set.map(call -> call.refusals(settings))
          .orElseGet(() -> FunctionLibrary.refusals(expression, settings));
    }
  }

  private static List<Computed> computed(Plan plan) {
    List<Computed> computed = new ArrayList<>();
    collect(plan, computed);
    computed.removeIf(
        each ->
            each.expression() instanceof Expr.Column || each.expression() instanceof Expr.Literal);
    return computed;
  }

  private static void collect(Plan plan, List<Computed> computed) {
    switch (plan) {
      case Plan.Scan _, Plan.Working _ -> {}
      case Plan.Values values ->
          values.rows().forEach(row -> add(row.stream(), new Schema(List.of()), computed));
      case Plan.Filter(Plan input, Expr condition) -> {
        collect(input, computed);
        add(Stream.of(condition), input.schema(), computed);
      }
      case Plan.Project(Plan input, List<Expr> expressions, Schema _) -> {
        collect(input, computed);
        add(expressions.stream(), input.schema(), computed);
      }
      case Plan.Ask ask -> collect(ask.input(), computed);
      case Plan.Join join -> {
        collect(join.left(), join.right(), join.keys(), computed);
        add(Stream.ofNullable(join.residual()), join.schema(), computed);
      }
      case Plan.OuterJoin join -> {
        collect(join.left(), join.right(), join.keys(), computed);
        add(Stream.ofNullable(join.residual()), join.schema(), computed);
      }
      case Plan.MarkJoin join -> {
        collect(join.left(), join.right(), join.keys(), computed);
        List<Column> both = new ArrayList<>(join.left().schema().columns());
        both.addAll(join.right().schema().columns());
        add(Stream.ofNullable(join.residual()), new Schema(both), computed);
      }
      case Plan.Apply apply -> {
        collect(apply.input(), computed);
        collect(apply.subquery(), computed);
        List<Column> both = new ArrayList<>(apply.input().schema().columns());
        both.addAll(apply.subquery().schema().columns());
        switch (apply.question()) {
          case Plan.Question.Any(Expr test) -> add(Stream.of(test), new Schema(both), computed);
          case Plan.Question.All(Expr test) -> add(Stream.of(test), new Schema(both), computed);
          case Plan.Question.Compared(Expr test) ->
              add(Stream.of(test), new Schema(both), computed);
          case Plan.Question.Rows(boolean _, Expr condition) ->
              add(Stream.ofNullable(condition), new Schema(both), computed);
          case Plan.Question.Array(AggregateCall values, int _) ->
              add(values.expressions(), apply.subquery().schema(), computed);
          case Plan.Question.Exists _, Plan.Question.Scalar _ -> {}
        }
      }
      case Plan.Unfold unfold -> {
        collect(unfold.input(), computed);
        Schema below = unfold.input().schema();
        for (SetCall call : unfold.calls()) {
          computed.add(new Computed(call.call(), below, Optional.of(call)));
        }
        add(Stream.ofNullable(unfold.condition()), unfold.schema(), computed);
      }
      case Plan.UnionAll(List<Plan> inputs, Schema _) ->
          inputs.forEach(input -> collect(input, computed));
      case Plan.GroupingSets sets -> {
        collect(sets.input(), computed);
        Schema below = sets.input().schema();
        add(sets.groups().stream(), below, computed);
        sets.calls().forEach(call -> add(call.expressions(), below, computed));
      }
      case Plan.TopK top -> {
        collect(top.input(), computed);
        add(top.partition().stream(), top.schema(), computed);
        add(top.order().stream().map(Plan.SortKey::value), top.schema(), computed);
      }
      case Plan.Recursion recursion -> {
        collect(recursion.base(), computed);
        collect(recursion.step(), computed);
      }
      case Plan.SetOperation operation -> {
        collect(operation.left(), computed);
        collect(operation.right(), computed);
      }
      case Plan.Window window -> {
        collect(window.input(), computed);
        Schema below = window.input().schema();
        add(window.partition().stream(), below, computed);
        add(window.order().stream().map(Plan.SortKey::value), below, computed);
        add(window.within().stream().map(Plan.SortKey::value), below, computed);
        for (WindowCall call : window.calls()) {
          add(call.expressions().stream(), below, computed);
          add(call.frame().offsets().stream(), new Schema(List.of()), computed);
          add(call.frame().edges(window.order()).stream().map(RangeEdge::edge), below, computed);
        }
      }
      case Plan.Distinct(Plan input, List<Expr> _) -> collect(input, computed);
      case Plan.Aggregate aggregate -> {
        collect(aggregate.input(), computed);
        Schema below = aggregate.input().schema();
        add(aggregate.groups().stream(), below, computed);
        for (AggregateCall call : aggregate.calls()) {
          add(call.expressions(), below, computed);
        }
      }
    }
  }

  private static void collect(Plan left, Plan right, List<Plan.Key> keys, List<Computed> computed) {
    collect(left, computed);
    collect(right, computed);
    add(keys.stream().map(Plan.Key::left), left.schema(), computed);
    add(keys.stream().map(Plan.Key::right), right.schema(), computed);
  }

  private static void add(Stream<Expr> expressions, Schema input, List<Computed> computed) {
    expressions.forEach(expression -> computed.add(new Computed(expression, input)));
  }
}
