package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import java.util.List;

/// Arithmetic, bit operations and casts of smallint, integer, bigint and boolean.
///
/// A result outside the result type is an error, never wrapped; shifts take their count modulo the
/// width.
final class IntegerFunctions {
  private IntegerFunctions() {}

  /// One of the three widths: the suffix of its function names, and its range check.
  enum Width {
    SMALL("2", "smallint", Short.MIN_VALUE, Short.MAX_VALUE),
    PLAIN("4", "integer", Integer.MIN_VALUE, Integer.MAX_VALUE),
    BIG("8", "bigint", Long.MIN_VALUE, Long.MAX_VALUE);

    private final String suffix;
    private final String typeName;
    private final long min;
    private final long max;

    Width(String suffix, String typeName, long min, long max) {
      this.suffix = suffix;
      this.typeName = typeName;
      this.min = min;
      this.max = max;
    }

    /// The value, which must be in range.
    long check(long value) {
      if (value < min || value > max) {
        throw outOfRange();
      }
      return value;
    }

    String typeName() {
      return typeName;
    }

    long min() {
      return min;
    }

    EvaluationFailure outOfRange() {
      return EvaluationFailure.outOfRange(typeName);
    }

    long add(long left, long right) {
      long sum = left + right;
      if (((left ^ sum) & (right ^ sum)) < 0) {
        throw outOfRange();
      }
      return check(sum);
    }

    long subtract(long left, long right) {
      long difference = left - right;
      if (((left ^ right) & (left ^ difference)) < 0) {
        throw outOfRange();
      }
      return check(difference);
    }

    long multiply(long left, long right) {
      long product = left * right;
      if (Math.multiplyHigh(left, right) != product >> 63) {
        throw outOfRange();
      }
      return check(product);
    }

    long divide(long left, long right) {
      if (right == 0) {
        throw EvaluationFailure.divisionByZero();
      }
      // The one quotient that does not fit is its own negation.
      return right == -1 ? negate(left) : left / right;
    }

    long negate(long value) {
      if (value == min) {
        throw outOfRange();
      }
      return -value;
    }
  }

  static void register(Registry registry) {
    for (Width left : Width.values()) {
      for (Width right : Width.values()) {
        arithmetic(registry, left, right);
      }
      ofOneWidth(registry, left);
    }
    casts(registry);
    registry
        .add(
            "to_hex(int4) text",
            "hexadecimal digits",
            (Long a) -> Integer.toHexString((int) (long) a))
        .neverFails();
    registry
        .add("to_hex(int8) text", "hexadecimal digits", (Long a) -> Long.toHexString(a))
        .neverFails();
  }

  private static void arithmetic(Registry registry, Width left, Width right) {
    Width result = left.compareTo(right) > 0 ? left : right;
    String name = "int" + left.suffix + (left == right ? "" : right.suffix);
    String types = "(int" + left.suffix + ",int" + right.suffix + ") int" + result.suffix;
    registry.add(name + "pl" + types, "addition", (Long l, Long r) -> result.add(l, r));
    registry.add(name + "mi" + types, "subtraction", (Long l, Long r) -> result.subtract(l, r));
    registry.add(name + "mul" + types, "multiplication", (Long l, Long r) -> result.multiply(l, r));
    registry
        .add(
            name + "div" + types,
            "division, truncating toward zero",
            (Long l, Long r) -> result.divide(l, r))
        .neverFailsWith(1, divisor -> (Long) divisor != 0 && (Long) divisor != -1);
  }

  private static void ofOneWidth(Registry registry, Width width) {
    String type = "int" + width.suffix;
    String unary = "(" + type + ") " + type;
    String binary = "(" + type + "," + type + ") " + type;
    for (String name : List.of(type + "mod", "mod")) {
      registry
          .add(
              name + binary, "remainder with the sign of the dividend", IntegerFunctions::remainder)
          .neverFailsWith(1, divisor -> (Long) divisor != 0);
    }
    for (String name : List.of(type + "abs", "abs")) {
      registry.add(name + unary, "absolute value", (Long a) -> a < 0 ? width.negate(a) : a);
    }
    registry.add(type + "um" + unary, "negation", (Long a) -> width.negate(a));
    registry.add(type + "up" + unary, "the operand itself", (Long a) -> a).neverFails();
    registry.add(type + "and" + binary, "bitwise and", (Long l, Long r) -> l & r).neverFails();
    registry.add(type + "or" + binary, "bitwise or", (Long l, Long r) -> l | r).neverFails();
    registry
        .add(type + "xor" + binary, "bitwise exclusive or", (Long l, Long r) -> l ^ r)
        .neverFails();
    registry.add(type + "not" + unary, "bitwise not", (Long a) -> ~a).neverFails();
    String shift = "(" + type + ",int4) " + type;
    registry
        .add(type + "shl" + shift, "shift left", (Long l, Long r) -> shiftLeft(width, l, r))
        .neverFails();
    registry
        .add(
            type + "shr" + shift,
            "arithmetic shift right",
            (Long l, Long r) -> shiftRight(width, l, r))
        .neverFails();
  }

  private static void casts(Registry registry) {
    for (Width from : Width.values()) {
      for (Width to : Width.values()) {
        if (from != to) {
          NativeFunction cast =
              registry.add(
                  "int" + to.suffix + "(int" + from.suffix + ") int" + to.suffix,
                  "cast",
                  (Long a) -> to.check(a));
          if (to.compareTo(from) > 0) {
            cast.neverFails();
          }
        }
      }
    }
    registry.add("int4(bool) int4", "cast: 1 or 0", (Boolean a) -> a ? 1L : 0L).neverFails();
    registry.add("bool(int4) bool", "cast: not zero", (Long a) -> a != 0).neverFails();
    registry
        .add("text(bool) text", "cast: true or false", (Boolean a) -> a ? "true" : "false")
        .neverFails();
    for (Width width : Width.values()) {
      registry
          .add("numeric(int" + width.suffix + ") numeric", "cast", (Long a) -> PgNumeric.of(a))
          .neverFails();
      registry
          .add("float8(int" + width.suffix + ") float8", "cast", (Long a) -> (double) a)
          .neverFails();
      registry
          .add("float4(int" + width.suffix + ") float4", "cast", (Long a) -> (float) a)
          .neverFails();
    }
  }

  private static Long remainder(Long dividend, Long divisor) {
    if (divisor == 0) {
      throw EvaluationFailure.divisionByZero();
    }
    return dividend % divisor;
  }

  // smallint is shifted as the 32-bit number it is promoted to, then cut.
  private static long shiftLeft(Width width, long value, long count) {
    return switch (width) {
      case SMALL -> (short) ((int) value << (int) count);
      case PLAIN -> (int) value << (int) count;
      case BIG -> value << (int) count;
    };
  }

  private static long shiftRight(Width width, long value, long count) {
    return switch (width) {
      case SMALL, PLAIN -> (int) value >> (int) count;
      case BIG -> value >> (int) count;
    };
  }
}
