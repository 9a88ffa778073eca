package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgNumeric;
import java.util.List;

/// Arithmetic, rounding and casts of real and double precision.
///
/// A finite calculation that leaves the range is an error in both directions: overflow and
/// underflow.
/// Only operations that IEEE 754 defines to the bit are here; `power`, `exp`, `ln` and the
/// trigonometric
/// functions depend on the server's C library.
final class FloatFunctions {
  private FloatFunctions() {}

  static void register(Registry registry) {
    float4(registry);
    // double with double, and with a float on either side, which is widened first.
    registry.add("float8pl(float8,float8) float8", "addition", (Double l, Double r) -> add(l, r));
    registry.add(
        "float8mi(float8,float8) float8", "subtraction", (Double l, Double r) -> add(l, -r));
    registry.add(
        "float8mul(float8,float8) float8",
        "multiplication",
        (Double l, Double r) -> multiply(l, r));
    registry.add(
        "float8div(float8,float8) float8", "division", (Double l, Double r) -> divide(l, r));
    registry.add("float48pl(float4,float8) float8", "addition", (Float l, Double r) -> add(l, r));
    registry.add(
        "float48mi(float4,float8) float8", "subtraction", (Float l, Double r) -> add(l, -r));
    registry.add(
        "float48mul(float4,float8) float8",
        "multiplication",
        (Float l, Double r) -> multiply(l, r));
    registry.add(
        "float48div(float4,float8) float8", "division", (Float l, Double r) -> divide(l, r));
    registry.add("float84pl(float8,float4) float8", "addition", (Double l, Float r) -> add(l, r));
    registry.add(
        "float84mi(float8,float4) float8", "subtraction", (Double l, Float r) -> add(l, -r));
    registry.add(
        "float84mul(float8,float4) float8",
        "multiplication",
        (Double l, Float r) -> multiply(l, r));
    registry.add(
        "float84div(float8,float4) float8", "division", (Double l, Float r) -> divide(l, r));

    registry.add("float8um(float8) float8", "negation", (Double a) -> -a).neverFails();
    registry.add("float8up(float8) float8", "the operand itself", (Double a) -> a).neverFails();
    for (String name : List.of("float8abs", "abs")) {
      registry
          .add(name + "(float8) float8", "absolute value", (Double a) -> Math.abs(a))
          .neverFails();
    }
    for (String name : List.of("ceil", "ceiling")) {
      registry
          .add(name + "(float8) float8", "nearest integer above", (Double a) -> Math.ceil(a))
          .neverFails();
    }
    registry
        .add("floor(float8) float8", "nearest integer below", (Double a) -> Math.floor(a))
        .neverFails();
    for (String name : List.of("dround", "round")) {
      registry
          .add(
              name + "(float8) float8", "nearest integer, ties to even", (Double a) -> Math.rint(a))
          .neverFails();
    }
    for (String name : List.of("dtrunc", "trunc")) {
      registry
          .add(
              name + "(float8) float8",
              "integer toward zero",
              (Double a) -> a >= 0 ? Math.floor(a) : -Math.floor(-a))
          .neverFails();
    }
    registry
        .add("sign(float8) float8", "-1, 0 or 1", (Double a) -> a > 0 ? 1.0 : a < 0 ? -1.0 : 0.0)
        .neverFails();
    for (String name : List.of("dsqrt", "sqrt")) {
      registry.add(name + "(float8) float8", "square root", (Double a) -> squareRoot(a));
    }
    casts(registry);
  }

  private static void float4(Registry registry) {
    registry.add("float4pl(float4,float4) float4", "addition", (Float l, Float r) -> add(l, r));
    registry.add("float4mi(float4,float4) float4", "subtraction", (Float l, Float r) -> add(l, -r));
    registry.add(
        "float4mul(float4,float4) float4", "multiplication", (Float l, Float r) -> multiply(l, r));
    registry.add("float4div(float4,float4) float4", "division", (Float l, Float r) -> divide(l, r));
    registry.add("float4um(float4) float4", "negation", (Float a) -> -a).neverFails();
    registry.add("float4up(float4) float4", "the operand itself", (Float a) -> a).neverFails();
    for (String name : List.of("float4abs", "abs")) {
      registry
          .add(name + "(float4) float4", "absolute value", (Float a) -> Math.abs(a))
          .neverFails();
    }
  }

