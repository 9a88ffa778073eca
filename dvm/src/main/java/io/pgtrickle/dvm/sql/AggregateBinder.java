package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Translates AGGREF nodes: the listed aggregates over the listed types are native, others are the
/// server's.
final class AggregateBinder {
  private static final int ARRAY_AGG = 2335;
  private static final int ARRAY_AGG_OF_ARRAYS = 4053;
  private static final Set<String> REGRESSIONS =
      Set.of(
          "corr",
          "covar_pop",
          "covar_samp",
          "regr_avgx",
          "regr_avgy",
          "regr_count",
          "regr_intercept",
          "regr_r2",
          "regr_slope",
          "regr_sxx",
          "regr_sxy",
          "regr_syy");

  /// The common ones that the order of their values makes no difference to.
  private static final Set<String> FREE_OF_ORDER =
      Set.of("count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every");

  private AggregateBinder() {}

  /// Whether an aggregate may show in which order its input comes.
  static boolean maySeeOrder(Node aggregate, Facts facts) {
    NodeForm form = NodeForm.glance(aggregate);
    return form.nodes("aggorder").isEmpty()
        && facts
            .function(form.oid("aggfnoid"))
            .filter(function -> function.schema().equals("pg_catalog"))
            .filter(function -> FREE_OF_ORDER.contains(function.name()))
            .isEmpty();
  }

  /// @param below binds expressions over the aggregate's input
  static AggregateCall bind(Node aggregate, ExpressionBinder below, Facts facts) {
    return NodeForm.read(aggregate, form -> bind(form, below, facts));
  }

  private static AggregateCall bind(NodeForm form, ExpressionBinder below, Facts facts) {
    int oid = form.oid("aggfnoid");
    Signature function =
        facts
            .function(oid)
            .orElseThrow(() -> QueryRejected.notYet("unsupported_aggregate", "aggregate " + oid));
    form.neutral("aggvariadic", "unsupported_aggregate", function.name() + "() with VARIADIC");
    form.neutral("agglevelsup", "unsupported_subquery", "an aggregate of an outer query");
    form.neutral("aggsplit");
    // "h" is a hypothetical-set aggregate.
    boolean orderedSet = !form.text("aggkind").equals("n");
    List<Expr> direct = form.nodes("aggdirectargs").stream().map(below::bind).toList();
    List<TargetEntry> entries = form.nodes("args").stream().map(TargetEntry::of).toList();
    List<Expr> arguments = new ArrayList<>();
    Map<Integer, Expr> sorted = new HashMap<>();
    for (TargetEntry entry : entries) {
      Expr argument = below.bind(entry.expression());
      if (!entry.junk()) {
        arguments.add(argument);
      }
      sorted.put(entry.reference(), argument);
    }
    List<Node> distinct = form.nodes("aggdistinct");
    for (Node clause : distinct) {
      Equality.requireDefault(clause, entries, facts);
    }
    @Nullable Expr filter = form.isAbsent("aggfilter") ? null : below.bind(form.node("aggfilter"));
    SqlType type = SqlType.of(form.oid("aggtype"), -1, form.oid("aggcollid"));
    boolean star = form.flag("aggstar");
    int collation = form.oid("inputcollid");
    Kind kind =
        (orderedSet
                ? orderedSet(function, direct, arguments)
                : kind(function, arguments, type, star, collation, facts))
            // Distinct pairs are counted by the server.
            .filter(known -> known != Kind.REGRESSION || distinct.isEmpty())
            .filter(known -> known != Kind.COUNT || distinct.isEmpty() || !isRow(arguments))
            .filter(known -> form.nodes("aggorder").isEmpty() || !isOrdered(known, arguments))
            .orElseGet(() -> asked(function, orderedSet, arguments, star, collation, facts));
    List<Plan.SortKey> order = new ArrayList<>();
    for (Node clause : form.nodes("aggorder")) {
      order.add(
          OrderBinder.key(
              clause,
              Optional.ofNullable(sorted.get(NodeForm.glance(clause).integer("tleSortGroupRef")))
                  .orElseThrow(() -> NodeForm.notUnderstood("a sorted argument")),
              facts));
    }
    if (orderedSet) {
      return new AggregateCall(kind, function, direct, order, false, filter, type);
    }
    if (!kind.collects() && !order.stream().allMatch(key -> Expressions.isTotal(key.value()))) {
      // The order makes no difference to it, so nothing is sorted; but the server would fail.
      throw QueryRejected.notYet(
          "unsupported_aggregate",
          function.name() + "() with ORDER BY an expression that may fail");
    }
    if (!distinct.isEmpty() && kind != Kind.ASKED) {
      for (Expr argument : arguments) {
        Equality.requireComparable(argument.type(), "DISTINCT over", facts);
      }
    }
    return new AggregateCall(kind, function, arguments, order, !distinct.isEmpty(), filter, type);
  }

