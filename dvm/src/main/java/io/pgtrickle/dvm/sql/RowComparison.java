package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.FunctionLibrary;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.type.SqlType;
import java.util.List;
import java.util.Optional;

/// The order of rows by the order of their fields:
///
///     (a, b) < (x, y)   =   a < x ∨ (a = x ∧ b < y)
///     (a, b) ≤ (x, y)   =   a < x ∨ (a = x ∧ b ≤ y)
///
/// A field that is NULL makes it unknown on both sides where those before it are equal, and only
/// there. The server stops there; so what can fail must not stand behind.
final class RowComparison {
  private RowComparison() {}

  /// The comparison over the left fields and then the right ones as columns; empty where functions
  /// of one of the types are not known.
  ///
  /// @param operators of the fields, all of one kind
  static Optional<Expr> of(
      List<Integer> operators,
      List<Integer> collations,
      List<Expr> left,
      List<Expr> right,
      Facts facts) {
    int width = left.size();
    Expr comparison = null;
    for (int i = width - 1; i >= 0; i--) {
      Optional<Signature> function =
          facts.operator(operators.get(i)).flatMap(each -> facts.function(each.function()));
      if (function.isEmpty()) {
        return Optional.empty();
      }
      List<Expr> fields =
          List.of(
              new Expr.Column(i, left.get(i).type()),
              new Expr.Column(width + i, right.get(i).type()));
      int collation = collations.get(i);
      if (comparison == null) {
        comparison = new Expr.Call(function.get(), fields, SqlType.BOOL, collation);
        continue;
      }
      Optional<Signature> before = relative(function.get(), "$1t");
      Optional<Signature> equal = relative(function.get(), "eq");
      if (before.isEmpty() || equal.isEmpty()) {
        return Optional.empty();
      }
      comparison =
          new Expr.Or(
              List.of(
                  new Expr.Call(before.get(), fields, SqlType.BOOL, collation),
                  new Expr.And(
                      List.of(
                          new Expr.Call(equal.get(), fields, SqlType.BOOL, collation),
                          comparison))));
    }
    return Optional.ofNullable(comparison);
  }

  /// Another comparison of the same types: `int84lt` and `int84eq`, `text_lt` and `texteq`.
  private static Optional<Signature> relative(Signature function, String kind) {
    String name = function.name().replaceFirst("([lg])[te](?=$|_)", kind);
    return List.of(name, name.replace("_", "")).stream()
        .map(
            each ->
                new Signature(
                    0,
                    function.schema(),
                    each,
                    function.arguments(),
                    function.result(),
                    function.strict(),
                    function.volatility()))
        .filter(each -> FunctionLibrary.find(each).isPresent())
        .findFirst();
  }
}
