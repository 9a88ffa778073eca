package io.pgtrickle.dvm.plan.rewrite;

import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.List;
import java.util.Optional;

/// Finds equalities in conditions that are none themselves, so that joins have keys:
///
///     x IS NOT DISTINCT FROM y  =  (x IS NULL) = (y IS NULL) ∧ coalesce(x, c) = coalesce(y, c)
///     d = t                     =  d = date(t) ∧ d = t
///
/// with any constant c, and for a date and a timestamp. The day of a timestamp never fails to be
/// one, whereas a date may have no timestamp.
final class HiddenKeys {
  private static final int DATE_EQ_TIMESTAMP = 2340;
  private static final int TIMESTAMP_EQ_DATE = 2366;
  private static final Signature BOOL_EQ =
      new Signature(60, "pg_catalog", "booleq", List.of(16, 16), 16, true, 'i');
  private static final Signature DATE_EQ =
      new Signature(1086, "pg_catalog", "date_eq", List.of(1082, 1082), 16, true, 'i');
  private static final Signature DAY =
      new Signature(2029, "pg_catalog", "date", List.of(1114), 1082, true, 'i');

  private HiddenKeys() {}

  /// Conditions that are all true where the given one is, and only there.
  static List<Expr> shown(Expr condition) {
    if (condition instanceof Expr.Not(Expr.IsDistinct(Expr.Call equality))) {
      return nullSafe(equality).orElse(List.of(condition));
    }
    if (condition instanceof Expr.Call call) {
      Expr left = call.arguments().getFirst();
      if (call.function().oid() == DATE_EQ_TIMESTAMP) {
        return List.of(sameDay(left, day(call.arguments().getLast())), condition);
      }
      if (call.function().oid() == TIMESTAMP_EQ_DATE) {
        return List.of(sameDay(day(left), call.arguments().getLast()), condition);
      }
    }
    return List.of(condition);
  }

  private static Expr day(Expr timestamp) {
    return new Expr.Call(DAY, List.of(timestamp), SqlType.DATE, 0);
  }

  private static Expr sameDay(Expr left, Expr right) {
    return new Expr.Call(DATE_EQ, List.of(left, right), SqlType.BOOL, 0);
  }

  private static Optional<List<Expr>> nullSafe(Expr.Call equality) {
    Optional<Plan.Key> key = JoinKeys.of(equality);
    if (key.isEmpty()) {
      return Optional.empty();
    }
    Expr left = equality.arguments().getFirst();
    Expr right = equality.arguments().getLast();
    Optional<Expr> l = never(left);
    Optional<Expr> r = never(right);
    return l.isEmpty() || r.isEmpty()
        ? Optional.empty()
        : Optional.of(
            List.of(
                new Expr.Call(
                    BOOL_EQ,
                    List.of(new Expr.IsNull(left), new Expr.IsNull(right)),
                    SqlType.BOOL,
                    0),
                new Expr.Call(
                    equality.function(),
                    List.of(l.get(), r.get()),
                    equality.type(),
                    equality.collation())));
  }

  /// The value, or a constant where it is NULL.
  private static Optional<Expr> never(Expr value) {
    SqlType type = value.type();
    return constant(type.kind())
        .map(text -> new Expr.Literal(TypeCodec.of(type).fromText(text), type))
        .map(constant -> new Expr.Coalesce(List.of(value, constant), type));
  }

  private static Optional<String> constant(TypeKind kind) {
    return switch (kind) {
      case BOOL -> Optional.of("f");
      case INT2, INT4, INT8, NUMERIC, FLOAT4, FLOAT8 -> Optional.of("0");
      case TEXT, VARCHAR, BPCHAR -> Optional.of("");
      case DATE -> Optional.of("2000-01-01");
      case TIMESTAMP -> Optional.of("2000-01-01 00:00:00");
      case TIMESTAMPTZ -> Optional.of("2000-01-01 00:00:00+00");
      case INTERVAL -> Optional.of("00:00:00");
      case UUID -> Optional.of("00000000-0000-0000-0000-000000000000");
      case BYTEA -> Optional.of("\\x");
      case OPAQUE, LABELED -> Optional.empty();
    };
  }
}
