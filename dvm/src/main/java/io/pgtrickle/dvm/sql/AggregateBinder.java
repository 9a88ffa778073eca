package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.AggregateCall;
import io.pgtrickle.dvm.plan.AggregateCall.Kind;
import io.pgtrickle.dvm.sql.NodeTree.Node;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.List;
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
    form.neutral("aggdirectargs", "unsupported_aggregate", function.name() + "() WITHIN GROUP");
    form.neutral("aggorder", "unsupported_aggregate", function.name() + "() with ORDER BY");
    form.neutral("aggvariadic", "unsupported_aggregate", function.name() + "() with VARIADIC");
    form.neutral("agglevelsup", "unsupported_subquery", "an aggregate of an outer query");
    form.neutral("aggsplit");
    form.expect("aggkind", "n", "unsupported_aggregate", function.name() + "() WITHIN GROUP");
    List<TargetEntry> entries = form.nodes("args").stream().map(TargetEntry::of).toList();
    List<Expr> arguments = new ArrayList<>();
    for (TargetEntry entry : entries) {
      if (entry.junk()) {
        throw NodeForm.notUnderstood("a hidden argument of " + function.name() + "()");
      }
      arguments.add(below.bind(entry.expression()));
    }
    List<Node> distinct = form.nodes("aggdistinct");
    for (Node clause : distinct) {
      Equality.requireDefault(clause, entries, facts);
    }
    @Nullable Expr filter = form.isAbsent("aggfilter") ? null : below.bind(form.node("aggfilter"));
    SqlType type = SqlType.of(form.oid("aggtype"), -1, form.oid("aggcollid"));
    boolean star = form.flag("aggstar");
    int collation = form.oid("inputcollid");
    Kind kind = kind(function, arguments, star, collation, facts);
    if (!distinct.isEmpty()) {
      for (Expr argument : arguments) {
        Equality.requireComparable(argument.type(), "DISTINCT over", facts);
      }
    }
    return new AggregateCall(kind, function, arguments, !distinct.isEmpty(), filter, type);
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
      default -> throw unsupported(function);
    };
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
    if (type.kind() == TypeKind.OPAQUE) {
      throw unsupported(function, type, facts);
    }
    if (type.kind().isText()) {
      Facts.NamedCollation known =
          facts
              .collation(collation)
              .orElseThrow(
                  () -> QueryRejected.notYet("unsupported_collation", "collation " + collation));
      if (!known.properties().byteOrder() || !known.properties().deterministic()) {
        throw QueryRejected.notYet(
            "unsupported_collation",
            function.name() + "() of text under collation " + known.name());
      }
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
