package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Translates AGGREF nodes: the listed aggregates over the listed types.
final class AggregateBinder {
  private AggregateBinder() {}

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
    boolean orderedSet = form.text("aggkind").equals("o");
    if (!orderedSet) {
      form.expect("aggkind", "n", "unsupported_aggregate", function.name() + "() WITHIN GROUP");
    }
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
        orderedSet
            ? orderedSet(function, direct, arguments, facts)
            : kind(function, arguments, star, collation, facts);
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
    if (!kind.collects() && !order.isEmpty()) {
      // It makes no difference to the others, but the proof compares it.
      throw QueryRejected.notYet("unsupported_aggregate", function.name() + "() with ORDER BY");
    }
    if (kind == Kind.ARRAY_AGG
        && !KnownTypes.elementOf(type.oid())
            .equals(Optional.of(arguments.getFirst().type().oid()))) {
      throw unsupported(function, arguments.getFirst().type(), facts);
    }
    if (!distinct.isEmpty()) {
      for (Expr argument : arguments) {
        Equality.requireComparable(argument.type(), "DISTINCT over", facts);
      }
    }
    return new AggregateCall(kind, function, arguments, order, !distinct.isEmpty(), filter, type);
  }

  /// The aggregate that a WINDOWFUNC node applies to its frame.
  static AggregateCall bindWindow(
      NodeForm form, Signature function, ExpressionBinder below, Facts facts) {
    List<Expr> arguments = form.nodes("args").stream().map(below::bind).toList();
    @Nullable Expr filter = form.isAbsent("aggfilter") ? null : below.bind(form.node("aggfilter"));
    SqlType type = SqlType.of(form.oid("wintype"), -1, form.oid("wincollid"));
    boolean star = form.flag("winstar");
    int collation = form.oid("inputcollid");
    Kind kind = kind(function, arguments, star, collation, facts);
    if (kind.collects()) {
      throw unsupported(function);
    }
    return new AggregateCall(kind, function, arguments, false, filter, type);
  }

  private static Kind kind(
      Signature function, List<Expr> arguments, boolean star, int collation, Facts facts) {
    if (!function.schema().equals("pg_catalog")) {
      throw unsupported(function);
    }
    if (arguments.isEmpty()) {
      if (star && function.name().equals("count")) {
        return Kind.COUNT_ROWS;
      }
      throw unsupported(function);
    }
    if (!star && function.name().equals("string_agg") && arguments.size() == 2) {
      return text(function, arguments.getFirst().type(), facts);
    }
    if (star || arguments.size() > 1) {
      throw unsupported(function);
    }
    SqlType type = arguments.getFirst().type();
    return switch (function.name()) {
      case "count" -> Kind.COUNT;
      case "sum" -> numeric(Kind.SUM, function, type, facts);
      case "avg" -> numeric(Kind.AVG, function, type, facts);
      case "min" -> ordered(Kind.MIN, function, type, collation, facts);
      case "max" -> ordered(Kind.MAX, function, type, collation, facts);
      case "bool_and", "every" -> truth(Kind.BOOL_AND, function, type, facts);
      case "bool_or" -> truth(Kind.BOOL_OR, function, type, facts);
      case "bit_and" -> integer(Kind.BIT_AND, function, type, facts);
      case "bit_or" -> integer(Kind.BIT_OR, function, type, facts);
      case "bit_xor" -> integer(Kind.BIT_XOR, function, type, facts);
      case "var_pop" -> exact(Kind.VAR_POP, function, type, facts);
      case "variance", "var_samp" -> exact(Kind.VAR_SAMP, function, type, facts);
      case "stddev_pop" -> exact(Kind.STDDEV_POP, function, type, facts);
      case "stddev", "stddev_samp" -> exact(Kind.STDDEV_SAMP, function, type, facts);
      case "array_agg" -> understood(Kind.ARRAY_AGG, function, type, facts);
      case "json_agg" -> json(Kind.JSON_AGG, function, type, facts);
      case "jsonb_agg" -> json(Kind.JSONB_AGG, function, type, facts);
      default -> throw unsupported(function);
    };
  }

  private static Kind orderedSet(
      Signature function, List<Expr> direct, List<Expr> arguments, Facts facts) {
    if (!function.schema().equals("pg_catalog") || arguments.size() != 1) {
      throw unsupported(function);
    }
    for (Expr argument : direct) {
      List<Expr> parts = new ArrayList<>();
      Expressions.forEach(argument, parts::add);
      boolean one =
          parts.stream()
              .noneMatch(part -> part instanceof Expr.Column || part instanceof Expr.Outer);
      if (!one || argument.type().kind() != TypeKind.FLOAT8) {
        throw QueryRejected.notYet(
            "unsupported_aggregate", function.name() + "() of other than one constant");
      }
    }
    SqlType type = arguments.getFirst().type();
    return switch (function.name()) {
      case "mode" -> Kind.MODE;
      case "percentile_disc" -> Kind.PERCENTILE_DISC;
      case "percentile_cont" -> {
        if (type.kind() != TypeKind.FLOAT8) {
          throw unsupported(function, type, facts);
        }
        yield Kind.PERCENTILE_CONT;
      }
      default -> throw unsupported(function);
    };
  }

  private static Kind understood(Kind kind, Signature function, SqlType type, Facts facts) {
    if (type.kind() == TypeKind.OPAQUE) {
      throw unsupported(function, type, facts);
    }
    return kind;
  }

  private static Kind text(Signature function, SqlType type, Facts facts) {
    if (type.kind() != TypeKind.TEXT && type.kind() != TypeKind.BYTEA) {
      throw unsupported(function, type, facts);
    }
    return Kind.STRING_AGG;
  }

  /// What is a number, a string or a truth value in JSON without regard to settings.
  private static Kind json(Kind kind, Signature function, SqlType type, Facts facts) {
    boolean plain =
        switch (type.kind()) {
          case BOOL, INT2, INT4, INT8, NUMERIC, TEXT, VARCHAR, BPCHAR, UUID -> true;
          case FLOAT4, FLOAT8 -> kind == Kind.JSON_AGG;
          case DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL, BYTEA, OPAQUE, LABELED -> false;
        };
    if (!plain) {
      throw unsupported(function, type, facts);
    }
    return kind;
  }

  private static Kind truth(Kind kind, Signature function, SqlType type, Facts facts) {
    if (type.kind() != TypeKind.BOOL) {
      throw unsupported(function, type, facts);
    }
    return kind;
  }

  private static Kind integer(Kind kind, Signature function, SqlType type, Facts facts) {
    if (!type.kind().isInteger()) {
      throw unsupported(function, type, facts);
    }
    return kind;
  }

  /// Over floats the server's own result depends on the order of rows in more than the last digit.
  private static Kind exact(Kind kind, Signature function, SqlType type, Facts facts) {
    if (!type.kind().isInteger() && type.kind() != TypeKind.NUMERIC) {
      throw unsupported(function, type, facts);
    }
    return kind;
  }

  private static Kind numeric(Kind kind, Signature function, SqlType type, Facts facts) {
    boolean isNumber =
        type.kind().isInteger() || type.kind().isFloat() || type.kind() == TypeKind.NUMERIC;
    if (!isNumber) {
      throw unsupported(function, type, facts);
    }
    return kind;
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

  private static QueryRejected unsupported(Signature function, SqlType type, Facts facts) {
    String name = facts.typeName(type.oid()).orElse("type " + type.oid());
    return QueryRejected.notYet(
        "unsupported_aggregate", "aggregate " + function.name() + "() over " + name);
  }
}
