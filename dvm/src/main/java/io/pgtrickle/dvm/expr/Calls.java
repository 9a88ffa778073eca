package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.Implementation.Ternary;
import io.pgtrickle.dvm.expr.Implementation.Unary;
import io.pgtrickle.dvm.expr.Implementation.Variadic;
import org.jspecify.annotations.Nullable;

/// Strict calls of native functions: all operands are evaluated, left to right, then a NULL among
/// them makes
/// the result NULL.
@SuppressWarnings(
    "unchecked") // A body is declared with the Java types of its arguments, see Registry.
final class Calls {
  private Calls() {}

  static Evaluator unary(Unary<?, ?> body, Evaluator operand) {
    Unary<Object, Object> function = (Unary<Object, Object>) body;
    return row -> {
      Object value = operand.evaluate(row);
      return value == null ? null : function.apply(value);
    };
  }

  static Evaluator binary(Binary<?, ?, ?> body, Evaluator left, Evaluator right) {
    Binary<Object, Object, Object> function = (Binary<Object, Object, Object>) body;
    return row -> {
      Object l = left.evaluate(row);
      Object r = right.evaluate(row);
      return l == null || r == null ? null : function.apply(l, r);
    };
  }

  /// With a constant on the right, the usual form of a condition.
  static Evaluator binary(Binary<?, ?, ?> body, Evaluator left, Object right) {
    Binary<Object, Object, Object> function = (Binary<Object, Object, Object>) body;
    return row -> {
      Object l = left.evaluate(row);
      return l == null ? null : function.apply(l, right);
    };
  }

  static Evaluator ternary(Ternary<?, ?, ?, ?> body, Evaluator a, Evaluator b, Evaluator c) {
    Ternary<Object, Object, Object, Object> function =
        (Ternary<Object, Object, Object, Object>) body;
    return row -> {
      Object first = a.evaluate(row);
      Object second = b.evaluate(row);
      Object third = c.evaluate(row);
      return first == null || second == null || third == null
          ? null
          : function.apply(first, second, third);
    };
  }

  static Evaluator variadic(Variadic<?> body, boolean strict, Evaluator[] operands) {
    return row -> {
      @Nullable Object[] arguments = new @Nullable Object[operands.length];
      boolean anyNull = false;
      for (int i = 0; i < operands.length; i++) {
        arguments[i] = operands[i].evaluate(row);
        anyNull |= arguments[i] == null;
      }
      return strict && anyNull ? null : body.apply(arguments);
    };
  }
}