  private static boolean isRow(List<Expr> arguments) {
    return arguments.getFirst() instanceof Expr.Row;
  }

  /// Whether the order in which it takes values shows in the result: which of equal ones is the
  /// greatest, and how sums of floats are rounded.
  private static boolean isOrdered(Kind kind, List<Expr> arguments) {
    return switch (kind) {
      case MIN, MAX ->
          arguments.stream()
              .map(Expr::type)
              .anyMatch(type -> !TypeCodec.of(type).equalMeansIdentical());
      case SUM, AVG, VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP ->
          arguments.stream().anyMatch(argument -> argument.type().kind().isFloat());
      case REGRESSION -> true;
      default -> false;
    };
  }

  /// `array_agg` of a column.
  static AggregateCall array(Expr value, SqlType type, List<Plan.SortKey> order, Facts facts) {
    int oid = value.type().oid() == type.oid() ? ARRAY_AGG_OF_ARRAYS : ARRAY_AGG;
    Signature function =
        facts.function(oid).orElseThrow(() -> NodeForm.notUnderstood("function " + oid));
    List<Expr> arguments = List.of(value);
    Kind kind =
        kind(function, arguments, type, false, 0, facts)
            .orElseGet(
                () -> asked(function, false, arguments, false, value.type().collation(), facts));
    return new AggregateCall(kind, function, arguments, order, false, null, type);
  }

  /// The aggregate that a WINDOWFUNC node applies to its frame.
  static AggregateCall bindWindow(
      NodeForm form, Signature function, ExpressionBinder below, Facts facts) {
    List<Expr> arguments = form.nodes("args").stream().map(below::bind).toList();
    @Nullable Expr filter = form.isAbsent("aggfilter") ? null : below.bind(form.node("aggfilter"));
    SqlType type = SqlType.of(form.oid("wintype"), -1, form.oid("wincollid"));
    boolean star = form.flag("winstar");
    int collation = form.oid("inputcollid");
    Kind kind =
        kind(function, arguments, type, star, collation, facts)
            .orElseThrow(() -> unsupported(function, arguments, facts));
    if (kind.collects()) {
      throw unsupported(function);
    }
    return new AggregateCall(kind, function, arguments, false, filter, type);
  }

  /// What is aggregated natively; empty when it is not.
  private static Optional<Kind> kind(
      Signature function,
      List<Expr> arguments,
      SqlType result,
      boolean star,
      int collation,
      Facts facts) {
    if (!function.schema().equals("pg_catalog")) {
      return Optional.empty();
    }
    if (arguments.isEmpty()) {
      return star && function.name().equals("count")
          ? Optional.of(Kind.COUNT_ROWS)
          : Optional.empty();
    }
    SqlType type = arguments.getFirst().type();
    if (!star && function.name().equals("string_agg") && arguments.size() == 2) {
      boolean text = type.kind() == TypeKind.TEXT || type.kind() == TypeKind.BYTEA;
      return text ? Optional.of(Kind.STRING_AGG) : Optional.empty();
    }
    if (!star && REGRESSIONS.contains(function.name())) {
      return Optional.of(Kind.REGRESSION);
    }
    if (star || arguments.size() > 1) {
      return Optional.empty();
    }
    Optional<Kind> kind = NativeAggregates.find(function.name(), type.kind());
    return kind.isEmpty()
        ? kind
        : switch (kind.get()) {
          case MIN, MAX -> Optional.of(ordered(kind.get(), function, type, collation, facts));
          case ANY_VALUE -> where(!isRow(arguments), kind.get());
          case ARRAY_AGG ->
              where(ArrayTypes.elementOf(result.oid()).equals(Optional.of(type.oid())), kind.get());
          case JSON_AGG -> where(!type.kind().isFloat() || facts.printsFloatsExactly(), kind.get());
          default -> kind;
        };
  }

