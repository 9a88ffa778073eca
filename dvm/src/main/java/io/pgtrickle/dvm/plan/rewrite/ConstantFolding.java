package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Compiler;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Expressions;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;

/// Evaluates native calls of constants, once and here:
///
///     o_orderdate < date '1995-01-01' + interval '1 year'
///       =  o_orderdate < timestamp '1996-01-01 00:00:00'
///
/// The other rewrites ask of a condition whether it can fail, and `+` can. A call that does fail
/// stays as it is, and fails for the rows that get to it. So do texts under a collation of their
/// own, which the server would not know of when it is asked about them, and names of time zones,
/// because those in a query are compared with the server's.
final class ConstantFolding {
  /// Longer values, in characters or bytes, stay calls: a plan is compared, named and printed.
  private static final int LONGEST = 1_000;

  private static final Schema NO_COLUMNS = Schema.of();
  private static final Row NO_ROW = NO_COLUMNS.pack();

  private final EvaluationSettings settings;

  private ConstantFolding(EvaluationSettings settings) {
    this.settings = settings;
  }

  /// @param settings those under which the plan will run
  static Plan rewrite(Plan plan, EvaluationSettings settings) {
    ConstantFolding folding = new ConstantFolding(settings);
    return PlanExpressions.map(plan, folding::fold);
  }

  private Expr fold(Expr expression) {
    Expr folded = Expressions.mapChildren(expression, this::fold);
    return isEvaluated(folded) ? evaluated(folded) : folded;
  }

  private boolean isEvaluated(Expr expression) {
    return switch (expression) {
      case Expr.Call _, Expr.TextCast _, Expr.Relabel _ ->
          expression.type().kind() != TypeKind.OPAQUE
              && hasNoCollationOfItsOwn(expression.type())
              && Expressions.children(expression).stream().allMatch(Expr.Literal.class::isInstance)
              && FunctionLibrary.refusals(expression, settings).isEmpty();
      default -> false;
    };
  }

  private static boolean hasNoCollationOfItsOwn(SqlType type) {
    return type.collation() == 0 || type.collation() == SqlType.DEFAULT_COLLATION;
  }

  private Expr evaluated(Expr call) {
    try {
      @Nullable Object value = Compiler.compile(call, NO_COLUMNS, settings).evaluate(NO_ROW);
      boolean stays =
          length(value) > LONGEST
              || (value instanceof String text && ZoneId.getAvailableZoneIds().contains(text));
      return stays ? call : new Expr.Literal(value, call.type());
    } catch (EvaluationFailure failure) {
      return call;
    }
  }

  private static int length(@Nullable Object value) {
    return switch (value) {
      case String text -> text.length();
      case Bytes bytes -> bytes.size();
      case null, default -> 0;
    };
  }
}
