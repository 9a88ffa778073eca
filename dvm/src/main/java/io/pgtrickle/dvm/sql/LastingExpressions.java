package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/// Tells which expressions that count as immutable mean the same whatever the settings of a session
/// are.
///
/// Output functions are immutable for the server, though `extra_float_digits`, `intervalstyle` and
/// `bytea_output` have a part in what they write; so are a few functions that read settings.
final class LastingExpressions {
  private static final int CSTRING = 2275;
  private static final int JSON = 114;
  private static final int JSONB = 3802;
  private static final int JSONPATH = 4072;

  /// Those that every file of abbreviations has alike.
  private static final Set<String> ZONES = Set.of("UTC", "GMT");

  private LastingExpressions() {}

  static boolean isLasting(Expr expression) {
    AtomicBoolean lasting = new AtomicBoolean(true);
    Expressions.forEach(expression, part -> lasting.compareAndSet(true, isLastingPart(part)));
    return lasting.get();
  }

  private static boolean isLastingPart(Expr part) {
    return switch (part) {
      case Expr.TextCast(Expr input, var _) -> isWrittenAlike(input.type());
      case Expr.Call call -> isLastingCall(call);
      case Expr.Verbatim verbatim when verbatim.pieces().getFirst().startsWith("JSON") ->
          isWrittenAlike(verbatim.type())
              && verbatim.operands().stream().allMatch(one -> isWrittenAlike(one.type()));
      default -> true;
    };
  }

  private static boolean isLastingCall(Expr.Call call) {
    // Input and output functions by their names.
    if (call.type().oid() == CSTRING
        || call.arguments().stream().anyMatch(one -> one.type().oid() == CSTRING)) {
      return false;
    }
    return switch (call.function().name()) {
      // quote_all_identifiers
      case "quote_ident" -> false;
      // timezone_abbreviations
      case "timezone" -> call.arguments().size() < 2 || isLastingZone(call.arguments().getFirst());
      default -> true;
    };
  }

  private static boolean isLastingZone(Expr zone) {
    if (zone instanceof Expr.Literal(String name, SqlType _)) {
      return name.contains("/") || ZONES.contains(name);
    }
    return zone.type().kind() == TypeKind.INTERVAL;
  }

  private static boolean isWrittenAlike(SqlType type) {
    return switch (type.oid()) {
      case JSON, JSONB, JSONPATH -> true;
      default -> ServerNodeBinder.isWrittenAlike(type);
    };
  }
}
