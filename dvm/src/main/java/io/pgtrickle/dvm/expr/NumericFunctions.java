package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.PgNumeric;
import java.util.List;

/// Arithmetic, rounding and casts of numeric; value and display scale are [PgNumeric]'s.
///
/// `power`, `exp`, `ln`, `log` and `sqrt` choose their display scale by estimates of their own and
/// are not
/// here.
final class NumericFunctions {
  // The digits argument of round and trunc counts as far as numeric reaches. Minor releases of
  // before
  // August 2024 cut it to 2000.
  private static final long MIN_DIGITS = -131_072;

  private NumericFunctions() {}

  static void register(Registry registry) {
    registry.add("numeric_add(numeric,numeric) numeric", "addition", PgNumeric::add);
    registry.add("numeric_sub(numeric,numeric) numeric", "subtraction", PgNumeric::subtract);
    registry.add("numeric_mul(numeric,numeric) numeric", "multiplication", PgNumeric::multiply);
    registry.add(
        "numeric_div(numeric,numeric) numeric",
        "division to at least 16 significant digits",
        PgNumeric::divide);
    for (String name : List.of("div", "numeric_div_trunc")) {
      registry.add(
          name + "(numeric,numeric) numeric", "integer quotient", PgNumeric::divideTruncating);
    }
    for (String name : List.of("mod", "numeric_mod")) {
      registry.add(
          name + "(numeric,numeric) numeric",
          "remainder with the sign of the dividend",
          PgNumeric::remainder);
    }
    registry.add("numeric_uminus(numeric) numeric", "negation", PgNumeric::negate).neverFails();
    registry
        .add("numeric_uplus(numeric) numeric", "the operand itself", (PgNumeric a) -> a)
        .neverFails();
    for (String name : List.of("abs", "numeric_abs")) {
      registry.add(name + "(numeric) numeric", "absolute value", PgNumeric::abs).neverFails();
    }
    registry.add("sign(numeric) numeric", "-1, 0 or 1", PgNumeric::sign).neverFails();
    rounding(registry);
    casts(registry);
  }

  private static void rounding(Registry registry) {
    for (String name : List.of("ceil", "ceiling")) {
      registry.add(name + "(numeric) numeric", "nearest integer above", PgNumeric::ceil);
    }
    registry.add("floor(numeric) numeric", "nearest integer below", PgNumeric::floor);
    registry.add(
        "round(numeric) numeric",
        "nearest integer, ties away from zero",
        (PgNumeric a) -> a.round(0));
    registry.add(
        "round(numeric,int4) numeric",
        "rounds to a number of decimals, ties away from zero",
        (PgNumeric a, Long scale) -> a.round(clamp(scale)));
    registry.add("trunc(numeric) numeric", "integer toward zero", (PgNumeric a) -> a.truncate(0));
    registry.add(
        "trunc(numeric,int4) numeric",
        "cuts to a number of decimals",
        (PgNumeric a, Long scale) -> a.truncate(clamp(scale)));
    registry
        .add(
            "scale(numeric) int4",
            "number of decimals displayed",
            (PgNumeric a) -> a.isFinite() ? (Long) (long) a.displayScale() : null)
        .neverFails();
  }

  private static void casts(Registry registry) {
    registry.add(
        "numeric(numeric,int4) numeric",
        "cast to numeric(p,s)",
        (PgNumeric a, Long typmod) -> a.withTypmod((int) (long) typmod));
    registry.add("int2(numeric) int2", "cast, ties away from zero", PgNumeric::toInt2);
    registry.add("int4(numeric) int4", "cast, ties away from zero", PgNumeric::toInt4);
    registry.add("int8(numeric) int8", "cast, ties away from zero", PgNumeric::toInt8);
    registry.add("float4(numeric) float4", "cast to the nearest", PgNumeric::toFloat4);
    registry.add("float8(numeric) float8", "cast to the nearest", PgNumeric::toFloat8);
  }

  private static int clamp(long scale) {
    return (int) Math.clamp(scale, MIN_DIGITS, PgNumeric.MAX_SCALE);
  }
}
