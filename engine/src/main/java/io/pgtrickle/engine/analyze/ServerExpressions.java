package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.SetCall;
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
import java.util.StringJoiner;

/// Which nodes of expressions the server evaluates, and how it is asked.
///
/// Asked is what is not native and gives the same result for the same arguments for ever: immutable
/// functions, and of the stable ones those that depend on captured settings only.
public final class ServerExpressions implements Tiers {
  /// Functions of `pg_catalog` that are stable because of TimeZone, DateStyle, IntervalStyle, lc_*
  /// or the output of the types they are given, and not because of the clock or of tables.
  private static final Set<String> STABLE_BY_SETTINGS =
      Set.of(
          "anytextcat",
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
          "json_agg",
          "json_agg_strict",
          "json_build_array",
          "json_build_object",
          "json_object_agg",
          "json_object_agg_strict",
          "json_object_agg_unique",
          "json_object_agg_unique_strict",
          "jsonb_agg",
          "jsonb_agg_strict",
          "jsonb_build_array",
          "jsonb_build_object",
          "jsonb_object_agg",
          "jsonb_object_agg_strict",
          "jsonb_object_agg_unique",
          "jsonb_object_agg_unique_strict",
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
          "textanycat",
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

  /// Functions whose columns the query defines, which are stable because of how these are read.
  private static final Set<String> DEFINED_BY_QUERY =
      Set.of("json_to_record", "json_to_recordset", "jsonb_to_record", "jsonb_to_recordset");

  private static final int TIME = 1083;
  private static final int UNKNOWN = 705;
  private static final int RECORD = 2249;

  /// `regproc`, `regprocedure`, `regoper`, `regoperator`, `regclass`, `regtype`, `regconfig`,
  /// `regdictionary`, `regnamespace`, `regrole`, `regcollation`, and arrays of them.
  private static final Set<Integer> NAMES =
      Set.of(
          24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191, 1008, 2207, 2208, 2209,
          2210, 2211, 3735, 3770, 4090, 4097, 4192);

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
      case Expr.Call call ->
          ofFunction(call.function()).or(() -> ofShown(call.function().name() + "()", shown(call)));
      case Expr.IsDistinct(Expr.Call equality) -> ofFunction(equality.function());
      case Expr.NullIf(Expr.Call equality, var _) -> ofFunction(equality.function());
      case Expr.Quantified quantified -> ofFunction(quantified.comparison());
      case Expr.TextCast(Expr.Row _, SqlType type) when lastingInput(type) -> Optional.empty();
      case Expr.TextCast(Expr input, SqlType type) -> ofTextCast(input.type(), type);
      case Expr.Row row -> ofRow(row);
      case Expr.Clock clock ->
          Optional.of(
              QueryRejected.notYet(
                  "stable_expression",
                  clock.reading() + " under time zone " + settings.timeZone()));
      case Expr.Verbatim(List<String> pieces, List<Expr> operands, var _, var _)
          when pieces.getFirst().startsWith("JSON") ->
          ofShown("SQL/JSON", operands);
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

  /// What is made of a row may show the text of every field.
  private Optional<QueryRejected> ofRow(Expr.Row row) {
    return row.fields().stream()
        .filter(field -> !(field instanceof Expr.Row))
        .map(Expr::type)
        .filter(type -> type.kind() == TypeKind.OPAQUE && !isWrittenForEver(type))
        .findFirst()
        .map(
            type ->
                QueryRejected.notYet(
                    "unsupported_type", "a row with a field of type " + name(type)));
  }

  // Where elements are native, so is what the text of an array depends on.
  private boolean isWrittenForEver(SqlType type) {
    return type.oid() == UNKNOWN || server.travelsAsText(type.oid());
  }

  // Those take values of any type, and write them as texts.
  private static List<Expr> shown(Expr.Call call) {
    return STABLE_BY_SETTINGS.contains(call.function().name()) ? call.arguments() : List.of();
  }

  /// What is written may be the name of something, which can be renamed.
  private Optional<QueryRejected> ofShown(String what, List<Expr> values) {
    return values.stream()
        .map(Expr::type)
        .filter(type -> namesSomething(type.oid()))
        .findFirst()
        .map(
            type ->
                QueryRejected.notYet(
                    "stable_expression", "%s of a value of type %s".formatted(what, name(type))));
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
  public boolean isAsked(SetCall call) {
    return call.refusal(settings).isPresent();
  }

  /// Whether the columns of a function are those that the query says.
  static boolean isDefinedByQuery(Signature function) {
    return function.schema().equals("pg_catalog") && DEFINED_BY_QUERY.contains(function.name());
  }

  /// Whether values of a type are names of something, which can be renamed.
  static boolean namesSomething(int type) {
    return NAMES.contains(type);
  }

  /// Why a function in FROM that is not native cannot be asked either; empty when it can.
  Optional<QueryRejected> objection(SetCall call) {
    Signature function = call.call().function();
    if (!isDefinedByQuery(function)) {
      return ofFunction(function);
    }
    return call.columns().stream()
        .map(Column::type)
        .filter(type -> !lastingField(type))
        .findFirst()
        .map(
            type ->
                QueryRejected.notYet(
                    "stable_expression",
                    "function pg_catalog.%s() with a column of type %s"
                        .formatted(function.name(), name(type))));
  }

  /// Whether a field of a document means the same for ever as a value of a type: it is read as
  /// text, and a text may name the clock.
  private boolean lastingField(SqlType type) {
    return switch (type.kind()) {
      case DATE, TIMESTAMP, TIMESTAMPTZ -> false;
      case OPAQUE -> type.oid() != TIME && server.hasLastingText(type.oid(), true);
      case BOOL,
          INT2,
          INT4,
          INT8,
          NUMERIC,
          FLOAT4,
          FLOAT8,
          TEXT,
          VARCHAR,
          BPCHAR,
          INTERVAL,
          UUID,
          BYTEA,
          LABELED ->
          true;
    };
  }

  @Override
  public Inquiry rows(Functions functions, List<SqlType> parameters, Schema answer) {
    parameters.forEach(this::requireSendable);
    List<String> names = parameters(parameters.size());
    List<SetCall> calls =
        functions.calls().stream()
            .map(call -> call.map(each -> Expressions.map(each, ServerExpressions::ofDocument)))
            .toList();
    String sql = Deparser.rows(calls, functions.numbered(), names, facts);
    Expr condition = functions.condition();
    if (condition != null) {
      List<String> columns = new ArrayList<>();
      for (int i = 1; i <= answer.size(); i++) {
        columns.add("c" + i);
      }
      List<String> all = new ArrayList<>(names);
      columns.forEach(column -> all.add("u." + column));
      sql =
          "(SELECT * FROM %s AS u (%s) WHERE %s)"
              .formatted(
                  sql,
                  String.join(", ", columns),
                  Deparser.expression(
                      Expressions.map(condition, ServerExpressions::ofDocument), all, facts));
    }
    return new Inquiry(Inquiry.Form.ROWS, sql, parameters, answer, context);
  }

  /// Why an aggregate cannot be asked for; empty when it can.
  Optional<QueryRejected> objection(AggregateCall call) {
    List<Expr> values = new ArrayList<>();
    call.arguments().forEach(argument -> addFields(argument, values));
    call.order().forEach(key -> addFields(key.value(), values));
    for (Expr value : values) {
      SqlType type = value.type();
      if (type.kind() == TypeKind.OPAQUE && !travelsAsText(type)) {
        return Optional.of(
            QueryRejected.notYet(
                "unsupported_aggregate",
                "aggregate " + call.function().name() + "() over " + name(type)));
      }
    }
    return ofFunction(call.function());
  }

  // The values of a row are gathered field by field.
  private static void addFields(Expr value, List<Expr> values) {
    if (value instanceof Expr.Row) {
      Expressions.children(value).forEach(field -> addFields(field, values));
    } else {
      values.add(value);
    }
  }

  // There and back under the captured settings, and without the collation.
  private boolean travelsAsText(SqlType type) {
    return settings.isoDates()
        && settings.exactFloats()
        && (type.collation() == 0 || type.collation() == SqlType.DEFAULT_COLLATION)
        && server.travelsAsText(type.oid());
  }

  @Override
  public Inquiry aggregate(AggregateCall call, List<SqlType> values, List<SqlType> parameters) {
    List<String> names = new ArrayList<>();
    StringJoiner arrays = new StringJoiner(", ");
    StringJoiner columns = new StringJoiner(", ");
    for (int i = 0; i < values.size(); i++) {
      String column = "c" + (i + 1);
      columns.add(column);
      arrays.add("pg_catalog.unnest(" + Inquiry.parameter(i) + ")");
      boolean text = values.get(i).kind() == TypeKind.OPAQUE;
      names.add(text ? "(u." + column + ")::" + name(values.get(i)) : "u." + column);
    }
    names.add("u.o");
    // What ties in the order of the call comes in that of the arrays.
    boolean ties = call.kind() == AggregateCall.Kind.ASKED && !call.distinct();
    List<Plan.SortKey> order = new ArrayList<>(call.order());
    if (ties && !order.isEmpty()) {
      order.add(Plan.SortKey.ascending(new Expr.Column(values.size(), SqlType.INT8)));
    }
    AggregateCall sorted =
        new AggregateCall(
            call.kind(),
            call.function(),
            call.arguments(),
            order,
            call.distinct(),
            null,
            call.type());
    return new Inquiry(
        Inquiry.Form.VALUE,
        "(SELECT %s FROM ROWS FROM (%s) WITH ORDINALITY AS u (%s, o))"
            .formatted(Deparser.aggregate(sorted, names, facts), arrays, columns),
        parameters,
        Schema.of(new Column("value", call.type())),
        context);
  }

  private static List<String> parameters(int count) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      names.add(Inquiry.parameter(i));
    }
    return names;
  }

