package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall;
import io.pgtrickle.dvm.plan.WindowCall.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Numbers rows only as far as a condition on the number asks for them:
///
///     σ[row_number ≤ k](W(A)) = σ[row_number ≤ k](W(first k of each partition of A))
///
/// and with `rank`, ties included. A change then costs what it changes among the first rows, not
/// what it renumbers. That holds if all functions of the window look at rows in front only.
final class WindowTop {
  private WindowTop() {}

  static Plan rewrite(Plan plan) {
    Plan over = Inputs.map(plan, WindowTop::rewrite);
    if (over instanceof Plan.Filter(Plan.Window window, Expr condition)
        && window.calls().stream().allMatch(WindowTop::looksBack)) {
      for (Expr conjunct : Conjuncts.of(condition)) {
        Optional<Plan> top = top(conjunct, window);
        if (top.isPresent()) {
          Plan numbered =
              new Plan.Window(
                  top.get(),
                  window.partition(),
                  window.order(),
                  window.within(),
                  window.tieBreak(),
                  window.calls(),
                  window.schema());
          return new Plan.Filter(numbered, condition);
        }
      }
    }
    return over;
  }

  private static boolean looksBack(WindowCall call) {
    return call instanceof WindowCall.Placed placed
        && switch (placed.kind()) {
          case ROW_NUMBER, RANK, DENSE_RANK -> true;
          case LAG ->
              placed.arguments().size() == 1
                  || (placed.arguments().get(1) instanceof Expr.Literal(Long places, var _)
                      && places >= 0);
          case PERCENT_RANK, CUME_DIST, NTILE, LEAD, FIRST_VALUE, LAST_VALUE, NTH_VALUE -> false;
        };
  }

  private static Optional<Plan> top(Expr conjunct, Plan.Window window) {
    if (!(conjunct instanceof Expr.Call(Signature function, List<Expr> arguments, var _, var _))
        || arguments.size() != 2
        || !function.schema().equals("pg_catalog")) {
      return Optional.empty();
    }
    int width = window.input().schema().size();
    for (int side = 0; side < 2; side++) {
      if (arguments.get(side) instanceof Expr.Column(int index, var _)
          && arguments.get(1 - side) instanceof Expr.Literal(Long bound, var _)
          && index >= width
          && window.calls().get(index - width) instanceof WindowCall.Placed placed
          && (placed.kind() == Kind.ROW_NUMBER || placed.kind() == Kind.RANK)) {
        Long most = most(function.name(), bound, side == 0);
        if (most != null && most > 0) {
          boolean ties = placed.kind() == Kind.RANK;
          List<Plan.SortKey> order = new ArrayList<>(window.order());
          if (!ties) {
            order.addAll(window.within());
          }
          return Optional.of(
              new Plan.TopK(
                  window.input(), window.partition(), order, window.tieBreak(), 0, most, ties));
        }
      }
    }
    return Optional.empty();
  }

  /// The greatest number for which a comparison of integers can be true; `null` for any.
  ///
  /// @param onLeft whether the number is the left operand
  private static @Nullable Long most(String function, long bound, boolean onLeft) {
    return switch (function) {
      case "int8eq", "int84eq", "int82eq", "int48eq", "int28eq" -> bound;
      case "int8le", "int84le", "int82le" -> onLeft ? (Long) bound : null;
      case "int8lt", "int84lt", "int82lt" -> onLeft ? (Long) (bound - 1) : null;
      case "int8ge", "int48ge", "int28ge" -> onLeft ? null : (Long) bound;
      case "int8gt", "int48gt", "int28gt" -> onLeft ? null : (Long) (bound - 1);
      default -> null;
    };
  }
}