  private static void casts(Registry registry) {
    registry.add("float8(float4) float8", "cast", (Float a) -> (double) a).neverFails();
    registry.add("float4(float8) float4", "cast, rounding", (Double a) -> narrow(a));
    registry.add(
        "numeric(float4) numeric",
        "cast, 6 significant digits",
        (Float a) -> PgNumeric.ofFloat4(a));
    registry.add(
        "numeric(float8) numeric",
        "cast, 15 significant digits",
        (Double a) -> PgNumeric.ofFloat8(a));
    registry.add(
        "int2(float4) int2", "cast, ties to even", (Float a) -> toInteger(a, -0x1p15, "smallint"));
    registry.add(
        "int4(float4) int4", "cast, ties to even", (Float a) -> toInteger(a, -0x1p31, "integer"));
    registry.add(
        "int8(float4) int8", "cast, ties to even", (Float a) -> toInteger(a, -0x1p63, "bigint"));
    registry.add(
        "int2(float8) int2", "cast, ties to even", (Double a) -> toInteger(a, -0x1p15, "smallint"));
    registry.add(
        "int4(float8) int4", "cast, ties to even", (Double a) -> toInteger(a, -0x1p31, "integer"));
    registry.add(
        "int8(float8) int8", "cast, ties to even", (Double a) -> toInteger(a, -0x1p63, "bigint"));
  }

  private static double add(double left, double right) {
    double sum = left + right;
    if (Double.isInfinite(sum) && !Double.isInfinite(left) && !Double.isInfinite(right)) {
      throw overflow();
    }
    return sum;
  }

  private static double multiply(double left, double right) {
    double product = left * right;
    if (Double.isInfinite(product) && !Double.isInfinite(left) && !Double.isInfinite(right)) {
      throw overflow();
    }
    if (product == 0 && left != 0 && right != 0) {
      throw underflow();
    }
    return product;
  }

  private static double divide(double left, double right) {
    if (right == 0 && !Double.isNaN(left)) {
      throw EvaluationFailure.divisionByZero();
    }
    double quotient = left / right;
    if (Double.isInfinite(quotient) && !Double.isInfinite(left)) {
      throw overflow();
    }
    if (quotient == 0 && left != 0 && !Double.isInfinite(right)) {
      throw underflow();
    }
    return quotient;
  }

  private static float add(float left, float right) {
    float sum = left + right;
    if (Float.isInfinite(sum) && !Float.isInfinite(left) && !Float.isInfinite(right)) {
      throw overflow();
    }
    return sum;
  }

  private static float multiply(float left, float right) {
    float product = left * right;
    if (Float.isInfinite(product) && !Float.isInfinite(left) && !Float.isInfinite(right)) {
      throw overflow();
    }
    if (product == 0 && left != 0 && right != 0) {
      throw underflow();
    }
    return product;
  }

  private static float divide(float left, float right) {
    if (right == 0 && !Float.isNaN(left)) {
      throw EvaluationFailure.divisionByZero();
    }
    float quotient = left / right;
    if (Float.isInfinite(quotient) && !Float.isInfinite(left)) {
      throw overflow();
    }
    if (quotient == 0 && left != 0 && !Float.isInfinite(right)) {
      throw underflow();
    }
    return quotient;
  }

  private static double squareRoot(double value) {
    if (value < 0) {
      throw new EvaluationFailure("2201F", "cannot take square root of a negative number");
    }
    return Math.sqrt(value);
  }

  private static float narrow(double value) {
    float narrowed = (float) value;
    if (Float.isInfinite(narrowed) && !Double.isInfinite(value)) {
      throw overflow();
    }
    if (narrowed == 0 && value != 0) {
      throw underflow();
    }
    return narrowed;
  }

  /// Rounds to an integer in `[min, −min)`.
  private static long toInteger(double value, double min, String typeName) {
    double rounded = Math.rint(value);
    if (!(rounded >= min && rounded < -min)) {
      throw EvaluationFailure.outOfRange(typeName);
    }
    return (long) rounded;
  }

  private static EvaluationFailure overflow() {
    return new EvaluationFailure("22003", "value out of range: overflow");
  }

  private static EvaluationFailure underflow() {
    return new EvaluationFailure("22003", "value out of range: underflow");
  }
}