  @Override
  public Inquiry inquiry(Expr expression, List<SqlType> parameters) {
    parameters.forEach(this::requireSendable);
    if (expression.type().oid() == RECORD) {
      throw QueryRejected.notYet("unsupported_type", "a row without a type as a value of its own");
    }
    return new Inquiry(
        Inquiry.Form.VALUE,
        Deparser.expression(
            Expressions.map(expression, ServerExpressions::ofDocument),
            parameters(parameters.size()),
            facts),
        parameters,
        Schema.of(new Column("value", expression.type())),
        context);
  }

  // PostgreSQL 17 and 18 say of a NULL, document or path, what ON ERROR says if the document before
  // it was in error.
  private static Expr ofDocument(Expr node) {
    if (!(node
            instanceof Expr.Verbatim(List<String> pieces, List<Expr> operands, SqlType type, var _))
        || !pieces.getFirst().matches("JSON_(EXISTS|QUERY|VALUE)\\(")) {
      return node;
    }
    List<String> guarded = new ArrayList<>(pieces);
    guarded.set(0, " IS NOT NULL THEN " + pieces.getFirst());
    guarded.addAll(0, List.of("(CASE WHEN ", " IS NOT NULL AND "));
    guarded.set(guarded.size() - 1, guarded.getLast() + " END)");
    List<Expr> twice = new ArrayList<>(operands.subList(0, 2));
    twice.addAll(operands);
    return new Expr.Verbatim(guarded, twice, type);
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