  private static Optional<Kind> where(boolean condition, Kind kind) {
    return condition ? Optional.of(kind) : Optional.empty();
  }

  private static Optional<Kind> orderedSet(
      Signature function, List<Expr> direct, List<Expr> arguments) {
    boolean floats = direct.stream().allMatch(each -> each.type().kind() == TypeKind.FLOAT8);
    for (Expr argument : direct) {
      List<Expr> parts = new ArrayList<>();
      Expressions.forEach(argument, parts::add);
      if (parts.stream()
          .anyMatch(
              part ->
                  part instanceof Expr.Column
                      || part instanceof Expr.Outer
                      || part instanceof Expr.Clock
                      || part instanceof Expr.Timeless)) {
        throw QueryRejected.notYet(
            "unsupported_aggregate", function.name() + "() of other than one constant");
      }
    }
    if (!function.schema().equals("pg_catalog") || arguments.size() != 1 || !floats) {
      return Optional.empty();
    }
    TypeKind kind = arguments.getFirst().type().kind();
    return switch (function.name()) {
      case "mode" -> Optional.of(Kind.MODE);
      case "percentile_disc" -> Optional.of(Kind.PERCENTILE_DISC);
      case "percentile_cont" -> where(kind == TypeKind.FLOAT8, Kind.PERCENTILE_CONT);
      default -> Optional.empty();
    };
  }

  /// What the server aggregates, of the values of the group.
  private static Kind asked(
      Signature function,
      boolean orderedSet,
      List<Expr> arguments,
      boolean star,
      int collation,
      Facts facts) {
    if (star || arguments.isEmpty()) {
      throw unsupported(function, arguments, facts);
    }
    // What several columns are sorted by is under the collation of each.
    boolean byColumn = orderedSet && collation == 0;
    for (Expr argument : arguments) {
      SqlType type = argument.type();
      if (type.kind().isText() && type.collation() != collation && !byColumn) {
        throw QueryRejected.notYet(
            "unsupported_collation",
            function.name() + "() under another collation than its argument");
      }
    }
    return orderedSet ? Kind.ASKED_WITHIN_GROUP : Kind.ASKED;
  }

  private static Kind ordered(
      Kind kind, Signature function, SqlType type, int collation, Facts facts) {
    Equality.requireComparable(type, function.name() + "() of", facts);
    if (type.kind().isText() && type.collation() != collation) {
      throw QueryRejected.notYet(
          "unsupported_collation",
          function.name() + "() under another collation than its argument");
    }
    return kind;
  }

  private static QueryRejected unsupported(Signature function) {
    String schema = function.schema().equals("pg_catalog") ? "" : function.schema() + ".";
    return QueryRejected.notYet(
        "unsupported_aggregate", "aggregate " + schema + function.name() + "()");
  }

  private static QueryRejected unsupported(Signature function, List<Expr> arguments, Facts facts) {
    if (arguments.isEmpty()) {
      return unsupported(function);
    }
    int type = arguments.getFirst().type().oid();
    String name = facts.typeName(type).orElse("type " + type);
    return QueryRejected.notYet(
        "unsupported_aggregate", "aggregate " + function.name() + "() over " + name);
  }
}
