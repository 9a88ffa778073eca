package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.rewrite.Tiers;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.sql.Deparser;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Which nodes of expressions the server evaluates, and how it is asked.
///
/// Asked is what is not native and gives the same result for the same arguments for ever: immutable
/// functions, and of the stable ones those that depend on captured settings only.
public final class ServerExpressions implements Tiers {
  /// Functions of `pg_catalog` that are stable because of TimeZone, DateStyle, IntervalStyle, lc_*
  /// or the output of the types they are given, and not because of the clock or of tables.
  private static final Set<String> STABLE_BY_SETTINGS =
      Set.of(
          "array_to_json",
          "array_to_string",
          "concat",
          "concat_ws",
          "date_add",
          "date_part",
          "date_subtract",
          "date_trunc",
          "extract",
          "format",
          "generate_series",
          "json_build_array",
          "json_build_object",
          "jsonb_build_array",
          "jsonb_build_object",
          "jsonb_path_exists_tz",
          "jsonb_path_match_tz",
          "jsonb_path_query_array_tz",
          "jsonb_path_query_first_tz",
          "jsonb_path_query_tz",
          "make_timestamptz",
          "overlaps",
          "quote_literal",
          "quote_nullable",
          "row_to_json",
          "timezone",
          "to_char",
          "to_date",
          "to_json",
          "to_jsonb",
          "to_number",
          "to_timestamp",
          "date",
          "interval_pl_timestamptz",
          "time",
          "timestamp",
          "timestamptz",
          "timestamptz_mi_interval",
          "timestamptz_pl_interval",
          "timetz");

  private static final Set<String> COMPARISONS = Set.of("cmp", "eq", "ge", "gt", "le", "lt", "ne");

  private final EvaluationSettings settings;
  private final Facts facts;
  private final ServerCatalog server;
  private final Inquiry.Context context;

  ServerExpressions(
      EvaluationSettings settings, Facts facts, ServerCatalog server, Inquiry.Context context) {
    this.settings = settings;
    this.facts = facts;
    this.server = server;
    this.context = context;
  }

  @Override
  public boolean isAsked(Expr node) {
    return FunctionLibrary.refusal(node, settings).isPresent();
  }

  /// Why a node that is not native cannot be asked either; empty when it can.
  Optional<QueryRejected> objection(Expr node) {
    return switch (node) {
      case Expr.Call call -> ofFunction(call.function());
      case Expr.IsDistinct(Expr.Call equality) -> ofFunction(equality.function());
      case Expr.NullIf(Expr.Call equality, var _) -> ofFunction(equality.function());
      case Expr.Quantified quantified -> ofFunction(quantified.comparison());
      case Expr.TextCast(Expr input, SqlType type) -> ofTextCast(input.type(), type);
      case Expr.Clock clock ->
          Optional.of(
              QueryRejected.notYet(
                  "stable_expression",
                  clock.reading() + " under time zone " + settings.timeZone()));
      case Expr.Relabel _, Expr.Extreme _, Expr.Verbatim _ -> Optional.empty();
      case Expr.Column _,
          Expr.Literal _,
          Expr.And _,
          Expr.Or _,
          Expr.Not _,
          Expr.IsNull _,
          Expr.IsTruth _,
          Expr.Coalesce _,
          Expr.Case _,
          Expr.Image _,
          Expr.Outer _,
          Expr.Single _,
          Expr.Answered _,
          Expr.Unlabeled _,
          Expr.Timeless _ ->
          Optional.empty();
    };
  }

  private Optional<QueryRejected> ofFunction(Signature function) {
    boolean lasting =
        function.volatility() == 'i'
            || (function.schema().equals("pg_catalog") && isLasting(function));
    return lasting
        ? Optional.empty()
        : Optional.of(
            QueryRejected.notYet(
                "stable_expression",
                "function %s.%s()".formatted(function.schema(), function.name())));
  }

  /// Whether a stable function of PostgreSQL's own depends on captured settings only.
  static boolean isLasting(Signature function) {
    String name = function.name();
    if (name.equals("age")) {
      // With one argument it counts from today.
      return function.arguments().size() == 2;
    }
    boolean zoned = name.startsWith("timestamptz_") || name.contains("_timestamptz");
    return STABLE_BY_SETTINGS.contains(name) || (zoned && COMPARISONS.contains(comparison(name)));
  }

  // date_lt_timestamptz, timestamptz_lt_date
  private static String comparison(String name) {
    String[] parts = name.split("_", -1);
    return parts.length == 3 ? parts[1] : "";
  }

  private Optional<QueryRejected> ofTextCast(SqlType from, SqlType to) {
    if (lastingInput(to) && lastingOutput(from)) {
      return Optional.empty();
    }
    return Optional.of(
        QueryRejected.notYet(
            "stable_expression", "cast from %s to %s".formatted(name(from), name(to))));
  }

  private String name(SqlType type) {
    return facts.typeName(type.oid()).orElse(Integer.toUnsignedString(type.oid()));
  }

  /// Of texts that name the clock a [Expr.Timeless] takes care. A time with zone may take its
  /// offset from today's.
  private boolean lastingInput(SqlType type) {
    return type.kind() != TypeKind.OPAQUE || server.hasLastingText(type.oid(), true);
  }

  private boolean lastingOutput(SqlType type) {
    return type.kind() != TypeKind.OPAQUE || server.hasLastingText(type.oid(), false);
  }

  @Override
  public Inquiry inquiry(Expr expression, List<SqlType> parameters) {
    parameters.forEach(this::requireSendable);
    List<String> names = new ArrayList<>();
    for (int i = 0; i < parameters.size(); i++) {
      names.add(Inquiry.parameter(i));
    }
    return new Inquiry(
        Inquiry.Form.VALUE,
        Deparser.expression(expression, names, facts),
        parameters,
        Schema.of(new Column("value", expression.type())),
        context);
  }

  EvaluationSettings settings() {
    return settings;
  }

  /// What is asked depends on.
  Inquiry.Context context() {
    return context;
  }

  /// Refuses a type of which no value can be an argument.
  void requireSendable(SqlType type) {
    if (type.kind() == TypeKind.OPAQUE && !server.isSendable(type.oid())) {
      throw QueryRejected.notYet("unsupported_type", "an argument of type " + name(type));
    }
  }
}
